"""The method of ``TokenAuth`` for exchanged tokens."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from .ticket_methods import TicketMethods

T = TypeVar("T")


class ExchangeMethods(TicketMethods[T]):
    """Exchanges tokens."""

    def exchange(
        self,
        *,
        audience: str | Iterable[str],
        scopes: Iterable[str] | None = None,
        expires_in: timedelta | float | None = None,
    ) -> str:
        """Return a token for another service, made from the token of the current request (RFC 8693 section 4.1).

        It is a signed token, with the same user and session, and never opens more than the token of the request. The
        claim ``act`` says that this application uses it, by ``TOKENAUTH_ISSUER``. If the token of the request is
        revoked, or its session or its user, this token is too. It has no claims of your application.

        Args:
            audience: the recipients of the token, one string or several: the services that you call with it.
            scopes: its scopes. The token of the current request must grant each of them. None: the scopes of that one.
            expires_in: its lifetime, as a ``timedelta`` or in seconds, at least 1 second; fractions of a second are cut
                off. None: 5 minutes. It expires with the token of the current request, if that is sooner.

        Raises:
            TypeError: an argument has the wrong type, or *scopes* is a single string.
            ValueError: *audience* is empty, or has a string that does not have 1 to 255 characters or has control
                characters; *expires_in* is under a second; a scope is not declared; or the token would be too long.
            NotAuthenticated: the request has no good token, one of a trusted issuer, or one that expires right now or
                was revoked since the request came.
            NotPermitted: the request has an API key, a ticket, or a token that was exchanged already; or its token
                lacks one of *scopes*.
            TemporarilyUnavailable: it is not known whether the token was revoked, so the answer is 503. If your
                application answers ``StoreUnavailable`` itself, that is raised.
            SettingsError: there is no private key that signs: no other service could verify the token.
            RuntimeError: there is no current request.
        """
        from .lifecycle.exchange import exchange_current  # noqa: PLC0415  # few applications exchange tokens

        return exchange_current(audience=audience, scopes=scopes, expires_in=expires_in).text
