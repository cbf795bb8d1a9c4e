"""Hand the token of the current request on to another service.

The other service can do with it all that the client can do, here too. So it has to be a service that you trust like
this one. For others, exchange the token.
"""

from ..application.app_state import AppState, current_state
from ..application.refusing import refuse
from ..core.forwarding_errors import NotForAudience, NotForwarded
from ..core.tokens.token import Token
from ..users import find_text, require_token


def get_token_text() -> str:
    """Return the access token of the current request as the client sent it, to hand it on to another service.

    It is the JWT or the reference token, and it came in the header or in a cookie. Whether the other service is meant
    by the token is not checked: :func:`forward_headers` does that. The result is a secret: do not log it.

    Raises:
        NotAuthenticated: the request is anonymous, or has a bad token.
        NotPermitted: the request has an API key or a ticket.
        RuntimeError: there is no current request.
    """
    return _require_text(current_state())[1]


def forward_headers(audience: str) -> dict[str, str]:
    """Return the headers that hand the access token of the current request on to another service.

    Args:
        audience: the name of the other service, which the token must have in ``aud`` (RFC 7519 section 4.1.3).

    Returns:
        A new dict with the header ``Authorization``.

    Raises:
        TypeError: *audience* is not a string.
        ValueError: *audience* is empty.
        NotAuthenticated: the request is anonymous, or has a bad token.
        NotPermitted: the request has an API key or a ticket, or its token is not for *audience*.
        RuntimeError: there is no current request.
    """
    if not isinstance(audience, str):
        raise TypeError(
            f"audience must be a string, got {type(audience).__name__}: pass the name of one service, as it stands in "
            "the claim aud"
        )
    if not audience:
        raise ValueError("audience must be the name of a service, as it stands in the claim aud, got an empty string")
    state = current_state()
    token, text = _require_text(state)
    if audience not in token.audience:
        raise refuse(state, NotForAudience())
    return {"Authorization": f"Bearer {text}"}


def _require_text(state: AppState) -> tuple[Token, str]:
    """Return the access token of the current request, verified and as the client sent it.

    Raises:
        AuthError: there is no good token, or it is an API key or a ticket.
    """
    token, text = require_token(state), find_text(state)
    if text is None:
        raise refuse(state, NotForwarded())
    return token, text
