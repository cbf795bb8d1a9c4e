"""The rights that a user of a database server needs, and the errors if some are missing."""

from collections.abc import Callable, Iterator

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore, metadata
from flask_tokenauth.testing.store_contract.kit import start

from ...engines.mariadb import MariaDB
from ...engines.server import LOCAL, PASSWORD, USER, Server
from ..calls import CALLS, DAY
from ..server_kit import execute

GUEST = "guest"  # a user without rights, beside the owner of the database
LACKS = "the user of the store needs SELECT, INSERT, UPDATE and DELETE on its tables.* To create them, run flask "
INIT_DB = (
    "tokenauth init-db once as a user that may create tables, or give the statements of flask tokenauth init-db --sql"
)


@pytest.fixture
def empty_database(server: Server) -> Iterator[str]:
    with server.new_database() as database:
        yield database


@pytest.fixture
def guest(server: Server, empty_database: str) -> Iterator[str]:
    """The URL of the database for a user who may connect, and has no right to a table."""
    if isinstance(server, MariaDB):
        name = f"{GUEST}@'{LOCAL}'"
        server.execute(f"CREATE USER {name} IDENTIFIED BY '{PASSWORD}'")
        execute(server, empty_database, "CREATE TABLE other (number int)")
        server.execute(f"GRANT SELECT ON {empty_database}.other TO {name}")
        remove = f"DROP USER {name}"
    else:
        server.execute(f"CREATE ROLE {GUEST} LOGIN PASSWORD '{PASSWORD}'")
        remove = f"DROP OWNED BY {GUEST}"
    yield server.url(empty_database).replace(USER, GUEST)
    server.execute(remove, database=empty_database)
    if not isinstance(server, MariaDB):
        server.execute(f"DROP ROLE {GUEST}")


def grant(server: Server, database: str, *tables: str) -> None:
    """Let the guest read and write tables."""
    name = f"{GUEST}@'{LOCAL}'" if isinstance(server, MariaDB) else GUEST
    for table in tables:
        server.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {name}", database=database)


def create_by_use(server: Server, database: str) -> None:
    """Create the tables as the owner, as ``init-db`` does."""
    store = SQLStore(server.url(database))
    store.create()
    store.close()


def create_by_statements(server: Server, database: str) -> None:
    """Create the tables as the owner, by the statements of ``init-db --sql``."""
    for statement in SQLStore(server.url(database)).inspection.definitions():
        execute(server, database, statement)


@pytest.fixture
def guest_store(guest: str) -> Iterator[SQLStore]:
    store = SQLStore(guest)
    store.bind("https://issuer.example", timeout=DAY, lifetime=DAY, leeway=DAY)
    yield store
    store.close()


@pytest.mark.parametrize(("scheme", "driver"), [("postgresql", "psycopg"), ("mysql", "pymysql")])
def test_the_statements_for_an_administrator_create_all_tables(scheme: str, driver: str) -> None:
    pytest.importorskip(driver)
    statements = SQLStore(f"{scheme}://application@db.example/tokens").inspection.definitions()

    assert {statement.split()[2] for statement in statements if "CREATE TABLE" in statement} == set(metadata.tables)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("create", [create_by_use, create_by_statements])
def test_a_user_with_four_rights_on_the_tables_can_do_everything(
    server: Server, empty_database: str, guest_store: SQLStore, create: Callable[[Server, str], None]
) -> None:
    create(server, empty_database)
    grant(server, empty_database, *metadata.tables)

    for call in CALLS.values():
        call(guest_store)
    for number in range(3):
        start(guest_store, f"s{number}", most=1)
    guest_store.revoke_user("alice", retention=DAY, api_keys=False)

    assert guest_store.revocations_since(None).entries != ()
    assert guest_store.find_session("s2") is None


@pytest.mark.once
@pytest.mark.slow
def test_a_user_who_may_create_no_tables_gets_an_error_that_names_the_command(
    guest_store: SQLStore,
) -> None:
    for call in CALLS["find_session"], CALLS["create"], CALLS["redeem"]:
        with pytest.raises(StoreUnavailable, match=f"{LACKS}{INIT_DB}"):
            call(guest_store)


@pytest.mark.once
@pytest.mark.slow
def test_a_user_without_rights_on_the_tables_gets_an_error_that_names_them(
    server: Server, empty_database: str, guest_store: SQLStore
) -> None:
    create_by_use(server, empty_database)

    with pytest.raises(StoreUnavailable, match=LACKS):
        guest_store.find_session("session")


@pytest.mark.once
@pytest.mark.slow
def test_a_user_who_lost_a_right_gets_an_error_that_names_it(
    server: Server, empty_database: str, guest_store: SQLStore
) -> None:
    create_by_use(server, empty_database)
    grant(server, empty_database, *metadata.tables)
    guest_store.find_session("session")
    name = f"{GUEST}@'{LOCAL}'" if isinstance(server, MariaDB) else GUEST
    server.execute(f"REVOKE INSERT ON tokenauth_session FROM {name}", database=empty_database)

    with pytest.raises(StoreUnavailable, match=LACKS):
        start(guest_store)
    assert guest_store.find_session("session") is None
