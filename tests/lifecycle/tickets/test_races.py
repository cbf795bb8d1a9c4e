"""Of many requests at once with one ticket, exactly one is answered, on each store."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.testing.store_contract.kit import at_once

from ...conftest import MakeApp, StandingClock
from ...engines.server import Server
from ...guards.ticket_kit import get
from ..kit import PATIENT, store_of
from .conftest import MakeTicketApp, add_views
from .kit import ticket_of

THREADS = 16
ROUNDS = 5


def race(*apps: Flask) -> None:
    """Use one ticket in many threads, and check that one of them is answered, again and again."""
    with apps[0].app_context():
        token = create_token("alice")
    for _ in range(ROUNDS):
        ticket = ticket_of(apps[0], token)

        statuses = at_once(THREADS, lambda index: get(apps[index % len(apps)], ticket).status_code)  # noqa: B023

        assert sorted(statuses) == [200, *[401] * (THREADS - 1)]


@pytest.mark.slow
def test_one_of_many_requests_is_answered_in_memory(make_ticket_app: MakeTicketApp) -> None:
    race(make_ticket_app(), make_ticket_app())


@pytest.fixture
def make_patient_app(make_app: MakeApp, clock: StandingClock, patient: None) -> Iterator[Any]:
    """Return a function that makes an application with a store at a URL, whose clock stands at the present."""
    clock.now = time.time()
    made: list[Flask] = []

    def make(url: str) -> Flask:
        auth: TokenAuth[Any] = TokenAuth()
        app = make_app(auth=auth, TOKENAUTH_STORE=url, TOKENAUTH_STORE_TIMEOUT=PATIENT)
        made.append(add_views(app, auth))
        return app

    yield make
    for app in made:
        store_of(app).close()


@pytest.mark.slow
def test_one_of_many_requests_is_answered_with_sqlite(make_patient_app: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tickets.db'}"

    race(make_patient_app(url), make_patient_app(url))


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("name", ["postgresql_18", "postgresql_15", "mariadb"])
def test_one_of_many_requests_is_answered_with_a_server(
    request: pytest.FixtureRequest, make_patient_app: Any, name: str
) -> None:
    server: Server = request.getfixturevalue(name)
    with server.new_database() as database:
        race(*(make_patient_app(server.url(database)) for _ in range(2)))
