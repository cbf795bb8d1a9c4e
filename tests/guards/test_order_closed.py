"""Code that replaces, wraps, removes or repeats the steps of a request opens no guarded view."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g

from flask_tokenauth import AuthError, SettingsError, TokenAuth

from ..conftest import CONFIG, NOW, MakeApp, Mint, bearer
from ..test_cost import Calls
from .kinds_kit import over_kinds
from .kit import CLOSED, make_view
from .order_kit import GUARDINGS, Served, each_guarding, serve

Prepare = Callable[[Served], object]


def statuses(served: Served, mint: Mint, path: str = "/x") -> list[int]:
    """Return the status without a token and with a good one."""
    return [served.get(token, path).status_code for token in (None, mint())]


# app.preprocess_request


@over_kinds
@pytest.mark.parametrize("hooks", [(), (lambda: None,)], ids=["no hook", "a hook"])
@pytest.mark.parametrize("before", [0, 1], ids=["before the first request", "after it"])
@each_guarding
def test_a_replaced_preprocess_request_opens_nothing(
    make_app: MakeApp, mint: Mint, guarding: str, *, good: int, before: int, hooks: Any
) -> None:
    served = serve(make_app, *hooks, guarding=guarding)
    for _ in range(before):
        served.get()

    served.app.preprocess_request = lambda: Flask.preprocess_request(served.app)  # type: ignore[method-assign]

    assert statuses(served, mint) == [401, good]


@pytest.mark.slow
@over_kinds
@pytest.mark.parametrize("hooks", [(), (lambda: "answered",)], ids=["no hook", "a hook that answers"])
@pytest.mark.parametrize("before", [0, 1], ids=["before the first request", "after it"])
@each_guarding
def test_a_wrapped_preprocess_request_opens_nothing(
    make_app: MakeApp, mint: Mint, guarding: str, *, good: int, before: int, hooks: Any
) -> None:
    served = serve(make_app, *hooks, guarding=guarding)
    for _ in range(before):
        served.get()
    wrapped = served.app.preprocess_request

    served.app.preprocess_request = lambda: served.note("wrapper", wrapped())  # type: ignore[method-assign]

    assert statuses(served, mint) == [401, good]
    assert statuses(served, mint) == [401, good]
    assert vars(served.app)["preprocess_request"] is not wrapped


class Eager(Flask):
    """An application whose class answers some requests before their hooks run."""

    answered = 0  # requests that are left to the hooks

    def preprocess_request(self) -> Any:
        self.answered -= 1
        return super().preprocess_request() if self.answered >= 0 else "answered"


class Late(Flask):
    """An application whose class answers after the hooks."""

    def preprocess_request(self) -> Any:
        return super().preprocess_request() or "answered"


class Careless(Flask):
    """An application whose class runs no hooks."""

    def preprocess_request(self) -> Any:
        return None


@pytest.mark.parametrize("after", [0, 1], ids=["the first request", "a later request"])
@pytest.mark.parametrize("cls", [Eager, Late, Careless])
def test_an_overridden_preprocess_request_opens_nothing(cls: type[Flask], after: int, mint: Mint) -> None:
    app = cls("tests")
    app.config |= CONFIG | CLOSED
    TokenAuth(app)
    app.extensions["tokenauth"].clock = lambda: NOW
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")
    client = app.test_client()
    vars(app)["answered"] = after
    for _ in range(after):
        client.get("/x", headers=bearer(mint()))

    assert client.get("/x").status_code == 401
    assert client.get("/x", headers=bearer(mint())).text in ("answered", "served")


@pytest.mark.parametrize("hooks", [(), (lambda: None,)], ids=["no hook", "a hook"])
@pytest.mark.parametrize("before", [0, 1], ids=["before the first request", "after it"])
@each_guarding
def test_preprocess_request_refuses_in_a_context_of_a_test(
    make_app: MakeApp, mint: Mint, guarding: str, before: int, hooks: Any
) -> None:
    served = serve(make_app, *hooks, guarding=guarding)
    for _ in range(before):
        served.get()

    with served.app.test_request_context("/x"), pytest.raises(AuthError):
        served.app.preprocess_request()
    with served.app.test_request_context("/x", headers=bearer(mint())):
        assert served.app.preprocess_request() is None
        assert g.user_id == "alice"


# The list of hooks


@over_kinds
@each_guarding
def test_nothing_is_open_if_our_hook_is_removed_after_the_first_request(
    make_app: MakeApp, mint: Mint, guarding: str, good: int
) -> None:
    served = serve(make_app, guarding=guarding)
    served.get()

    served.app.before_request_funcs.clear()

    assert statuses(served, mint) == [401, good]


@pytest.mark.parametrize("where", ["the list", "all lists"])
@each_guarding
def test_nothing_is_open_without_our_hook(make_app: MakeApp, guarding: str, where: str) -> None:
    served = serve(make_app, guarding=guarding)
    lists: Any = served.app.before_request_funcs

    (lists if where == "all lists" else lists[None]).clear()

    with pytest.raises(SettingsError, match="the hook of TokenAuth was removed"):
        served.get()
    served.app.testing = False
    assert served.get().status_code == 500
    assert served.events == []


def append_late(served: Served, hook: Callable[[], Any]) -> None:
    served.app.before_request_funcs[None].append(hook)


@over_kinds
@each_guarding
def test_an_answer_of_a_hook_added_after_the_first_request_needs_a_token(
    make_app: MakeApp, mint: Mint, guarding: str, good: int
) -> None:
    served = serve(make_app, guarding=guarding)
    served.get()

    append_late(served, lambda: "answered")

    assert statuses(served, mint) == [401, good]


@pytest.mark.parametrize("hooks", [(), (lambda: None,)], ids=["no hook", "a hook"])
def test_a_hook_added_after_the_first_request_runs_before_the_refusal(make_app: MakeApp, hooks: Any) -> None:
    served = serve(make_app, *hooks)
    served.get()

    append_late(served, lambda: ("too many", 429))

    assert served.get().status_code == 429


@over_kinds
def test_a_hook_put_before_ours_needs_a_token_too(make_app: MakeApp, mint: Mint) -> None:
    served = serve(make_app)

    served.app.before_request_funcs[None].insert(0, lambda: served.note(f"hook {g.user_id}", "answered"))

    assert statuses(served, mint) == [401, 200]
    assert served.events == ["hook None", "hook alice"]


# Applications without hooks pay nothing: Flask does not look for hooks either


def is_spared(served: Served, token: str) -> bool:
    """Return whether a request goes without the method of Flask that calls hooks."""
    with Calls() as calls:
        assert served.get(token).status_code == 200
    return calls["Flask.preprocess_request"] == 0


@pytest.mark.parametrize("guarding", GUARDINGS)
def test_an_application_without_hooks_is_spared(make_app: MakeApp, mint: Mint, guarding: str) -> None:
    """``auth.protect`` puts a hook of its own on the blueprint, which does not count."""
    served = serve(make_app, guarding=guarding)

    assert statuses(served, mint) == [401, 200]
    assert is_spared(served, mint())
    assert statuses(served, mint) == [401, 200]


def no_preprocessor(endpoint: str | None, values: dict[str, Any] | None) -> None:
    pass


ADDITIONS: dict[str, Prepare] = {
    "hook": lambda served: served.app.before_request(lambda: None),
    "preprocessor": lambda served: served.app.url_value_preprocessor(no_preprocessor),
    "hook of a blueprint": lambda served: served.app.before_request_funcs.update({"bp": [lambda: None]}),
    "preprocessor of a blueprint": lambda served: served.app.url_value_preprocessors.update({"bp": [no_preprocessor]}),
}


@pytest.mark.parametrize("add", ADDITIONS.values(), ids=ADDITIONS)
@pytest.mark.parametrize("guarding", GUARDINGS)
def test_an_application_with_a_hook_is_not_spared(make_app: MakeApp, mint: Mint, add: Prepare, guarding: str) -> None:
    served = serve(make_app, guarding=guarding)
    add(served)

    assert statuses(served, mint) == [401, 200]
    assert not is_spared(served, mint())
    assert statuses(served, mint) == [401, 200]


def test_the_first_request_may_have_no_route(make_app: MakeApp, mint: Mint) -> None:
    served = serve(make_app, guarding="default guard")

    assert served.get(path="/nowhere").status_code == 404
    assert statuses(served, mint) == [401, 200]


def test_a_context_of_a_test_may_come_before_the_first_hook(make_app: MakeApp) -> None:
    """Flask takes hooks until it has served a request. A request that was only preprocessed does not count."""
    served = serve(make_app)
    with served.app.test_request_context("/open"):
        served.app.preprocess_request()

    served.app.before_request(lambda: "answered")

    assert served.get().status_code == 401
