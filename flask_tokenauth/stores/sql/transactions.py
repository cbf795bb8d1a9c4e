"""The steps of the transactions of the SQL store. Each runs within a transaction, on a connection that is in it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.base import Executable

from ...core.records.revocation import Revocation, RevocationKind
from ...core.records.session import Outcome, Redemption, Terms
from ..rows import SessionRow, check_whole, in_milliseconds
from .dialect import Dialect
from .primary_reads import PrimaryRead
from .statements import Statements
from .tables import KIND_CODES


def redeem(
    connection: Connection, statements: Statements, session_id: str, *, generation: int, terms: Terms
) -> Redemption | SessionRow:
    """Redeem a refresh token. Return the result, or the row of the session if this was reuse."""
    idle_lifetime = in_milliseconds(terms.idle_lifetime)
    values = {"asked_session": session_id, "redeemed": generation, "idle_lifetime": idle_lifetime}
    if statements.swap_unread and (after := _swap(connection, statements.swap_unread, values)):
        return Redemption(outcome=Outcome.SWAPPED, session=after.to_session())
    rows = read_sessions(connection, statements.lock_session, asked_session=session_id)
    if not rows:
        return Redemption(outcome=Outcome.GONE)
    row = rows[0]
    if after := _swap(connection, statements.swap, values):
        rolled_back = row.generation < generation
        return Redemption(outcome=Outcome.SWAPPED, session=after.to_session(), rolled_back=rolled_back)
    now, epoch = connection.execute(statements.read_present, {"asked_user": row.user_id}).one()
    check_whole("epoch", epoch)
    outcome = row.classify_repeat(generation, now=now, epoch=epoch, terms=terms)
    if outcome is Outcome.REUSED:
        end(connection, statements, session_id, terms.retention)
        return row
    return Redemption(outcome=outcome, session=row.to_session() if outcome is Outcome.RETRIED else None)


def _swap(connection: Connection, several: Sequence[Executable], values: Mapping[str, object]) -> SessionRow | None:
    """Run the statements of ``Dialect.update_and_select``. Return the changed row; None if none was changed."""
    *changes, last = several
    for change in changes:
        if connection.execute(change, values).rowcount == 0:
            return None
    rows = read_sessions(connection, last, **values)
    return rows[0] if rows else None


def end(connection: Connection, statements: Statements, session_id: str, retention: timedelta) -> bool:
    """End a session and revoke it, unless it had ended. Return whether it was ended now."""
    if connection.execute(statements.end_session, {"asked_session": session_id}).rowcount == 0:
        return False
    values = {**about("session", session_id, 0), "retention": in_milliseconds(retention)}
    insert_revocation(connection, statements.insert_revocation, values)
    return True


def revoke_user(
    connection: Connection, statements: Statements, user_id: str, retention: timedelta, *, api_keys: bool
) -> int:
    """Raise the epoch of a user, and the key epoch if *api_keys* is true, and return the new epoch."""
    connection.execute(statements.raise_epoch, {"of_user": user_id})
    if api_keys:
        connection.execute(statements.raise_key_epoch, {"of_user": user_id})
    epoch = read_epoch(connection, statements.read_epoch, user_id)
    kinds: tuple[RevocationKind, ...] = ("user", "api_keys") if api_keys else ("user",)
    for kind in kinds:
        values = {**about(kind, user_id, epoch), "retention": in_milliseconds(retention)}
        insert_revocation(connection, statements.insert_revocation, values)
    return epoch


def revoke(connection: Connection, statements: Statements, revocation: Revocation) -> None:
    """Keep a revocation, and end what it is about.

    Users, sessions, API keys, reference tokens and revocations are changed in this order everywhere, so that no two
    calls wait for each other.
    """
    kind, subject, value = revocation.kind, revocation.subject, revocation.value
    if kind == "user":
        connection.execute(statements.raise_epoch_to, {"of_user": subject, "least_epoch": value})
    elif kind == "api_keys":
        connection.execute(statements.raise_key_epoch_to, {"of_user": subject, "least_epoch": value})
    elif kind == "session":
        connection.execute(statements.end_session, {"asked_session": subject})
    else:
        connection.execute(statements.api_keys.mark_as_revoked, {"asked_key": subject})
        connection.execute(statements.reference_tokens.mark_as_revoked, {"asked_token": subject})
    values = {**about(kind, subject, value), "until": revocation.expires_at}
    insert_revocation(connection, statements.insert_revocation_until, values)


def spend(connection: Connection, statements: Statements, spent_id: str, expires_at: int, *, call: int) -> bool:
    """Spend an ID, and return whether *call* is the first that did.

    Args:
        connection: in a transaction.
        statements: for its dialect.
        spent_id: the ID, for example of a ticket.
        expires_at: when it may be forgotten, in milliseconds.
        call: a random number. If the answer to a COMMIT was lost, the next run with it finds its own row.
    """
    connection.execute(statements.spent.add, {"of_spent": spent_id, "call": call, "until": expires_at})
    first = connection.execute(statements.spent.read_first, {"of_spent": spent_id}).scalar_one()
    return bool(first == call)


def insert_revocation(connection: Connection, several: Sequence[Executable], values: Mapping[str, object]) -> None:
    """Run the statements of ``Dialect.insert_revocation``."""
    for statement in several:
        if connection.execute(statement, values).rowcount == 0:
            return


def about(kind: RevocationKind, subject: str, value: int) -> dict[str, object]:
    """Return the parameters for a revocation, without its expiry."""
    return {"of_kind": KIND_CODES[kind], "of_subject": subject, "of_value": value}


def insert(connection: Connection, dialect: Dialect, statement: Executable, values: Mapping[str, object]) -> bool:
    """Insert a row, and return whether there was none with its primary key."""
    try:
        connection.execute(statement, values)
    except IntegrityError as error:
        if not dialect.is_duplicate(error):
            raise
        return False
    return True


def read_sessions(connection: Connection, statement: Executable, **values: object) -> list[SessionRow]:
    """Return the rows of sessions. All are fetched before one is read."""
    return [SessionRow.read(dict(columns)) for columns in connection.execute(statement, values).mappings().all()]


def read_epoch(connection: Connection, statement: PrimaryRead, user_id: str) -> int:
    """Return the epoch of a user."""
    [row] = statement.fetch(connection, {"asked_user": user_id})
    check_whole("epoch", row["epoch"])
    epoch: int = row["epoch"]
    return epoch
