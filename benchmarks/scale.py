"""The command ``python -m benchmarks.scale``: what a database server spends on the polls of many workers.

A worker is simulated by a connection of its own, on which it polls once a second as the store does. One process has all
workers, and another one writes revocations, each in a transaction or a script of its own. The server gets no other
work. Its processor time is that of all its processes.
"""

import resource
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from functools import partial
from itertools import count, product
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from secrets import token_urlsafe
from threading import BrokenBarrierError, Thread
from time import monotonic, process_time, sleep, time
from typing import Any, TypeVar

import click
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.engine import URL

from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.stores.opening import open_store
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.sql.dialect import Dialect
from flask_tokenauth.stores.sql.source import find_dialect
from tests.engines.redis import RedisServer, find_valkey_9
from tests.engines.server import Program, children_of

from .databases import MARIADB, POSTGRESQL, VALKEY, find_server, is_redis
from .filling import fill
from .machine import describe
from .report import render_table
from .section import Table

WORKERS, REVOCATIONS = (100, 300, 1000), (10, 100, 1000)
_IN_TABLE = 10_000  # revocations at the start
_THREADS = 8  # of each process
_MORE = 100  # connections for all but the workers
_PATIENCE = 180  # seconds
_IN_TIME = 0.95  # of the polls; with fewer, the workers were late

T = TypeVar("T")
Read = Callable[[str | None], RevocationPage]  # of one worker: returns the page after a cursor

