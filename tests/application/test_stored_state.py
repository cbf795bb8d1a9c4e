"""The store of an application is opened from its setting."""

import time

import pytest

from flask_tokenauth import SettingsError
from flask_tokenauth.application.stored_state import StoredState
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import ISSUER
from .settings_kit import read


def open_store_of(store: object) -> StoredState:
    return StoredState(read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_STORE=store), clock=time.time)


def test_a_store_may_be_an_object() -> None:
    store = MemoryStore()

    assert open_store_of(store).opened is store
    assert isinstance(open_store_of("memory://").opened, MemoryStore)


@pytest.mark.parametrize(
    "store",
    [
        "",
        "memory:/",
        "memory://x",
        "sqlite",
        "sqlite://",
        "/var/lib/hunter2.db",
        "redis://:hunter2@localhost",
        "postgresql+psycopg://api:hunter2@localhost/api",
        "hunter2://localhost",
        1,
        True,
        [],
        {},
        MemoryStore,
        frozenset(),
    ],
    ids=str,
)
def test_what_is_no_store_is_refused_and_not_repeated(store: object) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_STORE: .*FLASK_TOKENAUTH_STORE=sqlite:") as caught:
        open_store_of(store)

    assert "hunter2" not in str(caught.value)
