"""Tokens for requests to another service: exchanged, remembered, and renewed once if the service refuses one.

The classes for HTTP clients share this. It holds tokens of many users. A token is found by the token that it was made
from, so it is only ever used for a request with that token.
"""

import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

from flask import Flask, has_request_context

from ..application.app_state import AppState, current_state
from ..application.setting_types import read_duration
from ..core.encoding.digests import digest_of
from ..core.tokens.audience import parse_audience
from ..core.tokens.scopes import format_scope
from ..core.tokens.token import Token
from ..core.tokens.token_cache import TokenCache
from ..lifecycle.exchange import exchange_current
from ..users import find_text, require_token
from .origins import Origins

MARGIN = 30  # seconds before a token expires: from then on, requests get a new one
_MOST = 1000  # tokens that are remembered


@dataclass(slots=True)
class SentToken:
    """The token that one request carries.

    Attributes:
        header: the value of ``Authorization``.
        parent: a name for the token that it was made from; None if it has none.
        is_renewed: whether the service has refused the first token, and the request carries the second one.
    """

    header: str = field(repr=False)
    parent: str | None = field(repr=False)
    is_renewed: bool = False


@dataclass(frozen=True, slots=True)
class _Exchanged:
    """A token that is remembered."""

    app: "weakref.ref[Flask]"  # which made it
    scopes: frozenset[str]  # of the token that it was made from
    text: str = field(repr=False)
    until: float  # seconds since 1970-01-01T00:00:00Z


class TokenSource:
    """Gets tokens for requests to one service.

    Args:
        audience: the service, as the new tokens name it in ``aud``.
        origins: where requests may be sent.
        scopes: of the new tokens; None for the scopes of the token of the current request.
        expires_in: the lifetime of the new tokens; None for 5 minutes.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: *audience* or *origins* is empty, or an argument has a wrong value.
    """

    def __init__(
        self,
        audience: str | Iterable[str],
        origins: Iterable[str],
        *,
        scopes: Iterable[str] | None = None,
        expires_in: timedelta | float | None = None,
    ) -> None:
        self._audience = parse_audience(audience)
        if not self._audience or "" in self._audience:
            raise ValueError("audience must be at least one string, and none that is empty: name the service")
        self._origins = Origins(origins)
        self._scopes = None if scopes is None else tuple(format_scope(scopes).split())
        self._expires_in = None if expires_in is None else read_duration(expires_in)
        self._remembered: TokenCache[_Exchanged] = TokenCache(_MOST)

    def token_for(self, url: str) -> SentToken:
        """Return a token for a request, made from the token of the current request.

        Args:
            url: of the new request; untrusted.

        Raises:
            ValueError: *url* has none of the origins.
            AuthError: the current request has no token that can be exchanged.
            RuntimeError: there is no current request.
        """
        self._origins.check(url)
        state = current_state()
        token = require_token(state)
        parent = _name_parent(state)
        text = self._find(state, token, parent) or self._exchange(state, token, parent)
        return SentToken(f"Bearer {text}", parent)

    def may_renew(self, sent: SentToken, *, status: int, url: str, header: str | bytes | None) -> bool:
        """Return whether an answer is the refusal of a token that was sent, and the first one.

        It is not, if a redirect has led to another place, or if the code runs for another request by now.

        Args:
            sent: the token.
            status: of the answer.
            url: of the request that was answered, after redirects; untrusted.
            header: its ``Authorization``, or None.
        """
        if status != HTTPStatus.UNAUTHORIZED or sent.is_renewed or sent.parent is None or header != sent.header:
            return False
        if not self._origins.has(url) or not has_request_context():
            return False
        return _name_parent(current_state()) == sent.parent

    def renew(self, sent: SentToken) -> None:
        """Put another token in the place of one that the service has refused.

        It is one that was made meanwhile, or a new one.

        Raises:
            AuthError: the token of the current request cannot be exchanged any more.
        """
        state = current_state()
        token = require_token(state)
        text = self._find(state, token, sent.parent)
        if text is None or f"Bearer {text}" == sent.header:
            text = self._exchange(state, token, sent.parent)
        sent.header, sent.is_renewed = f"Bearer {text}", True

    def _find(self, state: AppState, token: Token, parent: str | None) -> str | None:
        """Return the token that was made from *token* and is remembered, or None."""
        found = None if parent is None else self._remembered.find(parent)
        if found is None or found.app() is not state.app or found.scopes != token.scopes:
            return None
        return found.text if state.clock() < found.until else None

    def _exchange(self, state: AppState, token: Token, parent: str | None) -> str:
        """Return a new token. It is remembered until shortly before it expires, so never for longer than *token*."""
        now = state.clock()
        made = exchange_current(audience=self._audience, scopes=self._scopes, expires_in=self._expires_in)
        until = int(now) + made.lifetime.total_seconds() - MARGIN
        if parent is not None and now < until:
            self._remembered.keep(parent, _Exchanged(weakref.ref(state.app), token.scopes, made.text, until))
        return made.text


def _name_parent(state: AppState) -> str | None:
    """Return a name for the token of the current request in its application. None for API keys and tickets."""
    text = find_text(state)
    return None if text is None else f"{id(state.app)} {digest_of(text)}"
