"""Programs for tests that need several processes. Each prints what it found, and the test checks that.

``python -m tests.stores.children NAME ARGUMENT…`` runs one. Coverage is not measured there.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from secrets import token_hex
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import event

from flask_tokenauth import TokenAuth
from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.records.session import NewSession, Terms
from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.opening import open_store
from flask_tokenauth.stores.sql import metadata, upgrades
from flask_tokenauth.testing.store_contract.kit import list_all

from ..commands.test_tokens import OPTIONS

DAY = timedelta(days=1)
NOBODY, SHARED = 65534, 100  # the user of the workers, and a group that workers and commands have in common
TERMS = Terms(idle_lifetime=DAY, retry_window=timedelta(hours=1), retention=DAY)
SECONDS = 60  # until a child that hangs is ended
_children: list[Any] = []  # processes of multiprocessing: it would wait for one that is freed


def wait_for_the_others() -> None:
    """Print that this process is ready, and wait until all are."""
    print("ready", flush=True)
    sys.stdin.readline()


def start(store: Store, session_id: str) -> None:
    new = NewSession(session_id=session_id, user_id=session_id, grant=Grant(), idle_lifetime=DAY, lifetime=DAY)
    store.start_session(new, most=1, retention=DAY)


def fork_unnoticed() -> int:
    """Fork as uWSGI does, without the functions that were registered for forks."""
    return int(ctypes.PyDLL(None).fork())


def fork(work: Callable[[], object], *, by: Callable[[], int] = os.fork) -> int:
    """Fork, call *work* in the child, and return the process ID of the child in the parent."""
    pid = by()
    if pid:
        return pid
    status = 1
    try:
        signal.alarm(SECONDS)  # which a fork does not inherit
        status = 0 if work() else 2
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait(*pids: int) -> list[int]:
    """Return the exit code of each child: 0 if its work returned a true value."""
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def redeem_once(url: str) -> None:
    """Redeem one generation in eight threads, at the same time as other processes."""
    store = open_store(url)
    wait_for_the_others()
    with ThreadPoolExecutor(8) as pool:
        for redemption in pool.map(lambda _: store.redeem("session", generation=0, terms=TERMS), range(8)):
            print(redemption.outcome.value, flush=True)


def use_first(url: str) -> None:
    """Use a store that does not exist yet, at the same time as other processes."""
    store = open_store(url)
    wait_for_the_others()
    start(store, f"session{os.getpid()}")
    print("started", flush=True)


def die_while_creating(url: str) -> None:
    """Create the tables of a store, and die after the first one."""

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    event.listen(metadata.sorted_tables[0], "after_create", die)
    open_store(url).create()


def use_upgraded(url: str) -> None:
    """Refresh the session of a store that an older release has written, at the same time as other processes."""
    store = open_store(url)
    wait_for_the_others()
    print(store.redeem("phone", generation=1, terms=TERMS).outcome.value, flush=True)


def die_while_upgrading(url: str) -> None:
    """Upgrade a store that an older release has written, and die after the first column was added."""
    module: Any = upgrades
    add = module._add

    def add_and_die(*of_column: Any) -> None:
        add(*of_column)
        print("added", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    module._add = add_and_die
    open_store(url).create()


def redeem_for_ever(url: str, session_id: str) -> None:
    """Redeem one generation after the other, and print each, until this process is killed."""
    store = open_store(url)
    start(store, session_id)
    generation = 0
    while True:
        outcome = store.redeem(session_id, generation=generation, terms=TERMS).outcome
        print(outcome.value, generation, flush=True)
        generation += 1


def fork_by_multiprocessing(work: Callable[[], object]) -> int:
    """Fork by multiprocessing, and return the process ID of the child."""

    def run() -> None:
        sys.exit(0 if work() else 2)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    _children.append(child)
    assert child.pid
    return child.pid


def fork_after_use(url: str, how: str = "os") -> None:
    """Use a store, fork four times, and let each child use a session of its own."""
    forks: dict[str, Callable[[Callable[[], object]], int]] = {
        "os": fork,
        "unnoticed": partial(fork, by=fork_unnoticed),
        "multiprocessing": fork_by_multiprocessing,
    }
    store = open_store(url)
    start(store, "parent")

    def ask() -> bool:
        mine = f"session{os.getpid()}"
        start(store, mine)
        for generation in range(100):
            found, listed = store.find_session(mine), list_all(store, mine)
            swapped = store.redeem(mine, generation=generation, terms=TERMS)
            if not found or [found] != listed or swapped.session is None or swapped.session.session_id != mine:
                return False
        return store.find_session("parent") is not None

    children = [forks[how](ask) for _ in range(4)]
    mine = [store.find_session("parent") for _ in range(300)]
    print(*wait(*children), all(session is not None and session.session_id == "parent" for session in mine), flush=True)


def read_connection(store: Any, statement: str) -> object:
    """Return the ID that the server gives to the connection of a store."""
    return store._database.read(lambda connection: connection.exec_driver_sql(statement).scalar_one())


def fork_and_exit(url: str, statement: str) -> None:
    """Use a store, let four children use it and exit as programs do, and see whether the connection is still there."""
    store = open_store(url)
    start(store, "parent")
    before = read_connection(store, statement)
    children = []
    for _ in range(4):
        pid = os.fork()
        if not pid:
            store.find_session("parent")
            store.close()
            sys.exit()
        children.append(pid)
    print(*wait(*children), read_connection(store, statement) == before, flush=True)


def fork_while_writing(url: str) -> None:
    """Fork from a process while its other threads write and read."""
    store, stop = open_store(url), Event()
    start(store, "parent")

    def write(number: int) -> None:
        while not stop.is_set():
            store.revoke_user(f"user{number}", retention=DAY, api_keys=False)
            store.find_session("parent")

    def ask() -> bool:
        for _ in range(20):
            store.revoke_user("child", retention=DAY, api_keys=False)
        return store.find_session("parent") is not None

    threads = [Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    ended = [status for _ in range(10) for status in wait(fork(ask))]
    stop.set()
    for thread in threads:
        thread.join()
    print(*ended, store.find_session("parent") is not None, flush=True)


def fork_with_feed(url: str) -> None:
    """Fork from a process in which other threads fetch revocations all the time, and look them up in the children."""
    store, stop = open_store(url), Event()
    feed = RevocationFeed(store, interval=timedelta(microseconds=1), max_staleness=timedelta(seconds=30))
    store.revoke_user("parent", retention=DAY, api_keys=False)
    feed.warm()

    def is_revoked(user_id: str) -> bool:
        return feed.is_revoked(token_id="t", exp=4e9, session_id=None, user_id=user_id, epoch=0)

    def keep_asking() -> None:
        while not stop.is_set():
            is_revoked("parent")

    def ask(number: int) -> bool:
        is_known_to_be_old = feed.describe().age is None
        store.revoke_user(f"child{number}", retention=DAY, api_keys=False)
        return is_known_to_be_old and all(map(is_revoked, ("parent", "between", f"child{number}")))

    threads = [Thread(target=keep_asking) for _ in range(2)]
    for thread in threads:
        thread.start()
    store.revoke_user("between", retention=DAY, api_keys=False)
    children = [fork(partial(ask, number)) for number in range(4)]
    ended = wait(*children)
    stop.set()
    for thread in threads:
        thread.join()
    print(*ended, all(is_revoked(f"child{number}") for number in range(4)), flush=True)


def fork_unnoticed_in_use(url: str) -> None:
    """Use a store, fork without Python's knowledge, and ask in the child, which must be refused."""
    store = open_store(url)
    start(store, "parent")
    print(*wait(fork(lambda: is_refused(store, "must not be forked"), by=fork_unnoticed)), flush=True)


