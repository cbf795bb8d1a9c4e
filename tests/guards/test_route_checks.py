"""``auth.check``, and the first request where nobody called it: what an application is told of its mistakes."""

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth, require_scope

from ..conftest import MakeApp
from .routes_kit import fresh, status


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


def test_a_set_changed_in_place_is_noticed_too(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS={"a", "b"})
    app.config["TOKENAUTH_PUBLIC_ENDPOINTS"].discard("a")

    with pytest.raises(SettingsError, match="TOKENAUTH_PUBLIC_ENDPOINTS was changed"):
        status(app, "/")


def test_a_setting_taken_away_is_noticed_too(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_LEEWAY=5)
    del app.config["TOKENAUTH_LEEWAY"]

    with pytest.raises(SettingsError, match="TOKENAUTH_LEEWAY was changed"):
        status(app, "/")


def test_a_scope_that_is_not_declared_is_a_mistake_of_the_application(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_SCOPES={"reports:read": "Read reports"})
    app.add_url_rule("/x", view_func=require_scope("reports:reed", any_of=["more"])(fresh()), endpoint="x")

    with pytest.raises(SettingsError) as caught:
        auth.check(app)

    assert str(caught.value) == (
        "/x: scope reports:reed is not declared in TOKENAUTH_SCOPES; /x: scope more is not declared in TOKENAUTH_SCOPES"
    )


def test_checking_an_application_that_is_not_set_up_says_what_to_call() -> None:
    with pytest.raises(SettingsError, match="init_app"):
        TokenAuth().check(Flask("bare"))


def test_an_application_whose_hook_was_taken_out_is_not_guarded_and_says_so(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth)
    app.before_request_funcs[None].clear()

    with pytest.raises(SettingsError, match="removed from before_request_funcs"):
        auth.check(app)
