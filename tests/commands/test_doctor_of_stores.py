"""``flask tokenauth init-db``, and what the doctor and other commands say of the store."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click import Command, Group
from flask import Flask

from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.commands.doctor import examine
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import SQLStore

from ..conftest import NOW, MakeApp, Mint
from .test_tokens import run, shown

RETENTION = {"TOKENAUTH_STORE": "memory://"}
OTHER_MEMORY = (
    "TOKENAUTH_STORE is memory://, and this command has a memory of its own: it does not see the sessions and "
    "revocations of the workers, and a worker may have revoked this token.\n"
)


def init_db(app: Flask) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["tokenauth", "init-db"])
    return result.exit_code, result.output


def sentences(app: Flask) -> list[str]:
    found = [f"{finding.severity}: {finding.sentence}" for finding in examine(state_of(app))]
    named = ("TOKENAUTH_STORE", "TOKENAUTH_REFRESH", "TOKENAUTH_REVOCATION", "revocations")
    return [each for each in found if any(name in each for name in named)]


def trouble(app: Flask) -> list[str]:
    return [each for each in sentences(app) if not each.startswith("info: ")]


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
    assert trouble(make_app(TESTING=False, TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}")) == []


@pytest.mark.parametrize(("setting", "told"), [("TESTING", False), ("DEBUG", False), ("ENV", True)])
def test_a_store_in_memory_is_no_store_to_deploy(make_app: MakeApp, setting: str, told: object) -> None:
    app = make_app(**{"TESTING": False, setting: True}, TOKENAUTH_STORE="memory://")

    assert bool(trouble(app)) is told


class Away(MemoryStore):
    """A store that cannot be asked."""

    def read_epoch(self, user_id: str) -> int:
        raise StoreUnavailable("the disk is full")


class Silent(MemoryStore):
    """A store that tells no news."""

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        raise StoreUnavailable("the disk is full")


def test_a_store_that_cannot_be_asked_is_an_error(make_app: MakeApp) -> None:
    assert trouble(make_app(TOKENAUTH_STORE=Away())) == ["error: TOKENAUTH_STORE cannot be asked: the disk is full."]


def test_a_store_that_fails_with_an_error_of_its_own_is_one_too(make_app: MakeApp) -> None:
    class Foreign(MemoryStore):
        def read_epoch(self, user_id: str) -> int:
            raise ConnectionError("redis://user:hunter2@host")

    told = ["error: TOKENAUTH_STORE cannot be asked: the store failed with ConnectionError."]
    assert trouble(make_app(TOKENAUTH_STORE=Foreign())) == told


@pytest.mark.parametrize(("idle", "told"), [(59, False), (60, False), (61, True)])
def test_an_idle_lifetime_that_never_ends_anything_is_hinted_at(make_app: MakeApp, idle: int, told: object) -> None:
    app = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_REFRESH_IDLE_LIFETIME=idle, TOKENAUTH_SESSION_LIFETIME=60)

    assert bool(trouble(app)) is told


# What is revoked


def test_how_things_are_with_revocation_is_told(make_app: MakeApp, tmp_path: Path) -> None:
    store = SQLStore(f"sqlite:///{tmp_path / 'store.db'}")
    app = make_app(TOKENAUTH_STORE=store)
    for kind, subject in (
        ("token", "t1"),
        ("token", "t2"),
        ("token", "t3"),
        ("session", "s1"),
        ("session", "s2"),
        ("user", "alice"),
    ):
        store.revoke(Revocation(kind=kind, subject=subject, expires_at=4_000_000_000_000))  # type: ignore[arg-type]

    assert sentences(app) == [
        "info: TOKENAUTH_STORE is a SQLStore, TOKENAUTH_REVOCATION is feed, fetched 0.0 s ago: "
        "3 tokens, 2 sessions and 1 users are revoked."
    ]


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("strict", []),
        ("off", ['warning: TOKENAUTH_REVOCATION is "off", so a stolen token is accepted']),
    ],
)
def test_the_mode_is_told(make_app: MakeApp, mode: str, told: list[str]) -> None:
    app = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_REVOCATION=mode)

    *rest, info = sentences(app)

    assert info == f"info: TOKENAUTH_STORE is a MemoryStore, TOKENAUTH_REVOCATION is {mode}."
    assert [each[: len(start)] for each, start in zip(rest, told, strict=True)] == told


@pytest.mark.parametrize("mode", ["feed", "strict"])
@pytest.mark.parametrize(
    ("setting", "fine", "risky"),
    [("REVOCATION_INTERVAL", 10, 10.1), ("REVOCATION_MAX_STALENESS", 300, 301)],
)
def test_what_is_believed_for_too_long_is_warned_of(
    make_app: MakeApp, mode: str, setting: str, fine: float, risky: float
) -> None:
    def told(seconds: float) -> list[str]:
        config = {f"TOKENAUTH_{setting}": seconds, "TOKENAUTH_REVOCATION": mode, "TOKENAUTH_STORE": "memory://"}
        return trouble(make_app(**config))

    assert told(fine) == []
    assert [each.split(" is ")[0] for each in told(risky)] == [f"warning: TOKENAUTH_{setting}"] * (mode == "feed")


def test_a_store_that_does_not_tell_what_is_revoked_is_an_error(make_app: MakeApp) -> None:
    assert sentences(make_app(TOKENAUTH_STORE=Silent())) == [
        "error: The revocations in TOKENAUTH_STORE cannot be loaded: revocations were never fetched: the disk is full."
    ]


@pytest.mark.parametrize(("most", "told"), [(1, True), (2, False), (3, False)])
def test_more_than_a_process_should_hold_is_hinted_at(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, most: int, told: object
) -> None:
    monkeypatch.setattr("flask_tokenauth.commands.doctor.MANY_REVOKED", most)
    app = make_app(TOKENAUTH_STORE="memory://")
    app.extensions["tokenauth"].store.revoke_user("alice", retention=timedelta(days=1))
    app.extensions["tokenauth"].store.revoke_user("bob", retention=timedelta(days=1))

    assert any(each.startswith("hint: Every process holds 2 revocations") for each in sentences(app)) is told


def test_a_token_is_not_inspected_while_the_store_is_away(make_app: MakeApp, mint: Mint) -> None:
    result = make_app(TOKENAUTH_STORE=Silent()).test_cli_runner().invoke(args=["tokenauth", "inspect"], input=mint())

    assert result.exit_code == 1
    assert result.output == "Error: the store cannot be asked: revocations were never fetched: the disk is full\n"


def test_a_token_is_not_inspected_with_a_store_of_another_issuer(make_app: MakeApp, mint: Mint, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    init_db(make_app(TOKENAUTH_STORE=url, TOKENAUTH_ISSUER="https://other.example"))

    result = make_app(TOKENAUTH_STORE=url).test_cli_runner().invoke(args=["tokenauth", "inspect"], input=mint())

    assert result.exit_code == 1
    assert result.output.startswith("Error: this store belongs to another issuer, https://other.example")
    assert result.output.count("\n") == 1


def test_of_a_token_that_is_believed_it_is_said_that_the_memory_of_workers_is_out_of_reach(
    make_app: MakeApp, mint: Mint
) -> None:
    result = run(make_app(**RETENTION), "inspect", mint())

    assert (result.exit_code, result.stderr) == (0, OTHER_MEMORY)
    assert shown(result)["accepted"]


def test_of_a_token_that_is_made_it_is_said_that_the_memory_of_workers_is_out_of_reach(make_app: MakeApp) -> None:
    result = run(make_app(**RETENTION), "token", "alice")

    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert OTHER_MEMORY in result.stderr


@pytest.mark.parametrize(
    ("config", "changes"),
    [({}, {}), (RETENTION, {"exp": NOW - 60}), (RETENTION | {"TOKENAUTH_REVOCATION": "off"}, {})],
    ids=["no store", "a refused token", "nothing is revoked"],
)
def test_where_the_memory_of_workers_changes_nothing_it_is_not_mentioned(
    make_app: MakeApp, mint: Mint, config: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert run(make_app(**config), "inspect", mint(**changes)).stderr == ""


def test_of_a_memory_of_the_applications_own_making_commands_do_not_speak_either(make_app: MakeApp) -> None:
    result = make_app(TOKENAUTH_STORE=Silent()).test_cli_runner().invoke(args=["tokenauth", "purge"])

    assert result.exit_code == 1
    assert "this command has a memory of its own" in result.output


def test_the_commands_are_listed_beside_those_of_the_application(make_app: MakeApp) -> None:
    app = make_app()
    group = app.cli.commands["tokenauth"]
    assert isinstance(group, Group)
    group.add_command(Command("mine", help="An own command."))

    _, _, listed = app.test_cli_runner().invoke(args=["tokenauth", "--help"]).output.partition("Commands:")

    named = [line.split()[0] for line in listed.splitlines() if line[:3].strip()]
    assert named == ["doctor", "init-db", "inspect", "mine", "purge", "revoke", "routes", "sessions", "token"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:///store.db", True),
        ("sqlite:///./store.db", True),
        ("sqlite+pysqlite:///store.db", True),
        ("sqlite:///{}/store.db", False),
        ("sqlite:///file:{}/store.db?uri=true", False),
    ],
)
def test_a_path_that_each_working_directory_has_for_itself_is_warned_of(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, told: object
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make_app(TOKENAUTH_STORE=url.format(tmp_path))

    assert any(each.startswith("warning: TOKENAUTH_STORE is a relative path") for each in trouble(app)) is told
    app.extensions["tokenauth"].store.close()


def test_a_store_of_another_issuer_is_an_error(make_app: MakeApp, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    other = make_app(TOKENAUTH_STORE=url, TOKENAUTH_ISSUER="https://other.example")
    init_db(other)

    told = sentences(make_app(TOKENAUTH_STORE=url))

    assert [each[:40] for each in told] == [
        "error: TOKENAUTH_STORE cannot be asked: ",
        "error: The revocations in TOKENAUTH_STORE cannot be loaded: "[:40],
    ]
    assert all("https://other.example" in each for each in told)
