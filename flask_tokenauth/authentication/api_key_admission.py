"""API keys count only where guards accept them: for a whole route, or while one guarded function runs.

Everywhere else the request is anonymous, so that a check by hand does not take an API key for a user who is logged in.
"""

from ..core.errors import ApiKeyNotAccepted
from ..signals import token_accepted
from .authentication import Authentication
from .on_g import attributes_of_g, show_nobody


class Admission:
    """A context in which the API key of a request counts: the call of one function whose guard accepts it.

    If several such functions run at once, as coroutines do, it counts until the last one has returned.

    Args:
        authentication: of a request with an API key.
    """

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    def __enter__(self) -> "Admission":
        self._authentication.borrowers += 1
        admit(self._authentication)
        return self

    def __exit__(self, *error: object) -> None:
        self._authentication.borrowers -= 1
        if not self._authentication.borrowers:
            withhold(self._authentication)


def admit(authentication: Authentication) -> None:
    """Let an API key count, and set the caller on ``g``. The first time the signal ``token_accepted`` is sent.

    Args:
        authentication: of a request with an API key.
    """
    if authentication.token is not None or authentication.api_key is None:
        return
    token, user_id = authentication.api_key
    authentication.token, authentication.user_id, authentication.refusal = token, user_id, None
    shown = attributes_of_g()
    shown["user_id"], shown["scopes"], shown["token"] = user_id, token.scopes, token
    if token_accepted.receivers and not authentication.is_announced:
        authentication.is_announced = True
        token_accepted.send(authentication.app, user_id=user_id, scopes=token.scopes)


def withhold(authentication: Authentication) -> None:
    """Let an API key count for nothing, and show nobody on ``g``.

    Args:
        authentication: of a request with an API key.
    """
    if authentication.token is not None:
        authentication.token = authentication.user_id = None
        authentication.refusal = ApiKeyNotAccepted()
        authentication.satisfied = authentication.opened = ()
        show_nobody()
