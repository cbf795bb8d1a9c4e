"""``auth.allows``: whether the token of the current request has scopes."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth, login_optional

from ..conftest import NOW, MakeApp, Mint, bearer

DECLARED = {
    "TOKENAUTH_SCOPES": {
        "reports:read": "Read reports",
        "reports:write": {"description": "Write reports", "implies": ["reports:read"]},
        "admin": {"description": "Do everything", "implies": ["reports:write", "projects:{project_id}:own"]},
        "projects:{project_id}:own": {"description": "Own", "implies": ["projects:{project_id}:write"]},
        "projects:{project_id}:write": "Write",
    }
}
Asking = Callable[..., Any]


@pytest.fixture
def asking(make_app: MakeApp, mint: Mint) -> Asking:
    """Return a function that asks within a request whose token has the scopes *held*, separated by spaces."""

    def ask(*scopes: Any, held: str, config: dict[str, Any] | None = None, **options: Any) -> bool:
        auth: TokenAuth[str] = TokenAuth()
        app = make_app(auth=auth, **(config or {}))
        with app.test_request_context(headers=bearer(mint(scope=held))):
            return auth.allows(*scopes, **options)

    return ask


@pytest.mark.parametrize(
    ("scopes", "any_of", "held", "expected"),
    [
        (["a"], None, "a", True),
        (["a"], None, "a b", True),
        (["a"], None, "b", False),
        (["a"], None, "", False),
        (["a"], None, "A a:b", False),
        (["a", "b"], None, "b a", True),
        (["a", "b"], None, "a", False),
        ([], ["a", "b"], "b", True),
        ([], ["a", "b"], "c", False),
        (["a"], ["b", "c"], "a c", True),
        (["a"], ["b", "c"], "a", False),
        (["a"], ["b", "c"], "b c", False),
        ([], ("b", "a"), "a", True),
    ],
)
def test_the_token_has_all_of_the_scopes_and_one_of_the_others(
    asking: Asking, scopes: list[str], any_of: list[str] | None, held: str, expected: Any
) -> None:
    assert asking(*scopes, any_of=any_of, held=held) is expected


@pytest.mark.parametrize(
    "headers",
    [
        lambda mint: {},
        lambda mint: bearer("x.y.z"),
        lambda mint: bearer("a b"),
        lambda mint: bearer(mint(scope="a", exp=NOW - 60)),
        lambda mint: {"Authorization": "Basic YTpi"},
    ],
)
def test_without_a_good_token_nothing_is_allowed(
    make_app: MakeApp, mint: Mint, headers: Callable[[Mint], dict[str, str]]
) -> None:
    auth: TokenAuth[str] = TokenAuth()

    with make_app(auth=auth).test_request_context(headers=headers(mint)):
        assert auth.allows("a") is False


def test_a_view_may_ask(make_app: MakeApp, mint: Mint, caplog: pytest.LogCaptureFixture) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth)
    app.add_url_rule("/x", view_func=login_optional(lambda: {"editable": auth.allows("write")}), endpoint="x")
    client = app.test_client()

    with caplog.at_level("INFO", "flask_tokenauth"):
        answers = [client.get("/x", headers=headers).json for headers in ({}, bearer(mint(scope="write")))]

    assert answers == [{"editable": False}, {"editable": True}]
    assert caplog.messages == []


# Declared scopes


@pytest.mark.parametrize(
    ("scope", "held", "expected"),
    [
        ("reports:read", "reports:read", True),
        ("reports:read", "reports:write", True),
        ("reports:read", "admin", True),
        ("reports:write", "reports:read", False),
        ("projects:7:write", "projects:7:write", True),
        ("projects:7:write", "projects:7:own", True),
        ("projects:7:write", "admin", True),
        ("projects:7:write", "projects:8:own", False),
        ("projects:7:own", "projects:7:write", False),
        ("projects:7:write", "projects:{project_id}:write", False),
        ("tokenauth:introspect", "tokenauth:introspect", True),
    ],
)
def test_declared_scopes_imply_others(asking: Asking, scope: str, held: str, expected: Any) -> None:
    assert asking(scope, held=held, config=DECLARED) is expected
    assert asking(any_of=["tokenauth:introspect", scope], held=held, config=DECLARED) is expected


@pytest.mark.parametrize("value", ["7:own", "a b", "*", "", "é", "7\n", "{x}", "a/b", '"', "7:write projects:8"])
def test_a_value_that_no_scope_can_have_is_not_allowed(asking: Asking, value: str) -> None:
    """It may come from the client, so it is no error of the application. As a guard, it refuses."""
    assert asking(f"projects:{value}:write", held="admin projects:7:own", config=DECLARED) is False


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (
            "reports:reed",
            "scope reports:reed is not declared in TOKENAUTH_SCOPES: declare it, or did you mean reports:read?",
        ),
        (
            "project:7:write",
            "scope project:7:write is not declared in TOKENAUTH_SCOPES: "
            "declare it, or did you mean projects:{project_id}:write?",
        ),
        ("x", "scope x is not declared in TOKENAUTH_SCOPES: declare it, or correct its name"),
    ],
)
@pytest.mark.parametrize("headers", [{}, bearer("x.y.z")])
def test_a_scope_that_is_not_declared_is_an_error_for_every_caller(
    make_app: MakeApp, headers: dict[str, str], scope: str, message: str
) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth, **DECLARED)

    with app.test_request_context(headers=headers), pytest.raises(ValueError) as caught:  # noqa: PT011  # compared
        auth.allows("reports:read", any_of=[scope])

    assert str(caught.value) == message


# Mistakes


@pytest.mark.parametrize("config", [{}, DECLARED], ids=["not declared", "declared"])
def test_a_placeholder_without_a_value_is_an_error(asking: Asking, config: dict[str, Any]) -> None:
    """It is not filled from the URL, as in a guard: code may run for more than one object."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # compared
        asking("projects:{project_id}:write", held="admin", config=config)

    assert str(caught.value) == (
        "scope projects:{project_id}:write needs a value for project_id: "
        'allows("projects:{project_id}:write", project_id=…)'
    )


