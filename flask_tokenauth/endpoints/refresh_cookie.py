"""The refresh token in a cookie. It is read at two endpoints alone: refresh and logout."""

from flask import Response, request

from ..application.app_state import AppState
from ..application.token_cookies import delete_cookies
from ..authentication.cookies import TokenCookies
from ..core.cookie_errors import CrossSite, RefreshCookieHidden, RefreshCookieRepeated, TwoRefreshTokens
from ..core.endpoint_errors import EndpointError, InvalidRefreshToken, UnsupportedGrantType
from ..core.trusted_issuers.trusted_token import TrustedToken
from ..lifecycle.refresh import refresh
from ..lifecycle.revoke import end_session, find_current_session

_REFRESH = "refresh_token"


def refresh_by_cookie(state: AppState, cookies: TokenCookies, texts: list[str], parameters: dict[str, str]) -> Response:
    """Redeem the refresh token in the cookie. The answer has the tokens where the mode keeps them.

    Args:
        state: of the current application.
        cookies: its cookies.
        texts: the values of all cookies for the refresh token, at least one; untrusted.
        parameters: of the request. Only ``scope`` is used; ``grant_type`` may be left out.

    Raises:
        TwoRefreshTokens: there is a refresh token in the body too.
        RefreshCookieHidden: a header has a credential.
        CrossSite: the request does not come from a page of the application.
        EndpointError: the refresh token is refused. The answer deletes the cookies.
        StoreUnavailable: the store cannot be asked; the token can be redeemed again.
    """
    if _REFRESH in parameters:
        raise TwoRefreshTokens
    if state.authenticator.has_header_credential(request):
        raise RefreshCookieHidden
    if not cookies.origins.allows(request):
        raise CrossSite
    if parameters.get("grant_type", _REFRESH) != _REFRESH:
        raise UnsupportedGrantType
    try:
        if len(texts) > 1:
            raise RefreshCookieRepeated
        return refresh(state, texts[0], parameters.get("scope"), cookies=cookies)
    except EndpointError as error:
        if error.code == EndpointError.code:  # of the refresh token, and not of the scope
            delete_cookies(cookies, request)
        raise


def log_out_with_cookies(state: AppState, cookies: TokenCookies) -> None:
    """End the session of the refresh token in the cookie, and that of the access token, and delete the cookies.

    One of them is enough, and a bad one does not matter. The cookies are deleted even if the store cannot be asked.

    Args:
        state: of the current application.
        cookies: its cookies.

    Raises:
        CrossSite: there is a cookie, and the request does not come from a page of the application.
        AuthError: there is no refresh token in a cookie, and no good access token.
        StoreUnavailable: the store cannot be asked.
    """
    found = cookies.find_refresh_tokens(request)
    if cookies.origins.allows(request):
        delete_cookies(cookies, request)
    elif found and not state.authenticator.has_header_credential(request):
        raise CrossSite
    else:
        found = []
    state.authenticator.https.check(request)
    token = state.authenticator.authenticate(request).token
    if not found:
        end_session(state, find_current_session(state).session_id)
        return
    sessions = {_read_session_id(state, text) for text in found}
    if token is not None and not isinstance(token, TrustedToken):  # another issuer has its own IDs of sessions
        sessions.add(token.session_id)
    for session_id in sessions - {None}:
        end_session(state, str(session_id))


def _read_session_id(state: AppState, text: str) -> str | None:
    """Return the session of a refresh token, or None if this application did not make the token."""
    try:
        return state.sessions.read(text).session_id
    except InvalidRefreshToken:
        return None
