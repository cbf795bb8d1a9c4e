"""Programs, folders and ports for the servers of the tests."""

import os
import socket
from pathlib import Path

import pytest

from .fixtures import give_up, require
from .postgresql import find_debian
from .server import LOCAL, find_port, is_free, make_folder, may_enter


def test_a_port_for_a_server_is_below_those_of_clients() -> None:
    assert find_port() < 32_768


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server((LOCAL, 0)) as listening:
        assert not is_free(listening.getsockname()[1])


def test_the_servers_user_may_not_enter_a_folder_inside_a_closed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    inside = tmp_path / "inside"
    inside.mkdir()
    tmp_path.chmod(0o700)

    assert not may_enter(inside)


def test_root_makes_the_folder_of_a_server_where_its_user_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.engines.server.may_enter", lambda folder: folder.name == "open")
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()

    folder = make_folder(tmp_path / "closed", tmp_path / "open")

    assert (folder.parent.name, folder.stat().st_mode & 0o777) == ("open", 0o700)


def test_debians_newest_postgresql_is_found(tmp_path: Path) -> None:
    for version in ("9", "15", "14"):
        programs = tmp_path / version / "bin"
        programs.mkdir(parents=True)
        (programs / "postgres").touch()

    assert find_debian(tmp_path) == tmp_path / "15" / "bin"


def test_no_postgresql_is_found_where_none_is(tmp_path: Path) -> None:
    assert find_debian(tmp_path) is None


def test_a_missing_server_skips_its_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKENAUTH_ENGINES", raising=False)

    with pytest.raises(pytest.skip.Exception, match="there is no MariaDB here"):
        require("sqlite3", "MariaDB", Path(), None)


def test_a_missing_driver_skips_the_tests_of_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKENAUTH_ENGINES", raising=False)

    with pytest.raises(pytest.skip.Exception, match="there is no driver_of_nothing here"):
        require("driver_of_nothing", "MariaDB", Path())


def test_a_missing_server_is_a_failure_where_all_have_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENAUTH_ENGINES", "1")

    with pytest.raises(pytest.fail.Exception, match="there is no MariaDB here"):
        give_up("MariaDB")
