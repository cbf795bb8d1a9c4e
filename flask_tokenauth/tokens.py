"""What login views call: :func:`create_token` for the text, :func:`token_response` for the whole answer."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from flask import Response

from .core.scopes import format_scope
from .settings import read_duration
from .signals import token_issued
from .state import current_state


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
    """Return a signed access token for the current application (RFC 9068).

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
    """
    state = current_state()
    lifetime = state.settings.access_lifetime if expires_in is None else read_duration(expires_in)
    granted = _keep(scopes)
    token = state.issuer.issue(
        state.judge.subject_of(user_id),
        granted,
        now=state.clock(),
        expires_in=lifetime,
        audience=audience,
        client_id=client_id,
        auth_time=auth_time,
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
    expires_in: timedelta | float | None = None,
    auth_time: datetime | None = None,
    **options: Any,
) -> Response:
    """Return the answer to a successful login: JSON with the token (RFC 6749 section 5.1), never to be stored.

    Takes what :func:`create_token` takes, and raises what it raises. This is the sign-in: ``auth_time`` is now unless
    given.
    """
    state = current_state()
    lifetime = state.settings.access_lifetime if expires_in is None else read_duration(expires_in)
    granted = _keep(scopes)
    token = create_token(
        user_id,
        granted,
        expires_in=lifetime,
        auth_time=auth_time or datetime.fromtimestamp(state.clock(), UTC),
        **options,
    )
    body = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": format_scope(granted),
    }
    return Response(msgspec.json.encode(body), mimetype="application/json", headers={"Cache-Control": "no-store"})
