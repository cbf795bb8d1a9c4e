"""Setting up applications with a store: the endpoints, several applications, and errors without a store."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import ISSUER, SECRET, MakeApp, bearer
from .conftest import MakeSessionApp
from .kit import INVALID_GRANT, Backend, refresh, refreshed, sign_in, store_of


def test_registering_the_endpoints_without_a_store_raises(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    app = make_app(auth=auth)

    with pytest.raises(SettingsError, match="need TOKENAUTH_STORE"):
        app.register_blueprint(auth.endpoints)


@pytest.mark.parametrize("store", [None, "memory://"])
def test_endpoints_registered_before_init_app_check_for_a_store_at_their_first_use(
    auth: TokenAuth[Any], store: str | None
) -> None:
    token = "rt1_" + "A" * 70
    app = Flask("tests")
    app.config |= {"TESTING": True, "SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_STORE": store}
    app.register_blueprint(auth.endpoints)
    auth.init_app(app)

    if store is None:
        with pytest.raises(SettingsError, match="need TOKENAUTH_STORE"):
            refresh(app, token)
    else:
        assert refresh(app, token).get_json() == INVALID_GRANT


def test_endpoints_of_an_application_without_init_app_raise(auth: TokenAuth[Any]) -> None:
    app = Flask("tests")
    app.config["TESTING"] = True
    app.register_blueprint(auth.endpoints)

    with pytest.raises(SettingsError, match="not set up"):
        refresh(app, "rt1_")


def test_each_object_has_its_own_blueprint(auth: TokenAuth[Any]) -> None:
    assert auth.endpoints is auth.endpoints
    assert auth.endpoints is not TokenAuth().endpoints


@pytest.mark.parametrize("ask", ["store", "sessions"])
def test_the_error_without_a_store_names_the_setting(make_app: MakeApp, ask: str) -> None:
    with pytest.raises(SettingsError, match=r"need TOKENAUTH_STORE, which is not set: set it to .sqlite:////"):
        getattr(make_app().extensions["tokenauth"], ask)


def test_the_error_about_a_store_names_the_variable_and_no_store_of_another_kind(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match=r"needs? .*\(in the environment: FLASK_TOKENAUTH_STORE\)$"):
        make_app(TOKENAUTH_STORE="redis://localhost?ssl_ca_certs=ca.pem")


def test_one_store_object_for_two_issuers_raises(make_session_app: MakeSessionApp) -> None:
    """Their users may have the same IDs."""
    one = make_session_app("one")

    with pytest.raises(SettingsError, match=r"TOKENAUTH_STORE.*belongs to another issuer, https://issuer\.example"):
        make_session_app("other", TOKENAUTH_ISSUER="https://other.example", TOKENAUTH_STORE=store_of(one))


def test_a_database_of_another_issuer_raises_at_first_use(make_session_app: MakeSessionApp, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    one = make_session_app("one", TOKENAUTH_STORE=url)
    assert sign_in(one)["refresh_token"]
    other = make_session_app("other", TOKENAUTH_ISSUER="https://other.example", TOKENAUTH_STORE=url)

    with pytest.raises(SettingsError, match="belongs to another issuer"):
        sign_in(other)

    again = make_session_app("again", TOKENAUTH_STORE=url)
    assert sign_in(again)["refresh_token"]


def test_applications_of_two_issuers_refuse_each_others_tokens(make_session_app: MakeSessionApp) -> None:
    one = make_session_app("one")
    other = make_session_app("other", TOKENAUTH_ISSUER="https://other.example", TOKENAUTH_STORE="memory://")
    first, second = sign_in(one), sign_in(other)

    assert refresh(other, first["refresh_token"]).get_json() == INVALID_GRANT
    assert refresh(one, second["refresh_token"]).get_json() == INVALID_GRANT
    assert one.test_client().get("/me", headers=bearer(second["access_token"])).status_code == 401
    assert refreshed(one, first["refresh_token"])["scope"] == "a b"
    assert refreshed(other, second["refresh_token"])["scope"] == "a b"


def test_applications_with_two_stores_know_only_their_own_sessions(
    make_session_app: MakeSessionApp,
) -> None:
    one, other = make_session_app("one"), make_session_app("other", TOKENAUTH_STORE="memory://")
    token = sign_in(one)["refresh_token"]

    assert refresh(other, token).get_json() == INVALID_GRANT
    assert refresh(one, token).status_code == 200


def test_a_store_changed_after_init_app_raises_and_is_not_shown(
    make_session_app: MakeSessionApp,
) -> None:
    app = make_session_app()
    app.config["TOKENAUTH_STORE"] = "sqlite:////hunter2.db"

    with pytest.raises(SettingsError, match="TOKENAUTH_STORE was changed after init_app") as caught:
        app.test_client().get("/open")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["TOKENAUTH_REFRESH_IDLE_LIFETIME", "TOKENAUTH_SESSION_LIFETIME", "TOKENAUTH_REFRESH_RETRY_WINDOW"]
)
def test_a_lifetime_changed_after_init_app_raises(make_session_app: MakeSessionApp, key: str) -> None:
    app = make_session_app()
    app.config[key] = 60

    with pytest.raises(SettingsError, match=f"{key} was changed after init_app"):
        refresh(app, "rt1_")


def test_a_store_object_is_used_as_it_is(make_app: MakeApp) -> None:
    store = MemoryStore()

    assert store_of(make_app(TOKENAUTH_STORE=store)) is store


def test_every_kind_of_store_answers(backend: Backend, app: Flask) -> None:
    assert store_of(app).read_epoch("alice") == 0
