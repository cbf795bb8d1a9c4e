"""The guard decorators in an application."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, g, request
from flask.testing import FlaskClient

from flask_tokenauth import (
    AuthError,
    SettingsError,
    TokenAuth,
    create_token,
    login_optional,
    login_required,
    public,
    require_scope,
)

from ..conftest import MakeApp, Mint, bearer
from .kinds_kit import over_kinds


@over_kinds
def test_a_guard_above_the_route_decorator_guards_too(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    @require_scope("admin")
    @login_required
    @app.get("/above")
    def above() -> str:
        return "open"

    client = app.test_client()

    assert client.get("/above").status_code == 401
    assert client.get("/above", headers=bearer(mint())).status_code == 403
    assert client.get("/above", headers=bearer(mint(scope="admin"))).text == "open"


@over_kinds
def test_guards_above_and_below_add_up(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    @require_scope("a")
    @app.get("/both")
    @require_scope("b")
    def both() -> str:
        return "open"

    client = app.test_client()

    assert client.get("/both", headers=bearer(mint(scope="a"))).status_code == 403
    assert client.get("/both", headers=bearer(mint(scope="b"))).status_code == 403
    assert client.get("/both", headers=bearer(mint(scope="a b"))).status_code == 200


@over_kinds
def test_any_of_needs_one_of_several_scopes(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    @app.get("/any")
    @require_scope("a", any_of=["b", "c"])
    def any_of() -> str:
        return "open"

    client = app.test_client()

    assert client.get("/any", headers=bearer(mint(scope="a c"))).status_code == 200
    refused = client.get("/any", headers=bearer(mint(scope="a")))
    assert (refused.status_code, refused.json) == (
        403,
        {
            "error": "insufficient_scope",
            "error_description": "The access token lacks a scope that is needed here.",
            "scope": "b c",
        },
    )


def test_a_guard_keeps_name_and_docstring() -> None:
    def view() -> str:
        """Answer."""
        return "open"

    guarded = login_required(view)

    assert (guarded.__name__, guarded.__doc__) == ("view", "Answer.")
    assert view() == "open"


@pytest.mark.parametrize("scopes", [(), ("",), ("a b",), ('a"',)])
def test_require_scope_without_a_scope_raises_at_import(scopes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="scope"):
        require_scope(*scopes)


@pytest.mark.parametrize("scopes", [(None,), (["a", "b"],), (1,)])
def test_require_scope_with_another_type_raises_at_import(scopes: Any) -> None:
    with pytest.raises(TypeError, match="scopes must be strings"):
        require_scope(*scopes)


def test_require_scope_without_parentheses_shows_the_right_form() -> None:
    """Without this error, the decorator would take the view as a scope and guard nothing."""
    with pytest.raises(TypeError, match=r'called with a scope: @require_scope\("reports:read"\)'):
        require_scope(lambda: "open")  # type: ignore[arg-type]  # the error under test


@pytest.mark.parametrize("form", ["bare", "called"])
@pytest.mark.parametrize(
    ("opening", "status"), [(login_required, (401, 401)), (login_optional, (200, 401)), (public, (200, 200))]
)
def test_guards_work_with_empty_parentheses(
    make_app: MakeApp, opening: Any, form: str, status: tuple[int, int]
) -> None:
    app = make_app(TOKENAUTH_DEFAULT_GUARD="login_required")
    view = (opening() if form == "called" else opening)(lambda: "open")
    app.add_url_rule("/view", view_func=view, endpoint="view")

    answers = [app.test_client().get("/view", headers=headers) for headers in ({}, bearer("forged"))]

    assert tuple(answer.status_code for answer in answers) == status


@pytest.mark.parametrize("any_of", [[], (), frozenset(), iter(())], ids=["list", "tuple", "set", "iterator"])
def test_any_of_refuses_an_empty_collection(any_of: Any) -> None:
    """Otherwise a list that came out empty would open the view to more users."""
    mistake = r"^any_of must have at least one scope, got none: leave it out$"
    with pytest.raises(ValueError, match=mistake):
        require_scope("a", any_of=any_of)
    with pytest.raises(ValueError, match=mistake):
        TokenAuth().protect(Blueprint("b", __name__), any_of=any_of)


def test_any_of_refuses_what_is_no_collection() -> None:
    scopes: Any = 5

    with pytest.raises(TypeError, match=r"^any_of must be a list of strings, got int: any_of=\[.reports:read.\]$"):
        require_scope("a", any_of=scopes)


def test_any_of_may_be_none() -> None:
    require_scope("a", any_of=None)


def test_any_of_refuses_a_single_string() -> None:
    with pytest.raises(TypeError, match="any_of must be a list of strings"):
        require_scope("a", any_of="abc")


def test_a_guarded_function_checks_the_token_if_the_hook_did_not_run(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    @login_required
    def view() -> str:
        return "open"

    with app.test_request_context(headers=bearer(mint())):
        assert view() == "open"
    with app.test_request_context(), pytest.raises(Exception, match="401"):
        view()


@over_kinds
def test_a_guarded_coroutine_function_stays_a_coroutine_function(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    @require_scope("reports:read")
    async def view(name: str) -> str:
        return f"open to {name}"

    assert asyncio.iscoroutinefunction(view)
    with app.test_request_context(headers=bearer(mint())):
        assert asyncio.run(view(name="alice")) == "open to alice"
    with app.test_request_context(), pytest.raises(Exception, match="401"):
        asyncio.run(view(name="alice"))


def test_a_guard_without_the_extension_names_init_app() -> None:
    app = Flask("bare")

    app.add_url_rule("/", view_func=login_required(lambda: "open"))
    app.testing = True
    with pytest.raises(SettingsError, match=r"call TokenAuth\(app\) or auth.init_app\(app\)"):
        app.test_client().get("/")
    with app.app_context(), pytest.raises(SettingsError, match="init_app"):
        create_token("alice")


@over_kinds
@pytest.mark.parametrize("position", [0, 1], ids=["before the extension", "after the extension"])
def test_a_hook_of_the_application_cannot_open_a_guard(
    app: Flask, client: FlaskClient, mint: Mint, position: int
) -> None:
    """The hook writes an administrator to ``g``."""

    def foreign_hook() -> None:
        g.user_id, g.scopes, g.token = "admin", frozenset({"admin", "reports:read"}), object()
        seen.append(request.path)

    seen: list[str] = []
    app.before_request_funcs[None].insert(position, foreign_hook)
    app.add_url_rule("/hidden", view_func=hide(require_scope("admin")(lambda: "open")))

    assert client.get("/me").status_code == 401
    assert client.get("/hidden").status_code == 401
    assert client.get("/hidden", headers=bearer(mint())).status_code == 403
    assert client.get("/hidden", headers=bearer(mint(scope="admin"))).text == "open"
    assert "/hidden" in seen


def hide(view: Callable[[], str]) -> Callable[[], str]:
    """Wrap *view* without ``functools.wraps``: the hook finds no mark, but the guard still guards."""
    return lambda: view()  # noqa: PLW0108


def test_a_view_that_overwrites_g_opens_no_other_view(app: Flask, client: FlaskClient) -> None:
    @app.get("/evil")
    def evil() -> str:
        g.user_id, g.scopes = "admin", frozenset({"reports:read"})
        return f"{app.ensure_sync(app.view_functions['reports'])()}"

    assert client.get("/evil").status_code == 401


@over_kinds
def test_a_hook_that_changes_the_header_changes_nothing(app: Flask, client: FlaskClient, mint: Mint) -> None:
    def foreign_hook() -> None:
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer {mint()}"

    app.before_request(foreign_hook)
    app.add_url_rule("/hidden", view_func=hide(login_required(lambda: "open")))

    assert client.get("/hidden").status_code == 401


def test_a_request_that_satisfied_a_guard_does_not_satisfy_it_in_another_application(
    make_app: MakeApp, mint: Mint
) -> None:
    other = make_app("other", TOKENAUTH_ISSUER="https://other.example")
    shared: Callable[[], str] = login_required(lambda: "served")

    @login_required
    def view() -> str:
        with other.app_context(), pytest.raises(AuthError):
            shared()
        return shared()

    app = make_app()
    app.add_url_rule("/x", view_func=view)

    assert app.test_client().get("/x", headers=bearer(mint())).text == "served"
