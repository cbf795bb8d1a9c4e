"""Refusals of cookies with tokens: one class for each reason."""

from .endpoint_errors import EndpointError
from .errors import InsecureTransport, Refusal
from .token_errors import TokenError


class CrossSite(Refusal):
    """Another site has sent the request: cookies with tokens do not count, and none is set (RFC 6265 section 8.2)."""

    code = "cross_site"
    status = 403
    reason = "cross_site"
    hint = "Cookies do not count for a request from another site, and none is set."
    message = (
        "a request with a cookie must come from a page of this application, got one without Sec-Fetch-Site: "
        "same-origin, and with another Origin or none: if the page is yours, add its origin to "
        "TOKENAUTH_TRUSTED_ORIGINS; if its origin is that of this application, set TOKENAUTH_ORIGIN"
    )


class CookieRepeated(TokenError):
    """The cookie with the access token came twice, so another server or a script has set one of them."""

    reason = "cookie_repeated"
    message = (
        "the cookie of the access token must come once, got it twice: another server on this host, or a proxy, sends "
        "a cookie of the same name"
    )


class CookieOfOtherKind(TokenError):
    """The cookie for the access token has a credential that this application never puts into cookies."""

    reason = "cookie_of_other_kind"
    message = (
        "the cookie of the access token must have an access token of this application, got an API key or the token of "
        "a trusted issuer: send it in a header"
    )


class CookieNotAccepted(Refusal):
    """The access token is valid, but came in a cookie, and the answer would have a token that scripts can read."""

    code = "access_denied"
    status = 403
    reason = "cookie_not_accepted"
    hint = "A cookie is not accepted here: send the access token in the Authorization header."
    message = (
        "the access token must come in the Authorization header, got it in a cookie: a script must not get a token in "
        "exchange for a cookie that it cannot read"
    )


class InsecureCookies(InsecureTransport):
    """Cookies with tokens are set over HTTPS only, and over plain HTTP on the same machine."""

    reason = "cookies_insecure"
    hint = "Cookies are set over HTTPS only."
    message = (
        "cookies must be set over HTTPS or at http://localhost, got plain HTTP: use an https: URL; behind a proxy put "
        "werkzeug's ProxyFix around app.wsgi_app, or set TOKENAUTH_ORIGIN to the https: address of the application"
    )


class RefreshCookieRepeated(EndpointError):
    """The cookie with the refresh token came twice, so another server or a script has set one of them."""

    reason = "refresh_cookie_repeated"
    message = (
        "the cookie of the refresh token must come once, got it twice: another server on this host, or a proxy, sends "
        "a cookie of the same name"
    )


class TwoRefreshTokens(EndpointError):
    """There is a refresh token in a cookie and another one in the body."""

    code = "invalid_request"
    reason = "refresh_tokens_two"
    hint = "Two refresh tokens were sent: send it in the cookie or in the body."
    message = "the refresh token must come in the cookie or in the body, got both: leave out refresh_token in the body"


class RefreshCookieHidden(EndpointError):
    """There is a refresh token in a cookie, but a header with a credential hides all cookies."""

    code = "invalid_request"
    reason = "refresh_cookie_hidden"
    hint = "A header with a credential hides the cookies: leave it out to refresh with the cookie."
    message = (
        "a request that refreshes with a cookie must have no bearer token and no API key in a header, got one: send "
        "no Authorization header to /auth/refresh"
    )
