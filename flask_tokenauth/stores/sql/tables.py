"""The tables, for any SQL server. :data:`metadata` is public, so that migrations of an application can create them.

Times are milliseconds since 1970-01-01T00:00:00Z. The columns that a refresh or a use of an API key changes have no
index.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql

from ...core.encoding.limits import MAX_IDENTIFIER
from ...core.records.api_key import MAX_HINT
from ...core.records.revocation import RevocationKind
from ...core.records.session import MAX_USER_AGENT

SCHEMA = 4  # raised with each change that older releases do not understand

metadata = MetaData()

KIND_CODES: dict[RevocationKind, str] = {
    "token": "t",
    "session": "s",
    "user": "u",
    "api_keys": "k",
}  # in the column "kind"

_MOST_BYTES = 4  # of a character in UTF-8
_MYSQL = ("mysql", "mariadb")  # SQLAlchemy's names of dialects
_ON_MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in _MYSQL
    for option, value in {"engine": "InnoDB", "charset": "utf8mb4", "row_format": "DYNAMIC"}.items()
}


# Identifiers are compared byte by byte: alice, Alice and "alice " are three users. SQLite compares so by itself. The
# collations of MySQL and MariaDB ignore spaces at the end, so these have bytes: see mysql/utf8.py.
IDENTIFIER = (
    String(MAX_IDENTIFIER)
    .with_variant(String(MAX_IDENTIFIER, collation="C"), "postgresql")
    .with_variant(mysql.VARBINARY(MAX_IDENTIFIER * _MOST_BYTES), *_MYSQL)
)
_JSON = Text().with_variant(mysql.MEDIUMTEXT(), *_MYSQL)

sessions = Table(
    "tokenauth_session",
    metadata,
    Column("session_id", IDENTIFIER, primary_key=True),
    Column("user_id", IDENTIFIER, nullable=False),
    Column("granted", _JSON, nullable=False),
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
    **_ON_MYSQL,
)

epochs = Table(
    "tokenauth_user_epoch",
    metadata,
    Column("user_id", IDENTIFIER, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("key_epoch", BigInteger, nullable=False, server_default="0"),  # API keys with a lower one are refused
    **_ON_MYSQL,
)

api_keys = Table(
    "tokenauth_api_key",
    metadata,
    Column("key_id", IDENTIFIER, primary_key=True),  # the beginning of the digest
    Column("digest", IDENTIFIER, nullable=False),
    Column("user_id", IDENTIFIER, nullable=False),
    Column("name", String(MAX_IDENTIFIER), nullable=False),
    Column("hint", String(MAX_HINT), nullable=False),
    Column("granted", _JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("key_epoch", BigInteger, nullable=False),
    # Lists of keys need no sorting, and skip those that were revoked.
    Index("ix_tokenauth_api_key_user", "user_id", "revoked_at", "created_at", "key_id"),
    **_ON_MYSQL,
)

reference_tokens = Table(
    "tokenauth_reference_token",
    metadata,
    Column("token_id", IDENTIFIER, primary_key=True),  # the beginning of the digest
    Column("digest", IDENTIFIER, nullable=False),
    Column("user_id", IDENTIFIER, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("claims", _JSON, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    **_ON_MYSQL,
)

revocations = Table(
    "tokenauth_revocation",
    metadata,
    # SQLite must never use a number twice: a reader that asks for numbers above its last one would miss the second use.
    # MariaDB gets a number from the store, and PostgreSQL a random one: a sequence would need a right of its own.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("transaction_id", BigInteger, nullable=False, server_default="0"),  # on PostgreSQL: it has written the row
    # Random, where the ID is not: it shows that another row has this ID now.
    Column("mark", BigInteger, nullable=False, server_default="0"),
    Column("kind", String(1), nullable=False),  # one of KIND_CODES
    Column("subject", IDENTIFIER, nullable=False),
    Column("value", BigInteger, nullable=False, server_default="0"),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_tokenauth_revocation_subject", "subject", "kind"),
    Index("ix_tokenauth_revocation_transaction", "transaction_id", "id"),
    Index("ix_tokenauth_revocation_expiry", "expires_at", "id"),
    sqlite_autoincrement=True,
    **_ON_MYSQL,
)

spent = Table(
    "tokenauth_spent",
    metadata,
    Column("spent_id", IDENTIFIER, primary_key=True),
    Column("spent_by", BigInteger, nullable=False),  # a random number of the call that was the first
    Column("expires_at", BigInteger, nullable=False),
    **_ON_MYSQL,
)

facts = Table(
    "tokenauth_store",
    metadata,
    Column("name", IDENTIFIER, primary_key=True),
    Column("value", IDENTIFIER, nullable=False),  # of a fact that is a string; empty for others
    Column("number", BigInteger),  # of a fact that is a number; durations are in milliseconds
    **_ON_MYSQL,
)
