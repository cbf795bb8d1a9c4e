"""What login views call: :func:`create_token` for the text, :func:`token_response` for the whole answer.

With a store the answer opens a session; :func:`issue` and :func:`answer` are for all that continues it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
from flask import Response, has_request_context, request

from ..application.app_state import AppState, current_state
from ..application.settings import read_duration
from ..core.records.grant import Grant
from ..core.records.session import MAX_USER_AGENT, Session
from ..core.rotation import RefreshToken
from ..core.tokens.issuing import seconds_of
from ..core.tokens.scopes import format_scope
from ..signals import session_started, token_issued


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


def token_response(
    user_id: object,
    scopes: Iterable[str] = (),
    *,
    label: str | None = None,
    expires_in: timedelta | float | None = None,
    audience: str | Iterable[str] | None = None,
    client_id: str | None = None,
    auth_time: datetime | None = None,
    claims: Mapping[str, object] | None = None,
) -> Response:
    """Return the answer to a successful login: JSON with the token (RFC 6749 section 5.1), never to be stored.

    This is the sign-in: ``auth_time`` is now unless given. With ``TOKENAUTH_STORE`` it starts a session, a new one each
    time, and the answer has ``refresh_token`` and ``refresh_expires_in`` (seconds) too. What is granted here holds for
    all access tokens of the session.

    Args:
        user_id: as for :func:`create_token`, and so are the others that are not here.
        label: what people call the device, at most 255 characters; for lists of sessions.

    Raises:
        SettingsError: there is a *label*, and no ``TOKENAUTH_STORE`` that could keep it.
        TypeError, ValueError, StoreUnavailable: as from :func:`create_token`.
    """
    state = current_state()
    signed_in = auth_time or datetime.fromtimestamp(state.clock(), UTC)
    if state.settings.store is not None:
        subject, granted = state.judge.subject_of(user_id), format_scope(scopes)
        grant = Grant(
            scopes=tuple(granted.split()),
            claims=claims or {},
            audience=_read_audience(state, audience),
            client_id=client_id,
            lifetime=None if expires_in is None else read_duration(expires_in),
            auth_time=seconds_of(signed_in),
        )
        with state.asking():
            return _open_session(state, subject, grant, label)
    if label is not None:
        state.sessions  # noqa: B018  # which says that there are none
    lifetime = state.settings.access_lifetime if expires_in is None else read_duration(expires_in)
    granted_scopes = _keep(scopes)
    token = create_token(
        user_id,
        granted_scopes,
        expires_in=lifetime,
        audience=audience,
        client_id=client_id,
        auth_time=signed_in,
        claims=claims,
    )
    return _answer(token, lifetime, format_scope(granted_scopes))


def _read_audience(state: AppState, audience: str | Iterable[str] | None) -> frozenset[str]:
    """Return for whom a session's tokens are. Its own, whichever application of the issuer refreshes them."""
    if audience is None:
        return state.settings.audience
    return frozenset([audience] if isinstance(audience, str) else audience)


def _open_session(state: AppState, subject: str, grant: Grant, label: str | None) -> Response:
    first = RefreshToken.first()
    now = bound(state, grant, left=state.settings.session_lifetime)
    token = issue(state, subject, now, session_id=first.session_id)  # before anything is kept: it may be refused
    session = state.sessions.start(first, user_id=subject, grant=grant, label=label, user_agent=_user_agent())
    if session.epoch:
        try:
            token = issue(state, subject, now, session_id=session.session_id, epoch=session.epoch)
        except ValueError:  # now it is too long
            state.sessions.end(session.session_id)
            raise
    session_started.send(state.app, session_id=session.session_id, user_id=subject)
    return answer(state, token, session, first, now)


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


def _user_agent() -> str | None:
    """Return what the client calls itself, as far as it can be shown; it is not to be trusted."""
    if not has_request_context():
        return None
    told = "".join(character for character in request.user_agent.string if character.isprintable())
    return told[:MAX_USER_AGENT] or None
