"""Tables that were dropped while others stayed: what is lost, and what the other tables still know of it."""

import logging
from collections.abc import Container, Sequence

from sqlalchemy import Connection
from sqlalchemy.sql.base import Executable

from .statements import Statements
from .tables import api_keys, epochs, facts, metadata, reference_tokens, revocations, sessions, spent

_LOSSES = {
    api_keys.name: "all API keys are refused, and users have to create new ones",
    reference_tokens.name: "all reference tokens are refused, so clients have to refresh, or users to log in again",
    sessions.name: "all users have to log in again, and access tokens that they have are accepted until they expire",
    epochs.name: "all sessions end and their access tokens are revoked, since some may have been revoked with a user",
    revocations.name: (
        "access tokens that were revoked may be accepted again until they expire. To refuse all tokens and to end all "
        "sessions, change SECRET_KEY, and the keys in TOKENAUTH_KEYS if you set it. API keys and reference tokens that "
        "were revoked stay revoked"
    ),
    spent.name: "tickets that were used can be used again until they expire",
    facts.name: "the store belongs to the issuer that uses it next",
}
_LOSS_OF_BOTH = (
    f"Without both {revocations.name} and {epochs.name}, all API keys and reference tokens are revoked, since some may "
    "have been revoked with a user"
)

_LOST = "lost "  # begins the name of a fact, before that of a table

_log = logging.getLogger("flask_tokenauth")


def note_losses(connection: Connection, statements: Statements, missing: Sequence[str]) -> None:
    """Note which tables were dropped, before they are created again.

    MariaDB commits each new table. If this process ends before :func:`replace_rows`, another one goes on by the notes.
    """
    for table in missing:
        connection.execute(statements.add_fact, {"fact": _LOST + table, "string": "", "number": None})


def find_losses(found: Container[str]) -> list[str]:
    """Return the tables whose rows have to be replaced, sorted.

    Args:
        found: the names of the facts.
    """
    return [table for table in sorted(metadata.tables) if _LOST + table in found]


def explain_loss(tables: Sequence[str]) -> str:
    """Return sentences on the consequences if these tables are lost."""
    sentences = [f"Without {table}, {_LOSSES[table]}" for table in tables]
    if revocations.name in tables and epochs.name in tables:
        sentences.append(_LOSS_OF_BOTH)
    return ". ".join(sentences)


def replace_rows(connection: Connection, statements: Statements, missing: Sequence[str]) -> None:
    """Write what the other tables know to tables that were dropped and created again, and log the loss.

    Args:
        connection: in a transaction that keeps other writers out.
        statements: for its dialect.
        missing: the names of the tables.
    """
    if epochs.name in missing:
        if revocations.name in missing:
            connection.execute(statements.api_keys.revoke_all)
            connection.execute(statements.reference_tokens.revoke_all)
        else:
            # Without them, new tokens of these users would be refused. A revocation is purged after the API keys and
            # reference tokens that it is about, so no other epoch matters to one of those.
            _execute(connection, statements.restore_epochs)
        connection.execute(statements.end_all_sessions)  # revocations of longer ago were purged
    if epochs.name in missing or revocations.name in missing:
        _execute(connection, statements.restore_session_revocations)
    if revocations.name in missing:
        _execute(connection, statements.restore_other_revocations)
    for table in missing:
        connection.execute(statements.drop_fact, {"fact": _LOST + table})
    _log.warning(
        "the store must have all its tables, but %s had been dropped: they are created again, and their rows are lost. "
        "%s. Restore a backup if you can, and keep migrations from dropping these tables",
        ", ".join(missing),
        explain_loss(missing),
    )


def _execute(connection: Connection, several: Sequence[Executable]) -> None:
    for statement in several:
        connection.execute(statement)