def fork_unnoticed_twice(url: str) -> None:
    """Use a store, fork without Python's knowledge, and ask in a child of the child, which must be refused as well."""
    store = open_store(url)
    start(store, "parent")

    def ask() -> bool:
        return is_refused(store, "must not be forked") and wait(
            fork(lambda: is_refused(store, "must not be forked"))
        ) == [0]

    print(*wait(fork(ask, by=fork_unnoticed)), flush=True)


def fork_like_uwsgi(url: str) -> None:
    """Use a store while the application is imported, and fork workers as uWSGI does. The parent ends first."""
    uwsgi: Any = SimpleNamespace(worker_id=lambda: 0)
    sys.modules["uwsgi"] = uwsgi
    store = open_store(url)
    feed = RevocationFeed(store, interval=timedelta(seconds=1), max_staleness=timedelta(seconds=30))
    start(store, "parent")
    feed.warm()
    feed._fetching.acquire()  # as if a thread fetched
    ready, end = os.pipe(), os.pipe()

    def work() -> bool:
        uwsgi.worker_id = lambda: 1
        start(store, f"before{os.getpid()}")
        os.write(ready[1], b"x")
        os.read(end[0], 1)
        store.revoke_user("alice", retention=DAY, api_keys=False)
        start(store, f"after{os.getpid()}")
        feed.warm()
        return feed.is_revoked(token_id="t", exp=4e9, session_id=None, user_id="alice", epoch=0)

    children = [fork(work, by=fork_unnoticed) for _ in range(2)]
    for _ in children:
        os.read(ready[0], 1)
    uwsgi.worker_id = lambda: 1
    start(store, "parent again")
    store.close()
    other = open_store(url)  # another process, which would delete what the children write if they had no locks
    other.purge()
    other.close()
    os.write(end[1], b"xx")
    print(*wait(*children), flush=True)


