"""A purge of the SQL store works page by page, and others may write in between."""

from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql import store as sql_store
from flask_tokenauth.testing.store_contract.kit import start

from ..sqlite_kit import TERMS, ager, execute


def test_a_purge_deletes_no_session_that_is_live_again(
    path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a clock that was ahead is set back."""
    start(store)
    ager(path)("session", TERMS.idle_lifetime)
    find_keys = sql_store._find_keys
    found: list[Any] = []

    def find_and_revive(*args: Any, **options: Any) -> Any:
        keys = find_keys(*args, **options)
        found.extend(keys)
        execute(path, "UPDATE tokenauth_session SET idle_expires_at = expires_at")
        return keys

    monkeypatch.setattr(sql_store, "_find_keys", find_and_revive)

    assert store.purge() == 0

    assert found == ["session"]
    assert store.find_session("session") is not None