@pytest.mark.parametrize("config", [{}, DECLARED], ids=["not declared", "declared"])
@pytest.mark.parametrize("value", [7, "7", UUID(int=7)], ids=["int", "string", "UUID"])
def test_a_placeholder_gets_its_value_by_name(asking: Asking, config: dict[str, Any], value: Any) -> None:
    scope = "projects:{project_id}:write"

    assert asking(scope, project_id=value, held=f"projects:{value}:write", config=config) is True
    assert asking(any_of=[scope], project_id=value, held=f"projects:{value}:write", config=config) is True
    assert asking(scope, project_id=value, held="projects:8:write", config=config) is False


def test_a_scope_with_a_value_is_implied_by_others(asking: Asking) -> None:
    ask = partial(asking, "projects:{project_id}:write", project_id=7, config=DECLARED)

    assert [ask(held=held) for held in ("admin", "projects:7:own", "projects:8:own")] == [True, True, False]


@pytest.mark.parametrize("config", [{}, DECLARED], ids=["not declared", "declared"])
@pytest.mark.parametrize("value", ["7:own", "a b", "*", "", "é", "7\n", "{x}", "{project_id}", '"'])
def test_a_value_of_a_client_is_one_segment_or_is_not_allowed(
    asking: Asking, config: dict[str, Any], value: str
) -> None:
    held = "projects:7:own projects:7:own:write"

    assert asking("projects:{project_id}:write", project_id=value, held=held, config=config) is False


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"project_id": True}, "the value for project_id must be a string, an int or a UUID, got bool"),
        ({"project_id": None}, "the value for project_id must be a string, an int or a UUID, got NoneType"),
        ({"project_id": 7, "projekt": 7}, "allows got a value for projekt, which no scope has as a placeholder"),
    ],
)
def test_a_wrong_value_for_a_placeholder_is_an_error(asking: Asking, values: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        asking("projects:{project_id}:write", held="admin", **values)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("scopes", "options", "message"),
    [
        ([["a", "b"]], {}, "scopes must be strings, got list: pass them separately"),
        ([None], {}, "scopes must be strings, got NoneType"),
        ([], {"any_of": [1]}, "scopes must be strings, got int"),
        ([], {"any_of": "abc"}, 'any_of must be a list of strings, got a string: any_of=["abc"]'),
        (["reports:read"], {"any_of": 1}, 'any_of must be a list of strings, got int: any_of=["reports:read"]'),
    ],
)
@pytest.mark.parametrize("config", [{}, DECLARED], ids=["not declared", "declared"])
def test_other_types_are_errors(
    asking: Asking, scopes: list[Any], options: dict[str, Any], message: str, config: dict[str, Any]
) -> None:
    with pytest.raises(TypeError) as caught:
        asking(*scopes, held="a", config=config, **options)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("scope", ["", "a b", 'a"', "é"])
def test_a_scope_that_breaks_the_grammar_is_an_error(asking: Asking, scope: str) -> None:
    with pytest.raises(ValueError, match="a scope must be printable ASCII"):
        asking(scope, held="a")


def test_without_a_scope_the_error_names_get_token(asking: Asking) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # compared
        asking(held="a")

    assert str(caught.value) == "allows needs a scope: name one, or use get_token() to find out if there is a user"


@pytest.mark.parametrize("any_of", [[], (), iter(())])
def test_an_empty_any_of_is_an_error(asking: Asking, any_of: Any) -> None:
    """It may be a list that came out empty. Then all users would be allowed, or none."""
    with pytest.raises(ValueError, match=r"^any_of must have at least one scope, got none: leave it out$"):
        asking("a", held="a", any_of=any_of)


def test_it_needs_a_request(make_app: MakeApp) -> None:
    auth: TokenAuth[str] = TokenAuth()

    with make_app(auth=auth).app_context(), pytest.raises(RuntimeError, match="needs a request, and there is none"):
        auth.allows("a")


def test_it_needs_an_application() -> None:
    with pytest.raises(RuntimeError, match="needs an application context"):
        TokenAuth().allows("a")


def test_it_needs_the_extension() -> None:
    with Flask("bare").test_request_context(), pytest.raises(SettingsError, match="init_app"):
        TokenAuth().allows("a")
