"""The requirements of routes in an application: closed by default, with an optional login, with a recent login."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask.views import MethodView
from werkzeug.routing import Rule

from flask_tokenauth import (
    NotAuthenticated,
    SettingsError,
    TokenAuth,
    login_optional,
    login_required,
    public,
    require_scope,
)
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.guards import route_requirements
from flask_tokenauth.guards.route_requirements import is_static, list_routes, resolve

from ..authentication.challenges import parse_challenge
from ..conftest import ISSUER, NOW, MakeApp, Mint, StandingClock, bearer, whoami
from .kit import CLOSED
from .routes_kit import make_blueprint, make_view, status


def test_the_default_guard_needs_a_login_for_every_view(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")

    assert status(app, "/x") == 401
    assert status(app, "/x", mint()) == 200


def test_the_default_guard_closes_an_endpoint_with_a_dot_without_a_blueprint(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=make_view(), endpoint="no.blueprint")

    assert status(app, "/x") == 401


def test_the_default_guard_leaves_public_views_open(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(**CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=["named", "docs.*"])
    docs = make_blueprint("docs")
    docs.register_blueprint(make_blueprint("within"))
    app.register_blueprint(docs)
    app.register_blueprint(make_blueprint("docs2"))
    app.add_url_rule("/public", view_func=public(make_view()), endpoint="public")
    app.add_url_rule("/named", view_func=make_view(), endpoint="named")
    app.add_url_rule("/named2", view_func=make_view(), endpoint="named2")

    assert [status(app, path) for path in ("/public", "/named", "/docs", "/within")] == [200] * 4
    assert [status(app, path) for path in ("/named2", "/docs2")] == [401] * 2
    assert status(app, "/public", "x.y.z") == 200


def test_the_default_guard_leaves_flasks_static_files_open(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("body {}")
    app = Flask("tests", static_folder=str(tmp_path), static_url_path="/static")
    app.config |= make_app(**CLOSED).config
    files = Blueprint("files", __name__, static_folder=str(tmp_path), static_url_path="/files")
    app.register_blueprint(files)
    TokenAuth(app)

    assert status(app, "/static/style.css") == 200
    assert status(app, "/files/style.css") == 200


def test_the_default_guard_closes_a_view_named_static(make_app: MakeApp) -> None:
    app = Flask("tests", static_folder=None)
    app.config |= make_app(**CLOSED).config

    @app.get("/static/<path:filename>")
    def static(filename: str) -> str:
        return filename

    TokenAuth(app)

    assert status(app, "/static/secret") == 401
    assert not is_static(static)
    assert static("x") == "x"


def test_the_default_guard_closes_flasks_static_view_under_another_endpoint(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    app, vault = make_app(**CLOSED), Blueprint("vault", __name__, static_folder=str(tmp_path))
    app.add_url_rule("/vault/<path:filename>", "vault", vault.send_static_file)

    assert status(app, "/vault/secret") == 401


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [("/nowhere", "GET", 404), ("/x", "POST", 405), ("/x", "OPTIONS", 200), ("/x/", "GET", 404)],
)
def test_the_default_guard_does_not_change_answers_without_a_view(
    make_app: MakeApp, path: str, method: str, expected: int
) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")

    assert status(app, path, method=method) == expected


def test_an_endpoint_without_a_view_fails_as_in_flask(make_app: MakeApp) -> None:
    app = make_app()
    app.url_map.add(app.url_rule_class("/x", endpoint="x"))

    with pytest.raises(KeyError):
        status(app, "/x")


@pytest.mark.parametrize("above", [False, True])
def test_an_optional_login_accepts_no_token_but_refuses_a_bad_token(make_app: MakeApp, mint: Mint, above: bool) -> None:  # noqa: FBT001
    app = make_app(**CLOSED)
    if above:
        login_optional(app.get("/x")(whoami()))
    else:
        app.get("/x")(login_optional(whoami()))

    client = app.test_client()

    assert client.get("/x").json == {"user_id": None, "scopes": [], "token": None} or above
    assert client.get("/x", headers=bearer(mint())).status_code == 200
    assert client.get("/x", headers=bearer(mint(exp=NOW - 60))).status_code == 401
    assert client.get("/x", headers={"Authorization": "Bearer a b"}).status_code == 400


def test_login_optional_together_with_login_required_raises(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match="has a guard as well"):
        login_optional(login_required(make_view()))


def test_login_optional_on_a_class_counts_for_its_methods(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(**CLOSED)

    class Views(MethodView):
        def get(self) -> str:
            return "open"

    app.add_url_rule("/x", view_func=login_optional(Views).as_view("x"))

    assert status(app, "/x") == 200
    assert status(app, "/x", "x.y.z") == 401


@pytest.mark.parametrize("decorate", [login_required, require_scope("a"), login_optional])
def test_a_guard_on_a_class_that_is_not_a_flask_view_raises(decorate: Any) -> None:
    with pytest.raises(
        SettingsError, match="Plain is not a class of Flask views: put the guard on its methods instead"
    ):
        decorate(type("Plain", (), {"get": make_view()}))


@pytest.mark.parametrize("something", [1, "view", None])
def test_a_guard_refuses_objects_that_cannot_be_called(something: Any) -> None:
    with pytest.raises(TypeError, match="a guard must decorate a view"):
        require_scope("a")(something)


@pytest.mark.parametrize("max_age", [60, 60.0, timedelta(minutes=1)])
def test_max_age_needs_a_recent_login(make_app: MakeApp, mint: Mint, clock: StandingClock, max_age: Any) -> None:
    """RFC 9470 section 3."""
    app = make_app()
    app.add_url_rule("/x", view_func=login_required(max_age=max_age)(make_view()), endpoint="x")
    token = mint(auth_time=NOW)

    clock.now = NOW + 60
    assert status(app, "/x", token) == 200
    clock.now += 1

    answer = app.test_client().get("/x", headers=bearer(token))
    assert answer.status_code == 401
    assert answer.json == {
        "error": "insufficient_user_authentication",
        "error_description": "A more recent login is required.",
    }
    challenge = parse_challenge(answer.headers["WWW-Authenticate"].encode("latin-1"))
    assert challenge.parameters == {"realm": ISSUER, "max_age": "60", **answer.json}


@pytest.mark.parametrize("max_age", [0, 0.9, -1, timedelta(0)])
def test_max_age_must_be_a_second_or_more(max_age: Any) -> None:
    with pytest.raises(ValueError, match="max_age must be at least one second"):
        login_required(max_age=max_age)


def test_max_age_must_be_a_duration() -> None:
    with pytest.raises(TypeError, match="seconds or a timedelta"):
        login_required(max_age="5m")  # type: ignore[call-overload]  # the error under test


def test_login_required_may_be_called_without_arguments(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/x", view_func=login_required()(make_view()), endpoint="x")

    assert status(app, "/x") == 401


def test_a_replaced_view_function_is_checked_again(app: Flask, client: FlaskClient) -> None:
    """Other extensions replace ``view_functions``."""
    assert client.get("/me").status_code == 401

    app.view_functions["me"] = make_view()
    assert client.get("/me").status_code == 200

    app.view_functions["me"] = login_required(make_view())
    assert client.get("/me").status_code == 401


def test_a_token_checked_by_one_application_is_not_trusted_by_another(make_app: MakeApp, mint: Mint) -> None:
    other = make_app("other", TOKENAUTH_ISSUER="https://other.example")
    guarded = login_required(make_view())
    app = make_app()

    @app.get("/x")
    @login_required
    def x() -> str:
        with other.app_context():
            return guarded()

    assert status(app, "/x", mint()) == 401


def test_a_guard_without_the_hook_sets_the_user(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    view = login_required(whoami())

    with app.app_context():
        with app.test_request_context(headers=bearer(mint())):
            assert view()["user_id"] == "alice"
        with app.test_request_context(headers=bearer(mint(sub="bob"))):
            assert view()["user_id"] == "bob"


def test_a_rule_without_methods_is_listed_and_guarded_for_any_method(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    app.url_map.add(Rule("/x", endpoint="x"))
    app.endpoint("x")(make_view())

    assert {route.method for route in list_routes(app, state_of(app).settings) if route.rule.rule == "/x"} >= {
        "GET",
        "POST",
    }
    assert status(app, "/x") == 401
    assert status(app, "/x", method="BREW") == 401


def test_invented_methods_do_not_fill_memory(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_tokenauth.guards.resolved_routes._MOST", 3)
    app = make_app()
    app.url_map.add(Rule("/x", endpoint="x"))
    app.endpoint("x")(make_view())

    statuses = {status(app, "/x", method=f"BREW{number}") for number in range(10)}

    assert statuses == {200}
    assert len(state_of(app).hook.__self__._routes._resolved) <= 3  # type: ignore[union-attr]  # a bound method


def test_a_refusal_without_the_extension_names_init_app() -> None:
    with Flask("bare").test_request_context(), pytest.raises(SettingsError, match="init_app"):
        NotAuthenticated("Wrong password.")


def test_whether_the_user_is_loaded_is_a_boolean() -> None:
    with pytest.raises(TypeError, match="load_user must be True or False, got str"):
        login_required(load_user="yes")  # type: ignore[call-overload]  # the mistake under test


def test_a_scope_in_login_required_is_sent_to_the_other_guard() -> None:
    with pytest.raises(TypeError, match=r'got str; a scope is required with @require_scope\("reports:read"\)$'):
        login_required("admin")  # type: ignore[call-overload]  # the mistake under test


def test_a_function_is_resolved_once_for_get_and_head_and_a_class_for_each(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request resolves all routes."""
    app = make_app()
    app.add_url_rule("/function", view_func=make_view(), endpoint="function", methods=["GET", "POST"])

    class Items(MethodView):
        get = staticmethod(make_view())

    app.add_url_rule("/class", view_func=Items.as_view("class"))
    resolved: list[tuple[str, str]] = []
    monkeypatch.setattr(
        route_requirements,
        "resolve",
        lambda *of: resolved.append(of[2:]) or resolve(*of),  # type: ignore[func-returns-value]
    )

    routes = list_routes(app, state_of(app).settings)

    assert [method for endpoint, method in resolved if endpoint == "function"] == ["GET", "POST"]
    assert [method for endpoint, method in resolved if endpoint == "class"] == ["GET", "HEAD"]
    assert [route.method for route in routes if route.rule.endpoint == "class"] == ["GET"]
