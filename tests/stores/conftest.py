"""Fixtures for the tests of stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql import engine as sql_engine


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
    """Shorten the longest wait for a lock."""
    monkeypatch.setattr(sql_engine, "LONGEST_WAIT", 0.01)
