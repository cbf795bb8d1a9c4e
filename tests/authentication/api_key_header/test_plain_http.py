"""API keys over plain HTTP, by the modes of ``TOKENAUTH_ENFORCE_HTTPS``."""

from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient

from flask_tokenauth import require_scope
from flask_tokenauth.core.opaque.lookups import Lookups
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp, Mint, bearer
from ...guards.kinds_kit import HEADER, looked_up
from .kit import each_carrier

AWAY = {"REMOTE_ADDR": "203.0.113.7"}


def serve(make_app: MakeApp, store: MemoryStore, mode: str) -> FlaskClient:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS=mode, **looked_up(store))
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))
    return app.test_client()


@each_carrier
@pytest.mark.parametrize(
    ("mode", "url", "status", "warned"),
    [
        ("off", "http://api.example", 200, False),
        ("warn", "http://api.example", 200, True),
        ("warn", "https://api.example", 200, False),
        ("refuse", "http://api.example", 400, False),
        ("refuse", "https://api.example", 200, False),
    ],
)
def test_https_is_enforced_for_api_keys(
    make_app: MakeApp,
    store: MemoryStore,
    key: str,
    log: Any,
    *,
    carry: Any,
    mode: str,
    url: str,
    status: int,
    warned: Any,
) -> None:
    client = serve(make_app, store, mode)

    answer = client.get("/x", base_url=url, headers=carry(key), environ_base=AWAY)

    assert answer.status_code == status
    assert any("plain HTTP" in message for message in log.messages) is warned
    assert ("refused: transport_insecure" in log.messages) is (status == 400)


@each_carrier
def test_an_api_key_from_this_machine_needs_no_https_to_be_tried(
    make_app: MakeApp, store: MemoryStore, key: str, log: Any, carry: Any
) -> None:
    client = serve(make_app, store, "warn")

    assert client.get("/x", headers=carry(key), environ_base={"REMOTE_ADDR": "127.0.0.1"}).status_code == 200
    assert log.messages == []


def test_a_malformed_header_over_plain_http_is_malformed(
    make_app: MakeApp, store: MemoryStore, mint: Mint, key: str, log: Any
) -> None:
    client = serve(make_app, store, "refuse")

    client.get("/x", headers={HEADER: f"{key},{key}"}, environ_base=AWAY)
    client.get("/x", headers={HEADER: key} | bearer(mint()), environ_base=AWAY)

    assert log.messages == ["refused: api_key_malformed", "refused: credentials_two"]


@each_carrier
def test_an_api_key_over_plain_http_is_not_looked_up(
    make_app: MakeApp, store: MemoryStore, key: str, monkeypatch: pytest.MonkeyPatch, carry: Any
) -> None:
    client = serve(make_app, store, "refuse")
    monkeypatch.setattr(Lookups, "find", lambda *_, **__: pytest.fail("it was looked up"))

    assert client.get("/x", headers=carry(key), environ_base=AWAY).status_code == 400
