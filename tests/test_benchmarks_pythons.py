"""Requests and figures of the benchmarks: many tokens in turn, and two versions of Python side by side."""

import platform
from pathlib import Path

import msgspec
import pytest
from flask import Flask, g

from benchmarks.apps import ours
from benchmarks.measure import Subject, measure_cases
from benchmarks.pythons import Measured, compare, write
from benchmarks.section import Check, Section, Table
from benchmarks.tokens import make_jwk, mint
from benchmarks.wsgi import make_caller_in_turn, make_unsent_caller


def test_the_subjects_of_all_cases_are_measured_together_and_told_apart() -> None:
    taken = measure_cases({case: [Subject("same name", lambda: None)] for case in ("one", "other")}, rounds=2)

    assert {case: list(timings) for case, timings in taken.items()} == {"one": ["same name"], "other": ["same name"]}


@pytest.mark.parametrize("calls", [1, 51])
def test_a_batch_has_as_many_calls_as_its_subject_says(calls: int) -> None:
    called: list[None] = []

    measure_cases({"case": [Subject("subject", lambda: called.append(None), calls=calls)]}, rounds=2)

    assert len(called) == 3 + 2 * calls  # three to warm up


@pytest.fixture
def app() -> Flask:
    return ours.make(make_jwk("HS256"))


def test_requests_have_one_token_after_the_other(app: Flask) -> None:
    users: list[str] = []
    app.before_request(lambda: users.append(g.user_id))
    call = make_caller_in_turn(app, [mint(app, user) for user in ("alice", "bob")])
    users.clear()

    for _ in range(3):
        call()

    assert users == ["alice", "bob", "alice"]


def test_a_request_that_is_refused_is_not_measured(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="must be answered with 200, got 401"):
        make_unsent_caller(app, "Bearer garbage")()


def section(**figures: float) -> Section:
    table = Table(("request", "µs"), [["any", "1.0"]])
    checks = [Check(what, figure, 1.0) for what, figure in figures.items()]
    return Section(
        "Guarded", "About.", [table], [*checks, Check("beyond", 5.0, 1.0, unit="µs")], {"HS256": {"bare": 0}}
    )


def test_sections_are_read_as_they_were_written(tmp_path: Path) -> None:
    write([section(known=0.5)], tmp_path / "figures.json")

    read = msgspec.json.decode((tmp_path / "figures.json").read_bytes(), type=Measured)

    assert read.version == platform.python_version()
    assert [check.row() for check in read.sections[0].checks] == [check.row() for check in section(known=0.5).checks]
    assert read.sections[0].tables[0].rows == [["any", "1.0"]]


@pytest.mark.parametrize(
    ("here", "there", "ratio", "same"),
    [
        (10.0, 11.0, "1.10", "yes"),
        (10.0, 11.01, "1.10", "NO"),
        (11.0, 10.0, "0.91", "yes"),
        (11.01, 10.0, "0.91", "NO"),
        (-10.0, 10.0, "-1.00", "NO"),
        (0.0, 0.1, "", "NO"),
    ],
)
def test_ratios_of_two_pythons_are_the_same_within_a_tenth(here: float, there: float, ratio: str, same: str) -> None:
    *_, compared = compare([section(known=here)], [Measured("3.99.0", [section(known=there)])])

    assert compared.tables[0].rows == [["Guarded", "known", f"{here:.3f}", f"{there:.3f}", ratio, same]]
    assert compared.checks[0].figure == (same == "NO")


def test_the_sections_of_the_other_python_come_first_and_have_no_chart() -> None:
    titled, _ = compare([section(known=1.0)], [Measured("3.99.0", [section(known=1.0)])])

    assert (titled.title, titled.bars) == ("Guarded, Python 3.99.0", {})
