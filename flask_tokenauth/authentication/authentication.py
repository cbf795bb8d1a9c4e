"""The result of authenticating one request."""

from collections.abc import Hashable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Flask
from werkzeug.wrappers import Response

from ..core.errors import Refusal
from ..core.token_errors import TokenError
from ..core.tokens.token import Token

if TYPE_CHECKING:
    from .clients import Client

NOT_LOADED = object()


class Authentication(msgspec.Struct, eq=False):
    """The result for one request: a token and its user, or a refusal, or neither if there was no bearer token."""

    app: Flask  # the application that authenticated the request
    token: Token | None = None
    user_id: Any = None
    text: str | None = None  # the token as the client sent it, to hand on; None for API keys and tickets
    client: "Client | None" = None  # which a guard has let in without a token
    refusal: Refusal | None = None
    cookie_method: str | None = None  # of the request whose cookie was judged; None: it came in a header
    api_key: tuple[Token, Any] | None = None  # its token and its user, also where it counts for nothing
    opened: tuple[Hashable, ...] = ()  # requirements that need no word on API keys: the route requires scopes
    borrowers: int = 0  # functions that run now, and for which alone the API key counts
    is_announced: bool = False  # the signal was sent for the API key
    ticket: tuple[Token, Any] | None = None  # the ticket that was used for this request, and its user
    satisfied: tuple[Hashable, ...] = ()  # requirements that the hook has checked
    pending: frozenset[Hashable] = frozenset()  # requirements that the hook has left to guards inside the view
    guard_refused: bool = False  # one of those guards refused
    user: Any = NOT_LOADED  # None if there is no user with this ID any more

    def __repr__(self) -> str:  # without the user and the text, since requests may be written into logs
        return f"<Authentication {'refused' if self.refusal else 'accepted' if self.token else 'anonymous'}>"

    @property
    def by_cookie(self) -> bool:
        """Whether the token, or what was refused, came in a cookie."""
        return self.cookie_method is not None

    @property
    def has_bad_cookie(self) -> bool:
        """Whether the token in a cookie was refused. Where no token is needed, it counts as none."""
        return self.by_cookie and isinstance(self.refusal, TokenError)

    def withholds(self, response: Response) -> bool:
        """Return whether *response* must be withheld: a guard inside the view was never asked, and did not refuse."""
        return bool(self.pending) and not (self.guard_refused and response.status_code >= HTTPStatus.BAD_REQUEST)
