"""The tables, for any SQL server. :data:`metadata` is public, so that migrations of an application can create them.

Times are milliseconds since 1970-01-01T00:00:00Z. The columns that a refresh changes have no index.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from ...core.encoding.limits import MAX_IDENTIFIER
from ...core.records.revocation import RevocationKind
from ...core.records.session import MAX_USER_AGENT

SCHEMA = 1  # raised with each change that older releases do not understand

metadata = MetaData()

KIND_CODES: dict[RevocationKind, str] = {"token": "t", "session": "s", "user": "u"}  # in the column "kind"

_IDENTIFIER = String(MAX_IDENTIFIER)

sessions = Table(
    "tokenauth_session",
    metadata,
    Column("session_id", _IDENTIFIER, primary_key=True),
    Column("user_id", _IDENTIFIER, nullable=False),
    Column("granted", Text, nullable=False),
    Column("label", String(MAX_IDENTIFIER)),
    Column("user_agent", String(MAX_USER_AGENT)),
    Column("started_at", BigInteger, nullable=False),
    Column("rotated_at", BigInteger),
    Column("idle_expires_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("generation", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    # Lists of sessions need no sorting, and skip those that were ended.
    Index("ix_tokenauth_session_sign_in", "user_id", "ended_at", "started_at", "session_id"),
)

epochs = Table(
    "tokenauth_user_epoch",
    metadata,
    Column("user_id", _IDENTIFIER, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)

revocations = Table(
    "tokenauth_revocation",
    metadata,
    # SQLite must never use a number twice: a reader that asks for numbers above its last one would miss the second use.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("mark", BigInteger, nullable=False, server_default="0"),  # random; see revocations.py
    Column("kind", String(1), nullable=False),  # one of KIND_CODES
    Column("subject", _IDENTIFIER, nullable=False),
    Column("value", BigInteger, nullable=False, server_default="0"),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Index("ix_tokenauth_revocation_subject", "subject", "kind"),
    sqlite_autoincrement=True,
)

facts = Table(
    "tokenauth_store",
    metadata,
    Column("name", _IDENTIFIER, primary_key=True),
    Column("value", _IDENTIFIER, nullable=False),
)
