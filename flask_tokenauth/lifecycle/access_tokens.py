"""Access tokens: :func:`create_token` for your code, and the tokens of a session."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
from flask import Response

from ..application.app_state import AppState, current_state
from ..application.setting_types import read_duration
from ..core.records.grant import Grant
from ..core.records.session import Session
from ..core.rotation import RefreshToken
from ..core.tokens.scopes import format_scope
from ..signals import token_issued


def create_token(
    user_id: object,
    scopes: Iterable[str] = (),
    *,
    expires_in: timedelta | float | None = None,
    audience: str | Iterable[str] | None = None,
    client_id: str | None = None,
    auth_time: datetime | None = None,
    claims: Mapping[str, object] | None = None,
) -> str:
    """Return a signed access token for the current application (RFC 9068). It belongs to no session.

    Args:
        user_id: who the user is: a text, an int, a UUID, or of the ``user_id_type`` of ``TokenAuth``, where that is a
            class. At most 255 characters as text.
        scopes: what the token may do: scope tokens, RFC 6749 section 3.3.
        expires_in: lifetime, a ``timedelta`` or seconds, whole ones; else ``TOKENAUTH_ACCESS_LIFETIME``.
        audience: for whom it is, one or several; else ``TOKENAUTH_AUDIENCE``.
        client_id: the client that the user uses; else the issuer.
        auth_time: when the user signed in, an aware ``datetime``.
        claims: of the application, JSON values. Anyone who sees the token can read them.

    Raises:
        TypeError: *user_id* is of another type, or *scopes* is one text.
        ValueError: *expires_in* is under a second or over ``TOKENAUTH_MAX_LIFETIME``, a claim is reserved or no JSON
            value, or the token would be refused for any other reason.
        SettingsError: ``TokenAuth`` is not set up here, or has no key that signs.
        StoreUnavailable: there is a store, and it cannot be asked; unless you catch it, the answer is 503.
    """
    state = current_state()
    subject = state.judge.subject_of(user_id)
    lifetime = state.settings.access_lifetime if expires_in is None else read_duration(expires_in)
    granted = _keep(scopes)
    epoch = 0
    if state.settings.store is not None:
        with state.asking():
            epoch = state.store.read_epoch(subject)
    token = state.issuer.issue(
        subject,
        granted,
        now=state.clock(),
        expires_in=None if expires_in is None else lifetime,
        audience=audience,
        client_id=client_id,
        auth_time=auth_time,
        epoch=epoch,
        claims=claims,
    )
    if token_issued.receivers:
        token_issued.send(state.app, user_id=user_id, scopes=frozenset(granted), audience=audience, expires_in=lifetime)
    return token


def _keep(scopes: Iterable[str]) -> Iterable[str]:
    """Return *scopes* so that they can be gone through twice, and sets as sets, which are written in order."""
    return scopes if isinstance(scopes, (str, set, frozenset)) else tuple(scopes)


def bound(state: AppState, grant: Grant, *, left: timedelta) -> Grant:
    """Return *grant* with a lifetime of access tokens that does not go beyond what is *left* of the session.

    Nor beyond the time that it may be idle: no access token is good when its session is over and forgotten.
    """
    lifetime = grant.lifetime or state.settings.access_lifetime
    longest = max(min(left, state.settings.refresh_idle_lifetime), timedelta(seconds=1))
    return replace(grant, lifetime=min(lifetime, longest))


def issue(state: AppState, subject: str, grant: Grant, *, session_id: str, epoch: int = 0) -> str:
    """Return an access token of a session, which says what *grant* says.

    Raises:
        ValueError: it would be refused.
        SettingsError: there is no key that signs.
    """
    return state.issuer.issue(
        subject,
        grant.scopes,
        now=state.clock(),
        expires_in=grant.lifetime,
        audience=grant.audience,
        client_id=grant.client_id,
        auth_time=None if grant.auth_time is None else datetime.fromtimestamp(grant.auth_time, UTC),
        session_id=session_id,
        epoch=epoch,
        claims=grant.claims,
    )


def answer(
    state: AppState,
    token: str,
    session: Session,
    refresh: RefreshToken,
    grant: Grant,
    *,
    passed: timedelta = timedelta(0),
) -> Response:
    """Return the answer of the token endpoint, and tell the listeners: an access token of *session*, and *refresh*.

    So much time may have *passed* since the idle lifetime began.
    """
    lifetime = grant.lifetime or state.settings.access_lifetime
    user_id, scopes = state.judge.user_id_of(session.user_id), frozenset(grant.scopes)
    audience = None if grant.audience == state.settings.audience else grant.audience
    token_issued.send(state.app, user_id=user_id, scopes=scopes, audience=audience, expires_in=lifetime)
    idle = session.idle_expires_at - (session.refreshed_at or session.started_at) - passed
    return _answer(
        token,
        lifetime,
        format_scope(grant.scopes),
        refresh_token=state.sessions.write(refresh),
        refresh_expires_in=max(0, int(idle.total_seconds())),
    )


def _answer(token: str, lifetime: timedelta, scope: str, **further: object) -> Response:
    body = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": scope,
        **further,
    }
    return Response(msgspec.json.encode(body), mimetype="application/json", headers={"Cache-Control": "no-store"})
