"""Tickets: tokens for one path, made for the user of the current request."""

from collections.abc import Iterable
from datetime import timedelta

from ..application.app_state import AppState, current_state
from ..application.declared_scopes import are_implied
from ..application.refusing import refuse
from ..application.setting_types import read_duration
from ..core.claim_errors import TokenExpired
from ..core.errors import InsufficientScope
from ..core.opaque.looked_up_tokens import ApiKeyToken
from ..core.ticket_errors import NoTicketForToken
from ..core.token_errors import TokenOfDelegate
from ..core.tokens.delegation import ACT
from ..core.tokens.scopes import format_scope
from ..core.tokens.ticket_paths import check_path
from ..core.tokens.tickets import LONGEST_TICKET, SHORTEST_TICKET, TicketToken
from ..core.tokens.token import Token
from ..users import require_own_token

_SECOND = timedelta(seconds=1)


def create_ticket(path: str, scopes: Iterable[str] = (), *, expires_in: timedelta | float) -> str:
    """Return a ticket of the user of the current request.

    Args:
        path: the path that it opens, as ``url_for`` returns it.
        scopes: its scopes, each of which the token of the request grants.
        expires_in: its lifetime, as a ``timedelta`` or in seconds.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: *path* is no path, *expires_in* is out of range, or a scope is not declared.
        AuthError: no ticket with these scopes can be made with the token of the request.
        SettingsError: there is no key that can sign.
    """
    state = current_state()
    check_path(path)
    lifetime = _read_lifetime(expires_in)
    asked = _read_scopes(state, scopes)
    token = _require_maker(state)
    _check_granted(state, token, asked)
    now = state.clock()
    expires_at: float = token.claims["exp"]  # type: ignore[assignment]  # a number, as the policy has checked
    left = timedelta(seconds=int(expires_at) - int(now))
    if left < SHORTEST_TICKET:
        raise refuse(state, TokenExpired(expires_at))  # it was accepted since clocks may differ
    audience = token.audience & (state.settings.audience or token.audience)
    return state.ticket_issuer.issue(
        token.subject,
        asked,
        now=now,
        expires_in=min(lifetime, left),
        audience=audience or None,
        client_id=token.client_id,
        auth_time=token.auth_time,
        session_id=token.session_id,
        epoch=token.epoch,
        path=path,
    )


def _read_lifetime(expires_in: timedelta | float) -> timedelta:
    lifetime = read_duration(expires_in)
    if not SHORTEST_TICKET <= lifetime <= LONGEST_TICKET:
        raise ValueError(
            f"expires_in must be {SHORTEST_TICKET // _SECOND} to {LONGEST_TICKET // _SECOND} seconds, got "
            f"{lifetime.total_seconds():g} seconds: a URL stays in logs, so a ticket is for the next moments"
        )
    return lifetime


def _read_scopes(state: AppState, scopes: Iterable[str]) -> tuple[str, ...]:
    scope = format_scope(scopes)
    if state.settings.scopes is not None:
        state.settings.scopes.check_issued(scope)
    return tuple(scope.split())


def _require_maker(state: AppState) -> Token:
    """Return the token of the current request, if tickets can be made with it.

    Raises:
        AuthError: there is none, or it is one of a trusted issuer, an API key, a ticket, or a token of a delegate.
    """
    token = require_own_token(state)
    if isinstance(token, (ApiKeyToken, TicketToken)):
        raise refuse(state, NoTicketForToken())
    if ACT in token.claims:  # RFC 8693 section 4.1
        raise refuse(state, TokenOfDelegate())
    return token


def _check_granted(state: AppState, token: Token, asked: tuple[str, ...]) -> None:
    """Check that a token grants all of some scopes.

    Raises:
        AuthError: it lacks one of them, and no scope that it has implies that one.
    """
    lacking = tuple(scope for scope in asked if not are_implied(token.scopes, [scope], state.settings.scopes))
    if lacking:
        raise refuse(state, InsufficientScope(lacking))
