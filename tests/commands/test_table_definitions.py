"""``flask tokenauth init-db --sql`` prints the statements that create the tables, and uses no database."""

from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import metadata

from ..conftest import MakeApp
from ..stores.sqlite_kit import execute, opened, url_of

SERVERS = ("postgresql://api:hunter2@localhost:1/api", "mysql://api:hunter2@localhost:1/api", "mariadb://localhost:1/a")
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name LIKE '%tokenauth%' ORDER BY type, name"


def print_definitions(app: Flask) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["tokenauth", "init-db", "--sql"])
    return result.exit_code, result.output


@pytest.mark.parametrize("url", ["sqlite:////missing/api.db", *SERVERS])
def test_each_table_and_each_index_is_defined_once_without_a_connection(make_app: MakeApp, url: str) -> None:
    status, printed = print_definitions(make_app(TOKENAUTH_STORE=url))

    assert status == 0
    for table in metadata.tables.values():
        assert printed.count(f"CREATE TABLE {table.name} (") == 1
        for index in table.indexes:
            assert printed.count(f"CREATE INDEX {index.name} ON {table.name} (") == 1
    assert printed.count("CREATE ") == printed.count(";\n")
    assert "hunter2" not in printed


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("sqlite:////missing/api.db", "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT"),
        (SERVERS[0], 'user_id VARCHAR(255) COLLATE "C" NOT NULL'),
        (SERVERS[1], "user_id VARBINARY(1020) NOT NULL"),
        (SERVERS[2], "user_id VARBINARY(1020) NOT NULL"),
    ],
)
def test_the_statements_are_those_for_the_server(make_app: MakeApp, url: str, line: str) -> None:
    _, printed = print_definitions(make_app(TOKENAUTH_STORE=url))

    assert line in [line.strip().rstrip(",") for line in printed.splitlines()]


def test_tables_of_mariadb_name_what_the_server_could_choose_otherwise(make_app: MakeApp) -> None:
    """Versions of SQLAlchemy write it in different orders."""
    _, printed = print_definitions(make_app(TOKENAUTH_STORE=SERVERS[1]))

    ends = [set(line.strip(");").split()) for line in printed.splitlines() if line.startswith(")")]
    assert ends == [{"ENGINE=InnoDB", "CHARSET=utf8mb4", "ROW_FORMAT=DYNAMIC"}] * len(metadata.tables)


def test_the_indexes_of_a_table_follow_it_in_the_order_of_their_names(make_app: MakeApp) -> None:
    """The output is the same in each run."""
    _, printed = print_definitions(make_app(TOKENAUTH_STORE=SERVERS[0]))

    defined = [line.split()[2] for line in printed.splitlines() if line.startswith("CREATE ")]
    expected = []
    for table in metadata.sorted_tables:
        expected += [table.name, *sorted(str(index.name) for index in table.indexes)]
    assert defined == expected


def test_the_first_line_names_the_rights_and_is_a_comment(make_app: MakeApp) -> None:
    _, printed = print_definitions(make_app(TOKENAUTH_STORE=SERVERS[0]))

    assert printed.startswith(
        "-- The user of the application needs SELECT, INSERT, UPDATE and DELETE on these tables.\n"
    )


def test_no_file_is_created(make_app: MakeApp, tmp_path: Path) -> None:
    print_definitions(make_app(TOKENAUTH_STORE=url_of(tmp_path / "api.db")))

    assert list(tmp_path.iterdir()) == []


def test_tables_made_by_hand_are_those_that_the_store_would_create(make_app: MakeApp, tmp_path: Path) -> None:
    by_hand, by_store = tmp_path / "hand.db", tmp_path / "store.db"
    app = make_app(TOKENAUTH_STORE=url_of(by_store))
    _, printed = print_definitions(app)
    with opened(by_hand) as connection:
        connection.executescript(printed)

    app.extensions["tokenauth"].store.create()

    assert execute(by_hand, SCHEMA) == execute(by_store, SCHEMA)


def test_the_first_use_creates_nothing_if_the_tables_were_made_by_hand(
    make_app: MakeApp, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "api.db"
    app = make_app(TOKENAUTH_STORE=url_of(path))
    with opened(path) as connection:
        connection.executescript(print_definitions(app)[1])
    [version] = execute(path, "PRAGMA schema_version")

    assert app.extensions["tokenauth"].store.read_epoch("alice") == 0

    assert execute(path, "PRAGMA schema_version") == [version]  # SQLite raises it with each change of a table
    assert caplog.records == []


@pytest.mark.parametrize("store", ["memory://", MemoryStore(), None], ids=["memory", "own", "none"])
def test_a_store_without_tables_is_an_error(make_app: MakeApp, store: object) -> None:
    assert print_definitions(make_app(TOKENAUTH_STORE=store)) == (
        1,
        "Error: TOKENAUTH_STORE must be an SQL database for --sql: other stores have no tables\n",
    )


def test_a_flask_sqlalchemy_object_without_an_engine_is_an_error(make_app: MakeApp) -> None:
    status, printed = print_definitions(make_app(TOKENAUTH_STORE=SQLAlchemy()))

    assert status == 1
    assert printed.startswith("Error: the database object has no engine here: call its init_app")
