"""``flask tokenauth init-db``, and the findings and messages of commands about the store."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click import Command, Group
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.commands.doctor import examine
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import SQLStore, metadata

from ..conftest import NOW, MakeApp, Mint
from ..stores.sqlite_kit import dump, execute, put_schema_1
from .test_tokens import read_json, run

RETENTION = {"TOKENAUTH_STORE": "memory://"}
CLIENTS = {"TOKENAUTH_INTROSPECTION_CLIENTS": {"billing": "sha256:" + "0" * 64}}
OTHER_MEMORY = (
    "TOKENAUTH_STORE is memory://, and this command has a memory of its own: it does not see the sessions and "
    "revocations of the workers, and a worker may have revoked this token.\n"
)


@pytest.fixture
def make_app(make_app: MakeApp) -> MakeApp:
    """Return a function that makes an application. If it has a store, it has the endpoints for clients too."""

    def make(**config: object) -> Flask:
        auth = TokenAuth()
        app = make_app(auth=auth, **config)
        if "TOKENAUTH_STORE" in config:
            app.register_blueprint(auth.endpoints)
        return app

    return make


def init_db(app: Flask) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["tokenauth", "init-db"])
    return result.exit_code, result.output


def list_sentences(app: Flask) -> list[str]:
    found = [f"{finding.severity}: {finding.sentence}" for finding in examine(state_of(app))]
    named = ("TOKENAUTH_STORE", "TOKENAUTH_REFRESH", "TOKENAUTH_REVOCATION", "revocations")
    return [line for line in found if any(name in line for name in named)]


def list_problems(app: Flask) -> list[str]:
    return [line for line in list_sentences(app) if not line.startswith("info: ")]


def test_init_db_creates_the_tables_and_may_run_again(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}")

    assert init_db(app) == (0, "The store is ready.\n")
    assert (tmp_path / "store.db").exists()
    assert init_db(app) == (0, "The store is ready.\n")


def test_init_db_without_a_store_names_the_setting(make_app: MakeApp) -> None:
    status, output = init_db(make_app())

    assert status == 1
    assert "TOKENAUTH_STORE" in output


def test_init_db_prints_the_cause_of_an_outage(make_app: MakeApp, tmp_path: Path) -> None:
    status, output = init_db(make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'missing' / 'store.db'}"))

    assert status == 1
    assert output.startswith("Error: ")
    assert "Traceback" not in output


def test_a_store_in_a_file_has_no_finding(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(TESTING=False, TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}")
    init_db(app)

    assert list_problems(app) == []


@pytest.mark.parametrize(("setting", "expected"), [("TESTING", False), ("DEBUG", False), ("ENV", True)])
def test_a_store_in_memory_is_a_finding_in_production(make_app: MakeApp, setting: str, expected: object) -> None:
    app = make_app(**{"TESTING": False, setting: True}, TOKENAUTH_STORE="memory://")

    assert bool(list_problems(app)) is expected


class FailingStore(MemoryStore):
    """A store that cannot be used."""

    def read_epoch(self, user_id: str) -> int:
        raise StoreUnavailable("the disk is full")


class StoreWithoutFeed(MemoryStore):
    """A store whose revocations cannot be loaded."""

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        raise StoreUnavailable("the disk is full")


def test_an_unavailable_store_is_an_error(make_app: MakeApp) -> None:
    assert list_problems(make_app(TOKENAUTH_STORE=FailingStore())) == [
        "error: TOKENAUTH_STORE cannot be asked: the disk is full."
    ]


def test_a_custom_store_that_raises_its_own_error_is_an_error(make_app: MakeApp) -> None:
    class Foreign(MemoryStore):
        def read_epoch(self, user_id: str) -> int:
            raise ConnectionError("redis://user:hunter2@host")

    expected = ["error: TOKENAUTH_STORE cannot be asked: the store failed with ConnectionError."]
    assert list_problems(make_app(TOKENAUTH_STORE=Foreign())) == expected


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (
            {"TOKENAUTH_SESSION_LIFETIME": 60},
            "without TOKENAUTH_STORE: TOKENAUTH_SESSION_LIFETIME; set it, or remove them.",
        ),
        (
            {"TOKENAUTH_STORE_TIMEOUT": 1, "TOKENAUTH_REVOCATION_INTERVAL": 1},
            "without TOKENAUTH_STORE: TOKENAUTH_REVOCATION_INTERVAL, TOKENAUTH_STORE_TIMEOUT; set it, or remove them.",
        ),
        (
            CLIENTS,
            "without TOKENAUTH_STORE: TOKENAUTH_INTROSPECTION_CLIENTS; set it, or remove them.",
        ),
        (
            {"TOKENAUTH_REVOCATION": "strict", "TOKENAUTH_REVOCATION_INTERVAL": 1} | RETENTION,
            'with TOKENAUTH_REVOCATION "strict": TOKENAUTH_REVOCATION_INTERVAL; remove them.',
        ),
        (
            {"TOKENAUTH_REVOCATION": "off", "TOKENAUTH_REVOCATION_MAX_STALENESS": 1} | RETENTION,
            'with TOKENAUTH_REVOCATION "off": TOKENAUTH_REVOCATION_MAX_STALENESS; remove them.',
        ),
    ],
)
def test_a_setting_without_effect_is_a_hint(make_app: MakeApp, config: dict[str, Any], named: str) -> None:
    found = [line for line in list_problems(make_app(**config)) if "no effect" in line]

    assert found == [f"hint: These settings have no effect {named}"]


@pytest.mark.parametrize(("idle", "expected"), [(59, False), (60, False), (61, True)])
def test_an_idle_lifetime_longer_than_the_session_is_a_finding(make_app: MakeApp, idle: int, expected: object) -> None:
    app = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_REFRESH_IDLE_LIFETIME=idle, TOKENAUTH_SESSION_LIFETIME=60)

    assert bool(list_problems(app)) is expected


# Revocation


def test_the_doctor_prints_the_state_of_revocation(make_app: MakeApp, tmp_path: Path) -> None:
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

    assert list_sentences(app) == [
        "info: TOKENAUTH_STORE is a SQLStore, TOKENAUTH_REVOCATION is feed, fetched 0.0 s ago: "
        "3 tokens, 2 sessions and 1 users are revoked."
    ]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("strict", []),
        ("off", ['warning: TOKENAUTH_REVOCATION is "off", so a stolen token is accepted']),
    ],
)
def test_the_doctor_prints_the_mode(make_app: MakeApp, mode: str, expected: list[str]) -> None:
    app = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_REVOCATION=mode)

    *rest, info = list_sentences(app)

    assert info == f"info: TOKENAUTH_STORE is a MemoryStore, TOKENAUTH_REVOCATION is {mode}."
    assert [line[: len(start)] for line, start in zip(rest, expected, strict=True)] == expected


@pytest.mark.parametrize("mode", ["feed", "strict"])
@pytest.mark.parametrize(
    ("setting", "fine", "risky"),
    [("REVOCATION_INTERVAL", 10, 10.1), ("REVOCATION_MAX_STALENESS", 300, 301)],
)
def test_a_long_interval_or_staleness_is_a_warning(
    make_app: MakeApp, mode: str, setting: str, fine: float, risky: float
) -> None:
    def expected(seconds: float) -> list[str]:
        config = {f"TOKENAUTH_{setting}": seconds, "TOKENAUTH_REVOCATION": mode, "TOKENAUTH_STORE": "memory://"}
        return list_problems(make_app(**config))

    assert [line for line in expected(fine) if line.startswith("warning: ")] == []
    warnings = [line.split(" is ")[0] for line in expected(risky) if line.startswith("warning: ")]
    assert warnings == [f"warning: TOKENAUTH_{setting}"] * (mode == "feed")


def test_a_store_whose_revocations_cannot_be_loaded_is_an_error(make_app: MakeApp) -> None:
    assert list_sentences(make_app(TOKENAUTH_STORE=StoreWithoutFeed())) == [
        "error: The revocations in TOKENAUTH_STORE cannot be loaded: revocations were never fetched: the disk is full."
    ]


@pytest.mark.parametrize(("limit", "expected"), [(1, True), (2, False), (3, False)])
def test_many_revocations_are_a_hint(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, limit: int, expected: object
) -> None:
    monkeypatch.setattr("flask_tokenauth.commands.store_findings.MANY_REVOKED", limit)
    app = make_app(TOKENAUTH_STORE="memory://")
    app.extensions["tokenauth"].store.revoke_user("alice", retention=timedelta(days=1), api_keys=False)
    app.extensions["tokenauth"].store.revoke_user("bob", retention=timedelta(days=1), api_keys=False)

    assert any(line.startswith("hint: Every process holds 2 revocations") for line in list_sentences(app)) is expected


def test_inspect_fails_during_an_outage(make_app: MakeApp, mint: Mint) -> None:
    result = (
        make_app(TOKENAUTH_STORE=StoreWithoutFeed())
        .test_cli_runner()
        .invoke(args=["tokenauth", "inspect"], input=mint())
    )

    assert result.exit_code == 1
    assert result.output == "Error: the store cannot be asked: revocations were never fetched: the disk is full\n"


def test_inspect_fails_with_a_store_of_another_issuer(make_app: MakeApp, mint: Mint, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    init_db(make_app(TOKENAUTH_STORE=url, TOKENAUTH_ISSUER="https://other.example"))

    result = make_app(TOKENAUTH_STORE=url).test_cli_runner().invoke(args=["tokenauth", "inspect"], input=mint())

    assert result.exit_code == 1
    assert result.output.startswith("Error: this store belongs to another issuer, https://other.example")
    assert result.output.count("\n") == 1


def test_inspect_warns_of_a_store_in_memory_for_an_accepted_token(make_app: MakeApp, mint: Mint) -> None:
    result = run(make_app(**RETENTION), "inspect", mint())

    assert (result.exit_code, result.stderr) == (0, OTHER_MEMORY)
    assert read_json(result)["accepted"]


def test_token_warns_of_a_store_in_memory(make_app: MakeApp) -> None:
    result = run(make_app(**RETENTION), "token", "alice")

    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert OTHER_MEMORY in result.stderr


@pytest.mark.parametrize(
    ("config", "changes"),
    [({}, {}), (RETENTION, {"exp": NOW - 60}), (RETENTION | {"TOKENAUTH_REVOCATION": "off"}, {})],
    ids=["no store", "a refused token", "nothing is revoked"],
)
def test_inspect_does_not_warn_if_the_store_does_not_matter(
    make_app: MakeApp, mint: Mint, config: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert run(make_app(**config), "inspect", mint(**changes)).stderr == ""


def test_purge_fails_with_an_own_store_in_memory(make_app: MakeApp) -> None:
    result = make_app(TOKENAUTH_STORE=StoreWithoutFeed()).test_cli_runner().invoke(args=["tokenauth", "purge"])

    assert result.exit_code == 1
    assert "this command has a memory of its own" in result.output


def test_help_lists_commands_of_the_application_too(make_app: MakeApp) -> None:
    app = make_app()
    group = app.cli.commands["tokenauth"]
    assert isinstance(group, Group)
    group.add_command(Command("mine", help="An own command."))

    _, _, listed = app.test_cli_runner().invoke(args=["tokenauth", "--help"]).output.partition("Commands:")

    named = [line.split()[0] for line in listed.splitlines() if line[:3].strip()]
    ours = [
        "doctor",
        "init-db",
        "inspect",
        "inspector",
        "keys",
        "mine",
        "purge",
        "revoke",
        "routes",
        "sessions",
        "size",
        "token",
    ]
    assert named == ["api-keys", *ours]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///store.db", True),
        ("sqlite:///./store.db", True),
        ("sqlite+pysqlite:///store.db", True),
        ("sqlite:///{}/store.db", False),
        ("sqlite:///file:{}/store.db?uri=true", False),
    ],
)
def test_a_relative_path_is_a_warning(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, expected: object
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make_app(TOKENAUTH_STORE=url.format(tmp_path))

    assert (
        any(line.startswith("warning: TOKENAUTH_STORE is a relative path") for line in list_problems(app)) is expected
    )
    app.extensions["tokenauth"].store.close()


def test_a_store_of_another_issuer_is_an_error(make_app: MakeApp, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    other = make_app(TOKENAUTH_STORE=url, TOKENAUTH_ISSUER="https://other.example")
    init_db(other)

    expected = list_sentences(make_app(TOKENAUTH_STORE=url))

    assert [line[:40] for line in expected] == ["error: TOKENAUTH_STORE cannot be asked: "]
    assert all("https://other.example" in line for line in expected)


@pytest.mark.slow
@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_a_table_that_was_dropped_is_an_error(make_app: MakeApp, tmp_path: Path, table: str) -> None:
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}")
    init_db(app)
    execute(tmp_path / "store.db", f"DROP TABLE {table}")

    [problem] = list_problems(app)

    assert problem.startswith(f"error: The database of TOKENAUTH_STORE lacks the tables {table}, which")
    assert f" Without {table}, " in problem


def test_a_database_without_any_table_gets_a_hint_and_no_tables(make_app: MakeApp, tmp_path: Path) -> None:
    """It is new, or a migration has dropped all tables: then they must not seem to be fine at the next look."""
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}")

    for _ in range(2):
        [hint] = [line for line in list_sentences(app) if "no table of the store" in line]
        assert hint.startswith("hint: ")
        assert "a migration has dropped all of them: restore a backup" in hint


@pytest.mark.parametrize(("mode", "opened"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_can_read_is_a_warning(
    make_app: MakeApp, tmp_path: Path, mode: int, *, opened: bool
) -> None:
    path = tmp_path / "store.db"
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{path}")
    init_db(app)
    path.chmod(mode)

    named = [line for line in list_problems(app) if f"chmod 600 {path}" in line]

    assert len(named) == int(opened)


def test_the_command_for_a_file_with_a_space_in_its_name_can_be_copied(make_app: MakeApp, tmp_path: Path) -> None:
    path = tmp_path / "my store.db"
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{path}")
    init_db(app)
    path.chmod(0o644)

    [problem] = list_problems(app)

    assert problem.endswith(f"run chmod 600 '{path}'.")


def test_tables_of_an_older_release_are_reported_and_not_upgraded(make_app: MakeApp, tmp_path: Path) -> None:
    put_schema_1(tmp_path / "api.db")
    (tmp_path / "api.db").chmod(0o600)
    before = dump(tmp_path / "api.db")
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'api.db'}")

    [problem] = list_problems(app)

    assert problem.startswith(
        "warning: The tables of TOKENAUTH_STORE are those of an older release of Flask-TokenAuth:"
    )
    assert dump(tmp_path / "api.db") == before


def test_tables_of_an_older_release_are_upgraded_by_init_db(make_app: MakeApp, tmp_path: Path) -> None:
    put_schema_1(tmp_path / "api.db")
    (tmp_path / "api.db").chmod(0o600)
    app = make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'api.db'}", TOKENAUTH_ISSUER="https://api.example.com")

    assert init_db(app) == (0, "The store is ready.\n")

    assert list_problems(app) == []