def become(user: int, groups: list[int]) -> None:
    """Become another user. Modules that are not imported yet may be closed to that user."""
    os.setgroups(groups)
    os.setgid(user)
    os.setuid(user)


def start_as_nobody(store: Store) -> bool:
    """Start a session as the user of the workers, and print the error if there is one."""
    become(NOBODY, [SHARED])
    try:
        start(store, "nobody")
        print("started", flush=True)
    except StoreUnavailable as error:
        print(error, flush=True)
    return True


def use_after_another_user(path: str, user: str) -> None:
    """Let a command of another user write to the database of the workers and die. It leaves files beside it."""
    store = open_store(f"sqlite:///{path}")
    start(store, "first")
    store.close()
    os.chown(path, NOBODY, SHARED)
    Path(path).chmod(0o660)

    def write_and_die() -> None:
        become(int(user), [SHARED])
        store.revoke_user("alice", retention=DAY, api_keys=False)
        os.kill(os.getpid(), signal.SIGKILL)

    wait(fork(write_and_die))
    wait(fork(lambda: start_as_nobody(store)))


def use_file_of_root(path: str) -> None:
    """Use a database as another user than root, who has created it."""
    store = open_store(f"sqlite:///{path}")
    start(store, "first")
    store.close()
    wait(fork(lambda: start_as_nobody(store)))


def run_command_as_another_user(path: str) -> None:
    """Run a command as another user than the owner of the database, and print the files that are there afterwards."""
    app = Flask("tests")
    app.config.update(SECRET_KEY=token_hex(), TOKENAUTH_ISSUER="https://issuer.example")
    app.config["TOKENAUTH_STORE"] = f"sqlite:///{path}"
    TokenAuth(app)
    app.test_cli_runner().invoke(args=["tokenauth", "purge"])
    os.chown(path, NOBODY, SHARED)
    Path(path).chmod(0o660)

    def purge() -> bool:
        become(1, [SHARED])
        result = app.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "purge"])
        print(result.stderr + result.stdout, end="", flush=True)
        return True

    wait(fork(purge))
    print(*(file.name for file in Path(path).parent.iterdir()), flush=True)


def share_memory() -> None:
    """Fork from a process that has created a store in memory and not used it, as servers do that preload."""
    store = MemoryStore()
    store.create()
    store.close()
    started, end = os.pipe(), os.pipe()

    def own() -> bool:
        start(store, "session")
        refused = wait(fork(lambda: is_refused(store)))
        os.write(started[1], b"x")
        os.read(end[0], 1)
        return refused == [0] and store.find_session("session") is not None

    owner = fork(own)
    os.read(started[0], 1)
    sibling = wait(fork(lambda: is_refused(store)))
    print("sibling of the owner refused:", sibling == [0], "and the parent:", is_refused(store), flush=True)
    os.write(end[1], b"x")
    print("owner went on, its child was refused:", wait(owner) == [0], flush=True)
    print("successor of the owner taken:", wait(fork(lambda: not is_refused(store))) == [0], flush=True)


def is_refused(store: Store, why: str = "one process") -> bool:
    try:
        store.find_session("session")
    except SettingsError as error:
        return why in str(error)
    return False


if __name__ == "__main__":
    signal.alarm(SECONDS)
    globals()[sys.argv[1]](*sys.argv[2:])
