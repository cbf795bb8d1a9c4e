"""``auth.protect``: it guards a whole blueprint and its nested blueprints, under any name, before or after
registration.
"""

from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_tokenauth import SettingsError, TokenAuth, login_required, public, require_claim, require_scope

from ..conftest import MakeApp, Mint
from .kinds_kit import over_kinds
from .routes_kit import make_blueprint, make_view, status


@over_kinds
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_protected_blueprint_is_guarded_if_registered_before_or_after(
    make_app: MakeApp, mint: Mint, when: str
) -> None:
    auth, api = TokenAuth(), make_blueprint()
    app = make_app(auth=auth)
    if when == "before":
        auth.protect(api, "admin")
    app.register_blueprint(api)
    if when == "after":
        auth.protect(api, "admin")

    assert status(app, "/api") == 401
    assert status(app, "/api", mint()) == 403
    assert status(app, "/api", mint(scope="admin")) == 200


def test_protecting_a_blueprint_after_a_request_counts_from_the_next_request(make_app: MakeApp) -> None:
    auth, api = TokenAuth(), make_blueprint()
    app = make_app(auth=auth)
    app.register_blueprint(api)
    assert status(app, "/api") == 200

    auth.protect(api)

    assert status(app, "/api") == 401


@over_kinds
def test_a_protected_blueprint_without_scopes_needs_a_login(make_app: MakeApp, mint: Mint, plain: int) -> None:
    auth, api = TokenAuth(), make_blueprint()
    auth.protect(api)
    app = make_app(auth=auth)
    app.register_blueprint(api)

    assert status(app, "/api") == 401
    assert status(app, "/api", mint()) == plain


@over_kinds
def test_a_protected_blueprint_may_need_one_of_several_scopes(make_app: MakeApp, mint: Mint) -> None:
    auth, api = TokenAuth(), make_blueprint()
    auth.protect(api, any_of=["a", "b"])
    app = make_app(auth=auth)
    app.register_blueprint(api)

    assert status(app, "/api", mint()) == 403
    assert status(app, "/api", mint(scope="b")) == 200


@over_kinds
def test_protection_covers_nested_blueprints_and_every_name(make_app: MakeApp, mint: Mint) -> None:
    auth, outer, inner = TokenAuth(), make_blueprint("outer"), make_blueprint("inner")
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
def test_a_protected_blueprint_is_not_open_without_the_extension(path: str) -> None:
    auth, outer, inner = TokenAuth(), make_blueprint("outer"), make_blueprint("inner")
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


@over_kinds
def test_protection_does_not_cover_other_blueprints_of_the_same_name(make_app: MakeApp, mint: Mint) -> None:
    auth, old, new = TokenAuth(), Blueprint("v1", __name__), Blueprint("v2", __name__)
    auth.protect(old, "old")
    app = make_app(auth=auth)
    for version in old, new:
        version.register_blueprint(make_blueprint("users"))
        app.register_blueprint(version, url_prefix=f"/{version.name}")

    assert status(app, "/v1/users", mint(scope="new")) == 403
    assert status(app, "/v2/users", mint(scope="new")) == 200
    assert status(app, "/v2/users") == 200


def test_a_public_view_in_a_protected_blueprint_stays_guarded(make_app: MakeApp) -> None:
    """``public`` lifts the default guard, never a guard that the application added."""
    auth, api = TokenAuth(), Blueprint("api", __name__)
    api.add_url_rule("/login", view_func=public(make_view()), endpoint="login")
    auth.protect(api)
    app = make_app(auth=auth)
    app.register_blueprint(api)

    assert status(app, "/login") == 401


@pytest.mark.parametrize("name", ["renamed", "outer.api"])
def test_protection_covers_endpoints_with_the_original_name_of_a_blueprint(make_app: MakeApp, name: str) -> None:
    """Flask-RESTX makes such endpoints for an Api on a renamed or nested blueprint."""
    auth, api, outer = TokenAuth(), Blueprint("api", __name__), Blueprint("outer", __name__)
    auth.protect(outer if name == "outer.api" else api)
    app = make_app(auth=auth)
    if name == "outer.api":
        outer.register_blueprint(api)
        app.register_blueprint(outer)
    else:
        app.register_blueprint(api, name=name)
    app.add_url_rule("/x", view_func=make_view(), endpoint="api.x")
    app.add_url_rule("/y", view_func=make_view(), endpoint="api.v1.beta.y")

    assert status(app, "/x") == 401
    assert status(app, "/y") == 401


def test_protection_does_not_cover_an_endpoint_named_like_the_blueprint(make_app: MakeApp) -> None:
    auth, api = TokenAuth(), make_blueprint("api")
    auth.protect(api)
    app = make_app(auth=auth)
    app.register_blueprint(api, name="other")
    app.add_url_rule("/x", view_func=make_view(), endpoint="api")

    assert status(app, "/api") == 401
    assert status(app, "/x") == 200


def test_protection_covers_another_blueprint_under_the_original_name(make_app: MakeApp) -> None:
    auth, one, other = TokenAuth(), make_blueprint("api"), Blueprint("api", __name__)
    auth.protect(other)
    app = make_app(auth=auth)
    app.register_blueprint(one)
    app.register_blueprint(other, name="v2")

    assert status(app, "/api") == 401


@pytest.mark.parametrize("scopes", [("",), (1,), ("a b",), ("{a",)])
def test_protect_refuses_invalid_scopes(scopes: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        TokenAuth().protect(make_blueprint(), *scopes)


@pytest.mark.parametrize("something", ["api", None, Flask("x"), make_view()])
def test_protect_refuses_objects_that_are_not_blueprints(something: Any) -> None:
    with pytest.raises(TypeError, match="protect needs a blueprint, got"):
        TokenAuth().protect(something)


@pytest.mark.parametrize("guard", [require_claim("role", "editor"), login_required, require_scope("a")])
def test_protect_refuses_a_guard_and_names_the_place_for_it(guard: Any) -> None:
    with pytest.raises(TypeError) as caught:
        TokenAuth().protect(make_blueprint(), guard)

    assert str(caught.value) == (
        "protect takes scopes only, got a function: put another guard on a function that you give to "
        "blueprint.before_request"
    )
