"""Measure a poll that brings nothing, beside the cheapest command on the same connection."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

from sqlalchemy import text

from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.sql import SQLStore

from .databases import ENGINES, connect_to_redis, empty_database, is_redis
from .filling import fill
from .measure import Subject, measure
from .round_trips import count_round_trips
from .section import Check, Options, Section, Table

SIZE, QUICK_SIZE = 10_000, 1_000  # revocations in the table
POLL, BY_STORE, BY_ENGINE, ON_CONNECTION = (
    "poll that brings nothing",
    "SELECT 1, as the store runs it",
    "SELECT 1, engine of the store",
    "SELECT 1, connection of SQLAlchemy",
)
BY_REDIS_PY = "GET by redis-py"
MOST_OF_SELECT = 2
MOST_ROUND_TRIPS = 1  # on Valkey

_ONE = text("SELECT 1")
_ABOUT = (
    f"`revocations_since` with nothing new, in a table of {SIZE:,} revocations: each worker asks so once a second. "
    "Beside it, `SELECT 1` with the same engine: by the store, with its queue and its time limit; by SQLAlchemy's "
    "engine, which takes the same connection from its pool; and on a connection of it that stays taken. The target "
    "compares with the engine. On Valkey, `GET` of a missing key by a client of redis-py, and the round trips of a "
    "poll as Valkey counts them (`total_reads_processed`)."
)


def run(options: Options) -> Section:
    """Measure each engine on its own."""
    rows: list[list[str]] = []
    checks: list[Check] = []
    for engine in ENGINES:
        with ExitStack() as stack:
            database = stack.enter_context(empty_database(engine, options.urls))
            if database is None:
                rows.append([engine, "no server", *[""] * 4])
                continue
            fill(database.url, QUICK_SIZE if options.quick else SIZE)
            make = _make_subjects_on_valkey if is_redis(database.url) else _make_subjects
            subjects = make(stack, database.url)
            taken = measure(subjects, options.rounds)
            if is_redis(database.url):
                count = count_round_trips(database.url, subjects[0].call)
                checks.append(Check(f"{database.name}: round trips of a poll", count, MOST_ROUND_TRIPS))
        for name, timing in taken.items():
            figures = (f"{figure:,.1f}" for figure in (timing.p10, timing.median, timing.iqr))
            rows.append([database.name, name, *figures, f"{taken[POLL].p10 / timing.p10:.2f}"])
        if BY_ENGINE in taken:
            ratio = taken[POLL].p10 / taken[BY_ENGINE].p10
            checks.append(Check(f"{database.name}: poll / SELECT 1", ratio, MOST_OF_SELECT))
    headers = ("store", "", "p10 µs", "median µs", "IQR µs", "poll / this")
    return Section("Polls", _ABOUT, [Table(headers, rows, word_columns=2)], checks)


def _make_subjects(stack: ExitStack, url: str) -> list[Subject]:
    store = stack.enter_context(closing(SQLStore(url)))
    cursor = _read_to_the_end(store)
    database: Any = store._database
    engine = database.connections.engine
    held = stack.enter_context(engine.connect())

    def select_by_engine() -> None:
        with engine.connect() as connection:
            connection.execute(_ONE).scalar_one()

    subjects: dict[str, Callable[[], object]] = {
        POLL: lambda: store.revocations_since(cursor),
        BY_STORE: lambda: database.read(lambda connection: connection.execute(_ONE).scalar_one(), for_feed=True),
        BY_ENGINE: select_by_engine,
        ON_CONNECTION: lambda: held.execute(_ONE).scalar_one(),
    }
    return [Subject(name, call) for name, call in subjects.items()]


def _make_subjects_on_valkey(stack: ExitStack, url: str) -> list[Subject]:
    store = stack.enter_context(closing(RedisStore(url)))
    cursor = _read_to_the_end(store)
    client = stack.enter_context(closing(connect_to_redis(url)))
    return [Subject(POLL, lambda: store.revocations_since(cursor)), Subject(BY_REDIS_PY, lambda: client.get("none"))]


def _read_to_the_end(store: Store) -> str:
    """Return the cursor after all revocations."""
    cursor, more = None, True
    while more:
        page = store.revocations_since(cursor)
        cursor, more = page.cursor, page.more
    assert cursor is not None
    return cursor
