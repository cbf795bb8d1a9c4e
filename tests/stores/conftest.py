"""Fixtures for the tests of stores."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql import engine as sql_engine

from .process_kit import Spawn


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
