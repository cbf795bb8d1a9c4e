"""Creates the tables, and checks that existing ones are of this release and of this issuer."""

from collections.abc import Mapping
from secrets import token_hex

from sqlalchemy import Connection, inspect

from ...core.errors import SettingsError, StoreUnavailable
from ..rows import another_issuer, parse_number
from .statements import Statements
from .tables import SCHEMA, facts, metadata


def is_complete(connection: Connection, statements: Statements, issuer: str | None, retention: int) -> bool:
    """Return whether the tables exist, belong to *issuer*, and keep revocations for *retention* or longer.

    Args:
        connection: to the database.
        statements: for its dialect.
        issuer: of the application; None if the store is not bound to one.
        retention: in milliseconds.

    Raises:
        StoreUnavailable: the tables are of another release.
        SettingsError: they belong to another issuer.
    """
    if not inspect(connection).has_table(facts.name):
        return False
    found = read_facts(connection, statements)
    if "schema" in found and found["schema"] != str(SCHEMA):
        raise StoreUnavailable(
            f"the tables of the store must be of schema {SCHEMA}, but another release of Flask-TokenAuth, probably a "
            "newer one, has created them: install that release"
        )
    if issuer is not None and found.get("issuer", issuer) != issuer:
        raise SettingsError(another_issuer(found["issuer"]))
    longest = retention_of(found)
    return "schema" in found and (issuer is None or "issuer" in found) and longest is not None and longest >= retention


def create_missing(connection: Connection, statements: Statements, issuer: str | None, retention: int) -> None:
    """Create the missing tables and facts, within a transaction that keeps other writers out."""
    metadata.create_all(connection)
    connection.execute(statements.add_fact, {"name": "schema", "value": str(SCHEMA)})
    connection.execute(statements.add_fact, {"name": "store_id", "value": token_hex(16)})  # readers notice another ID
    if issuer is not None:
        connection.execute(statements.add_fact, {"name": "issuer", "value": issuer})
    if retention:
        connection.execute(statements.raise_retention, {"name": "retention", "value": str(retention)})
    is_complete(connection, statements, issuer, retention)  # another process may have added its issuer first


def read_facts(connection: Connection, statements: Statements) -> dict[str, str]:
    """Return what the table of facts says about the store, by name."""
    return {row.name: row.value for row in connection.execute(statements.read_facts)}


def retention_of(found: Mapping[str, str]) -> int | None:
    """Return the longest retention in the facts, in milliseconds; 0 if there is none, None if it is no number."""
    return parse_number(found.get("retention", "0"))
