"""Rows of sessions and revocations: what a store answers is not trusted."""

from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.errors import PurgeRefused, StoreUnavailable
from flask_tokenauth.core.records.grant import Grant, write_grant
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.records.session import Outcome, Terms
from flask_tokenauth.stores.rows import SessionRow, check_clock, in_milliseconds, parse_number
from flask_tokenauth.stores.sql.revocation_rows import read_packed

TERMS = Terms(idle_lifetime=timedelta(days=1), retry_window=timedelta(seconds=10), retention=timedelta(days=1))
NOW = 1_700_000_000_000
DAY = 86_400_000  # milliseconds


def columns(**changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = {
        "session_id": "s", "user_id": "alice", "granted": write_grant(Grant()), "label": None, "user_agent": None,
        "started_at": NOW, "rotated_at": NOW, "idle_expires_at": NOW + 1, "expires_at": NOW + 2, "ended_at": None,
        "generation": 1, "epoch": 0,
    }  # fmt: skip
    return good | changes


def test_a_row_is_read_as_a_session() -> None:
    session = SessionRow.read(columns()).to_session()

    assert (session.session_id, session.generation) == ("s", 1)
    assert session.refreshed_at == session.started_at
    assert session.idle_expires_at - session.started_at == timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "changes",
    [{name: value}
     for name in ("started_at", "rotated_at", "idle_expires_at", "expires_at", "ended_at", "generation", "epoch")
     for value in ("zzz", "1", b"1", 1.5, -1, True)]
    + [{name: None} for name in ("started_at", "idle_expires_at", "expires_at", "generation", "epoch")]
    + [{name: 2**80} for name in ("started_at", "rotated_at", "idle_expires_at", "expires_at", "generation", "epoch")]
    + [{name: value} for name in ("session_id", "user_id") for value in ("", None, 1, b"s", "x" * 256, "\x00")]
    + [{name: value} for name in ("label", "user_agent") for value in (1, b"s", "x" * 501, "\x00")]
    + [{"granted": value} for value in (None, 1, b"{}", "", "{}", "x")],
)  # fmt: skip
def test_a_row_that_is_garbage_is_an_outage(changes: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable):
        SessionRow.read(columns(**changes)).to_session()


@pytest.mark.parametrize(
    ("rotated_at", "outcome"),
    [
        (NOW - 10_001, Outcome.REUSED),
        (NOW - 10_000, Outcome.REUSED),
        (NOW - 9_999, Outcome.RETRIED),
        (NOW, Outcome.RETRIED),
        (NOW + 1, Outcome.RETRIED),
        (NOW + 10**9, Outcome.RETRIED),
        (None, Outcome.REUSED),
    ],
)
def test_the_window_is_open_until_its_very_millisecond(rotated_at: int | None, outcome: Outcome) -> None:
    row = SessionRow.read(columns(rotated_at=rotated_at))

    assert row.classify_repeat(0, now=NOW, epoch=0, terms=TERMS) is outcome


def test_a_generation_that_should_have_been_swapped_is_no_reuse() -> None:
    """If the clock is set back between two statements, an expired session may be live again."""
    row = SessionRow.read(columns())

    assert row.classify_repeat(1, now=NOW, epoch=0, terms=TERMS) is Outcome.GONE


@pytest.mark.parametrize(("duration", "milliseconds"), [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2)])
def test_milliseconds_are_rounded_up(duration: int, milliseconds: int) -> None:
    assert in_milliseconds(timedelta(microseconds=duration)) == milliseconds


@pytest.mark.parametrize("number", [0, 7, 2**63 - 1])
def test_digits_are_a_number(number: int) -> None:
    assert parse_number(str(number)) == number


@pytest.mark.parametrize(
    "digits", ["", "x", "-1", "+1", " 1", "1 ", "1_0", "1.0", "\u0661", "\u00b2", str(2**63), "9" * 20]
)
def test_anything_else_is_no_number_that_a_store_can_keep(digits: str) -> None:
    assert parse_number(digits) is None


def test_a_row_is_read_as_a_revocation() -> None:
    [revocation] = read_packed(f'[["t", "a", 5, {NOW}]]')

    assert revocation == Revocation(kind="token", subject="a", value=5, expires_at=NOW)


def test_a_subject_may_be_written_in_another_way() -> None:
    [revocation] = read_packed(f'[["t", "a", 5, {NOW}]]', str.upper)

    assert revocation.subject == "A"


@pytest.mark.parametrize(
    "packed",
    [
        '[[[], "a", 0, 0]]', '[[null, "a", 0, 0]]', '[["t", null, 0, 0]]', '[["t", "a", null, 0]]',
        '[["t", "a", 0, true]]', '[["x", "a", 0, 0]]', '[["t", "a", 0.5, 0]]', '[["t", "a", 0, 0], ["t"]]',
        '[["t", "a", 0, 0], ["t", "a"', "null", None, 5,
    ],
)  # fmt: skip
def test_a_revocation_that_is_garbage_is_an_outage(packed: object) -> None:
    with pytest.raises(StoreUnavailable, match="Correct this row") as caught:
        list(read_packed(packed))

    assert caught.value.__context__ is None


def test_a_subject_that_cannot_be_read_is_an_outage() -> None:
    with pytest.raises(StoreUnavailable):
        list(read_packed('[["t", "no bytes", 0, 0]]', bytes.fromhex))  # type: ignore[arg-type]  # only its error counts


@pytest.mark.parametrize("known", [[], [NOW], [NOW - 2 * DAY], [NOW - 9 * DAY, NOW], [NOW + 1]])
def test_a_clock_that_is_near_a_known_time_is_taken_as_right(known: list[int]) -> None:
    check_clock(NOW, known)


@pytest.mark.parametrize("known", [[NOW - 2 * DAY - 1], [NOW - 9 * DAY], [NOW - 9 * DAY, NOW + 1]])
def test_a_clock_that_is_far_after_all_known_times_seems_to_be_ahead(known: list[int]) -> None:
    with pytest.raises(PurgeRefused):
        check_clock(NOW, known)
