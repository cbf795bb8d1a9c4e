"""``flask tokenauth init-db``, and what the doctor says of the store."""

from pathlib import Path

import pytest
from click import Command, Group
from flask import Flask

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.doctor import examine
from flask_tokenauth.state import state_of
from flask_tokenauth.stores.memory import MemoryStore

from .conftest import MakeApp, Mint


def init_db(app: Flask) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["tokenauth", "init-db"])
    return result.exit_code, result.output


def sentences(app: Flask) -> list[str]:
    found = [f"{finding.severity}: {finding.sentence}" for finding in examine(state_of(app))]
    return [each for each in found if "STORE" in each or "REFRESH" in each]


def test_the_tables_can_be_made_before_the_first_use_however_often(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}")

    assert init_db(app) == (0, "The store is ready.\n")
    assert (tmp_path / "store.db").exists()
    assert init_db(app) == (0, "The store is ready.\n")


def test_without_a_store_it_says_which_setting_is_missing(make_app: MakeApp) -> None:
    status, output = init_db(make_app())

    assert status == 1
    assert "TOKENAUTH_STORE" in output


def test_what_keeps_the_store_away_is_told(make_app: MakeApp, tmp_path: Path) -> None:
    status, output = init_db(make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'missing' / 'store.db'}"))

    assert status == 1
    assert output.startswith("Error: ")
    assert "Traceback" not in output


def test_a_store_in_a_file_is_sound(make_app: MakeApp, tmp_path: Path) -> None:
    assert sentences(make_app(TESTING=False, TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}")) == []


@pytest.mark.parametrize(("setting", "told"), [("TESTING", False), ("DEBUG", False), ("ENV", True)])
def test_a_store_in_memory_is_no_store_to_deploy(make_app: MakeApp, setting: str, told: object) -> None:
    app = make_app(**{"TESTING": False, setting: True}, TOKENAUTH_STORE="memory://")

    assert bool(sentences(app)) is told


class Away(MemoryStore):
    """A store that cannot be asked."""

    def read_epoch(self, user_id: str) -> int:
        raise StoreUnavailable("the disk is full")


def test_a_store_that_cannot_be_asked_is_an_error(make_app: MakeApp) -> None:
    assert sentences(make_app(TOKENAUTH_STORE=Away())) == ["error: TOKENAUTH_STORE cannot be asked: the disk is full."]


@pytest.mark.parametrize(("idle", "told"), [(59, False), (60, False), (61, True)])
def test_an_idle_lifetime_that_never_ends_anything_is_hinted_at(make_app: MakeApp, idle: int, told: object) -> None:
    app = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_REFRESH_IDLE_LIFETIME=idle, TOKENAUTH_SESSION_LIFETIME=60)

    assert bool(sentences(app)) is told


def test_a_token_is_not_inspected_while_the_store_is_away(make_app: MakeApp, mint: Mint) -> None:
    class Gone(MemoryStore):
        def is_revoked(self, **asked: object) -> bool:
            raise StoreUnavailable("the disk is full")

    result = make_app(TOKENAUTH_STORE=Gone()).test_cli_runner().invoke(args=["tokenauth", "inspect"], input=mint())

    assert result.exit_code == 1
    assert result.output == "Error: the store cannot be asked: the disk is full\n"


def test_the_commands_are_listed_beside_those_of_the_application(make_app: MakeApp) -> None:
    app = make_app()
    group = app.cli.commands["tokenauth"]
    assert isinstance(group, Group)
    group.add_command(Command("mine", help="An own command."))

    _, _, listed = app.test_cli_runner().invoke(args=["tokenauth", "--help"]).output.partition("Commands:")

    named = [line.split()[0] for line in listed.splitlines() if line[:3].strip()]
    assert named == ["doctor", "init-db", "inspect", "mine", "purge", "revoke", "routes", "sessions", "token"]
