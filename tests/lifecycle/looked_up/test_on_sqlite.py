"""Two workers with one file of SQLite: what one of them ends, the other refuses within the interval."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from ...conftest import StandingClock
from ...stores.sqlite_kit import dump, url_of
from ..devices import log_out, revoke
from ..kit import sign_in
from .conftest import MakeWorker
from .kit import Wait, list_keys, make_key, make_reference, revoke_key, revoke_user, status


@pytest.fixture
def clock() -> StandingClock:
    """Return the clock of the applications. SQLite has the clock of the machine."""
    return StandingClock(time.time())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "workers.db"


@pytest.fixture
def workers(make_worker: MakeWorker, path: Path) -> tuple[Flask, Flask]:
    one, two = (make_worker(TOKENAUTH_STORE=url_of(path)) for _ in range(2))
    return one, two


def make_key_text(app: Flask) -> str:
    return make_key(app).text


def make_login(app: Flask) -> str:
    return str(sign_in(app, scopes=["reports:read"])["access_token"])


ENDS: dict[str, tuple[Callable[[Flask], str], Callable[[Flask, str], object]]] = {
    "a key by its ID": (make_key_text, lambda app, text: revoke_key(app, list_keys(app)[0].id)),
    "a found key": (make_key_text, revoke),
    "a key with its user": (make_key_text, lambda app, text: revoke_user(app, api_keys=True)),
    "a found reference token": (make_reference, revoke),
    "a reference token with its user": (make_reference, lambda app, text: revoke_user(app, api_keys=False)),
    "a reference token with its session": (make_login, log_out),
}


@pytest.mark.slow
@pytest.mark.parametrize(("make", "end"), ENDS.values(), ids=ENDS)
def test_what_one_worker_ends_the_other_refuses(
    make_worker: MakeWorker, path: Path, wait: Wait, make: Any, end: Any
) -> None:
    one, two = (make_worker(TOKENAUTH_STORE=url_of(path), TOKENAUTH_TOKEN_FORMAT="reference") for _ in range(2))
    text, other = make(one), make_key(one, "bob").text
    assert [status(worker, each) for worker in (one, two) for each in (text, other)] == [200] * 4

    end(one, text)

    assert status(one, text) == 401
    wait(1)
    assert [status(worker, text) for worker in (one, two)] == [401, 401]
    assert [status(worker, other) for worker in (one, two)] == [200, 200]


def test_a_key_survives_a_revocation_of_its_user_without_keys(workers: tuple[Flask, Flask], wait: Wait) -> None:
    one, two = workers
    key = make_key(one)
    assert [status(worker, key.text) for worker in workers] == [200, 200]

    revoke_user(one, api_keys=False)

    wait(61)
    assert [status(worker, key.text) for worker in (one, two)] == [200, 200]


def test_the_last_use_reaches_the_other_worker(workers: tuple[Flask, Flask], wait: Wait) -> None:
    one, two = workers
    key = make_key(one)
    status(one, key.text)
    wait(1)
    status(one, key.text)

    [shown] = list_keys(two)
    assert shown.last_used_at is not None


def test_a_dump_of_the_database_has_no_usable_token(workers: tuple[Flask, Flask], path: Path) -> None:
    texts = [make_key(workers[0]).text, make_reference(workers[0])]
    assert [status(workers[1], text) for text in texts] == [200, 200]

    dumped = "\n".join(dump(path))

    assert "tokenauth_api_key" in dumped
    assert not any(text[3:] in dumped for text in texts)
