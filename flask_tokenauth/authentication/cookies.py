"""The cookies of an application: their names, and how they are read.

Their names begin with ``__Host-``, so browsers accept them only from the host itself, with ``Secure`` and ``Path=/``
(RFC 6265bis section 4.1.3.2). That holds only for the exact name, and other servers of the same domain can set cookies
whose names look similar. So the header is read exactly, where general parsers strip blanks of many kinds.
"""

import re
from hashlib import sha256

from werkzeug.wrappers import Request

from ..core.cookie_errors import CookieRepeated, CrossSite
from .credentials import lacks_scheme
from .csrf import OriginCheck, may_change

MOST_BYTES = 4096  # of the name and the value of a cookie: browsers drop longer ones (RFC 6265bis section 5.6)
_HEADER = "HTTP_COOKIE"
_BEFORE = ("", "; ")  # a cookie, in the header of a browser (RFC 6265 section 4.2.1)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.]+")
_LONGEST_NAME = 40  # characters of the issuer
_LENGTH_OF_DIGEST = 8  # characters: two issuers of one host have different names


class TokenCookies:
    """The cookies of one application.

    Args:
        issuer: the issuer, which the names are made of.
        has_access: whether access tokens are in a cookie too.
        same_site: the attribute ``SameSite``, "Lax" or "Strict".
        origins: decides which requests come from pages of the application.

    Attributes:
        access: the name of the cookie with the access token; None if there is none.
        refresh: the name of the cookie with the refresh token.
        names: the names of all cookies.
        same_site: as given.
        origins: as given.
    """

    def __init__(self, issuer: str, *, has_access: bool, same_site: str, origins: OriginCheck) -> None:
        words = _NOT_IN_NAMES.sub("-", issuer.partition("://")[2] or issuer)[:_LONGEST_NAME].strip("-")
        digest = sha256(issuer.encode()).hexdigest()[:_LENGTH_OF_DIGEST]
        common = "__Host-" + "-".join(filter(None, (words, digest)))
        self._common = common
        self._access_beginning, self._refresh_beginning = f"{common}-access=", f"{common}-refresh="
        self.refresh = f"{common}-refresh"
        self.access = f"{common}-access" if has_access else None
        self.names = (self.refresh,) if self.access is None else (self.access, self.refresh)
        self.same_site = same_site
        self.origins = origins

    def find_access_token(self, req: Request, header: str | None) -> str | None:
        """Return the access token in the cookie of *req*, or None if there is none, or a header hides it.

        Args:
            req: the request.
            header: the ``Authorization`` header, which has no bearer token, or None.

        Raises:
            CrossSite: *req* may change something, and does not come from a page of the application.
            CookieRepeated: the cookie came twice.
        """
        if self.access is None or _HEADER not in req.environ:
            return None
        values = find_values(req.environ[_HEADER], self._access_beginning)
        if not values or (header is not None and lacks_scheme(header)):
            return None
        if may_change(req) and not self.origins.allows(req):
            raise CrossSite
        token, *others = values
        if others:
            raise CookieRepeated
        return token

    def find_refresh_tokens(self, req: Request) -> list[str]:
        """Return the values of all cookies for the refresh token. One is usual; two are a sign of an attack."""
        return find_values(req.environ.get(_HEADER, ""), self._refresh_beginning)

    def are_in(self, header: str) -> bool:
        """Return whether a ``Cookie`` header seems to have one of the cookies."""
        return self._common in header


def find_values(header: str, beginning: str) -> list[str]:
    """Return the values of all cookies with exactly one name.

    Args:
        header: the ``Cookie`` header, untrusted: pairs with ";" and spaces between them (RFC 6265 section 4.2.1).
        beginning: the name of the cookie, and "=".
    """
    size, start = len(beginning), header.find(beginning)
    if start < 0:
        return []
    if header.find(beginning, start + size) < 0 and header[max(0, start - 2) : start] in _BEFORE:
        end = header.find(";", start)  # the usual case, without a list of all cookies
        return [header[start + size :] if end < 0 else header[start + size : end]]
    pairs = [pair.lstrip(" ") for pair in header.split(";")]
    return [pair[size:] for pair in pairs if pair.startswith(beginning)]
