"""The cookies with tokens: name, set and delete them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Request, Response
from werkzeug.http import dump_cookie

from ..authentication.cookies import MOST_BYTES, TokenCookies
from ..authentication.csrf import OriginCheck
from .settings import Settings
from .shared_caches import note_cookie


def name_cookies(settings: Settings) -> TokenCookies | None:
    """Return the cookies in which an application keeps tokens; None if it keeps none there."""
    if settings.cookies == "off":
        return None
    return TokenCookies(
        settings.issuer,
        has_access=settings.cookies == "all",
        same_site=settings.cookie_samesite,
        origins=OriginCheck(settings.origin, settings.trusted_origins),
    )


def room_for_access_token(cookies: TokenCookies | None) -> int | None:
    """Return how many bytes an access token in a cookie may have; None if it is in no cookie."""
    return None if cookies is None or cookies.access is None else MOST_BYTES - len(cookies.access)


def set_cookie(cookies: TokenCookies, response: Response, name: str, value: str, lifetime: timedelta) -> None:
    """Set a cookie with a token. Scripts cannot read it, and no other host gets it."""
    response.headers.add("Set-Cookie", _write(cookies, name, value, max_age=max(0, int(lifetime.total_seconds()))))


def delete_cookie(cookies: TokenCookies, environ: Mapping[str, Any], name: str) -> None:
    """Let the answer to a request delete a cookie, unless it sets the same cookie itself.

    Args:
        cookies: of the application.
        environ: of the request.
        name: of the cookie.
    """
    note_cookie(environ, _write(cookies, name, "", max_age=0))


def delete_cookies(cookies: TokenCookies, req: Request) -> None:
    """Let the answer to *req* delete all cookies with tokens."""
    for name in cookies.names:
        delete_cookie(cookies, req.environ, name)


def _write(cookies: TokenCookies, name: str, value: str, *, max_age: int) -> str:
    """Return the value of a ``Set-Cookie`` header. Attributes do not count for browsers, as they do for werkzeug."""
    return dump_cookie(
        name,
        value,
        max_age=max_age,
        path="/",
        secure=True,
        httponly=True,
        samesite=cookies.same_site,
        max_size=0,
        sync_expires=False,
    )
