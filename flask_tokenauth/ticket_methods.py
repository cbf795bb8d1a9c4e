"""The method of ``TokenAuth`` for tickets."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from .api_key_methods import ApiKeyMethods

T = TypeVar("T")


class TicketMethods(ApiKeyMethods[T]):
    """Makes tickets."""

    def create_ticket(
        self, path: str, scopes: Iterable[str] = (), *, expires_in: timedelta | float = timedelta(seconds=30)
    ) -> str:
        """Return a ticket: a token for one path, which the client sends in the query, as ``?ticket=``.

        It is a ticket of the user of the current request, for routes whose guards all name tickets in ``accept``, and
        for GET and HEAD. With ``TOKENAUTH_STORE`` it can be used once.

        Args:
            path: the path that the ticket opens, as ``url_for`` returns it, with at most 1024 characters.
            scopes: the scopes of the ticket. The token of the current request must grant each of them.
            expires_in: the lifetime, as a ``timedelta`` or in seconds, from 1 second to 1 hour; fractions of a second
                are cut off. The ticket expires with the token of the current request, if that is sooner.

        Raises:
            TypeError: an argument has the wrong type, or *scopes* is a single string.
            ValueError: *path* does not begin with one slash, has a query, a fragment or a host, or is too long;
                *expires_in* is out of range; a scope is not declared; or the ticket would be too long.
            NotAuthenticated: the request has no good token, one of a trusted issuer, or one that expires right now.
            NotPermitted: the request has an API key, a ticket, or a token that acts for the user; or its token lacks
                one of *scopes*.
            SettingsError: there is no key that can sign.
            RuntimeError: there is no current request.
        """
        from .lifecycle.tickets import create_ticket  # noqa: PLC0415  # few applications make tickets

        return create_ticket(path, scopes, expires_in=expires_in)
