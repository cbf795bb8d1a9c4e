"""The cost of a token that is looked up, in calls: a remembered one asks no store, a new one asks it once."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import create_token
from flask_tokenauth.core.opaque.checksummed_text import make_text

from ...test_cost import BASE64, CHECKS, JSON, drive
from ..kit import load_revocations, record_calls, store_of
from .conftest import MakeWorker
from .kit import make_key, make_reference

__all__ = ["drive"]  # a fixture

MAKERS: dict[str, tuple[Callable[[Flask], str], str]] = {
    "reference": (make_reference, "find_reference_token"),
    "api_key": (lambda app: make_key(app).text, "find_api_key"),
}
each_kind = pytest.mark.parametrize(("make", "find"), MAKERS.values(), ids=MAKERS)


@each_kind
def test_a_new_token_costs_one_call_of_the_store_and_a_remembered_one_none(
    app: Flask, drive: Any, make: Callable[[Flask], str], find: str
) -> None:
    load_revocations(app)
    text = make(app)

    with record_calls(store_of(app)) as called:
        statuses = [drive(app, text, "/reports")[0] for _ in range(4)]

    assert statuses == ["200 OK"] * 4
    assert called == [find]


@each_kind
def test_a_remembered_token_is_neither_decoded_nor_hashed(
    app: Flask, drive: Any, make: Callable[[Flask], str], find: str
) -> None:
    load_revocations(app)
    text = make(app)
    drive(app, text, "/reports")

    status, calls = drive(app, text, "/reports")

    assert status == "200 OK"
    assert calls.of(BASE64 | JSON | CHECKS | {"openssl_sha256", "crc32", find}) == 0


@each_kind
def test_an_unknown_token_costs_one_call_of_the_store_in_10_seconds(
    app: Flask, drive: Any, make: Callable[[Flask], str], find: str
) -> None:
    load_revocations(app)
    text = make_text(make(app).partition("_")[0] + "_")

    with record_calls(store_of(app)) as called:
        statuses = [drive(app, text, "/reports")[0] for _ in range(4)]

    assert statuses == ["401 UNAUTHORIZED"] * 4
    assert called == [find]


@each_kind
@pytest.mark.parametrize("changed", [lambda text: text[:-1], lambda text: text + "A", lambda text: text[:-1] + "!"])
def test_a_damaged_token_costs_no_call_of_the_store(
    app: Flask, drive: Any, make: Callable[[Flask], str], find: str, changed: Callable[[str], str]
) -> None:
    load_revocations(app)
    text = changed(make(app))

    with record_calls(store_of(app)) as called:
        status, _ = drive(app, text, "/reports")

    assert status.startswith("4")
    assert called == []
    assert find  # the method that is not called


@pytest.mark.parametrize(("make", "expected"), [
    (make_reference, ["find_reference_token", "is_revoked"] * 2),
    (lambda app: make_key(app).text, ["find_api_key"] * 2),
])  # fmt: skip
def test_strict_asks_for_each_request(
    make_worker: MakeWorker, drive: Any, make: Callable[[Flask], str], expected: list[str]
) -> None:
    """A reference token is asked about twice, since its session may have ended."""
    app = make_worker(TOKENAUTH_REVOCATION="strict")
    text = make(app)

    with record_calls(store_of(app)) as called:
        for _ in range(2):
            drive(app, text, "/reports")

    assert [name for name in called if name != "note_uses_of_api_keys"] == expected


def test_a_remembered_token_costs_few_calls_more_than_a_remembered_jwt(app: Flask, drive: Any) -> None:
    load_revocations(app)
    with app.app_context():
        jwt = create_token("alice", ["reports:read"])
    totals = []
    for text in (jwt, make_reference(app), make_key(app).text):
        for _ in range(2):
            _, calls = drive(app, text, "/reports")
        totals.append(calls.total())

    assert totals[1] - totals[0] <= 20
    assert totals[2] - totals[0] <= 65
