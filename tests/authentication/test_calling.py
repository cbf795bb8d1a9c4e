"""Functions of the application that return an awaitable, which Flask does not wait for."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import pytest

from flask_tokenauth import TokenAuth, login_required

from ..conftest import MakeApp, Mint, bearer


class AsyncCheck:
    """An object whose method is a coroutine function: Flask sees only an object."""

    async def __call__(self, argument: object) -> Any:
        """Never run: nothing waits for it."""


def hide(function: Callable[[Any], Awaitable[bool]]) -> Any:
    """Decorate a coroutine function with one that is none."""

    @wraps(function)
    def ordinary(argument: object) -> Any:
        return function(argument)

    return ordinary


async def never(argument: object) -> Any:
    """Never run: nothing waits for it."""


class Later:
    """An awaitable that is no coroutine."""

    def __await__(self) -> Any:
        """Never run: nothing waits for it."""


AWAITABLE = {"object": AsyncCheck(), "hidden": hide(never), "awaitable": lambda argument: Later()}
returning_awaitables = pytest.mark.parametrize("function", AWAITABLE.values(), ids=AWAITABLE)


@returning_awaitables
def test_an_awaitable_does_not_count_as_an_accepted_token(make_app: MakeApp, mint: Mint, function: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.token_check(function)
    app = make_app(auth=auth, TESTING=False)
    app.add_url_rule("/", view_func=login_required(lambda: "hello"))

    assert app.test_client().get("/", headers=bearer(mint())).status_code == 500


@returning_awaitables
def test_an_awaitable_does_not_count_as_a_user(make_app: MakeApp, mint: Mint, function: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(function)
    app = make_app(auth=auth, TESTING=False)
    app.add_url_rule("/", view_func=login_required(load_user=True)(lambda: "hello"))

    assert app.test_client().get("/", headers=bearer(mint())).status_code == 500


def test_the_error_names_the_decorator(make_app: MakeApp, mint: Mint, caplog: pytest.LogCaptureFixture) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.token_check(hide(never))
    app = make_app(auth=auth, TESTING=False)
    app.add_url_rule("/", view_func=login_required(lambda: "hello"))

    app.test_client().get("/", headers=bearer(mint()))

    assert "the function of token_check must be written with async def itself" in caplog.text
