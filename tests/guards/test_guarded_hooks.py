"""Guards on functions that run before requests guard every route in their scope, and the report shows them."""

from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_tokenauth import (
    SettingsError,
    TokenAuth,
    login_optional,
    login_required,
    public,
    require_claim,
    require_scope,
    shareable,
)

from ..conftest import MakeApp, Mint
from .hooks_kit import (
    Put,
    Recorder,
    in_each_place,
    make_hook,
    open_options,
    put_on_application,
    put_on_blueprint,
    put_on_outer_blueprint,
    put_on_renamed_blueprint,
)
from .kinds_kit import over_kinds
from .kit import CLOSED, CREDENTIALS, GUARD, Headers, check_routes, report_routes
from .routes_kit import make_blueprint, make_view, status


@pytest.mark.slow
@over_kinds
@in_each_place
@pytest.mark.parametrize(("credential", "expected"), CREDENTIALS)
def test_a_guard_on_a_function_before_requests_guards_its_routes(
    make_app: MakeApp, mint: Mint, put: Put, credential: Headers, expected: int
) -> None:
    app = make_app()
    put(app, GUARD(make_hook()))

    assert app.test_client().get("/api", headers=credential(mint)).status_code == expected


@over_kinds
@in_each_place
def test_the_guarded_function_runs_only_for_the_users_it_needs(
    make_app: MakeApp, mint: Mint, plain: int, put: Put
) -> None:
    app, recorder = make_app(), Recorder()
    put(app, login_required(recorder.run))

    assert [status(app, "/api", token) for token in (None, mint())] == [401, plain]
    assert recorder.users == ["alice"] * (plain == 200)


class CallableHook:
    """An object that Flask can call before a request."""

    @require_scope("reports:read")
    def __call__(self) -> None:
        """Do nothing."""


@pytest.mark.slow
@over_kinds
@in_each_place
def test_a_guard_on_an_object_that_is_called_guards_and_lets_preflights_pass(
    make_app: MakeApp, mint: Mint, put: Put
) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["static"])
    put(app, CallableHook())

    assert [status(app, "/api", token) for token in (None, mint())] == [401, 200]
    assert open_options(app).status_code == 200
    assert list_requirements(app)["/api"] == (["reports:read"], False)


@over_kinds
@pytest.mark.parametrize("decorate", [public, login_optional])
def test_a_view_that_is_open_is_guarded_too(make_app: MakeApp, mint: Mint, plain: int, decorate: Any) -> None:
    app = make_app()
    app.before_request(login_required(make_hook()))
    app.add_url_rule("/x", view_func=decorate(make_view()), endpoint="x")

    assert [status(app, "/x", token) for token in (None, mint())] == [401, plain]


def test_other_blueprints_stay_open(make_app: MakeApp) -> None:
    app = make_app()
    put_on_blueprint(app, login_required(make_hook()))
    app.register_blueprint(make_blueprint("other"))

    assert status(app, "/other") == 200


@over_kinds
def test_a_guard_on_a_function_of_the_application_refuses_unknown_urls_too(
    make_app: MakeApp, mint: Mint, plain: int
) -> None:
    app = make_app()
    app.before_request(login_required(make_hook()))

    assert [status(app, "/nowhere", token) for token in (None, mint())] == [401, 404 if plain == 200 else plain]


@over_kinds
def test_a_guard_above_before_request_guards_the_routes(make_app: MakeApp, mint: Mint, plain: int) -> None:
    app = make_app()
    login_required(app.before_request(make_hook()))
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")

    assert [status(app, "/x", token) for token in (None, mint())] == [401, plain]


def test_a_guarded_function_added_after_the_first_request_guards(make_app: MakeApp, mint: Mint) -> None:
    """Flask refuses ``before_request`` then, but the list is open to everyone."""
    app, hook = make_app(), login_required(make_hook())
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")
    assert status(app, "/x") == 200

    app.before_request_funcs[None].append(hook)

    assert [status(app, "/x", token) for token in (None, mint())] == [401, 200]


