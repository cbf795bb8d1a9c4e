"""Measure what a refresh on Valkey costs if it waits for the disk, or for a replica."""

from collections.abc import Callable
from contextlib import ExitStack

from tests.engines.redis import RedisServer, find_valkey_9

from .apps import sessions
from .clients import Client
from .databases import VALKEY
from .measure import Subject, measure
from .section import Options, Section, Table

BY_SECOND, TO_DISK, WITH_REPLICA, WAITING = (
    "appendfsync everysec",
    "appendfsync always",
    "everysec, with a replica",
    "everysec, with a replica and ?wait=1",
)

_ABOUT = (
    "`POST /auth/refresh` on Valkey, through the WSGI application and over the loopback, by one client. Each server "
    "has an append-only file. *everysec* and *always* say when it is written to the disk. With `?wait=1` in the URL of "
    "the store, a write is acknowledged when a replica has it (`WAIT`), in the same round trip. The last column "
    "compares p10 with that of the first row."
)


def run(options: Options) -> Section:
    """Measure all servers by turns."""
    program = find_valkey_9()
    if program is None:
        return Section("Replicas", f"Skipped: there is no {VALKEY} here.")
    with ExitStack() as stack:
        by_second, to_disk, primary, replica = (
            stack.enter_context(RedisServer(program, appendfsync=when))
            for when in ("everysec", "always", "everysec", "everysec")
        )
        replica.replicaof(primary)
        replica.await_primary(primary)
        urls = {
            BY_SECOND: by_second.url(),
            TO_DISK: to_disk.url(),
            WITH_REPLICA: primary.url(),
            WAITING: f"{primary.url()}?wait=1",
        }
        subjects = [Subject(name, _make_refresh(stack, url)) for name, url in urls.items()]
        taken = measure(subjects, options.rounds)
    rows = [
        [name, *(f"{figure:,.0f}" for figure in (timing.p10, timing.median, timing.iqr)), f"{ratio:.2f}"]
        for name, timing in taken.items()
        for ratio in [timing.p10 / taken[BY_SECOND].p10]
    ]
    return Section("Replicas", _ABOUT, [Table(("", "p10 µs", "median µs", "IQR µs", "time / first"), rows)])


def _make_refresh(stack: ExitStack, url: str) -> Callable[[], None]:
    """Return a function that redeems the newest refresh token of a session."""
    client = Client(sessions.__name__.rpartition(".")[2], url)
    stack.callback(client.state.store.close)
    token = client.sign_in("alice")

    def refresh() -> None:
        nonlocal token
        token = client.refresh(token)

    return refresh
