"""The hook, through an application: when it runs, the user on ``g``, and the parts of Flask that may be replaced."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask, Request, abort, g
from flask.testing import FlaskClient
from msgspec.structs import force_setattr

from flask_tokenauth import (
    Token,
    TokenAuth,
    create_token,
    get_token,
    login_required,
    require_scope,
    token_issued,
    token_refused,
)
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.guards.marks import read_mark

from ..conftest import AUDIENCE, ISSUER, NOW, SECRET, MakeApp, Mint, StandingClock, bearer, whoami
from ..wsgi_kit import call


def test_two_requests_in_one_outer_context_do_not_see_each_other(app: Flask, mint: Mint) -> None:
    """Within an outer application context, Flask uses the same ``g`` for both requests."""
    with app.app_context():
        client = app.test_client()

        assert client.get("/me", headers=bearer(mint())).status_code == 200
        assert client.get("/me").status_code == 401
        assert client.get("/open").json == {"user_id": None, "scopes": [], "token": None}
        assert client.get("/open", headers=bearer(mint(sub="bob"))).json == {
            "user_id": "bob",
            "scopes": ["reports:read"],
            "token": "t1",
        }
        assert client.get("/open", headers=bearer("x")).json == {"user_id": None, "scopes": [], "token": None}


def test_the_hook_runs_before_all_others(make_app: MakeApp, mint: Mint) -> None:
    app = Flask("tests")
    seen: list[object] = []
    app.before_request(lambda: seen.append(g.user_id))
    app.config |= {"SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_AUDIENCE": AUDIENCE, "TESTING": True}
    TokenAuth(app)
    app.extensions["tokenauth"].clock = lambda: NOW

    call(app, "/nowhere", f"Bearer {mint()}")

    assert seen == ["alice"]


def test_a_claim_that_a_view_tampers_with_is_untouched_in_the_next_request(
    app: Flask, client: FlaskClient, mint: Mint
) -> None:
    @app.get("/tamper")
    def tamper() -> dict[str, object]:
        with pytest.raises(AttributeError):
            g.token.claims["teams"].append("red")
        return {"teams": list(g.token.claims["teams"])}

    token = mint(teams=["blue"])

    assert client.get("/tamper", headers=bearer(token)).json == {"teams": ["blue"]}
    assert client.get("/tamper", headers=bearer(token)).json == {"teams": ["blue"]}


def test_what_one_view_does_to_its_token_the_next_request_does_not_see(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    seen = []

    def spoil() -> str:
        seen.append((g.user_id, g.scopes, g.token.to_dict()))
        g.token.to_dict()["sub"] = "mallory"
        for attempt in (
            lambda: g.token.claims.update(sub="mallory"),
            lambda: g.token.claims["teams"].append("red"),
            lambda: g.scopes.add("admin"),
            lambda: setattr(g.token, "subject", "mallory"),
        ):
            with pytest.raises((AttributeError, TypeError)):
                attempt()
        with suppress(TypeError):  # raised by Python up to 3.12
            object.__setattr__(g.token, "scopes", frozenset({"admin"}))
        force_setattr(g.token, "claims", {"sub": "mallory"})
        g.user_id, g.scopes, g.token = "mallory", {"admin"}, None
        return "spoilt"

    app.add_url_rule("/", view_func=login_required(spoil))
    headers = {"Authorization": f"Bearer {mint(teams=['blue'])}"}

    for _ in range(3):
        assert app.test_client().get("/", headers=headers).text == "spoilt"

    assert seen[0] == seen[1] == seen[2]
    assert seen[0][:2] == ("alice", {"reports:read"})


def test_a_view_that_gives_its_token_a_scope_gives_it_to_no_other_request(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    def promote() -> str:
        force_setattr(g.token, "scopes", frozenset({"admin"}))
        return "promoted"

    app.add_url_rule("/promote", view_func=login_required(promote))
    app.add_url_rule("/admin", view_func=require_scope("admin")(lambda: "secret"))
    headers, client = bearer(mint()), app.test_client()

    for _ in range(3):  # the first token is verified, the others come from the cache
        assert client.get("/admin", headers=headers).status_code == 403
        assert client.get("/promote", headers=headers).text == "promoted"


def by_descriptor(record: object, name: str, value: object) -> None:
    getattr(type(record), name).__set__(record, value)


@pytest.mark.parametrize("change", [setattr, object.__setattr__, force_setattr, by_descriptor])
def test_what_a_guard_remembers_cannot_be_changed(
    make_app: MakeApp, mint: Mint, change: Callable[[Any, str, object], None]
) -> None:
    app = make_app()
    view = require_scope("admin")(lambda: "secret")
    app.add_url_rule("/admin", view_func=view, endpoint="admin")
    client, headers = app.test_client(), bearer(mint())
    assert client.get("/admin", headers=headers).status_code == 403
    noted, known = read_mark(view), state_of(app).hook.__self__._routes._resolved["admin", "GET"]  # type: ignore[union-attr]

    for record, name, value in (
        (noted, "requirements", ()),
        (noted.requirements[0], "all_of", ()),
        (known, "simple_scopes", frozenset()),
        (known.required, "requirements", ()),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change(record, name, value)

    assert client.get("/admin", headers=headers).status_code == 403


def test_exchanged_keys_are_used_for_the_next_request(app: Flask, client: FlaskClient, mint: Mint) -> None:
    headers = {"Authorization": f"Bearer {mint()}"}
    assert client.get("/me", headers=headers).status_code == 200

    app.extensions["tokenauth"].settings.keys.exchange([Key.generate("HS256")])

    assert client.get("/me", headers=headers).status_code == 401


def test_a_token_expires_to_the_second_although_it_is_cached(
    client: FlaskClient, mint: Mint, clock: StandingClock
) -> None:
    headers = {"Authorization": f"Bearer {mint(exp=NOW + 900)}"}
    assert client.get("/me", headers=headers).status_code == 200

    clock.now = NOW + 909.9
    assert client.get("/me", headers=headers).status_code == 200
    clock.now = NOW + 910
    assert client.get("/me", headers=headers).status_code == 401


def test_the_hook_sets_the_user_even_if_g_was_changed_before_it(
    make_app: MakeApp, mint: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=login_required(whoami()))

    @app.url_value_preprocessor
    def pretend(endpoint: str | None, values: object) -> None:
        assert get_token() is not None
        g.user_id, g.scopes, g.token = "mallory", {"admin"}, None

    seen = app.test_client().get("/", headers=bearer(mint())).json

    assert seen == {"user_id": "alice", "scopes": ["reports:read"], "token": "t1"}


def test_without_receivers_no_signal_is_sent(
    app: Flask, client: FlaskClient, mint: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for signal in (token_issued, token_refused):
        monkeypatch.setattr(signal, "receivers", {})
        monkeypatch.setattr(signal, "send", None)

    with app.app_context():
        headers = bearer(create_token("alice"))

    assert client.get("/me", headers=headers).status_code == 200
    assert client.get("/me").status_code == 401


class SlottedG:
    """A ``g`` that an application uses instead of that of Flask."""

    __slots__ = ("scopes", "token", "user_id")


def test_an_application_may_have_a_g_of_its_own(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.app_ctx_globals_class = SlottedG  # type: ignore[assignment]  # Flask uses no more of it
    app.add_url_rule("/", view_func=login_required(whoami()))

    assert app.test_client().get("/", headers=bearer(mint())).json == {
        "user_id": "alice",
        "scopes": ["reports:read"],
        "token": "t1",
    }


class Suspicious(Request):
    """A request class that decides itself whether a request is secure."""

    @property
    def is_secure(self) -> bool:
        return False


def test_an_application_may_decide_itself_which_requests_are_secure(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="refuse")
    app.request_class = Suspicious
    app.add_url_rule("/", view_func=login_required(whoami()))

    answer = app.test_client().get("https://localhost/", headers=bearer(mint()))

    assert answer.status_code == 400


def test_a_log_handler_for_plain_http_sees_no_user(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="warn")
    app.add_url_rule("/", view_func=login_required(whoami()))
    seen = []
    reader = logging.Handler(logging.WARNING)
    reader.emit = lambda record: seen.append((g.user_id, g.scopes, g.token))  # type: ignore[method-assign]  # it needs no more
    logging.getLogger("flask_tokenauth").addHandler(reader)
    with app.app_context():
        g.user_id = "previous"
        answer = app.test_client().get("/", headers=bearer(mint()), environ_base={"REMOTE_ADDR": "192.0.2.1"})
    logging.getLogger("flask_tokenauth").removeHandler(reader)

    assert answer.status_code == 200
    assert seen == [(None, frozenset(), None)]


def test_preprocessors_see_the_user(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=whoami())
    seen: list[object] = []
    app.url_value_preprocessor(lambda endpoint, values: seen.append(g.user_id))

    with app.app_context():  # in it Flask uses the same g for both requests
        app.test_client().get("/", headers=bearer(mint()))
        app.test_client().get("/")

    assert seen == ["alice", None]


def id_here(subject: str) -> str:
    """Accept user IDs in requests of tenant a only."""
    if g.tenant != "a":
        raise ValueError("of another tenant")
    return subject


def checking(check: Callable[[Token], bool]) -> TokenAuth[str]:
    auth: TokenAuth[str] = TokenAuth()
    auth.token_check(check)
    return auth


@pytest.mark.parametrize(
    "make_auth",
    [lambda: checking(lambda token: g.tenant == "a"), lambda: TokenAuth(user_id_type=id_here)],
    ids=["token_check", "user_id_type"],
)
def test_a_token_is_checked_after_the_preprocessors_if_the_application_may_need_them(
    make_app: MakeApp, mint: Mint, make_auth: Callable[[], TokenAuth[str]]
) -> None:
    app = make_app(auth=make_auth())
    app.add_url_rule("/<tenant>/x", view_func=login_required(whoami()))
    seen: list[object] = []

    @app.url_value_preprocessor
    def pull(endpoint: str | None, values: dict[str, str] | None) -> None:
        seen.append(g.user_id)
        g.tenant = (values or {}).pop("tenant", None)

    with app.app_context():
        statuses = [app.test_client().get(f"/{tenant}/x", headers=bearer(mint())).status_code for tenant in "aba"]

    assert statuses == [200, 401, 200]
    assert seen == [None, None, None]


def test_the_handler_of_a_preprocessors_error_sees_the_user(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.register_error_handler(404, lambda error: ({"user_id": g.user_id}, 404))
    app.url_value_preprocessor(lambda endpoint, values: abort(404))

    assert app.test_client().get("/").get_json() == {"user_id": None}
    assert app.test_client().get("/", headers=bearer(mint())).get_json() == {"user_id": "alice"}


class ElsewhereG:
    """A class for ``g`` that keeps its attributes in a dict of its own."""

    def __init__(self) -> None:
        object.__setattr__(self, "kept", {})

    def __setattr__(self, name: str, value: object) -> None:
        object.__getattribute__(self, "kept")[name] = value

    def __getattribute__(self, name: str) -> Any:
        kept = object.__getattribute__(self, "kept")
        return kept[name] if name in kept else object.__getattribute__(self, name)


def test_a_class_for_g_that_keeps_its_attributes_elsewhere_gets_them(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.app_ctx_globals_class = ElsewhereG  # type: ignore[assignment]  # Flask asks for no more
    app.add_url_rule("/", view_func=whoami())

    assert app.test_client().get("/", headers=bearer(mint())).get_json()["user_id"] == "alice"
