"""Revoke: end one session, everything that a user has, one access token, or one API key."""

from datetime import UTC, datetime, timedelta

from ..application.app_state import AppState
from ..application.refusing import refuse
from ..core.encoding.limits import check_identifier
from ..core.opaque.looked_up_tokens import ApiKeyToken
from ..core.records.session import Session
from ..core.token_errors import MissingSession
from ..core.tokens.token import Token
from ..signals import session_ended, token_revoked, user_revoked
from ..users import require_own_token
from .api_keys import end_api_key


def find_current_session(state: AppState) -> Session:
    """Return the live session that the token of the current request belongs to.

    Raises:
        AuthError: the request has no good token of our own issuer, or its token belongs to no live session.
        StoreUnavailable: the store cannot be asked.
    """
    token = require_own_token(state)
    session = None if token.session_id is None else state.store.find_session(token.session_id)
    if session is None or session.user_id != token.subject:
        raise refuse(state, MissingSession())
    return session


def end_session(state: AppState, session_id: str) -> bool:
    """End a session, revoke its access tokens, and send the signal ``session_ended``.

    Returns:
        Whether there was a session to end.

    Raises:
        StoreUnavailable: the store cannot be asked; you can try again.
    """
    session = state.sessions.end(session_id)
    if session is not None:
        session_ended.send(state.app, session_id=session_id, user_id=session.user_id, reason="revoked")
    return session is not None


def end_user(state: AppState, user_id: object, *, api_keys: bool) -> None:
    """End every session of a user, revoke every token issued before, and send the signal ``user_revoked``.

    Args:
        state: of the current application.
        user_id: the user.
        api_keys: whether the API keys of the user end too.

    Raises:
        TypeError: *user_id* has the wrong type.
        ValueError: *user_id* is not a user ID.
        StoreUnavailable: the store cannot be asked; you can try again.
    """
    subject = state.authenticator.user_ids.to_subject(user_id)
    state.sessions.end_all(subject, api_keys=api_keys)
    user_revoked.send(state.app, user_id=subject, api_keys=api_keys)


def revoke_token(state: AppState, token: Token) -> None:
    """Revoke a verified token. Send the signal ``token_revoked`` unless it was revoked before.

    An API key ends, as with :func:`end_api_key`.

    Raises:
        StoreUnavailable: the store cannot be asked; you can try again.
    """
    if isinstance(token, ApiKeyToken):
        end_api_key(state, token.api_key_id)
    elif state.stored.revoke(token):
        token_revoked.send(state.app, token_id=token.token_id, user_id=token.subject)


def revoke_token_id(state: AppState, token_id: str, *, until: float | None) -> None:
    """Revoke the token with this ID, and send the signal ``token_revoked``.

    Args:
        state: of the current application.
        token_id: ``jti``.
        until: a time by which the token has expired, in seconds since 1970-01-01T00:00:00Z; None if it is not known.

    Raises:
        ValueError: *token_id* is not an identifier, or every server refuses a token that expires at *until*.
        StoreUnavailable: the store cannot be asked; you can try again.
    """
    check_identifier("token_id", token_id)
    leeway = state.stored.longest_leeway()
    if until is not None:
        _check_may_be_accepted(until, now=state.clock(), leeway=leeway)
    state.stored.revoke_id(token_id, until=until, leeway=leeway)
    token_revoked.send(state.app, token_id=token_id, user_id=None)


def _check_may_be_accepted(expires_at: float, *, now: float, leeway: timedelta) -> None:
    """Check that a token with this expiry may still be accepted, by a server whose clock is behind by the leeway.

    Otherwise the revocation would be forgotten at once. The expiry is probably wrong, and the token lives longer.

    Raises:
        ValueError: every server refuses the token by its expiry.
    """
    limit = now - 2 * leeway.total_seconds()
    if expires_at <= limit:
        raise ValueError(
            f"expires_at must be later than {_write(limit)} (now, less twice the longest TOKENAUTH_LEEWAY of the "
            f"store), got {_write(expires_at)}: pass the claim exp of the token, as datetime.fromtimestamp(exp, UTC), "
            "or leave expires_at out if you do not know it. A token that has expired needs no revocation"
        )


def _write(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
