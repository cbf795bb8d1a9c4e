"""``auth.create_ticket``: who gets a ticket, with which scopes, and for how long."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.keys.key import Key

from ...conftest import AUDIENCE, ISSUER, NOW, MakeApp, Mint, StandingClock, bearer
from ...core.trusted_issuers.rules_kit import issuer_with, sign
from ...guards.ticket_kit import ALICE, get
from ..kit import SignalLog, sign_in
from ..looked_up.kit import make_key, make_reference
from .conftest import MakeTicketApp, add_views
from .kit import ask_for_ticket, read, ticket_of


def token_for(app: Flask, scopes: Any = ("reports:read",), **options: Any) -> str:
    with app.app_context():
        return create_token("alice", scopes, **options)


def test_a_ticket_opens_its_path_for_the_user(app: Flask) -> None:
    token = token_for(app)

    response = get(app, ticket_of(app, token, "/reports", scopes=["reports:read"]), "/reports")

    assert response.json == ALICE


def test_a_ticket_has_the_claims_of_the_token_that_it_was_made_with(app: Flask, clock: StandingClock) -> None:
    token = sign_in(app, scopes=["a", "b"])["access_token"]
    _, of_token = read(token)

    header, claims = read(ticket_of(app, token, scopes=["b"]))

    assert header["typ"] == "ticket+jwt"
    assert claims == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": int(NOW),
        "exp": int(NOW) + 30,
        "jti": claims["jti"],
        "client_id": ISSUER,
        "scope": "b",
        "sid": of_token["sid"],
        "auth_time": of_token["auth_time"],
        "ticket_path": "/x",
    }
    assert claims["jti"] != of_token["jti"]


def test_each_ticket_has_an_id_of_its_own(app: Flask) -> None:
    token = token_for(app)

    ids = {read(ticket_of(app, token))[1]["jti"] for _ in range(5)}

    assert len(ids) == 5


def test_a_token_without_a_session_gives_a_ticket_without_one(app: Flask, mint: Mint) -> None:
    _, claims = read(ticket_of(app, mint(client_id="phone")))

    assert claims["client_id"] == "phone"
    assert not {"sid", "auth_time", "epoch", "scope"} & claims.keys()


def test_a_ticket_has_the_epoch_of_the_token(app: Flask, mint: Mint) -> None:
    assert read(ticket_of(app, mint(epoch=5)))[1]["epoch"] == 5


def test_a_reference_token_gets_a_ticket(app: Flask) -> None:
    assert get(app, ticket_of(app, make_reference(app))).status_code == 200


def test_a_ticket_is_only_for_recipients_of_the_token(make_ticket_app: MakeTicketApp, mint: Mint) -> None:
    app = make_ticket_app(TOKENAUTH_AUDIENCE=["https://a.example", "https://b.example"])

    one = ticket_of(app, mint(aud=["https://a.example", "https://c.example"]))
    both = ticket_of(app, mint(aud=["https://a.example", "https://b.example"]))

    assert read(one)[1]["aud"] == "https://a.example"
    assert set(read(both)[1]["aud"]) == {"https://a.example", "https://b.example"}


@pytest.mark.parametrize("expires_in", [1, 1.5, 30, 3600, 600])
def test_a_ticket_lives_for_as_long_as_it_is_asked_for(make_ticket_app: MakeTicketApp, expires_in: float) -> None:
    app = make_ticket_app(TOKENAUTH_ACCESS_LIFETIME=7200)

    _, claims = read(ticket_of(app, token_for(app), expires_in=expires_in))

    assert claims["exp"] - claims["iat"] == int(expires_in)


@pytest.mark.parametrize(
    "expires_in", [0, 0.999, -1, 3600.001, 3601, 10**9, timedelta(0), timedelta(hours=1, seconds=1)]
)
def test_a_lifetime_out_of_range_is_an_error(app: Flask, expires_in: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()

    with app.test_request_context(headers=bearer(token_for(app))):
        with pytest.raises(ValueError, match=r"^expires_in must be 1 to 3600 seconds, got .*: a URL stays in logs"):
            auth.create_ticket("/x", expires_in=expires_in)
        auth.create_ticket("/x", expires_in=timedelta(hours=1))


@pytest.mark.parametrize(("left", "lifetime"), [(31, 30), (30, 30), (29, 29), (1, 1)])
def test_a_ticket_expires_with_its_token(
    app: Flask, mint: Mint, clock: StandingClock, left: int, lifetime: int
) -> None:
    token = mint(exp=NOW + 900)
    clock.now = NOW + 900 - left

    _, claims = read(ticket_of(app, token))

    assert claims["exp"] - claims["iat"] == lifetime
    assert claims["exp"] <= NOW + 900


@pytest.mark.parametrize("late", [0, 9])
def test_a_token_that_has_just_expired_makes_no_ticket(
    app: Flask, mint: Mint, clock: StandingClock, signal_log: SignalLog, late: int
) -> None:
    """It is accepted, since clocks may differ."""
    token = mint(exp=NOW + 900)
    clock.now = NOW + 900 + late

    answer = ask_for_ticket(app, token)

    assert answer.status_code == 401
    assert signal_log.reasons == ["token_expired"]


@pytest.mark.parametrize(
    ("held", "asked", "status"),
    [
        ("a b", [], 200),
        ("a b", ["a"], 200),
        ("a b", ["b", "a"], 200),
        ("a", ["b"], 403),
        ("a", ["a", "b"], 403),
        (..., ["a"], 403),
        (..., [], 200),
    ],
)
def test_a_ticket_gets_no_scope_that_its_token_lacks(
    app: Flask, mint: Mint, signal_log: SignalLog, *, held: object, asked: list[str], status: int
) -> None:
    answer = ask_for_ticket(app, mint(scope=held), scopes=asked)

    assert answer.status_code == status
    if status == 200:
        assert read(answer.text)[1].get("scope", "").split() == asked
    else:
        assert signal_log.reasons == ["scope_insufficient"]
        assert answer.json is not None
        assert answer.json["error"] == "insufficient_scope"


def test_a_ticket_may_have_a_scope_that_is_implied(make_ticket_app: MakeTicketApp, mint: Mint) -> None:
    scopes = {"admin": {"description": "All", "implies": ["reports:read"]}, "reports:read": "Read", "other": "Other"}
    app = make_ticket_app(TOKENAUTH_SCOPES=scopes)
    token = mint(scope="admin")

    ticket = ticket_of(app, token, "/reports", scopes=["reports:read"])

    assert get(app, ticket, "/reports").json == ALICE
    assert ask_for_ticket(app, token, scopes=["other"]).status_code == 403
    with app.test_request_context(headers=bearer(token)), pytest.raises(ValueError, match="is not declared"):
        TokenAuth[str]().create_ticket("/x", ["undeclared"])


@pytest.mark.parametrize("scopes", ["reports:read", 5, [5]])
def test_scopes_are_a_list_of_strings(app: Flask, scopes: Any) -> None:
    with app.test_request_context(headers=bearer(token_for(app))), pytest.raises(TypeError, match="scope"):
        TokenAuth[str]().create_ticket("/x", scopes)


@pytest.mark.parametrize(
    ("path", "error"), [("/x?a=1", ValueError), ("x", ValueError), ("//host/x", ValueError), (None, TypeError)]
)
def test_a_path_that_is_none_is_an_error(app: Flask, path: Any, error: type[Exception]) -> None:
    with app.test_request_context(headers=bearer(token_for(app))), pytest.raises(error, match=r"^path must"):
        TokenAuth[str]().create_ticket(path)


def test_an_api_key_makes_no_ticket(app: Flask, signal_log: SignalLog) -> None:
    answer = ask_for_ticket(app, make_key(app).text)

    assert answer.status_code == 403
    assert signal_log.reasons == ["ticket_not_made"]


def test_a_ticket_makes_no_ticket(app: Flask, signal_log: SignalLog) -> None:
    ticket = ticket_of(app, token_for(app), "/tickets")

    answer = app.test_client().get(f"/tickets?ticket={ticket}", json={"path": "/x"})

    assert answer.status_code == 403
    assert signal_log.reasons == ["ticket_not_made"]


def test_a_token_that_acts_for_the_user_makes_no_ticket(app: Flask, mint: Mint, signal_log: SignalLog) -> None:
    assert ask_for_ticket(app, mint(act={"sub": "admin"})).status_code == 403
    assert signal_log.reasons == ["token_of_delegate"]


def test_a_token_of_a_trusted_issuer_makes_no_ticket(make_ticket_app: MakeTicketApp, signal_log: SignalLog) -> None:
    app = make_ticket_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()])

    assert ask_for_ticket(app, sign()).status_code == 401
    assert signal_log.reasons == ["issuer_wrong"]


@pytest.mark.parametrize("headers", [{}, bearer("bad")])
def test_a_request_without_a_good_token_makes_no_ticket(make_app: MakeApp, headers: dict[str, str]) -> None:
    app, auth = make_app(), TokenAuth[str]()
    app.add_url_rule("/tickets", "tickets", lambda: auth.create_ticket("/x"))

    assert app.test_client().get("/tickets", headers=headers).status_code == 401


def test_a_ticket_needs_a_request(make_ticket_app: MakeTicketApp) -> None:
    with make_ticket_app().app_context(), pytest.raises(RuntimeError, match="needs a request"):
        TokenAuth[str]().create_ticket("/x")


def test_an_application_without_a_key_that_signs_makes_no_tickets(make_app: MakeApp) -> None:
    key = Key.generate("ES256")
    app = make_app(TOKENAUTH_KEYS=[key.to_jwk(private=False)])
    token = Mint(key)()

    with app.test_request_context(headers=bearer(token)), pytest.raises(SettingsError, match="private key"):
        TokenAuth[str]().create_ticket("/x")


def test_an_application_without_a_store_makes_tickets(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = add_views(make_app(auth=auth), auth)

    assert get(app, ticket_of(app, mint())).status_code == 200
