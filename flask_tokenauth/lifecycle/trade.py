"""Trade: a refresh token of the library that the application used before becomes a session, once (RFC 6749 section 6).

The handle of the session is an HMAC of the old token, so requests with the same token meet the same session. The store
remembers the trade for as long as the old token is good, even if the session has ended and was purged.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import Response, has_request_context, request

from ..application.app_state import AppState, current_state
from ..application.no_store import json_response
from ..application.refusing import asking_store, refuse, report_refusal
from ..authentication.calling import call_function
from ..core.endpoint_errors import AlreadyTraded, EndpointError, NotTradable, SessionOver
from ..core.errors import InsecureTransport, StoreUnavailable
from ..core.opaque.refresh_token import RefreshToken
from ..core.records.grant import Grant
from ..core.records.session import Session
from ..core.rotation import SessionExists
from ..core.token_errors import RefreshTokenSent, TokenError, TokenRevoked, WrongType
from ..core.tokens import jws
from ..core.tokens.claims import decode_claims
from ..core.tokens.scopes import format_scope
from ..core.trusted_issuers.rules import IssuerRules
from ..signals import refresh_retried
from .refresh import issue_again
from .sign_in import Scopes, start_session
from .token_responses import token_response_for


class _Wish(NamedTuple):
    """The arguments of a trade, apart from the token."""

    scopes: Scopes
    label: str | None
    claims: Mapping[str, object] | None


class _OldToken(NamedTuple):
    """A refresh token of the old library that is good, and the user behind it."""

    signed: bytes  # the header and the payload
    issued_at: float  # ``iat``, or 0 if it is missing
    expires_at: float  # ``exp``
    user_id: Any
    subject: str  # the same as a string


def trade(text: object, scopes: Scopes, *, label: str | None, claims: Mapping[str, object] | None) -> Response:
    """Return the token response for a refresh token of the old library, or ``invalid_grant``.

    Args:
        text: untrusted.
        scopes: of the new session, or a function that returns them.
        label: a name for the device.
        claims: of the application.

    Raises:
        AuthError: the request came over plain HTTP, which is refused, or the store cannot be asked.
    """
    state = current_state()
    _ = state.sessions  # raises if there is no store
    try:
        if has_request_context():
            state.authenticator.https.check(request)
        with asking_store(state):
            return _trade(state, _read(state, text), _Wish(scopes, label, claims))
    except InsecureTransport as error:
        raise refuse(state, error) from None
    except (TokenError, EndpointError) as error:
        report_refusal(state, error)
        # The same for every reason, so a client learns nothing about a token that is not its own.
        return json_response(
            EndpointError.status, {"error": EndpointError.code, "error_description": EndpointError.hint}
        )


def _read(state: AppState, text: object) -> _OldToken:
    """Return the verified old token in *text*, which is untrusted.

    Raises:
        NotTradable: it is another kind of token, or of an issuer that is not the old library.
        TokenError: it is refused for another reason.
        KeySetUnavailable: the keys of the old library are not known.
    """
    try:
        parts = jws.split(text, max_bytes=state.settings.max_token_bytes)  # type: ignore[arg-type]  # it checks the type
        claims = decode_claims(jws.decode_payload(parts))
        rules = _find_rules(state, claims)
        if rules is None:
            raise NotTradable
        token = rules.verify(parts, claims, now=state.clock()).to_token()
    except (RefreshTokenSent, WrongType):
        raise NotTradable from None
    _, user_id = state.authenticator.accept(token)
    subject = state.authenticator.user_ids.to_subject(user_id)
    times: Any = claims  # "iat" and "exp" are numbers, as the rules have checked
    return _OldToken(parts.signed, times.get("iat", 0), times["exp"], user_id, subject)


def _find_rules(state: AppState, claims: Mapping[str, object]) -> IssuerRules | None:
    """Return the rules for the refresh tokens of the old library that claims name. Tenants are not asked about."""
    for rules in state.trust.list_rules():
        names = rules.issuer.issuer
        is_named = claims.get("iss") in names if names else "iss" not in claims
        if is_named and rules.issuer.layout.is_for_migration:
            return rules.for_refresh_tokens()
    return None


def _trade(state: AppState, old: _OldToken, wish: _Wish) -> Response:
    """Start the session of *old*, or answer once more if it has just begun."""
    firsts = state.sessions.list_traded(old.signed)
    was_traded = state.sessions.was_traded(old.signed)  # first: a session that begins after this question is found
    for first in firsts:
        session = state.store.find_session(first.session_id)
        if session is not None:
            # Stores do not tell the time. Their clocks and that of this process agree within the leeway.
            age = datetime.fromtimestamp(state.clock(), UTC) - session.started_at
            return _answer_again(state, old, first, session, age=max(age, timedelta(0)))
    if was_traded:
        raise SessionOver
    _check_epoch(state, old, state.store.read_epoch(old.subject))
    grant = _make_grant(state, old, wish)
    try:
        response = start_session(
            state,
            old.subject,
            grant,
            wish.label,
            first=firsts[0],
            check=lambda session: _check_epoch(state, old, session.epoch),
        )
    except (SessionExists, StoreUnavailable) as error:
        # A request at the same time may have started it. A custom store reports that as an outage.
        session = state.store.find_session(firsts[0].session_id)
        if session is not None:
            return _answer_again(state, old, firsts[0], session, age=timedelta(0))
        if isinstance(error, StoreUnavailable):
            raise
        raise SessionOver from None
    # After the session: if this fails, the client can try again. Before the answer: no purge may come between.
    state.sessions.remember_trade(old.signed, expires_at=old.expires_at)
    return response


def _check_epoch(state: AppState, old: _OldToken, epoch: int) -> None:
    """Refuse a token that was issued before the last ``revoke_user`` of its user, by the clock of the old library.

    Args:
        state: of the current application.
        old: the token.
        epoch: of its user: the time of that revocation in milliseconds, or a moment later; 0 if there was none.

    Raises:
        TokenRevoked: it was issued before, or its time differs by no more than the leeway.
    """
    if epoch and epoch >= (old.issued_at - state.settings.leeway.total_seconds()) * 1000:
        raise TokenRevoked


def _make_grant(state: AppState, old: _OldToken, wish: _Wish) -> Grant:
    """Return the grant of the new session. An old token does not say when the user logged in: no ``auth_time``."""
    scopes = wish.scopes
    if callable(scopes):
        scopes = call_function(state.app, "trade", scopes, old.user_id)
    return Grant(scopes=tuple(format_scope(scopes).split()), claims=wish.claims or {}, audience=state.settings.audience)


def _answer_again(
    state: AppState, old: _OldToken, first: RefreshToken, session: Session, *, age: timedelta
) -> Response:
    """Return the same refresh token again, for a lost answer or a second tab.

    Args:
        state: of the current application.
        old: the token that was traded before.
        first: the refresh token that it was traded for.
        session: of that token, live.
        age: of the session.

    Raises:
        AlreadyTraded: the session began before the retry window, was refreshed since, or is of another user.
    """
    window = state.settings.refresh_retry_window
    if not age < window or session.generation != 0 or session.user_id != old.subject:
        raise AlreadyTraded
    access, grant = issue_again(state, session, passed=window)
    state.sessions.remember_trade(old.signed, expires_at=old.expires_at)
    refresh_retried.send(state.app, session_id=session.session_id, user_id=session.user_id)
    return token_response_for(state, access, session, first, grant, passed=window)
