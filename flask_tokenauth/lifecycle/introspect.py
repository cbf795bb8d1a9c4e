"""Introspection: another service asks whether a token is active, and what it says (RFC 7662)."""

from ..application.app_state import AppState
from ..core.opaque.looked_up_tokens import ApiKeyToken
from ..core.token_errors import TokenError


def introspect(state: AppState, text: str, audience: frozenset[str]) -> dict[str, object]:
    """Return the answer to a service (RFC 7662 section 2.2).

    A token is active if it is an access token or an API key of this issuer, has an audience in common with the service,
    is not revoked (the store is asked, besides the revocations that this process knows), and ``token_check`` and
    ``api_key_check`` accept it. All other tokens get the same answer.

    Args:
        state: of the current application.
        text: the token asked about, untrusted.
        audience: the service may learn about tokens for one of these.

    Raises:
        StoreUnavailable: the store cannot be asked.
    """
    inactive: dict[str, object] = {"active": False}
    try:
        token, _ = state.authenticator.accept(state.authenticator.verify_for(text, audience))
    except TokenError:
        return inactive
    if state.stored.is_revoked_anywhere(token):
        return inactive
    answer = {**token.to_dict(), "active": True, "token_type": "Bearer"}
    if isinstance(token, ApiKeyToken) and token.expires_at is not None:
        answer["exp"] = int(token.expires_at.timestamp())  # "Integer timestamp"; a store measures milliseconds
    return answer
