"""The route checks, in ``auth.check`` and at the first request: they report the application's mistakes."""

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth, require_scope

from ..conftest import MakeApp
from .routes_kit import make_view, status


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
def test_a_setting_changed_after_init_app_raises(make_app: MakeApp, key: str, value: object) -> None:
    app = make_app()
    app.config[key] = value

    with pytest.raises(SettingsError, match=f"^{key} was changed after init_app had read it: set it before$"):
        status(app, "/")


def test_a_list_changed_in_place_raises(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["a"])
    app.config["TOKENAUTH_PUBLIC_ENDPOINTS"].append("b")

    with pytest.raises(SettingsError, match="TOKENAUTH_PUBLIC_ENDPOINTS was changed"):
        status(app, "/")


def test_a_set_changed_in_place_raises(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS={"a", "b"})
    app.config["TOKENAUTH_PUBLIC_ENDPOINTS"].discard("a")

    with pytest.raises(SettingsError, match="TOKENAUTH_PUBLIC_ENDPOINTS was changed"):
        status(app, "/")


def test_a_setting_deleted_after_init_app_raises(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_LEEWAY=5)
    del app.config["TOKENAUTH_LEEWAY"]

    with pytest.raises(SettingsError, match="TOKENAUTH_LEEWAY was changed"):
        status(app, "/")


def test_a_scope_that_is_not_declared_raises(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_SCOPES={"reports:read": "Read reports"})
    app.add_url_rule("/x", view_func=require_scope("reports:reed", any_of=["more"])(make_view()), endpoint="x")

    with pytest.raises(SettingsError) as caught:
        auth.check(app)

    assert str(caught.value) == (
        "/x: scope reports:reed is not declared in TOKENAUTH_SCOPES: declare it, or did you mean reports:read?; "
        "/x: scope more is not declared in TOKENAUTH_SCOPES: declare it, or correct its name"
    )


def test_check_without_the_extension_names_init_app() -> None:
    with pytest.raises(SettingsError, match="init_app"):
        TokenAuth().check(Flask("bare"))


def test_check_raises_if_the_hook_was_removed(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth)
    app.before_request_funcs[None].clear()

    with pytest.raises(SettingsError, match="removed from before_request_funcs"):
        auth.check(app)
