"""Exchange: from a user's token, a narrower one that a service uses for the user at another one (RFC 8693)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from ..application.app_state import AppState, current_state
from ..application.declared_scopes import are_implied
from ..application.refusing import asking_store, refuse
from ..application.setting_types import read_duration
from ..core.claim_errors import TokenExpired
from ..core.encoding.limits import check_identifier
from ..core.errors import InsufficientScope, Refusal
from ..core.exchange_errors import NoExchangeForToken
from ..core.opaque.looked_up_tokens import ApiKeyToken
from ..core.token_errors import TokenOfDelegate, TokenRevoked
from ..core.tokens.audience import parse_audience
from ..core.tokens.delegation import DELEGATED, Delegation
from ..core.tokens.scopes import format_scope
from ..core.tokens.tickets import TicketToken
from ..core.tokens.token import Token
from ..signals import token_exchanged, token_issued
from ..users import require_own_token

USUAL_LIFETIME = timedelta(minutes=5)  # of an exchanged token, if the token that it is made from lives that long
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangedToken:
    """A token that was just made from another one."""

    text: str = field(repr=False)  # the token itself, a JWT
    audience: frozenset[str]
    scopes: tuple[str, ...]
    lifetime: timedelta  # whole seconds, from now on


def exchange_current(
    *,
    audience: str | Iterable[str],
    scopes: Iterable[str] | None = None,
    expires_in: timedelta | float | None = None,
) -> ExchangedToken:
    """Return a token for another service, made from the token of the current request. This application is its actor.

    Args:
        audience: the recipients of the new token, one string or several.
        scopes: its scopes, each of which the token of the request grants; None for the scopes of that token.
        expires_in: its lifetime, as a ``timedelta`` or in seconds; None for 5 minutes. It is shortened to the time that
            the token of the request has left.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: *audience* or *expires_in* is out of range, or a scope is not declared.
        AuthError: the token of the request cannot be exchanged for such a token, or was revoked meanwhile.
        StoreUnavailable: it is not known whether it was, and the application answers this error itself.
        SettingsError: no key signs, or a secret does.
        RuntimeError: there is no current request.
    """
    state = current_state()
    recipients = _read_audience(audience)
    lifetime = USUAL_LIFETIME if expires_in is None else _read_lifetime(expires_in)
    asked = None if scopes is None else _read_scopes(state, scopes)
    _ = state.exchange_issuer  # which raises if no other service could verify the new token
    parent = require_own_token(state)
    try:
        _check_kind(parent)
        with asking_store(state):
            if state.stored.revokes and state.stored.is_revoked(parent):  # the request may have begun hours ago
                raise TokenRevoked
        return exchange(
            state, parent, actor=state.settings.issuer, audience=recipients, scopes=asked, lifetime=lifetime
        )
    except Refusal as refusal:
        raise refuse(state, refusal.with_traceback(None)) from None


def exchange(
    state: AppState,
    parent: Token,
    *,
    actor: str,
    audience: frozenset[str],
    scopes: tuple[str, ...] | None,
    lifetime: timedelta = USUAL_LIFETIME,
) -> ExchangedToken:
    """Return a token that is made from another one, and send the signals ``token_issued`` and ``token_exchanged``.

    It has the user, the session, the epoch, the time of the login and the client of its parent, and no claims of the
    application.

    Args:
        state: of the current application.
        parent: a verified token of our own issuer.
        actor: the service that uses the new token, ``act.sub``.
        audience: of the new token.
        scopes: of the new token, if scopes are declared only declared ones; None for those of the parent that are.
        lifetime: of the new token. It is shortened to the time that the parent has left, and to the longest lifetime of
            tokens: if the clock of this process is behind, the parent may seem to have more left.

    Raises:
        TokenError: *parent* is an API key or a ticket, was made from another token itself, or expires right now.
        InsufficientScope: it does not grant a scope.
        ValueError: the new token would be refused, or is too long.
        SettingsError: no key signs, or a secret does.
    """
    _check_kind(parent)
    granted = _list_own_scopes(state, parent) if scopes is None else _check_granted(state, parent, scopes)
    now = state.clock()
    expires_at: float = parent.claims["exp"]  # type: ignore[assignment]  # a number, as the policy has checked
    left = timedelta(seconds=int(expires_at) - int(now))
    if left < _SECOND:
        raise TokenExpired(expires_at)  # it was accepted since clocks may differ
    allowed = min(lifetime, left, state.settings.max_lifetime) // _SECOND * _SECOND
    parent_id = str(parent.token_id)
    text = state.exchange_issuer.issue(
        parent.subject,
        granted,
        now=now,
        expires_in=allowed,
        audience=audience,
        client_id=parent.client_id,
        auth_time=parent.auth_time,
        session_id=parent.session_id,
        epoch=parent.epoch,
        delegation=Delegation(actor, parent_id, expires_at),
    )
    token_issued.send(
        state.app,
        user_id=state.authenticator.user_ids.from_subject(parent.subject),
        scopes=frozenset(granted),
        audience=audience,
        expires_in=allowed,
    )
    token_exchanged.send(state.app, user_id=parent.subject, actor=actor, audience=audience, parent_id=parent_id)
    return ExchangedToken(text=text, audience=audience, scopes=granted, lifetime=allowed)


def _check_kind(token: Token) -> None:
    """Refuse a token that was made from another one, or that could not be found among the revocations later.

    Raises:
        NoExchangeForToken: it is an API key or a ticket.
        TokenOfDelegate: it was made from another token.
    """
    if isinstance(token, (ApiKeyToken, TicketToken)):
        raise NoExchangeForToken
    if not DELEGATED.isdisjoint(token.claims):
        raise TokenOfDelegate


def _list_own_scopes(state: AppState, token: Token) -> tuple[str, ...]:
    """Return the scopes of a token in their order by name, without those that are no longer declared."""
    declared = state.settings.scopes
    return tuple(scope for scope in sorted(token.scopes) if declared is None or declared.has(scope))


def _check_granted(state: AppState, token: Token, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return some scopes, if a token grants all of them.

    Raises:
        InsufficientScope: it lacks one of them, and no scope that it has implies that one.
    """
    lacking = tuple(scope for scope in asked if not are_implied(token.scopes, [scope], state.settings.scopes))
    if lacking:
        raise InsufficientScope(lacking)
    return asked


def _read_audience(audience: str | Iterable[str]) -> frozenset[str]:
    recipients = parse_audience(audience)
    if not recipients:
        raise ValueError("audience must be at least one string, got none: name the service that gets the token")
    for recipient in recipients:
        check_identifier("audience", recipient)
    return recipients


def _read_lifetime(expires_in: timedelta | float) -> timedelta:
    lifetime = read_duration(expires_in)
    if lifetime < _SECOND:
        raise ValueError(f"expires_in must be at least 1 second, got {lifetime.total_seconds():g} seconds")
    return lifetime


def _read_scopes(state: AppState, scopes: Iterable[str]) -> tuple[str, ...]:
    scope = format_scope(scopes)
    if state.settings.scopes is not None:
        state.settings.scopes.check_issued(scope)
    return tuple(scope.split())
