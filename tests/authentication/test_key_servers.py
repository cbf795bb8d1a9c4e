"""Key servers that are down or hostile: 503, or the last good keys, and never a pass."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_tokenauth import login_required
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.fetching import documents
from flask_tokenauth.core.keys.key import Key

from ..conftest import MakeApp, StandingClock, bearer, whoami
from ..core.fetching.kit import Names, Server, Talk, ok
from ..core.trusted_issuers.rules_kit import PUBLIC, issuer_with, sign

GOOD = json.dumps({"keys": [PUBLIC.to_jwk()]}).encode()
SET_OF_SECRETS = json.dumps({"keys": [Key.from_secret(bytes(range(32)), kid="k1").to_jwk(private=True)]}).encode()
ANSWERS: dict[str, bytes | Callable[[Talk], object]] = {
    "never answers": lambda talk: talk.over.wait(),
    "closes": b"",
    "drips": lambda talk: talk.drip(ok(GOOD)),
    "50 MB": lambda talk: talk.send(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 50_000_000),
    "says it has 50 MB": ok(GOOD).replace(b"Content-Length: ", b"Content-Length: 5000000"),
    "gzip": ok(GOOD, "Content-Encoding: gzip"),
    "redirects to a file": ok(b"", "Location: file:///etc/passwd", status="302 Found"),
    "redirects to a metadata address": ok(b"", "Location: http://169.254.169.254/", status="307 Temporary Redirect"),
    "redirects to itself": ok(b"", "Location: /keys", status="301 Moved Permanently"),
    "error": ok(GOOD, status="500 Internal Server Error"),
    "not found": ok(GOOD, status="404 Not Found"),
    "no content": ok(b"", status="204 No Content"),
    "HTML": ok(b"<html></html>"),
    "an array": ok(b"[]"),
    "no HTTP": b"220 smtp.example ESMTP\r\n",
}


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a fetch have a short time, so that the tests end soon."""
    monkeypatch.setattr("flask_tokenauth.application.key_sources._DEADLINE", 0.3)


class Served:
    """A server whose answer tests exchange."""

    def __init__(self, answer: bytes | Callable[[Talk], object]) -> None:
        self.answer = answer

    def __call__(self, talk: Talk) -> None:
        if callable(self.answer):
            self.answer(talk)
        else:
            talk.send(self.answer)


def client_of(make_app: MakeApp, server: Server, **changes: Any) -> FlaskClient:
    issuer = server.url("")
    entry: dict[str, Any] = {"issuer": issuer, "keys": ..., "jwks_uri": server.url("/keys")}
    app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with(**entry | changes)])
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    return app.test_client()


def status(client: FlaskClient, server: Server) -> int:
    return client.get("/me", headers=bearer(sign(iss=server.url("")))).status_code


@pytest.mark.slow
@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize("name", ANSWERS)
def test_without_good_keys_no_token_passes(make_app: MakeApp, name: str, caplog: pytest.LogCaptureFixture) -> None:
    with Server(Served(ANSWERS[name])) as server:
        assert status(client_of(make_app, server), server) == 503

    [message] = [message for message in caplog.messages if "cannot be fetched" in message]
    assert "so its tokens are refused with 503: " in message
    assert "passwd" not in message


@pytest.mark.slow
@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize("name", ANSWERS)
def test_the_last_good_keys_go_on_for_a_time(make_app: MakeApp, name: str) -> None:
    served, clock = Served(ok(GOOD)), StandingClock(0)
    with Server(served) as server:
        client = client_of(make_app, server)
        [rules] = state_of(client.application).trust.list_rules()
        rules.keys._monotonic = clock  # type: ignore[attr-defined]
        assert status(client, server) == 200
        served.answer = ANSWERS[name]

        statuses = []
        for later in (0, 300, 300 + 3599, 3600 + 300):
            clock.now = later
            statuses.append(status(client, server))

    assert statuses == [200, 200, 200, 503]


def test_a_set_of_secrets_makes_no_secret_a_key(make_app: MakeApp) -> None:
    secret = Key.from_secret(bytes(range(32)), kid="k1")
    with Server(ok(SET_OF_SECRETS)) as server:
        client = client_of(make_app, server)
        token = sign(key=secret, iss=server.url(""))

        assert client.get("/me", headers=bearer(token)).status_code == 401


BAD_NAMES = {
    "private": ["10.0.0.7"],
    "a good one and a bad one": ["192.0.32.10", "10.0.0.7"],
    "NAT64 of this machine": ["64:ff9b::7f00:1"],
    "this machine": ["127.0.0.1"],
    "a metadata address": ["169.254.169.254"],
}


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("allow_private", [False, True], ids=["usual", "private allowed"])
def test_a_name_that_leads_into_the_network_is_not_connected_to(
    make_app: MakeApp, name: str, *, allow_private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if allow_private and "10.0.0.7" in BAD_NAMES[name]:
        pytest.skip("it is allowed")
    names = Names(BAD_NAMES[name])
    monkeypatch.setattr("socket.getaddrinfo", names)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it was connected to"))
    app: Flask = make_app(
        TOKENAUTH_TRUSTED_ISSUERS=[
            issuer_with(keys=..., jwks_uri="https://keys.example/set", allow_private=allow_private)
        ]
    )
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")

    assert app.test_client().get("/me", headers=bearer(sign())).status_code == 503
    assert names.asked == ["keys.example"]


def test_a_name_is_looked_up_once_for_each_fetch(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look-up could return another address than the one that was judged."""
    names = Names(["192.0.32.10"], ["10.0.0.7"])
    monkeypatch.setattr("socket.getaddrinfo", names)
    connected = []

    def connect(_: object, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.socket.connect", connect)
    app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with(keys=..., jwks_uri="https://keys.example/set")])
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")

    assert app.test_client().get("/me", headers=bearer(sign())).status_code == 503
    assert (names.asked, connected) == (["keys.example"], ["192.0.32.10"])


@pytest.mark.parametrize("jwks_uri", ["http://127.0.0.1:1/keys", "https://127.0.0.1:1/keys", "https://10.0.0.7/keys"])
def test_a_discovery_document_leads_nowhere_else(
    make_app: MakeApp, jwks_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []

    def fetch(url: str, **_: object) -> documents.Fetched:
        fetched.append(url)
        body = json.dumps({"issuer": "https://id.example", "jwks_uri": jwks_uri}).encode()
        return documents.Fetched(body, None, is_private=False, is_loopback=False)

    app = make_app(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with(keys=..., discovery=True)])
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    monkeypatch.setattr("flask_tokenauth.application.key_sources.fetch", fetch)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it was connected to"))

    assert app.test_client().get("/me", headers=bearer(sign())).status_code == 503
