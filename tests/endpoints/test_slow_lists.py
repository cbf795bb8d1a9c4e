"""Lists of sessions that take long: other users' requests go on."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from queue import SimpleQueue
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection

from flask_tokenauth.stores.sql.connections import KEPT, MORE
from flask_tokenauth.stores.sql.primary_reads import PrimaryRead

from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.devices import list_devices, me
from ..lifecycle.kit import load_revocations, pass_interval, sign_in

PATIENCE = 60  # seconds; a test that waits longer fails


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_guarded_view_fetches_revocations_while_eight_clients_ask_for_slow_lists(
    make_session_app: MakeSessionApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_session_app()
    alice, bob = sign_in(app, "alice"), sign_in(app, "bob")
    load_revocations(app)
    reading, go_on = SimpleQueue[None](), Event()
    fetch = PrimaryRead.fetch

    def fetch_slowly(read: PrimaryRead, connection: Connection, values: Mapping[str, object] | None = None) -> Any:
        if "most" in (values or {}):  # a list
            reading.put(None)
            go_on.wait(PATIENCE)
        return fetch(read, connection, values)

    monkeypatch.setattr(PrimaryRead, "fetch", fetch_slowly)
    with ThreadPoolExecutor(8) as pool:
        lists = [pool.submit(list_devices, app, alice["access_token"]) for _ in range(8)]
        for _ in range(KEPT + MORE):
            reading.get(timeout=PATIENCE)
        pass_interval(app, after=timedelta(minutes=1))

        status = me(app, bob["access_token"])
        go_on.set()

    assert status == 200
    assert [answer.result().status_code for answer in lists].count(200) >= KEPT + MORE
