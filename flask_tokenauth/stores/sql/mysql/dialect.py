"""The :class:`~..dialect.Dialect` of MariaDB and MySQL."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Subquery,
    Table,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable

from ....core.errors import SettingsError, StoreUnavailable
from ....core.records.revocation import RevocationPage
from ....core.time_limit import remaining
from ..creators import creator_for, creator_like
from ..dialect import Dialect, Files
from ..primary_reads import check_role
from ..tables import IDENTIFIER, epochs, facts, revocations
from . import errors
from .connecting import connect, keep_limit
from .feed import FEED, HEAD
from .risks import find_risks
from .server import NOW, ROLE, is_primary
from .utf8 import convert_identifiers

_SET_UP = (
    # Strings that are too long are an error, and the time of SYSDATE is UTC.
    "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 5,"
    # If a machine vanishes in a transaction, its locks are released: all revocations need the lock of the head. The
    # comment is for MariaDB alone. Strings are as long as the rows that a feed packs.
    " /*M!100300 idle_transaction_timeout = 15, */ group_concat_max_len = 1048576",
    # Each statement sees all that was committed before it, and locks no rows but those that it changes.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
_LOCK = text("SELECT GET_LOCK(CONCAT('tokenauth ', SHA1(DATABASE())), :seconds)")
_UNLOCK = text("SELECT RELEASE_LOCK(CONCAT('tokenauth ', SHA1(DATABASE())))")
_LONGEST_LOCK = 60  # seconds, if the running call has no limit
_CONFLICTS = (1020, 1213)  # the row has changed since it was read; deadlock
_DUPLICATE = 1062
_DROPPED = (1053, 1290, 1792, 1836, 1927)  # the server has become read-only, or stops, or has ended this connection
_MARK = cast(func.floor(func.rand() * 2**62), BigInteger)
_is_head = facts.c.name == HEAD
_last = select(func.coalesce(func.max(revocations.c.id), 0)).scalar_subquery()


def _take(last: ColumnElement[int]) -> ColumnElement[int]:
    """Return the number after *last*. The connection keeps it."""
    return func.last_insert_id(last + 1)


class MySQL(Dialect):
    """MariaDB 10.6 and newer. MySQL 8 has not been tried."""

    name = "MariaDB"
    driver = "mysql+pymysql"
    has_typed_columns = True
    has_one_writer = False
    survives_fork = True
    now = NOW
    role = ROLE
    greatest, least = func.greatest, func.least

    def __init__(self) -> None:
        values = {"user_id": bindparam("locked_user", type_=IDENTIFIER), "epoch": literal(0), "key_epoch": literal(0)}
        self._lock_user = self.upsert(epochs, values, lambda _: {"epoch": epochs.c.epoch})

    def check_url(self, url: URL) -> None:
        if not url.database:
            raise SettingsError(
                "the URL of MariaDB must name a database, as mysql://USER:PASSWORD@HOST/DATABASE; got one without"
            )

    def find_path(self, _: URL, /) -> str | None:
        return None

    def make_creator(self, url: URL, application: Engine | None) -> Callable[[], Any]:
        if application is None:
            return creator_for(url, connect)
        return creator_like(application, connect, keep_limit)

    def adapt(self, engine: Engine) -> None:
        convert_identifiers(engine)

    def set_up(self, connection: Any) -> None:
        connection.set_character_set("utf8mb4")
        with connection.cursor() as cursor:
            for statement in _SET_UP:
                cursor.execute(statement)

    def open_files(self, _: Any, __: str | None, /) -> Files:
        return Files()

    def prepare(self, connection: Connection) -> None:
        """Nothing to do."""

    def begin(self, connection: Connection) -> None:
        # A user with more rights can also write to a read-only server.
        check_role(self.is_primary, connection.execute(select(ROLE)).scalar_one())
        connection.exec_driver_sql("START TRANSACTION")

    def lock_user(self, connection: Connection, user_id: str) -> None:
        connection.execute(self._lock_user, {"locked_user": user_id})

    def check_own_transactions(self, files: Files, sessions: Iterable[Any], path: str | None) -> None:
        """Nothing to do: no transaction of the application writes to the tables of the store."""

    def is_busy(self, _: DBAPIError, /) -> bool:
        return False

    def is_conflict(self, error: DBAPIError, /) -> bool:
        return errors.number_of(error.orig) in _CONFLICTS

    def is_duplicate(self, error: DBAPIError, /) -> bool:
        return errors.number_of(error.orig) == _DUPLICATE

    def is_disconnect(self, error: BaseException, /) -> bool:
        return errors.number_of(error) in _DROPPED

    def describe_error(self, error: BaseException | None, _: str | None, /) -> str:
        return errors.describe(error)

    def is_primary(self, role: Any, /) -> bool:
        return is_primary(role)

    def upsert(
        self, table: Table, values: Mapping[str, Any], update: Callable[[Any], Mapping[str, ColumnElement[Any]]]
    ) -> Executable:
        new = mysql.insert(table).values(values)
        return new.on_duplicate_key_update(dict(update(new.inserted)))

    def insert_revocation(
        self, row: Mapping[str, ColumnElement[Any]], unless: ColumnElement[bool]
    ) -> Sequence[Executable]:
        # The row of the head is there, unless it was lost. Then it is written again: a revocation must not be skipped.
        head: dict[str, ColumnElement[Any]] = {
            "name": literal(HEAD, IDENTIFIER),
            "value": literal("", IDENTIFIER),
            "number": _take(_last),
        }
        take_number = mysql.insert(facts).from_select([*head], select(*head.values()).where(~unless))
        take_number = take_number.on_duplicate_key_update(number=_take(func.coalesce(facts.c.number, _last)))
        return [take_number, insert(revocations).values(id=func.last_insert_id(), mark=_MARK, **row)]

    def copy_revocations(self, rows: Subquery) -> Sequence[Executable]:
        head = select(facts.c.number).where(_is_head).scalar_subquery()
        number = head + func.row_number().over(order_by=rows.c.subject)
        return [
            update(facts).where(_is_head).values(number=facts.c.number),  # locks it
            insert(revocations).from_select([*rows.c.keys(), "id", "mark"], select(rows, number, _MARK)),
            update(facts).where(_is_head).values(number=func.greatest(facts.c.number, _last)),
        ]

    def read_revocations(self, connection: Connection, cursor: str | None, *, replacements: int) -> RevocationPage:
        return FEED.read(connection, cursor, replacements=replacements)

    def find_risks(self, connection: Connection, *, leeway: int, connections: int | None) -> list[str]:
        return list(find_risks(connection, leeway=leeway, connections=connections))

    def lock_schema(self, connection: Connection) -> None:
        left = remaining()
        seconds = _LONGEST_LOCK if left == math.inf else left
        if connection.execute(_LOCK, {"seconds": seconds}).scalar_one() != 1:
            raise StoreUnavailable(
                "another process is still creating the tables of the store: try again. If it stays so, look for that "
                "process with SHOW PROCESSLIST"
            )

    def unlock_schema(self, connection: Connection) -> None:
        connection.execute(_UNLOCK).close()

    def after_tables(self, connection: Connection) -> None:
        connection.exec_driver_sql("START TRANSACTION")  # each CREATE TABLE has committed
        head = {"name": literal(HEAD, IDENTIFIER), "value": literal("", IDENTIFIER), "number": _last}
        connection.execute(self.upsert(facts, head, lambda _: {"number": func.greatest(facts.c.number, _last)}))


MYSQL = MySQL()
