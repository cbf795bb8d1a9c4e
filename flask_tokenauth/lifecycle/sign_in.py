"""What login views call: :func:`create_token` for the text, :func:`token_response` for the whole answer.

With a store the answer opens a session; :func:`issue` and :func:`answer` are for all that continues it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from flask import Response, has_request_context, request

from ..application.app_state import AppState, current_state
from ..application.setting_types import read_duration
from ..core.records.grant import Grant
from ..core.records.session import MAX_USER_AGENT
from ..core.rotation import RefreshToken
from ..core.tokens.issuing import seconds_of
from ..core.tokens.scopes import format_scope
from ..signals import session_started
from .access_tokens import _answer, _keep, answer, bound, create_token, issue


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


def _user_agent() -> str | None:
    """Return what the client calls itself, as far as it can be shown; it is not to be trusted."""
    if not has_request_context():
        return None
    told = "".join(character for character in request.user_agent.string if character.isprintable())
    return told[:MAX_USER_AGENT] or None
