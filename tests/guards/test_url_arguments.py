"""Placeholders in scopes: the values that fill them, the values that are refused, and implied scopes with
placeholders.
"""

from typing import Any
from uuid import UUID

import pytest
from flask import Blueprint, Flask, request
from werkzeug.routing import BaseConverter

from flask_tokenauth import SettingsError, TokenAuth, require_scope

from ..conftest import MakeApp, Mint, bearer, whoami
from .kinds_kit import over_kinds
from .routes_kit import make_view, status


class Slug(BaseConverter):
    """A converter whose values are objects."""

    def to_python(self, value: str) -> object:
        return {"slug": value}

    def to_url(self, value: Any) -> str:
        return str(value["slug"])


def add_project_route(app: Flask, rule: str, **options: Any) -> Flask:
    guard = require_scope("projects:{project}:write")
    app.add_url_rule(rule, view_func=guard(make_view()), endpoint="x", **options)
    return app


@over_kinds
@pytest.mark.parametrize(
    ("rule", "path", "segment"),
    [
        ("/<project>", "/a.b-c_d~e", "a.b-c_d~e"),
        ("/<int:project>", "/42", "42"),
        ("/<int:project>", "/042", "42"),
        ("/<int(signed=True):project>", "/-42", "-42"),
        ("/<float:project>", "/1.5", "1.5"),
        ("/<uuid:project>", f"/{UUID(int=1)}", str(UUID(int=1))),
        ("/<any(a, b):project>", "/b", "b"),
        ("/<slug:project>", "/red", "red"),
        ("/<project>/more", "/x%2Dy/more", "x-y"),
    ],
)
def test_a_placeholder_stands_for_the_matched_part_of_the_url(
    make_app: MakeApp, mint: Mint, rule: str, path: str, segment: str
) -> None:
    app = make_app()
    app.url_map.converters["slug"] = Slug
    add_project_route(app, rule)

    assert status(app, path, mint(scope=f"projects:{segment}:write")) == 200
    refused = app.test_client().get(path, headers=bearer(mint(scope="projects:x:write")))
    assert refused.status_code == 403
    assert refused.get_json()["scope"] == f"projects:{segment}:write"


@over_kinds
@pytest.mark.parametrize(
    "value", ["a:b", "*", "a%20b", "%20", "%C3%A9", "%7Bproject%7D", "a%0Ab", "a%22", "%25", "a,b"]
)
def test_a_url_cannot_inject_a_scope(make_app: MakeApp, mint: Mint, value: str) -> None:
    app = add_project_route(make_app(), "/<project>")
    granted = "projects:*:write projects:a:write projects:{project}:write projects:a:b:write"

    answer = app.test_client().get(f"/{value}", headers=bearer(mint(scope=granted)))

    assert answer.status_code == 403
    assert "scope" not in answer.get_json()


@over_kinds
def test_a_slash_in_the_value_does_not_match_the_route(make_app: MakeApp, mint: Mint) -> None:
    app = add_project_route(make_app(), "/<project>")

    assert status(app, "/a/b", mint(scope="projects:a:write")) == 404
    assert status(app, "/", mint(scope="projects::write")) == 404


@over_kinds
def test_a_default_of_the_rule_fills_a_placeholder(make_app: MakeApp, mint: Mint) -> None:
    app = add_project_route(make_app(), "/mine", defaults={"project": 42})

    assert status(app, "/mine", mint(scope="projects:42:write")) == 200
    assert status(app, "/mine", mint(scope="projects:43:write")) == 403


@over_kinds
@pytest.mark.parametrize("value", [None, True, 1.5, ["a"]])
def test_a_default_that_is_not_a_string_or_integer_is_refused(make_app: MakeApp, mint: Mint, value: object) -> None:
    app = add_project_route(make_app(), "/all", defaults={"project": value})

    assert status(app, "/all", mint(scope=f"projects:{value}:write".replace(" ", "").replace("'", ""))) == 403


@over_kinds
def test_a_preprocessor_that_removes_the_argument_changes_nothing(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    api = Blueprint("api", __name__, url_prefix="/<project>")
    api.url_value_preprocessor(lambda endpoint, values: values.pop("project") if values else None)
    api.add_url_rule("/x", view_func=require_scope("projects:{project}:write")(make_view()), endpoint="x")
    app.register_blueprint(api)

    assert status(app, "/42/x", mint(scope="projects:42:write")) == 200
    assert status(app, "/43/x", mint(scope="projects:42:write")) == 403


@over_kinds
def test_the_argument_of_the_rule_counts_that_a_function_leads_the_request_to(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.add_url_rule("/old/<project>", view_func=make_view(), endpoint="old")
    app = add_project_route(app, "/new/<project>")

    @app.before_request
    def lead_on() -> None:
        [request.url_rule] = app.url_map.iter_rules("x")
        request.view_args = {"project": "7"}

    assert status(app, "/old/42", mint(scope="projects:42:write")) == 403
    assert status(app, "/old/42", mint(scope="projects:7:write")) == 200


@over_kinds
def test_a_placeholder_is_filled_if_the_hook_did_not_run(make_app: MakeApp, mint: Mint) -> None:
    app = add_project_route(make_app(), "/<project>")

    with app.test_request_context("/42", headers=bearer(mint(scope="projects:42:write"))):
        assert app.ensure_sync(app.view_functions["x"])(project="42") == "open"
    with (
        app.test_request_context("/43", headers=bearer(mint(scope="projects:42:write"))),
        pytest.raises(Exception, match="403"),
    ):
        app.ensure_sync(app.view_functions["x"])(project="42")
    with app.test_request_context("/a/b", headers=bearer(mint())), pytest.raises(Exception, match="403"):
        app.ensure_sync(app.view_functions["x"])(project="42")


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [
        (
            "/<path:project>",
            "/<path:project>: scope projects:{project}:write names project, which may match several",
        ),
        (
            "/x",
            "/x: scope projects:{project}:write names project, which the rule does not have: its arguments are none",
        ),
        (
            "/<other>",
            "/<other>: scope projects:{project}:write names project, which the rule does not have: its "
            "arguments are other",
        ),
    ],
)
def test_a_placeholder_without_a_usable_argument_raises(make_app: MakeApp, rule: str, mistake: str) -> None:
    auth = TokenAuth()
    app = add_project_route(make_app(auth=auth), rule)
    app.add_url_rule("/open", view_func=make_view(), endpoint="open")

    with pytest.raises(SettingsError) as caught:
        auth.check(app)
    assert mistake in str(caught.value)
    with pytest.raises(SettingsError):
        status(app, "/open")
    with pytest.raises(SettingsError):
        status(app, "/open")


@over_kinds
def test_a_declared_scope_grants_the_scopes_that_it_implies(make_app: MakeApp, mint: Mint) -> None:
    scopes = {"admin": {"implies": ["projects:{project}:write"]}, "projects:{project}:write": "Write"}
    app = add_project_route(make_app(TOKENAUTH_SCOPES=scopes), "/<project>")

    assert status(app, "/42", mint(scope="admin")) == 200
    assert status(app, "/42", mint(scope="projects:43:write")) == 403


@over_kinds
def test_g_has_the_scopes_of_the_token_without_implied_scopes(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(TOKENAUTH_SCOPES={"admin": {"implies": ["read"]}, "read": "Read"})
    app.add_url_rule("/me", view_func=require_scope("read")(whoami()), endpoint="me")

    assert app.test_client().get("/me", headers=bearer(mint(scope="admin"))).get_json()["scopes"] == ["admin"]
