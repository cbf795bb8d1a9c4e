"""What each route requires, through an application: protected blueprints, closed by default, placeholders, checks."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask.views import MethodView
from werkzeug.routing import BaseConverter, Rule

from flask_tokenauth import (
    NotAuthenticated,
    SettingsError,
    TokenAuth,
    login_optional,
    login_required,
    public,
    require_scope,
)
from flask_tokenauth.routes import is_static

from .challenges import parse_challenge
from .conftest import ISSUER, NOW, MakeApp, Mint, StandingClock, bearer, whoami

CLOSED = {"TOKENAUTH_DEFAULT_GUARD": "login_required"}


def fresh() -> Callable[..., str]:
    """Return a new view, since guards mark what they guard."""
    return lambda **values: "open"


def status(app: Flask, path: str, token: str | None = None, method: str = "GET") -> int:
    with app.test_client().open(path, method=method, headers=bearer(token) if token else {}) as answer:
        return answer.status_code


def blueprint(name: str = "api", **options: Any) -> Blueprint:
    made = Blueprint(name, __name__, **options)
    made.add_url_rule(f"/{name}", view_func=fresh(), endpoint="view")
    return made


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_protected_blueprint_is_guarded_whenever_it_was_registered(make_app: MakeApp, mint: Mint, when: str) -> None:
    auth, api = TokenAuth(), blueprint()
    app = make_app(auth=auth)
    if when == "before":
        auth.protect(api, "admin")
    app.register_blueprint(api)
    if when == "after":
        auth.protect(api, "admin")

    assert status(app, "/api") == 401
    assert status(app, "/api", mint()) == 403
    assert status(app, "/api", mint(scope="admin")) == 200


def test_protecting_a_blueprint_after_a_request_counts_from_the_next(make_app: MakeApp) -> None:
    auth, api = TokenAuth(), blueprint()
    app = make_app(auth=auth)
    app.register_blueprint(api)
    assert status(app, "/api") == 200

    auth.protect(api)

    assert status(app, "/api") == 401


def test_a_protected_blueprint_without_scopes_needs_a_login(make_app: MakeApp, mint: Mint) -> None:
    auth, api = TokenAuth(), blueprint()
    auth.protect(api)
    app = make_app(auth=auth)
    app.register_blueprint(api)

    assert status(app, "/api") == 401
    assert status(app, "/api", mint()) == 200


def test_a_protected_blueprint_may_need_one_of_several_scopes(make_app: MakeApp, mint: Mint) -> None:
    auth, api = TokenAuth(), blueprint()
    auth.protect(api, any_of=["a", "b"])
    app = make_app(auth=auth)
    app.register_blueprint(api)

    assert status(app, "/api", mint()) == 403
    assert status(app, "/api", mint(scope="b")) == 200


def test_protection_covers_blueprints_within_and_every_name(make_app: MakeApp, mint: Mint) -> None:
    auth, outer, inner = TokenAuth(), blueprint("outer"), blueprint("inner")
    auth.protect(outer, "outer")
    auth.protect(inner, "inner")
    outer.register_blueprint(inner)
    app = make_app(auth=auth)
    app.register_blueprint(outer, url_prefix="/one", name="one")
    app.register_blueprint(outer, url_prefix="/two", name="two")

    for prefix in ("/one", "/two"):
        assert status(app, f"{prefix}/outer", mint(scope="outer")) == 200
        assert status(app, f"{prefix}/inner", mint(scope="outer")) == 403
        assert status(app, f"{prefix}/inner", mint(scope="inner")) == 403
        assert status(app, f"{prefix}/inner", mint(scope="inner outer")) == 200


@pytest.mark.parametrize("path", ["/outer", "/inner"])
def test_a_protected_blueprint_is_not_open_where_nothing_guards_it(path: str) -> None:
    auth, outer, inner = TokenAuth(), blueprint("outer"), blueprint("inner")
    auth.protect(outer, "a")
    auth.protect(outer, "b")
    outer.register_blueprint(inner)
    app = Flask("bare")
    app.register_blueprint(outer)

    assert len(outer.before_request_funcs[None]) == 1
    assert app.test_client().get(path).status_code == 500
    app.testing = True
    with pytest.raises(SettingsError, match="init_app"):
        app.test_client().get(path)


def test_namesakes_within_other_blueprints_are_not_protected(make_app: MakeApp, mint: Mint) -> None:
    auth, old, new = TokenAuth(), Blueprint("v1", __name__), Blueprint("v2", __name__)
    auth.protect(old, "old")
    app = make_app(auth=auth)
    for version in old, new:
        version.register_blueprint(blueprint("users"))
        app.register_blueprint(version, url_prefix=f"/{version.name}")

    assert status(app, "/v1/users", mint(scope="new")) == 403
    assert status(app, "/v2/users", mint(scope="new")) == 200
    assert status(app, "/v2/users") == 200


def test_a_public_view_in_a_protected_blueprint_stays_guarded(make_app: MakeApp) -> None:
    """What opens a view lifts the default guard, never a guard that somebody wrote."""
    auth, api = TokenAuth(), Blueprint("api", __name__)
    api.add_url_rule("/login", view_func=public(fresh()), endpoint="login")
    auth.protect(api)
    app = make_app(auth=auth)
    app.register_blueprint(api)

    assert status(app, "/login") == 401


@pytest.mark.parametrize("name", ["renamed", "outer.api"])
def test_protection_covers_endpoints_that_go_by_the_own_name_of_a_blueprint(make_app: MakeApp, name: str) -> None:
    """Flask-RESTX makes such for an Api on a blueprint that has another name, or is in another blueprint."""
    auth, api, outer = TokenAuth(), Blueprint("api", __name__), Blueprint("outer", __name__)
    auth.protect(outer if name == "outer.api" else api)
    app = make_app(auth=auth)
    if name == "outer.api":
        outer.register_blueprint(api)
        app.register_blueprint(outer)
    else:
        app.register_blueprint(api, name=name)
    app.add_url_rule("/x", view_func=fresh(), endpoint="api.x")

    assert status(app, "/x") == 401


def test_an_endpoint_with_a_dot_needs_no_blueprint(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=fresh(), endpoint="no.blueprint")

    assert status(app, "/x") == 401


@pytest.mark.parametrize("scopes", [("",), (1,), ("a b",), ("{a",)])
def test_what_is_no_scope_protects_no_blueprint(scopes: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        TokenAuth().protect(blueprint(), *scopes)


def test_closed_by_default_every_view_needs_a_login(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=fresh(), endpoint="x")

    assert status(app, "/x") == 401
    assert status(app, "/x", mint()) == 200


def test_closed_by_default_what_is_public_stays_open(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(**CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=["named", "docs.*"])
    docs = blueprint("docs")
    docs.register_blueprint(blueprint("within"))
    app.register_blueprint(docs)
    app.register_blueprint(blueprint("docs2"))
    app.add_url_rule("/public", view_func=public(fresh()), endpoint="public")
    app.add_url_rule("/named", view_func=fresh(), endpoint="named")
    app.add_url_rule("/named2", view_func=fresh(), endpoint="named2")

    assert [status(app, path) for path in ("/public", "/named", "/docs", "/within")] == [200] * 4
    assert [status(app, path) for path in ("/named2", "/docs2")] == [401] * 2
    assert status(app, "/public", "x.y.z") == 200


def test_closed_by_default_static_files_of_flask_are_served(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("body {}")
    app = Flask("tests", static_folder=str(tmp_path), static_url_path="/static")
    app.config |= make_app(**CLOSED).config
    files = Blueprint("files", __name__, static_folder=str(tmp_path), static_url_path="/files")
    app.register_blueprint(files)
    TokenAuth(app)

    assert status(app, "/static/style.css") == 200
    assert status(app, "/files/style.css") == 200


def test_a_view_called_static_is_like_any_other(make_app: MakeApp) -> None:
    app = Flask("tests", static_folder=None)
    app.config |= make_app(**CLOSED).config

    @app.get("/static/<path:filename>")
    def static(filename: str) -> str:
        return filename

    TokenAuth(app)

    assert status(app, "/static/secret") == 401
    assert not is_static(static)
    assert static("x") == "x"


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [("/nowhere", "GET", 404), ("/x", "POST", 405), ("/x", "OPTIONS", 200), ("/x/", "GET", 404)],
)
def test_closed_by_default_what_reaches_no_view_stays_what_it_was(
    make_app: MakeApp, path: str, method: str, expected: int
) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=fresh(), endpoint="x")

    assert status(app, path, method=method) == expected


def test_an_endpoint_without_a_view_fails_as_flask_has_it(make_app: MakeApp) -> None:
    app = make_app()
    app.url_map.add(app.url_rule_class("/x", endpoint="x"))

    with pytest.raises(KeyError):
        status(app, "/x")


@pytest.mark.parametrize("above", [False, True])
def test_an_optional_login_lets_the_anonymous_in_and_no_bad_token(make_app: MakeApp, mint: Mint, above: bool) -> None:  # noqa: FBT001
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


def test_an_optional_login_is_told_apart_from_a_required_one(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match="has a guard as well"):
        login_optional(login_required(fresh()))


def test_an_optional_login_on_a_class_counts_for_its_methods(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(**CLOSED)

    class Views(MethodView):
        def get(self) -> str:
            return "open"

    app.add_url_rule("/x", view_func=login_optional(Views).as_view("x"))

    assert status(app, "/x") == 200
    assert status(app, "/x", "x.y.z") == 401


@pytest.mark.parametrize("decorate", [login_required, require_scope("a"), login_optional, public])
def test_a_class_that_is_no_flask_view_takes_no_guard(decorate: Any) -> None:
    with pytest.raises(SettingsError, match="Plain is no class of Flask views: decorate its methods instead"):
        decorate(type("Plain", (), {"get": fresh()}))


@pytest.mark.parametrize("something", [1, "view", None])
def test_what_cannot_be_called_cannot_be_guarded(something: Any) -> None:
    with pytest.raises(TypeError, match="a guard decorates a view"):
        require_scope("a")(something)


@pytest.mark.parametrize("max_age", [60, 60.0, timedelta(minutes=1)])
def test_a_view_may_want_a_recent_login(make_app: MakeApp, mint: Mint, clock: StandingClock, max_age: Any) -> None:
    """RFC 9470 section 3."""
    app = make_app()
    app.add_url_rule("/x", view_func=login_required(max_age=max_age)(fresh()), endpoint="x")
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
def test_the_greatest_age_of_a_login_is_a_second_or_more(max_age: Any) -> None:
    with pytest.raises(ValueError, match="max_age is under one second"):
        login_required(max_age=max_age)


def test_the_greatest_age_of_a_login_is_a_duration() -> None:
    with pytest.raises(TypeError, match="seconds or a timedelta"):
        login_required(max_age="5m")  # type: ignore[call-overload]  # the mistake under test


def test_login_required_may_be_called_without_anything(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/x", view_func=login_required()(fresh()), endpoint="x")

    assert status(app, "/x") == 401


class Slug(BaseConverter):
    """A converter whose values are objects."""

    def to_python(self, value: str) -> object:
        return {"slug": value}

    def to_url(self, value: Any) -> str:
        return str(value["slug"])


def projects(app: Flask, rule: str, **options: Any) -> Flask:
    guard = require_scope("projects:{project}:write")
    app.add_url_rule(rule, view_func=guard(fresh()), endpoint="x", **options)
    return app


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
def test_a_placeholder_is_what_the_url_matched(
    make_app: MakeApp, mint: Mint, rule: str, path: str, segment: str
) -> None:
    app = make_app()
    app.url_map.converters["slug"] = Slug
    projects(app, rule)

    assert status(app, path, mint(scope=f"projects:{segment}:write")) == 200
    refused = app.test_client().get(path, headers=bearer(mint(scope="projects:x:write")))
    assert refused.status_code == 403
    assert refused.get_json()["scope"] == f"projects:{segment}:write"


@pytest.mark.parametrize(
    "value", ["a:b", "*", "a%20b", "%20", "%C3%A9", "%7Bproject%7D", "a%0Ab", "a%22", "%25", "a,b"]
)
def test_nothing_is_injected_through_a_url(make_app: MakeApp, mint: Mint, value: str) -> None:
    app = projects(make_app(), "/<project>")
    granted = "projects:*:write projects:a:write projects:{project}:write projects:a:b:write"

    answer = app.test_client().get(f"/{value}", headers=bearer(mint(scope=granted)))

    assert answer.status_code == 403
    assert "scope" not in answer.get_json()


def test_a_slash_makes_another_route(make_app: MakeApp, mint: Mint) -> None:
    app = projects(make_app(), "/<project>")

    assert status(app, "/a/b", mint(scope="projects:a:write")) == 404
    assert status(app, "/", mint(scope="projects::write")) == 404


def test_a_default_of_the_rule_fills_a_placeholder(make_app: MakeApp, mint: Mint) -> None:
    app = projects(make_app(), "/mine", defaults={"project": 42})

    assert status(app, "/mine", mint(scope="projects:42:write")) == 200
    assert status(app, "/mine", mint(scope="projects:43:write")) == 403


def test_a_preprocessor_that_takes_the_argument_away_changes_nothing(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    api = Blueprint("api", __name__, url_prefix="/<project>")
    api.url_value_preprocessor(lambda endpoint, values: values.pop("project") if values else None)
    api.add_url_rule("/x", view_func=require_scope("projects:{project}:write")(fresh()), endpoint="x")
    app.register_blueprint(api)

    assert status(app, "/42/x", mint(scope="projects:42:write")) == 200
    assert status(app, "/43/x", mint(scope="projects:42:write")) == 403


def test_a_placeholder_is_filled_where_no_hook_ran(make_app: MakeApp, mint: Mint) -> None:
    app = projects(make_app(), "/<project>")

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
        ("/x", "/x: scope projects:{project}:write names project, which the rule does not have"),
        ("/<other>", "/<other>: scope projects:{project}:write names project, which the rule does not have"),
    ],
)
def test_a_placeholder_that_cannot_work_is_a_mistake_of_the_application(
    make_app: MakeApp, rule: str, mistake: str
) -> None:
    auth = TokenAuth()
    app = projects(make_app(auth=auth), rule)
    app.add_url_rule("/open", view_func=fresh(), endpoint="open")

    with pytest.raises(SettingsError) as caught:
        auth.check(app)
    assert mistake in str(caught.value)
    with pytest.raises(SettingsError):
        status(app, "/open")
    with pytest.raises(SettingsError):
        status(app, "/open")


def test_a_scope_that_is_not_declared_is_a_mistake_of_the_application(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_SCOPES={"reports:read": "Read reports"})
    app.add_url_rule("/x", view_func=require_scope("reports:reed", any_of=["more"])(fresh()), endpoint="x")

    with pytest.raises(SettingsError) as caught:
        auth.check(app)

    assert str(caught.value) == (
        "/x: scope reports:reed is not declared in TOKENAUTH_SCOPES; /x: scope more is not declared in TOKENAUTH_SCOPES"
    )


def test_a_scope_may_be_had_by_one_that_implies_it(make_app: MakeApp, mint: Mint) -> None:
    scopes = {"admin": {"implies": ["projects:{project}:write"]}, "projects:{project}:write": "Write"}
    app = projects(make_app(TOKENAUTH_SCOPES=scopes), "/<project>")

    assert status(app, "/42", mint(scope="admin")) == 200
    assert status(app, "/42", mint(scope="projects:43:write")) == 403


def test_g_has_the_scopes_of_the_token_and_not_what_they_imply(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(TOKENAUTH_SCOPES={"admin": {"implies": ["read"]}, "read": "Read"})
    app.add_url_rule("/me", view_func=require_scope("read")(whoami()), endpoint="me")

    assert app.test_client().get("/me", headers=bearer(mint(scope="admin"))).get_json()["scopes"] == ["admin"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("TOKENAUTH_LEEWAY", 60),
        ("TOKENAUTH_ISSUER", "other"),
        ("TOKENAUTH_DEFAULT_GUARD", "login_required"),
        ("SECRET_KEY", "another"),
        ("SECRET_KEY_FALLBACKS", ["another"]),
    ],
)
def test_a_setting_changed_after_it_was_read_is_a_mistake_of_the_application(
    make_app: MakeApp, key: str, value: object
) -> None:
    app = make_app()
    app.config[key] = value

    with pytest.raises(SettingsError, match=f"^{key} was changed after init_app had read it: set it before$"):
        status(app, "/")


def test_a_list_changed_in_place_is_noticed_too(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["a"])
    app.config["TOKENAUTH_PUBLIC_ENDPOINTS"].append("b")

    with pytest.raises(SettingsError, match="TOKENAUTH_PUBLIC_ENDPOINTS was changed"):
        status(app, "/")


def test_a_setting_taken_away_is_noticed_too(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_LEEWAY=5)
    del app.config["TOKENAUTH_LEEWAY"]

    with pytest.raises(SettingsError, match="TOKENAUTH_LEEWAY was changed"):
        status(app, "/")


def test_checking_an_application_that_is_not_set_up_says_what_to_call() -> None:
    with pytest.raises(SettingsError, match="init_app"):
        TokenAuth().check(Flask("bare"))


def test_a_view_function_exchanged_later_is_looked_at_anew(app: Flask, client: FlaskClient) -> None:
    """Other extensions replace ``view_functions``."""
    assert client.get("/me").status_code == 401

    app.view_functions["me"] = fresh()
    assert client.get("/me").status_code == 200

    app.view_functions["me"] = login_required(fresh())
    assert client.get("/me").status_code == 401


def test_a_verdict_of_one_application_is_none_of_another(make_app: MakeApp, mint: Mint) -> None:
    other = make_app("other", TOKENAUTH_ISSUER="https://other.example")
    guarded = login_required(fresh())
    app = make_app()

    @app.get("/x")
    @login_required
    def x() -> str:
        with other.app_context():
            return guarded()

    assert status(app, "/x", mint()) == 401


def test_a_guard_that_judges_by_itself_shows_whom_it_let_in(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    view = login_required(whoami())

    with app.app_context():
        with app.test_request_context(headers=bearer(mint())):
            assert view()["user_id"] == "alice"
        with app.test_request_context(headers=bearer(mint(sub="bob"))):
            assert view()["user_id"] == "bob"


@pytest.mark.parametrize("value", [None, True, 1.5, ["a"]])
def test_a_default_that_is_no_segment_fills_no_placeholder(make_app: MakeApp, mint: Mint, value: object) -> None:
    app = projects(make_app(), "/all", defaults={"project": value})

    assert status(app, "/all", mint(scope=f"projects:{value}:write".replace(" ", "").replace("'", ""))) == 403


def test_a_rule_without_methods_is_listed_and_guarded_for_any(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    app.url_map.add(Rule("/x", endpoint="x"))
    app.endpoint("x")(fresh())

    assert {route.method for route in app.extensions["tokenauth"].list_routes() if route.rule.rule == "/x"} >= {
        "GET",
        "POST",
    }
    assert status(app, "/x") == 401
    assert status(app, "/x", method="BREW") == 401


def test_methods_that_clients_make_up_fill_no_memory(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_tokenauth.state._MOST_RESOLVED", 3)
    app = make_app()
    app.url_map.add(Rule("/x", endpoint="x"))
    app.endpoint("x")(fresh())

    statuses = {status(app, "/x", method=f"BREW{number}") for number in range(10)}

    assert statuses == {200}
    assert len(app.extensions["tokenauth"]._resolved) <= 3


def test_blueprints_of_one_own_name_guard_what_goes_by_that_name(make_app: MakeApp) -> None:
    auth, one, other = TokenAuth(), blueprint("api"), Blueprint("api", __name__)
    auth.protect(other)
    app = make_app(auth=auth)
    app.register_blueprint(one)
    app.register_blueprint(other, name="v2")

    assert status(app, "/api") == 401


@pytest.mark.parametrize("something", ["api", None, Flask("x"), fresh()])
def test_only_a_blueprint_is_protected(something: Any) -> None:
    with pytest.raises(TypeError, match="a blueprint is protected, not"):
        TokenAuth().protect(something)


def test_the_static_view_of_flask_under_another_endpoint_is_like_any_other(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    app, vault = make_app(**CLOSED), Blueprint("vault", __name__, static_folder=str(tmp_path))
    app.add_url_rule("/vault/<path:filename>", "vault", vault.send_static_file)

    assert status(app, "/vault/secret") == 401


def test_an_application_whose_hook_was_taken_out_is_not_guarded_and_says_so(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth)
    app.before_request_funcs[None].clear()

    with pytest.raises(SettingsError, match="taken out of before_request_funcs"):
        auth.check(app)


def test_a_set_changed_in_place_is_noticed_too(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS={"a", "b"})
    app.config["TOKENAUTH_PUBLIC_ENDPOINTS"].discard("a")

    with pytest.raises(SettingsError, match="TOKENAUTH_PUBLIC_ENDPOINTS was changed"):
        status(app, "/")


def test_a_refusal_without_the_extension_says_what_to_call() -> None:
    with Flask("bare").test_request_context(), pytest.raises(SettingsError, match="init_app"):
        NotAuthenticated("Wrong password.")
