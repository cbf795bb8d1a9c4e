"""Ask the application about the scopes that an API key has now: ``api_key_check``."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from ..core.errors import SettingsError
from ..core.lookup_errors import ApiKeyRejected
from ..core.opaque.looked_up_tokens import ApiKeyToken
from ..core.tokens.scopes import format_scope
from ..core.tokens.token_cache import TokenCache
from .callbacks import Callbacks
from .calling import call_function

_INTERVAL = 60.0  # seconds for which an answer counts
_MOST = 10_000  # answers that are remembered

_Answer = tuple[float, frozenset[str] | None]  # when it was asked for, and the scopes; None: refused


class ApiKeyChecks:
    """Narrows API keys, or refuses them, as the application says. It is asked at most once a minute about each key.

    Args:
        app: the application.
        callbacks: its functions.
        monotonic: returns seconds that always rise, from any start.
        are_implied: returns whether some scopes imply all of some others.
    """

    def __init__(
        self,
        app: Flask,
        callbacks: Callbacks,
        *,
        monotonic: Callable[[], float],
        are_implied: Callable[[Iterable[str], Iterable[str]], bool],
    ) -> None:
        self._app = app
        self._callbacks = callbacks
        self._monotonic = monotonic
        self._are_implied = are_implied
        self._answers: TokenCache[_Answer] = TokenCache(_MOST)

    def narrow(self, token: ApiKeyToken, user_id: Any) -> ApiKeyToken:
        """Return *token* with the scopes that its key has now.

        Args:
            token: of a live API key.
            user_id: its user, as the application knows it.

        Raises:
            ApiKeyRejected: the application refuses the key.
            SettingsError: ``api_key_check`` returned something else than some of the scopes of the key, or None.
        """
        check = self._callbacks.check_api_key
        if check is None:
            return token
        asked_at = self._monotonic()
        answer = self._answers.find(token.api_key.id)
        if answer is None or asked_at - answer[0] >= _INTERVAL:
            scopes = self._ask(check, token, user_id)
            self._answers.keep(token.api_key.id, (asked_at, scopes))
        else:
            scopes = answer[1]
        if scopes is None:
            raise ApiKeyRejected
        return token if scopes == token.scopes else token.narrowed(sorted(scopes))

    def _ask(self, check: Callable[[Any, Any], Any], token: ApiKeyToken, user_id: Any) -> frozenset[str] | None:
        key = token.api_key
        answer = call_function(self._app, "api_key_check", check, user_id, key)
        if answer is None or answer is False:
            return None
        if isinstance(answer, str) or not isinstance(answer, Iterable):
            raise SettingsError(
                "api_key_check must return key.scopes, some of these scopes in a list, or None to refuse the key, got "
                f"{type(answer).__name__}"
            )
        try:
            scopes = format_scope(answer).split()
            is_narrower = self._are_implied(key.scopes, scopes)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"api_key_check must return scopes of the key in a list: {error}") from error
        if not is_narrower:
            raise SettingsError(
                "api_key_check must return scopes that the key has or that these imply, got others: it can take scopes "
                "from a key, and give none"
            )
        return frozenset(scopes)