_ENGINES = (POSTGRESQL, MARIADB, VALKEY)
_OPTIONS = {POSTGRESQL: ("-c", "max_connections={}"), MARIADB: ("--max-connections={}",)}
_HEADERS = (
    "workers", "revocations/s", "written/s", "polls/s", "rows/s", "server CPU s/s", "workers CPU s/s", "late s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Polled:
    """The work of the simulated workers, each second."""

    polls: float
    rows: float
    cpu: float  # seconds of their process
    late: float  # seconds; of the poll that began latest, after it was due


@click.command()
@click.argument("engines", nargs=-1, metavar="[ENGINE]...", type=click.Choice(_ENGINES))
@click.option("--workers", multiple=True, type=click.IntRange(min=1), default=WORKERS, show_default=True)
@click.option("--revocations", multiple=True, type=click.IntRange(min=1), default=REVOCATIONS, show_default=True)
@click.option("--seconds", type=click.IntRange(min=1), default=20, show_default=True, help="For each combination.")
def main(engines: Sequence[str], workers: Sequence[int], revocations: Sequence[int], seconds: int) -> None:
    """Start database servers, let simulated workers poll, and print what each server spends in a second.

    ENGINE is PostgreSQL, MariaDB or Valkey. Without ENGINE, all are measured.
    """
    click.echo("\n".join(f"- {line}" for line in describe()))
    for engine in engines or _ENGINES:
        rows = list(_measure(engine, workers, revocations, seconds))
        click.echo(f"\n## {engine}\n\n{render_table(Table(_HEADERS, rows, word_columns=0))}")


def _measure(engine: str, workers: Sequence[int], revocations: Sequence[int], seconds: int) -> Iterator[list[str]]:
    for each, rate in product(workers, revocations):
        click.echo(f"measuring: {engine}, {each} workers, {rate} revocations a second", err=True)
        with serving(engine, connections=each + _MORE) as (server, url):
            fill(url, _IN_TABLE)
            row = _simulate(server, url, each, rate, seconds)
        click.echo("  ".join(f"{name}: {cell}" for name, cell in zip(_HEADERS, row, strict=True)), err=True)
        yield row


@contextmanager
def serving(engine: str, *, connections: int) -> Iterator[tuple[Program, str]]:
    """Start a server that accepts so many connections, and yield it and the URL of an empty database.

    Raises:
        SystemExit: its programs are missing.
    """
    if engine == VALKEY and (program := find_valkey_9()):  # it accepts 10 000
        with RedisServer(program) as valkey:
            yield valkey, valkey.url()
        return
    server = None if engine == VALKEY else find_server(engine)
    if server is None:
        raise SystemExit(f"there is no {engine} here: install its server")
    with server:
        server.stop()
        server.start(*(option.format(connections) for option in _OPTIONS[engine]))
        with server.new_database() as name:
            yield server, server.url(name)


def _simulate(server: Program, url: str, workers: int, rate: int, seconds: int) -> list[str]:
    """Return the row of the table for a number of workers, and of revocations a second."""
    context = get_context("forkserver")
    gate = context.Barrier(3)
    with ProcessPoolExecutor(2, context, initializer=_prepare, initargs=(gate,)) as pool:
        polling = pool.submit(_run, _poll, url, workers, seconds)
        writing = pool.submit(_run, _write, url, rate, seconds)
        with suppress(BrokenBarrierError):  # one of them has failed
            gate.wait(_PATIENCE)
        before = _cpu_of(server)
        sleep(seconds)
        cpu = (_cpu_of(server) - before) / seconds
        polled, written = polling.result(_PATIENCE), writing.result(_PATIENCE)
    polls, rows, own, late = astuple(polled)
    mark = "" if polls >= _IN_TIME * workers else " (late)"
    figures = (f"{written:,.0f}", f"{polls:,.0f}{mark}", f"{rows:,.0f}", f"{cpu:.2f}", f"{own:.2f}", f"{late:.1f}")
    return [f"{workers:,}", f"{rate:,}", *figures]


def _cpu_of(server: Program) -> float:
    """Return the processor time of all threads of a server that run now, in seconds.

    The times in ``stat`` have a hundredth of a second as their unit: a connection spends less in several polls.
    """
    assert server.process
    nanoseconds = 0
    for pid in (server.process.pid, *children_of(server.process.pid)):
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with suppress(OSError):  # it has ended
                nanoseconds += int(thread.read_text().split()[0])
    return nanoseconds / 1e9


_gates: list[Barrier] = []


def _prepare(gate: Barrier) -> None:
    _gates.append(gate)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _run(work: Callable[[str, int, int], T], url: str, number: int, seconds: int) -> T:
    """Call *work*. If it fails, the others do not wait for it."""
    try:
        return work(url, number, seconds)
    except BaseException:
        _gates[0].abort()
        raise


def _poll(url: str, workers: int, seconds: int) -> Polled:
    """Poll once a second for each worker. Threads share the workers, each of which polls in turn."""
    readers = _open_readers(url, workers)

    def read(index: int, cursor: str | None) -> tuple[int, str | None]:
        rows, page = 0, RevocationPage(cursor=cursor, more=True)
        while page.more:
            page = readers[index](page.cursor)
            rows += len(page.entries)
        return rows, page.cursor

    cursors = [read(0, None)[1]] * workers
    polls, rows, lateness = count(), [0] * _THREADS, [0.0] * _THREADS
    _gates[0].wait(_PATIENCE)
    began, cpu = monotonic(), process_time()

    def poll(thread: int) -> None:
        for number in count(thread, _THREADS):
            due = began + number / workers
            if max(due, monotonic()) >= began + seconds:
                break
            sleep(max(0.0, due - monotonic()))
            lateness[thread] = max(lateness[thread], monotonic() - due)
            found, cursors[number % workers] = read(number % workers, cursors[number % workers])
            rows[thread] += found
            next(polls)

    run_in_threads(poll)
    return Polled(next(polls) / seconds, sum(rows) / seconds, (process_time() - cpu) / seconds, max(lateness))


def _open_readers(url: str, workers: int) -> list[Read]:
    """Return a function for each worker, with an open connection."""
    if is_redis(url):
        reads: list[Read] = [RedisStore(url).revocations_since for _ in range(workers)]
        for read in reads:
            read(None)  # connects
        return reads
    parsed = make_url(url)
    dialect = find_dialect(parsed)
    engine = _make_engine(parsed, dialect)
    return [partial(_read, dialect, engine.connect()) for _ in range(workers)]


def _read(dialect: Dialect, connection: Connection, cursor: str | None) -> RevocationPage:
    return dialect.read_revocations(connection, cursor, replacements=0)


def run_in_threads(work: Callable[[int], None]) -> None:
    """Call *work* in threads, with the number of each, and wait for the end."""
    threads = [Thread(target=work, args=[number]) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _make_engine(url: URL, dialect: Dialect) -> Engine:
    """Return an engine that opens connections as the store does, but any number of them."""
    named = url.set(drivername=dialect.driver)
    creator = dialect.make_creator(named, None)
    engine = create_engine(named, creator=creator, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    dialect.adapt(engine)

    def set_up(connection: Any, _: object) -> None:
        dialect.set_up(connection)

    event.listen(engine, "connect", set_up)
    return engine


def _write(url: str, rate: int, seconds: int) -> float:
    """Revoke tokens at a rate, and return how many were revoked a second."""
    store, done = open_store(url), count()
    store.create()
    _gates[0].wait(_PATIENCE)
    began = monotonic()

    def revoke(thread: int) -> None:
        for number in count(thread, _THREADS):
            due = began + number / rate
            if max(due, monotonic()) >= began + seconds:
                break
            sleep(max(0.0, due - monotonic()))
            expiry = int(time()) + 900
            store.revoke(Revocation(kind="token", subject=token_urlsafe(16), value=expiry, expires_at=expiry * 1000))
            next(done)

    run_in_threads(revoke)
    store.close()
    return next(done) / seconds


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.scale")