def test_two_guards_on_one_function_add_up(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    put_on_blueprint(app, require_scope("a")(require_claim("role", "editor")(make_hook())))

    assert [status(app, "/api", mint(scope="a", role=role)) for role in ("reader", "editor")] == [403, 200]
    assert status(app, "/api", mint(role="editor")) == 403


# In the report


def list_requirements(app: Flask) -> dict[str, tuple[list[str], bool]]:
    return {route["rule"]: (route["requires"], route["open"]) for route in report_routes(app)["routes"]}


@pytest.mark.slow
@in_each_place
def test_the_report_shows_the_guard_on_each_route_in_its_scope(
    no_other_guards: None, make_app: MakeApp, put: Put
) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["static"])
    put(app, require_scope("a")(make_hook()))

    assert list_requirements(app)["/api"] == (["a"], False)
    assert check_routes(app) == 0


def test_a_guard_of_the_application_is_shown_on_static_and_public_routes(make_app: MakeApp) -> None:
    app = make_app()
    app.before_request(login_required(make_hook()))
    app.add_url_rule("/x", view_func=public(make_view()), endpoint="x")

    assert list_requirements(app) == {"/static/<path:filename>": (["login"], False), "/x": (["login"], False)}


def test_a_guard_of_a_blueprint_is_not_shown_on_other_routes(make_app: MakeApp) -> None:
    app = make_app()
    put_on_blueprint(app, login_required(make_hook()))
    app.register_blueprint(make_blueprint("other"))
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")

    assert list_requirements(app) == {
        "/api": (["login"], False),
        "/other": ([], True),
        "/static/<path:filename>": ([], False),
        "/x": ([], True),
    }


def test_a_guard_adds_up_with_those_of_the_view_and_the_blueprint(make_app: MakeApp) -> None:
    auth, api = TokenAuth(), Blueprint("api", __name__)
    app = make_app(auth=auth)
    auth.protect(api, "b")
    api.before_request(require_scope("c")(make_hook()))
    api.add_url_rule("/api", view_func=require_scope("a")(make_view()), endpoint="view")
    app.register_blueprint(api)

    assert list_requirements(app)["/api"] == (["a", "b", "c"], False)


@pytest.mark.slow
def test_an_optional_login_is_shown_but_lifts_no_default_guard(no_other_guards: None, make_app: MakeApp) -> None:
    open_by_default, closed = make_app(), make_app(**CLOSED)
    for app in open_by_default, closed:
        put_on_blueprint(app, login_optional(make_hook()))

    accesses = [
        [route["access"] for route in report_routes(app)["routes"] if route["rule"] == "/api"]
        for app in (open_by_default, closed)
    ]
    assert accesses == [["optional"], ["default"]]
    assert [status(app, "/api") for app in (open_by_default, closed)] == [200, 401]
    assert [check_routes(app) for app in (open_by_default, closed)] == [0, 0]


def test_an_optional_login_before_public_views_reaches_them(no_other_guards: None, make_app: MakeApp) -> None:
    app = make_app()
    app.before_request(login_optional(make_hook()))
    app.add_url_rule("/x", view_func=public(make_view()), endpoint="x")

    assert (check_routes(app), status(app, "/x", "x.y.z")) == (0, 401)


@pytest.mark.slow
def test_a_guarded_function_with_no_route_in_its_scope_is_reported(no_other_guards: None, make_app: MakeApp) -> None:
    app, empty = make_app(), Blueprint("empty", __name__)
    empty.before_request(login_required(lambda: None))
    app.register_blueprint(empty)

    [unreached] = report_routes(app)["unreached"]

    assert unreached.endswith("<lambda>")
    assert check_routes(app) == 1


