"""A request without a token learns from the challenge which scopes the route requires (RFC 6750 section 3)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_tokenauth import TokenAuth, login_required, require_scope

from ..authentication.challenges import Challenge
from ..conftest import ISSUER, NOW, MakeApp, Mint
from ..wsgi_kit import call
from .kit import hide, leave, make_view

BARE = Challenge("Bearer", {"realm": ISSUER})


def naming(scope: str) -> Challenge:
    """Return the challenge with these scopes. It has no error code (RFC 6750 section 3.1)."""
    return Challenge("Bearer", {"realm": ISSUER, "scope": scope})


def add(app: Flask, guard: Callable[[Any], Any], rule: str = "/x", wrap: Callable[[Any], Any] = leave) -> Flask:
    app.add_url_rule(rule, view_func=wrap(guard(make_view())), endpoint="x", methods=["GET", "OPTIONS"])
    return app


@pytest.mark.parametrize("wrap", [leave, hide], ids=["by the hook", "by the wrapper"])
@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        pytest.param(require_scope("a"), naming("a"), id="one"),
        pytest.param(require_scope("b", "a"), naming("b a"), id="all"),
        pytest.param(require_scope(any_of=("b", "a")), naming("b a"), id="alternatives"),
        pytest.param(require_scope("a", any_of=("b", "c")), naming("a"), id="all before alternatives"),
        pytest.param(login_required, BARE, id="login"),
        pytest.param(login_required(max_age=60), BARE, id="recent login"),
    ],
)
def test_the_scopes_of_the_guard_are_named(
    make_app: MakeApp, guard: Callable[[Any], Any], expected: Challenge, wrap: Callable[[Any], Any]
) -> None:
    answer = call(add(make_app(), guard, wrap=wrap), "/x")

    assert (answer.status, answer.challenge) == (401, expected)
    assert answer.body == {"error": "unauthorized", "error_description": "Authentication is required."}


@pytest.mark.parametrize("authorization", ["Basic YTpi", "a.b.c"])
def test_the_scopes_are_named_to_another_scheme_too(make_app: MakeApp, authorization: str) -> None:
    assert call(add(make_app(), require_scope("a")), "/x", authorization).challenge == naming("a")


@pytest.mark.parametrize("token", [lambda mint: "x.y.z", lambda mint: mint(exp=NOW - 60)], ids=["garbage", "expired"])
def test_the_scopes_are_not_named_to_a_bad_token(make_app: MakeApp, mint: Mint, token: Callable[[Mint], str]) -> None:
    answer = call(add(make_app(), require_scope("a")), "/x", f"Bearer {token(mint)}")

    assert answer.status == 401
    assert "scope" not in answer.challenge.parameters


@pytest.mark.parametrize(("path", "expected"), [("/x/42", naming("p:42:write")), ("/x/a b", BARE), ('/x/a"', BARE)])
def test_a_placeholder_is_filled_unless_no_scope_can_have_its_value(
    make_app: MakeApp, path: str, expected: Challenge
) -> None:
    app = add(make_app(), require_scope("p:{project}:write"), "/x/<project>")

    assert call(app, path).challenge == expected


def test_a_scope_with_a_bad_placeholder_is_left_out_alone(make_app: MakeApp) -> None:
    app = add(make_app(), require_scope("p:{project}:write", "admin"), "/x/<project>")

    assert call(app, "/x/a b").challenge == naming("admin")


def test_a_scope_is_named_as_the_guard_has_it_and_not_as_others_imply_it(make_app: MakeApp) -> None:
    app = add(make_app(TOKENAUTH_SCOPES={"all": {"implies": ["a"]}, "a": {}}), require_scope("a"))

    assert call(app, "/x").challenge == naming("a")


def test_the_scopes_of_all_guards_of_the_route_are_named(make_app: MakeApp) -> None:
    auth = TokenAuth()
    inner, outer = Blueprint("inner", __name__), Blueprint("outer", __name__)
    auth.protect(inner, "b", "a")
    auth.protect(outer, "c")
    inner.add_url_rule("/x", view_func=require_scope("a")(make_view()))
    outer.register_blueprint(inner)
    app = make_app(auth=auth)
    app.register_blueprint(outer)

    assert call(app, "/x").challenge == naming("a b c")


def test_the_alternatives_of_a_guard_are_left_out_if_another_guard_needs_a_scope(make_app: MakeApp) -> None:
    auth = TokenAuth()
    blueprint = Blueprint("api", __name__)
    auth.protect(blueprint, "api")
    blueprint.add_url_rule("/x", view_func=require_scope(any_of=("a", "b"))(make_view()))
    app = make_app(auth=auth)
    app.register_blueprint(blueprint)

    assert call(app, "/x").challenge == naming("api")


def test_options_that_the_view_answers_itself_get_the_scopes_too(make_app: MakeApp) -> None:
    assert call(add(make_app(), require_scope("a")), "/x", method="OPTIONS").challenge == naming("a")


def test_a_function_that_asks_for_the_caller_names_no_scope(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth)
    app.add_url_rule("/id", view_func=lambda: str(auth.user_id), endpoint="id")

    assert call(app, "/id").challenge == BARE


LONGEST = 1023  # characters of a scope: with the space after it, 1024 fit into a challenge


@pytest.mark.parametrize(("length", "is_named"), [(LONGEST - 1, True), (LONGEST, True), (LONGEST + 1, False)])
@pytest.mark.parametrize("scopes", [None, "other"], ids=["no token", "another scope"])
def test_a_value_of_the_url_does_not_make_the_challenge_long(
    make_app: MakeApp, mint: Mint, scopes: str | None, length: int, is_named: Any
) -> None:
    """nginx takes the server for broken if its headers have more than 4096 bytes."""
    app = add(make_app(), require_scope("p:{value}", "a"), "/x/<value>")
    value = "v" * (length - len("p:"))

    answer = call(app, f"/x/{value}", None if scopes is None else f"Bearer {mint(scope=scopes)}")

    assert answer.challenge.parameters["scope"] == (f"p:{value}" if is_named else "a")
