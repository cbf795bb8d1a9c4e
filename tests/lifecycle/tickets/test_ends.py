"""A ticket ends with its session, with everything of its user, and by its own ID. It is no token for endpoints."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import create_token

from ...conftest import Mint, StandingClock, bearer
from ...core.trusted_issuers.rules_kit import issuer_with, sign
from ...guards.ticket_kit import get, make_ticket
from ..kit import SignalLog, sign_in
from ..looked_up.kit import AUTH, revoke_user
from .conftest import MakeTicketApp
from .kit import read, ticket_of

OTHER_WORKER = 11  # seconds: more than the interval in which other processes learn of a revocation


@pytest.fixture
def login(app: Flask) -> dict[str, Any]:
    return sign_in(app)


def test_a_ticket_ends_with_its_session(app: Flask, login: dict[str, Any], signal_log: SignalLog) -> None:
    ticket = ticket_of(app, login["access_token"])

    app.test_client().post("/auth/logout", headers=bearer(login["access_token"]))

    assert get(app, ticket).status_code == 401
    assert signal_log.reasons == ["token_revoked"]


def test_a_ticket_ends_in_another_process_too(
    make_ticket_app: MakeTicketApp, login: dict[str, Any], app: Flask, clock: StandingClock
) -> None:
    other = make_ticket_app()
    tickets = [ticket_of(app, login["access_token"]) for _ in range(2)]
    assert get(other, tickets[0]).status_code == 200

    with app.app_context():
        AUTH.revoke_session(read(login["access_token"])[1]["sid"])
    clock.now += OTHER_WORKER

    assert get(other, tickets[1]).status_code == 401


@pytest.mark.parametrize("mode", ["feed", "strict"])
def test_a_ticket_ends_with_everything_of_its_user(
    make_ticket_app: MakeTicketApp, clock: StandingClock, mode: str
) -> None:
    app = make_ticket_app(TOKENAUTH_REVOCATION=mode)
    with app.app_context():
        tokens = {user: create_token(user) for user in ("alice", "bob")}
    tickets = {user: ticket_of(app, token) for user, token in tokens.items()}

    revoke_user(app, "alice", api_keys=False)

    assert {user: get(app, ticket).status_code for user, ticket in tickets.items()} == {"alice": 401, "bob": 200}


def test_a_ticket_that_is_made_after_that_is_good(app: Flask) -> None:
    revoke_user(app, "alice", api_keys=False)
    with app.app_context():
        token = create_token("alice")

    assert get(app, ticket_of(app, token)).status_code == 200


def test_a_ticket_is_revoked_by_its_id(app: Flask, login: dict[str, Any]) -> None:
    first, second = (ticket_of(app, login["access_token"]) for _ in range(2))

    with app.app_context():
        AUTH.revoke_token(read(first)[1]["jti"])

    assert [get(app, ticket).status_code for ticket in (first, second)] == [401, 200]


@pytest.mark.parametrize("token_type_hint", ["access_token", "refresh_token", None])
def test_endpoints_take_a_ticket_for_no_token(app: Flask, mint: Mint, token_type_hint: str | None) -> None:
    ticket = make_ticket(mint)
    form = {"token": ticket} | ({"token_type_hint": token_type_hint} if token_type_hint else {})
    client = app.test_client()

    introspected = client.post("/auth/introspect", data=form, headers=bearer(mint(scope="tokenauth:introspect")))
    refreshed = client.post("/auth/refresh", data={"grant_type": "refresh_token", "refresh_token": ticket})
    client.post("/auth/revoke", data=form)

    assert introspected.json == {"active": False}
    assert refreshed.status_code == 400
    assert get(app, ticket).status_code == 200


@pytest.mark.parametrize("path", ["/auth/sessions", "/auth/api-keys"])
def test_endpoints_are_not_opened_by_a_ticket(app: Flask, login: dict[str, Any], path: str) -> None:
    ticket = ticket_of(app, login["access_token"], path)

    assert get(app, ticket, path).status_code == 401
    assert app.test_client().get(path, headers=bearer(ticket)).status_code == 401


def test_a_ticket_of_a_trusted_issuer_is_refused(make_ticket_app: MakeTicketApp, signal_log: SignalLog) -> None:
    app = make_ticket_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()])
    ticket = sign(typ="ticket+jwt", ticket_path="/x")

    assert get(app, ticket).status_code == 401
    assert app.test_client().get("/x", headers=bearer(ticket)).status_code == 401
    assert signal_log.reasons[1:] == ["type_wrong"]


def test_nothing_of_a_ticket_is_logged(
    app: Flask, mint: Mint, caplog: pytest.LogCaptureFixture, signal_log: SignalLog
) -> None:
    caplog.set_level(0)
    app.debug = True
    ticket = make_ticket(mint, "/other")

    get(app, ticket)

    assert "ticket_wrong_path" in caplog.text
    assert not any(part in caplog.text for part in (*ticket.split("."), "/other", "?ticket"))