def test_mistakes_in_scopes_are_found_at_the_first_request(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_SCOPES={"reports:read": "Read"})
    put_on_blueprint(app, require_scope("reports:reed", "{name}")(make_hook()))

    with pytest.raises(SettingsError) as caught:
        status(app, "/nowhere")

    message = str(caught.value)
    place = message[message.index(" (the guard is on ") : message.index(";")]
    assert message.replace(place, "") == (
        "/api: scope reports:reed is not declared in TOKENAUTH_SCOPES: declare it, or did you mean reports:read?; "
        "/api: scope {name} is not declared in TOKENAUTH_SCOPES: declare it, or correct its name; "
        "/api: scope {name} names name, which the rule does not have: its arguments are none"
    )


@over_kinds
def test_a_placeholder_has_the_value_of_each_route(make_app: MakeApp, mint: Mint) -> None:
    app, api = make_app(), Blueprint("api", __name__)
    api.before_request(require_scope("projects:{name}:read")(make_hook()))
    api.add_url_rule("/<name>", view_func=make_view(), endpoint="view")
    app.register_blueprint(api)
    token = mint(scope="projects:apollo:read")

    assert [status(app, path, token) for path in ("/apollo", "/gemini")] == [200, 403]


# Mistakes


@pytest.mark.parametrize(
    ("guard", "named"),
    [
        (require_scope("a"), "a guard (a)"),
        (require_claim("role", "editor"), 'a guard (claim role: "editor")'),
        (login_required, "a guard (login)"),
        (login_required(max_age=60), "a guard (login within 60 s)"),
        (login_required(require_scope("a")), "a guard (a)"),
        (login_optional, "the decorator login_optional"),
        (login_optional(), "the decorator login_optional"),
        (public, "the decorator public"),
        (shareable, "the decorator shareable"),
        (require_scope, "the decorator require_scope"),
        (require_claim, "the decorator require_claim"),
    ],
)
@pytest.mark.parametrize(
    ("put", "place"), [(put_on_application, "the application"), (put_on_blueprint, "blueprint api")]
)
def test_a_guard_in_the_place_of_a_guarded_function_is_a_mistake(
    make_app: MakeApp, put: Put, place: str, guard: Any, named: str
) -> None:
    app = make_app()
    put(app, guard)

    with pytest.raises(SettingsError) as caught:
        status(app, "/api")

    assert str(caught.value) == (
        f"before_request of {place} must get a guarded function, got {named} itself: write it above a function, and "
        "give that function to before_request"
    )


def test_the_report_names_this_mistake_too(make_app: MakeApp) -> None:
    app = make_app()
    put_on_application(app, login_required)

    result = app.test_cli_runner().invoke(args=["tokenauth", "routes"])

    assert result.exit_code == 1
    assert "before_request of the application must get a guarded function" in result.output


@pytest.mark.parametrize(
    ("put", "place"),
    [
        (put_on_blueprint, "blueprint api"),
        (put_on_outer_blueprint, "blueprint outer"),
        (put_on_renamed_blueprint, "blueprint renamed"),
        (put_on_application, "the application"),
    ],
)
def test_a_placeholder_that_a_route_does_not_have_is_reported_with_the_guarded_function(
    make_app: MakeApp, put: Put, place: str
) -> None:
    app, hook = make_app(), make_hook()
    hook.__qualname__ = "check_project"
    put(app, require_scope("{name}")(hook))

    with pytest.raises(SettingsError) as caught:
        status(app, "/nowhere")

    assert (
        "/api: scope {name} names name, which the rule does not have: its arguments are none (the guard is on "
        f"{__package__}.hooks_kit.check_project, a before_request function of {place})"
    ) in str(caught.value)


def test_a_placeholder_of_a_view_is_reported_without_other_functions(make_app: MakeApp) -> None:
    app = make_app()
    app.before_request(login_required(make_hook()))
    app.add_url_rule("/x", view_func=require_scope("{name}")(make_view()), endpoint="x")

    with pytest.raises(SettingsError, match=r"which the rule does not have: its arguments are none$"):
        status(app, "/nowhere")
