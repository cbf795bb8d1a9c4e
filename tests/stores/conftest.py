"""Fixtures for the tests of stores."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql import engine as sql_engine

from ..engines.server import LOCAL, PATIENCE
from .process_kit import Spawn

Limited = Callable[..., Any]
Submit = Callable[[Callable[[], Any]], "Future[Any]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLStore]:
    store = SQLStore(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time limits of reads without a timeout, and of writes."""
    monkeypatch.setattr(sql_engine, "LONGEST_WRITE", 0.01)


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a program of ``children.py``. It ends with the test at the latest."""
    with ExitStack() as stack:

        def spawn(*words: str) -> "subprocess.Popen[str]":
            child = subprocess.Popen(
                [sys.executable, "-m", "tests.stores.children", *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            stack.enter_context(child)
            stack.callback(child.kill)
            return child

        yield spawn


@pytest.fixture
def limited() -> Iterator[Limited]:
    """Return a function that calls another one in a thread within a time limit, and fails if it does not end.

    Name it before the fixture of a proxy. The end of the proxy then ends a thread that still waits.
    """

    def run(work: Callable[[], Any], *, seconds: float = 0.2) -> Any:
        def work_in_time() -> Any:
            with time_limit(seconds):
                return work()

        return pool.submit(work_in_time).result(PATIENCE)

    with ThreadPoolExecutor() as pool:
        yield run


@pytest.fixture
def submit() -> Iterator[Submit]:
    """Return a function that calls another one in a thread. Name it before the proxy, whose end ends all waits."""
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never answers."""
    with socket.create_server((LOCAL, 0)) as listening:
        yield listening


@pytest.fixture
def silent_port(silent: socket.socket) -> int:
    port: int = silent.getsockname()[1]
    return port
