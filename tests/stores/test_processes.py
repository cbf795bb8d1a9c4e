"""Stores in several processes: racing, forked, and killed while they write."""

import signal
from pathlib import Path

import pytest

from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import start

from .process_kit import Spawn, read, run, run_at_once
from .sqlite_kit import TERMS, dump, execute, put_schema_1, url_of


@pytest.mark.slow
def test_one_of_many_processes_that_redeem_one_token_swaps(path: Path, store: SQLStore, spawn: Spawn) -> None:
    start(store)

    lines = run_at_once([spawn("redeem_once", url_of(path)) for _ in range(4)])

    assert sorted(lines) == ["retried"] * 31 + ["swapped"]
    found = store.find_session("session")
    assert found is not None
    assert found.generation == 1


@pytest.mark.slow
def test_a_store_that_many_processes_use_first_is_created_once(path: Path, spawn: Spawn) -> None:
    lines = run_at_once([spawn("use_first", url_of(path)) for _ in range(6)])

    assert lines == ["started"] * 6
    assert execute(path, "SELECT count(*) FROM tokenauth_session") == [(6,)]
    assert execute(path, "SELECT count(*) FROM tokenauth_store") == [(2,)]


@pytest.mark.slow
def test_a_store_of_an_older_release_that_many_processes_use_first_is_upgraded_once(path: Path, spawn: Spawn) -> None:
    put_schema_1(path)

    lines = run_at_once([spawn("use_upgraded", url_of(path)) for _ in range(4)])

    assert sorted(lines) == ["retried"] * 3 + ["swapped"]
    assert execute(path, "SELECT value FROM tokenauth_store WHERE name = 'schema'") == [("4",)]


@pytest.mark.slow
def test_an_upgrade_whose_process_was_killed_has_changed_nothing_and_is_done_by_the_next_use(
    path: Path, store: SQLStore, spawn: Spawn
) -> None:
    put_schema_1(path)
    before = dump(path)
    child = spawn("die_while_upgrading", url_of(path))
    out, _ = child.communicate(timeout=90)

    assert (out, child.returncode) == ("added\n", -signal.SIGKILL)
    assert dump(path) == before
    assert store.find_session("phone") is not None
    assert execute(path, "SELECT value FROM tokenauth_store WHERE name = 'schema'") == [("4",)]


@pytest.mark.slow
def test_no_acknowledged_swap_of_a_killed_process_is_lost(path: Path, store: SQLStore, spawn: Spawn) -> None:
    store.create()
    children = [spawn("redeem_for_ever", url_of(path), f"session{number}") for number in range(3)]
    lines = [[read(child) for _ in range(25)] for child in children]

    for child in children:
        child.kill()
    for child, printed in zip(children, lines, strict=True):
        assert child.stdout is not None
        printed += [line.strip() for line in child.stdout if line.endswith("\n")]

    for number, printed in enumerate(lines):
        session_id, last = f"session{number}", len(printed) - 1
        assert printed == [f"swapped {generation}" for generation in range(last + 1)]
        found = store.find_session(session_id)
        assert found is not None
        assert found.generation in (last + 1, last + 2)  # the last swap may be stored and not printed
        assert store.redeem(session_id, generation=last + 1, terms=TERMS).outcome in (Outcome.SWAPPED, Outcome.RETRIED)
        assert store.redeem(session_id, generation=last + 2, terms=TERMS).outcome is Outcome.SWAPPED
        assert store.redeem(session_id, generation=last + 1, terms=TERMS).outcome is Outcome.REUSED
        assert store.find_session(session_id) is None


@pytest.mark.slow
def test_after_a_fork_every_process_gets_its_own_answers(path: Path, spawn: Spawn) -> None:
    assert run(spawn("fork_after_use", url_of(path))) == ["0 0 0 0 True"]
    assert execute(path, "SELECT count(*) FROM tokenauth_session") == [(5,)]
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.slow
def test_a_child_of_a_process_that_was_writing_writes(path: Path, spawn: Spawn) -> None:
    assert run(spawn("fork_while_writing", url_of(path))) == ["0 0 0 0 0 0 0 0 0 0 True"]
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.slow
def test_a_child_that_python_does_not_know_of_is_refused_if_its_parent_had_a_connection(
    path: Path, spawn: Spawn
) -> None:
    assert run(spawn("fork_unnoticed_in_use", url_of(path))) == ["0"]


@pytest.mark.slow
def test_a_child_of_a_child_that_is_refused_is_refused(path: Path, spawn: Spawn) -> None:
    assert run(spawn("fork_unnoticed_twice", url_of(path))) == ["0"]


@pytest.mark.slow
def test_workers_that_are_forked_as_by_uwsgi_lose_nothing_that_they_acknowledged(path: Path, spawn: Spawn) -> None:
    assert run(spawn("fork_like_uwsgi", url_of(path))) == ["0 0"]
    assert execute(path, "SELECT count(*) FROM tokenauth_session") == [(6,)]
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.slow
def test_memory_belongs_to_one_of_the_processes_that_were_forked_with_it(spawn: Spawn) -> None:
    assert run(spawn("share_memory")) == [
        "sibling of the owner refused: True and the parent: True",
        "owner went on, its child was refused: True",
        "successor of the owner taken: True",
    ]
