"""Values that are no API key, in the header for API keys and in ``Authorization: Bearer``."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_tokenauth import create_token
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import Mint, bearer
from ...guards.kinds_kit import HEADER
from ...leaks import find_leak
from .kit import outcome


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_header_is_none(client: FlaskClient, mint: Mint, log: Any, value: str | None) -> None:
    empty = {} if value is None else {HEADER: value}

    assert outcome(client, empty, log) == (401, "credential_missing")
    assert outcome(client, empty | bearer(mint()), log) == (200, None)


VALUES: dict[str, tuple[Callable[[str], str], int, str]] = {
    "twice": (lambda key: f"{key}, {key}", 400, "api_key_malformed"),
    "twice, without a space": (lambda key: f"{key},{key}", 400, "api_key_malformed"),
    "a good one and an empty one": (lambda key: f"{key}, ", 400, "api_key_malformed"),
    "quotes": (lambda key: f'"{key}"', 400, "api_key_malformed"),
    "a space before": (lambda key: f" {key}", 400, "api_key_malformed"),
    "a space after": (lambda key: f"{key} ", 400, "api_key_malformed"),
    "a scheme": (lambda key: f"Bearer {key}", 400, "api_key_malformed"),
    "a tab": (lambda key: f"\t{key}", 400, "api_key_malformed"),
    "only a space": (lambda key: " ", 400, "api_key_malformed"),
    "not ASCII": (lambda key: f"{key}é", 400, "api_key_malformed"),
    "a null": (lambda key: f"{key}\0", 400, "api_key_malformed"),
    "percent": (lambda key: key.replace("_", "%5F"), 400, "api_key_malformed"),
    "without its prefix": (lambda key: key.removeprefix("ta_"), 401, "api_key_expected"),
    "the prefix in capitals": (lambda key: key.replace("ta_", "TA_"), 401, "api_key_expected"),
    "another prefix": (lambda key: key.replace("ta_", "tb_"), 401, "api_key_expected"),
    "the prefix alone": (lambda key: "ta_", 401, "token_damaged"),
    "too long": (lambda key: f"{key}A", 401, "token_damaged"),
    "too short": (lambda key: key[:-1], 401, "token_damaged"),
    "padded": (lambda key: f"{key}=", 401, "token_damaged"),
    "another character": (lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"), 401, "token_damaged"),
    "8 KB": (lambda key: key + "A" * 8192, 401, "token_damaged"),
    "8 KB of another string": (lambda key: "A" * 8192, 401, "api_key_expected"),
    "1 MB of commas": (lambda key: "," * 1_000_000, 400, "api_key_malformed"),
}


@pytest.mark.parametrize(("change", "status", "reason"), VALUES.values(), ids=VALUES)
def test_another_value_is_refused(app: Flask, key: str, log: Any, *, change: Any, status: int, reason: str) -> None:
    """A header that came twice arrives joined by a comma."""
    environ = {"HTTP_X_API_KEY": change(key).encode("latin-1").decode("latin-1")}

    answer = app.test_client().get("/x", environ_base=environ)

    assert answer.status_code == status
    assert log.messages == [f"refused: {reason}"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert find_leak(f"{answer.text} {answer.headers}") is None


def test_a_header_that_came_twice_is_refused(app: Flask, key: str, log: Any) -> None:
    answer = app.test_client().get("/x", headers=[(HEADER, key), (HEADER, key)])

    assert (answer.status_code, log.messages) == (400, ["refused: api_key_malformed"])
    assert answer.get_json()["error_description"] == (
        "The header for API keys is malformed: send it once, with one API key and without quotes."
    )


def test_an_access_token_in_the_header_for_api_keys_is_refused(app: Flask, mint: Mint, log: Any) -> None:
    with app.app_context():
        reference = create_token("alice", scopes=["reports:read"], format="reference")

    for token in (mint(), reference):
        assert outcome(app.test_client(), {HEADER: token}, log) == (401, "api_key_expected")
        assert outcome(app.test_client(), bearer(token), log) == (200, None)
    assert app.test_client().get("/x", headers={HEADER: reference}).get_json() == {
        "error": "invalid_token",
        "error_description": "The header for API keys must have an API key.",
    }


@pytest.mark.parametrize(
    "change",
    [lambda key: f"{key},{key}", lambda key: f'"{key}"', lambda key: f"{key} ", lambda key: f"{key}é"],
    ids=["twice", "quotes", "a space", "not ASCII"],
)
def test_a_malformed_bearer_header_with_an_api_key_is_a_bad_request(
    app: Flask, key: str, log: Any, change: Any
) -> None:
    environ = {"HTTP_AUTHORIZATION": f"Bearer {change(key)}"}

    assert app.test_client().get("/x", environ_base=environ).status_code == 400
    assert log.messages == ["refused: credential_malformed"]


def test_a_damaged_api_key_costs_no_question_to_the_store(
    app: Flask, key: str, monkeypatch: pytest.MonkeyPatch, store: MemoryStore
) -> None:
    monkeypatch.setattr(store, "find_api_key", lambda *_: pytest.fail("the store was asked"))

    for text in (key[:-1], f"{key}A", key.swapcase().replace("TA_", "ta_")):
        for headers in ({HEADER: text}, bearer(text)):
            assert app.test_client().get("/x", headers=headers).status_code == 401
