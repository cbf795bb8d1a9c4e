"""The steps of the transactions about API keys. Each runs within a transaction, on a connection that is in it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from ...core.records.api_key import ApiKeyToKeep
from ...core.records.grant import write_grant
from ..api_key_rows import API_KEY_EXISTS, ApiKeyRow, age_of_use
from ..rows import in_milliseconds
from . import transactions
from .dialect import Dialect
from .statements import Statements

USES_AT_ONCE = 200  # that one transaction writes, so that others can write in between


def columns_of(new: ApiKeyToKeep) -> dict[str, object]:
    """Return the parameters for a new API key.

    Raises:
        ValueError: a claim of the grant is not a JSON value.
    """
    return {
        "key_id": new.id,
        "digest": new.digest,
        "user_id": new.user_id,
        "name": new.name,
        "hint": new.hint,
        "granted": write_grant(new.grant),
        "asked_user": new.user_id,
        "lifetime": None if new.lifetime is None else in_milliseconds(new.lifetime),
    }


def add(
    connection: Connection,
    statements: Statements,
    dialect: Dialect,
    values: Mapping[str, Any],
    *,
    most: int,
    again: bool,
) -> ApiKeyRow | None:
    """Keep a new API key, and return its row, or None if its user has *most* live ones.

    Args:
        connection: to the database.
        statements: for its dialect.
        dialect: of the server.
        values: of the key, from :func:`columns_of`.
        most: the number of live API keys that its user may have.
        again: True if this is not the first attempt of the call. The key may be there: the answer to a COMMIT was lost.

    Raises:
        ValueError: there is an API key with this ID.
    """
    dialect.lock_user(connection, values["user_id"])
    if again and (kept := _read(connection, statements, values["key_id"])) and _is_same(kept[0], values):
        return ApiKeyRow.read(kept[0])
    if connection.execute(statements.api_keys.count, {"asked_user": values["user_id"]}).scalar_one() >= most:
        return None
    if not transactions.insert(connection, dialect, statements.api_keys.add, values):
        raise ValueError(API_KEY_EXISTS)
    [row] = _read(connection, statements, values["key_id"])
    return ApiKeyRow.read(row)


def revoke(
    connection: Connection, statements: Statements, key_id: str, retention: timedelta
) -> list[Mapping[str, Any]]:
    """Revoke an API key, if there is a live one with this ID, and return its row, or else nothing."""
    if connection.execute(statements.api_keys.revoke, {"asked_key": key_id}).rowcount == 0:
        return []
    values = {**transactions.about("token", key_id, 0), "retention": in_milliseconds(retention)}
    transactions.insert_revocation(connection, statements.insert_revocation, values)
    return _read(connection, statements, key_id)


def note_uses(connection: Connection, statements: Statements, ages: Mapping[str, timedelta]) -> None:
    """Keep when API keys were used last.

    Args:
        connection: to the database.
        statements: for its dialect.
        ages: how long ago each key was used, by its ID; at most ``USES_AT_ONCE``.
    """
    due = connection.execute(statements.api_keys.lock_due, {"keys": list(ages)}).scalars().all()
    if due:
        connection.execute(statements.api_keys.note_uses({key_id: age_of_use(ages[key_id]) for key_id in due}))


def _read(connection: Connection, statements: Statements, key_id: str) -> list[Mapping[str, Any]]:
    rows = connection.execute(statements.api_keys.read, {"asked_key": key_id}).mappings().all()
    return [dict(row) for row in rows]


def _is_same(kept: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(kept[name] == values[name] for name in ("digest", "user_id", "name"))
