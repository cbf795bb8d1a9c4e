"""Commands close the database, so that they leave no files beside it that may be closed to the workers."""

import os
from pathlib import Path

import pytest

from ..conftest import MakeApp
from ..stores.sqlite_kit import execute
from .test_tokens import OPTIONS


@pytest.mark.slow
@pytest.mark.parametrize("command", [("init-db",), ("doctor",), ("sessions", "alice"), ("purge",), ("token", "alice")])
def test_no_command_leaves_files_beside_the_database(
    make_app: MakeApp, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = tmp_path / "store.db"
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{path}", TOKENAUTH_ISSUER="https://issuer.example")
    app.test_cli_runner().invoke(args=["tokenauth", "init-db"])

    app.test_cli_runner().invoke(args=["tokenauth", *command])

    assert [file.name for file in tmp_path.iterdir()] == ["store.db"]


def test_a_command_of_another_user_prints_a_warning(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}", TOKENAUTH_ISSUER="https://issuer.example")
    app.test_cli_runner().invoke(args=["tokenauth", "init-db"])
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    result = app.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "init-db"])

    assert result.stderr.startswith(f"Warning: {tmp_path / 'store.db'} belongs to user {os.getuid()}, ")


def test_the_doctor_finds_a_file_that_can_only_be_read(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{path}", TOKENAUTH_ISSUER="https://issuer.example")
    app.test_cli_runner().invoke(args=["tokenauth", "init-db"])
    monkeypatch.setattr(os, "access", lambda file, _: file != path)

    result = app.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "doctor"])

    assert result.exit_code == 2
    assert f"error: TOKENAUTH_STORE can be read, but not written: the store needs {path}, which this" in result.stdout


def test_a_token_that_cannot_be_issued_leaves_no_files_either(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}", TOKENAUTH_ISSUER="https://issuer.example")

    result = app.test_cli_runner().invoke(args=["tokenauth", "token", "alice", "--scope", "two words"])

    assert result.exit_code == 1
    assert [file.name for file in tmp_path.iterdir()] == ["store.db"]


def test_init_db_says_what_was_lost_with_a_table(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}", TOKENAUTH_ISSUER="https://issuer.example")
    app.test_cli_runner().invoke(args=["tokenauth", "init-db"])
    execute(tmp_path / "store.db", "DROP TABLE tokenauth_revocation")

    result = app.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "init-db"])

    assert result.stdout == "The store is ready.\n"
    assert result.stderr.startswith(
        "These tables had been dropped, and their rows are lost: tokenauth_revocation. Without tokenauth_revocation, "
    )
    assert result.stderr.endswith(
        "change SECRET_KEY, and the keys in TOKENAUTH_KEYS if you set it. API keys and reference tokens that were "
        "revoked stay revoked.\n"
    )
