"""Files of SQLite that were replaced or removed while the store used them: never a silent loss."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.connections import Connections
from flask_tokenauth.testing.store_contract.kit import start

from ...sqlite_kit import engine_of, execute, opened, url_of

DAY = timedelta(days=1)


@pytest.fixture
def backup(path: Path, store: SQLStore) -> Path:
    """Return a backup of a store without sessions. The store has one since, in its log."""
    store.create()
    target = path.with_suffix(".backup")
    with opened(path) as source, opened(target) as copy:
        source.backup(copy)
    start(store)
    return target


def side_file(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def remove_side_files(path: Path) -> None:
    for ending in ("-wal", "-shm"):
        side_file(path, ending).unlink()


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.find_session("session"),
        lambda store: store.revoke_user("alice", retention=DAY, api_keys=False),
    ],
)
def test_a_file_that_was_replaced_beside_its_log_is_not_opened(
    path: Path, store: SQLStore, backup: Path, ask: Callable[[SQLStore], object]
) -> None:
    """SQLite would write the log over it."""
    content = backup.read_bytes()
    backup.replace(path)

    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=rf"{re.escape(str(path))} was replaced .* remove {path}-wal and "):
            ask(store)

    assert path.read_bytes() == content


def test_a_file_that_was_replaced_without_its_log_is_used_from_then_on(
    path: Path, store: SQLStore, backup: Path
) -> None:
    remove_side_files(path)
    backup.replace(path)

    assert store.find_session("session") is None
    start(store)
    assert execute(path, "SELECT session_id FROM tokenauth_session") == [("session",)]


def test_an_outage_by_a_log_that_stayed_ends_when_it_is_removed(path: Path, store: SQLStore, backup: Path) -> None:
    backup.replace(path)
    with pytest.raises(StoreUnavailable):
        store.find_session("session")

    remove_side_files(path)

    assert store.find_session("session") is None


def test_one_warning_says_that_the_file_was_replaced(
    path: Path, store: SQLStore, backup: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with engine_of(store).connect(), engine_of(store).connect():
        pass  # two connections have the old file open

    remove_side_files(path)
    backup.replace(path)
    for _ in range(2):
        store._database.read(lambda _: store.find_session("session"))

    assert caplog.text.count("was replaced while the store used it") == 1


def test_a_file_that_was_removed_is_not_created_again(path: Path, store: SQLStore) -> None:
    """Between the removal and the restore of a backup, an empty file would get the users and the revocations."""
    start(store)
    path.unlink()
    remove_side_files(path)

    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=rf"{re.escape(str(path))} was removed while the store used it"):
            store.find_session("session")

    assert not path.exists()


def test_a_file_that_is_back_in_its_place_is_used_again(path: Path, store: SQLStore) -> None:
    start(store)
    away = path.rename(path.with_suffix(".away"))
    with pytest.raises(StoreUnavailable):
        store.find_session("session")

    away.rename(path)

    assert store.find_session("session") is not None


@pytest.mark.slow
def test_a_link_that_points_to_another_file_since_is_noticed(tmp_path: Path, path: Path) -> None:
    for name in ("one.db", "other.db"):
        execute(tmp_path / name, "CREATE TABLE other (id)")
    path.symlink_to(tmp_path / "one.db")
    store = SQLStore(url_of(path))
    start(store)

    path.unlink()
    path.symlink_to(tmp_path / "other.db")

    assert store.find_session("session") is None
    store.close()


def test_the_file_of_a_creator_is_watched_and_not_that_of_the_url(tmp_path: Path, path: Path) -> None:
    engine = create_engine(
        url_of(tmp_path / "nowhere.db"), creator=lambda: sqlite3.connect(path, check_same_thread=False)
    )
    store = SQLStore(engine)
    start(store)

    assert store.find_session("session") is not None
    store.close()


def test_a_log_that_was_removed_is_reported(path: Path, store: SQLStore, caplog: pytest.LogCaptureFixture) -> None:
    start(store)
    remove_side_files(path)

    store.revoke_user("alice", retention=DAY, api_keys=False)

    assert "or its -wal file was replaced while the store used it" in caplog.text
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT user_id FROM tokenauth_user_epoch").fetchall() == [("alice",)]


def test_a_write_is_not_acknowledged_if_its_log_was_removed(
    path: Path, store: SQLStore, caplog: pytest.LogCaptureFixture
) -> None:
    start(store)

    def write(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM tokenauth_session")
        remove_side_files(path)

    with pytest.raises(StoreUnavailable, match="was removed or replaced during a write, which is lost"):
        store._database.write(write)

    assert "was replaced while the store used it" in caplog.text  # revocations that are known are written again


def test_a_replacement_just_before_the_connection_is_used_is_noticed_too(
    path: Path, store: SQLStore, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connections, "notice_replaced_file", lambda _: False)
    backup.replace(path)

    with pytest.raises(StoreUnavailable, match="belongs to the old file"):
        store.find_session("session")
