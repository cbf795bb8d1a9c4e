"""Signing in: login views call :func:`token_response`. With a store it starts a session."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Response, has_request_context, request

from ..application.app_state import AppState, current_state
from ..application.refusing import asking_store
from ..application.setting_types import read_duration
from ..authentication.cookies import TokenCookies
from ..core.errors import StoreUnavailable
from ..core.records.grant import Grant
from ..core.records.session import MAX_USER_AGENT, Session
from ..core.tokens.audience import parse_audience
from ..core.tokens.issuing import seconds_of
from ..core.tokens.scopes import format_scope
from ..signals import session_ended, session_started
from .access_tokens import cap_lifetime, create_token, issue_for_session, keep_scopes
from .token_responses import choose_cookies, token_response_for, write_token_response

if TYPE_CHECKING:
    from ..core.opaque.refresh_token import RefreshToken

# Of the session that a trade starts: a function gets our user ID.
Scopes = Iterable[str] | Callable[[Any], Iterable[str] | Awaitable[Iterable[str]]]

_log = logging.getLogger("flask_tokenauth")


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
    cookies: bool | None = None,
) -> Response:
    """Return the answer to a successful login: JSON with an access token (RFC 6749 section 5.1).

    With ``TOKENAUTH_STORE`` it starts a session, a new one at each call, and the answer has ``refresh_token`` and
    ``refresh_expires_in`` (seconds) too. All access tokens of the session have the scopes, the claims and the audience
    that you pass here. No cache may store the answer. A user who has more sessions than ``TOKENAUTH_SESSIONS_PER_USER``
    then loses the one that was idle longest.

    Args:
        user_id: the user: a string, an int, a UUID, or a value of the ``user_id_type`` of ``TokenAuth`` if that is a
            class. As a string it has 1 to 255 characters.
        scopes: the scopes that the tokens grant (RFC 6749 section 3.3). If ``TOKENAUTH_SCOPES`` declares scopes, each
            must be declared.
        label: a name for the device, at most 255 characters, for lists of sessions.
        expires_in: the lifetime of access tokens, as a ``timedelta`` or in seconds; fractions of a second are cut off.
            Default: ``TOKENAUTH_ACCESS_LIFETIME``.
        audience: the recipients, one string or several. Default: ``TOKENAUTH_AUDIENCE``.
        client_id: the client that the user uses. Default: the issuer.
        auth_time: the time at which the user signed in, as an aware ``datetime``. Default: now.
        claims: claims of the application, which are JSON values. Everyone who sees the token can read them.
        cookies: whether the tokens go into cookies, as ``TOKENAUTH_COOKIES`` says, and not into the body. Default: if a
            browser has sent the request, which is seen by ``Sec-Fetch-Site`` or ``Origin``. With True, a GET may come
            from another site, as at the end of a login at a provider.

    Raises:
        TypeError: an argument has the wrong type, or *scopes* is a single string.
        ValueError: a scope is not declared, *label* is too long, *expires_in* is under a second or over
            ``TOKENAUTH_MAX_LIFETIME``, a claim has a reserved name or is not a JSON value, or the token would be
            refused for another reason.
        NotPermitted: cookies would be set for a request from another site (CSRF).
        InvalidRequest: cookies would be set over plain HTTP, and not on this machine.
        SettingsError: there is a *label*, but no ``TOKENAUTH_STORE``; ``TokenAuth`` is not set up on this application,
            it has no key that can sign, or *cookies* is True and ``TOKENAUTH_COOKIES`` is "off".
        StoreUnavailable: there is a store, and it cannot be asked. Unless you catch it, the answer is 503.
    """
    state = current_state()
    token_cookies = choose_cookies(state, cookies)
    signed_in = auth_time or datetime.fromtimestamp(state.clock(), UTC)
    if state.settings.store is not None:
        from ..core.opaque.refresh_token import RefreshToken  # noqa: PLC0415  # without a store there is none

        subject, granted = state.authenticator.user_ids.to_subject(user_id), format_scope(scopes)
        grant = Grant(
            scopes=tuple(granted.split()),
            claims=claims or {},
            audience=_read_audience(state, audience),
            client_id=client_id,
            lifetime=None if expires_in is None else read_duration(expires_in),
            auth_time=seconds_of(signed_in),
        )
        with asking_store(state):
            return start_session(state, subject, grant, label, first=RefreshToken.first(), cookies=token_cookies)
    if label is not None:
        _ = state.sessions  # raises, since there is no store
    lifetime = state.settings.access_lifetime if expires_in is None else read_duration(expires_in)
    granted_scopes = keep_scopes(scopes)
    token = create_token(
        user_id,
        granted_scopes,
        expires_in=lifetime,
        audience=audience,
        client_id=client_id,
        auth_time=signed_in,
        claims=claims,
    )
    return write_token_response(token, lifetime, format_scope(granted_scopes))


def _read_audience(state: AppState, audience: str | Iterable[str] | None) -> frozenset[str]:
    """Return the audience of a session's tokens: it stays the same, whichever application refreshes them."""
    if audience is None:
        return state.settings.audience
    return parse_audience(audience)


def start_session(
    state: AppState,
    subject: str,
    grant: Grant,
    label: str | None,
    *,
    first: "RefreshToken",
    check: Callable[[Session], None] | None = None,
    cookies: TokenCookies | None = None,
) -> Response:
    """Start the session of the refresh token *first*, and return its token response.

    Args:
        state: of the current application, which has a store.
        subject: the user, ``sub``.
        grant: what the access tokens of the session may do and say.
        label: a name for the device.
        first: the first refresh token of the session.
        check: refuses the session that the store has just started, which ends then.
        cookies: the cookies for the tokens; None for tokens in the body.

    Raises:
        SessionExists: the session of *first* was started before.
        ValueError: *label* is too long, or the token would be refused.
        SettingsError: there is no key that can sign.
        StoreUnavailable: the store cannot be asked.
    """
    started: list[Session] = []

    def start() -> int:
        begun = state.sessions.start(first, user_id=subject, grant=grant, label=label, user_agent=_user_agent())
        started.append(begun.session)
        _report_displaced(state, subject, begun.displaced)
        if check is not None:
            check(begun.session)
        return begun.session.epoch

    # No access token may live longer than its session, which the store forgets then.
    capped = cap_lifetime(state, grant, most=min(state.settings.session_lifetime, state.settings.refresh_idle_lifetime))
    try:
        # The session is stored only after the token was checked, and the token is signed only after that.
        token = issue_for_session(state, subject, capped, session_id=first.session_id, epoch=start, cookies=cookies)
    except BaseException:
        for session in started:  # with the epoch the token is too long, or signing failed: no client has its token
            with suppress(StoreUnavailable):
                state.sessions.end(session.session_id)
        raise
    [session] = started
    session_started.send(state.app, session_id=session.session_id, user_id=subject)
    return token_response_for(state, token, session, first, capped, cookies=cookies)


def _report_displaced(state: AppState, subject: str, displaced: tuple[str, ...]) -> None:
    """Write the log and send the signals for sessions that ended because their user has too many."""
    most = state.settings.sessions_per_user
    for session_id in displaced:
        _log.info("ended session %s: its user had more than TOKENAUTH_SESSIONS_PER_USER allows, %d", session_id, most)
        session_ended.send(state.app, session_id=session_id, user_id=subject, reason="displaced")


def _user_agent() -> str | None:
    """Return the name that the client gives itself, without characters that cannot be shown. It is untrusted."""
    if not has_request_context():
        return None
    printable = "".join(character for character in request.user_agent.string if character.isprintable())
    return printable[:MAX_USER_AGENT] or None
