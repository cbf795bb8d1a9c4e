"""Another service asks about a token of ours, and is told what the token says if it is good, and else nothing."""

from ..application.app_state import AppState
from ..core.errors import TokenError
from ..core.tokens.token import Token


def introspect(state: AppState, text: str, caller: Token) -> dict[str, object]:
    """Return the answer to *caller* (RFC 7662 section 2.2).

    Only access tokens that are for somebody whom the caller's own token is for as well are anything to it: the others
    look like garbage. The store is asked, beside what this process knows, and so is the application's ``token_check``.

    Args:
        state: of the current application.
        text: the token asked about, untrusted.
        caller: the token of the one who asks.

    Raises:
        StoreUnavailable: the store cannot be asked.
    """
    try:
        token = state.judge.verify_for(text, caller.audience - {""})
        state.judge.accept(token)
    except TokenError:
        return {"active": False}
    if state.remembered.ask(token) or state.remembered.knows(token):
        return {"active": False}
    return {**token.to_dict(), "active": True, "token_type": "Bearer"}
