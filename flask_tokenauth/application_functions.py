"""The decorators by which an application gives its functions to ``TokenAuth``."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .application.app_state import list_states
from .authentication.callbacks import Callbacks, IssuerLoader
from .authentication.calling import check_function
from .core.errors import SettingsError
from .core.records.api_key import ApiKey
from .core.records.grant import Grant
from .core.records.session import Session
from .core.tokens.token import Token
from .users import UserLoader

if TYPE_CHECKING:
    from .core.trusted_issuers.issuer import TrustedIssuer

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R", bound=Callable[[Session], Grant | None] | Callable[[Session], Awaitable[Grant | None]])
L = TypeVar("L", bound=Callable[[str], "TrustedIssuer | None"] | Callable[[str], Awaitable["TrustedIssuer | None"]])
K = TypeVar(
    "K", bound=Callable[[Any, ApiKey], Iterable[str] | None] | Callable[[Any, ApiKey], Awaitable[Iterable[str] | None]]
)
C = TypeVar("C", bound=Callable[[Token], bool] | Callable[[Token], Awaitable[bool]])


class ApplicationFunctions(Generic[T]):
    """Keeps functions of the application. All applications of one object share them: nothing here belongs to one.

    Args:
        user_id_type: as for :class:`TokenAuth`.
    """

    def __init__(self, user_id_type: Callable[[str], Any]) -> None:
        self._callbacks = Callbacks(user_id_type)

    @overload
    def user_loader(self, load: Callable[[T], Awaitable[U | None]]) -> UserLoader[U]: ...
    @overload
    def user_loader(self, load: Callable[[T], U | None]) -> UserLoader[U]: ...
    def user_loader(self, load: Callable[[T], Any]) -> UserLoader[Any]:
        """Decorate the function that loads a user by ID.

        The decorated name becomes a function without arguments that returns the user of the current request. Your
        function is called at its first use, once per request; it can be a coroutine function. If it returns None, the
        user no longer exists, and the request gets 401. With ``@login_required(load_user=True)`` it is called before
        the view, so that a deleted user is refused.

        Args:
            load: gets a user ID, and returns the user or None.

        Returns:
            A function that returns the user of the current request.

        Raises:
            TypeError: *load* is not a function.
        """
        check_function("user_loader", load)
        self._callbacks.load_user = load
        return UserLoader(load)

    def token_check(self, check: C) -> C:
        """Decorate a function that gets each verified token, and returns False to refuse it: 401 ``invalid_token``.

        It is called for every request with a token, so it should be fast. It can be a coroutine function.

        Args:
            check: gets the token, and returns whether it is accepted.

        Raises:
            TypeError: *check* is not a function.
        """
        check_function("token_check", check)
        self._callbacks.check_token = check
        return check

    def api_key_check(self, check: K) -> K:
        """Decorate a function that gets a user ID and an :class:`ApiKey`, and returns the scopes that the key has now.

        It returns ``key.scopes``, or some of them if the user has lost rights since; None refuses the key: 401
        ``invalid_token``. It is asked at most once a minute about each key in each process. It can be a coroutine
        function.

        Args:
            check: gets the user ID and the key, and returns scopes or None.

        Raises:
            TypeError: *check* is not a function.
        """
        check_function("api_key_check", check)
        self._callbacks.check_api_key = check
        return check

    def issuer_loader(self, pattern: str) -> Callable[[L], L]:
        """Decorate the function that knows the issuers of tenants.

        It gets the name of an issuer (``iss``) that is neither yours nor in ``TOKENAUTH_TRUSTED_ISSUERS``, and returns
        its :class:`TrustedIssuer`, or None if it is not trusted. The answer is remembered for a minute. If the function
        raises, tokens of this issuer are refused with 503. It can be a coroutine function.

        Args:
            pattern: a regular expression. The function is asked only about names that it matches as a whole.

        Raises:
            TypeError: *pattern* is not a string, or the decorated object is not a function.
            ValueError: *pattern* is no regular expression.
            SettingsError: there is an ``issuer_loader`` already.
        """
        if not isinstance(pattern, str):
            raise TypeError(
                f"issuer_loader must get a pattern, got {type(pattern).__name__}: write "
                r'@auth.issuer_loader(r"https://[a-z0-9-]+\.example\.com")'
            )
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ValueError(
                f"the pattern of issuer_loader must be a regular expression, got another: {error}"
            ) from None

        def decorate(load: L) -> L:
            check_function("issuer_loader", load)
            if self._callbacks.load_issuer is not None:
                raise SettingsError(
                    "there must be one issuer_loader, got a second one: let one function know all issuers, and join "
                    'the patterns with "|"'
                )
            self._callbacks.load_issuer = IssuerLoader(compiled, load)
            for state in list_states():
                if state.callbacks is self._callbacks:
                    state.trust_issuers()
            return load

        return decorate

    def before_refresh(self, ask: R) -> R:
        """Decorate a function that is called before each refresh.

        It returns the :class:`Grant` for the next access token: ``session.grant``, or one that you made from it with
        ``session.grant.replace(scopes=(…), claims={…})``. None refuses: the user has to sign in again. It
        can be a coroutine function. The session keeps its own grant: the next refresh starts from that again.

        Args:
            ask: gets the :class:`Session`, and returns a :class:`Grant` or None.

        Raises:
            TypeError: *ask* is not a function.
        """
        check_function("before_refresh", ask)
        self._callbacks.before_refresh = ask
        return ask
