"""The store in SQLite keeps the contract, by a clock that runs and by one that stands still."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from flask_tokenauth.stores.sql import SQLStore, numbered_feed
from flask_tokenauth.stores.sql.schema import is_complete
from flask_tokenauth.testing.store_contract import (
    Age,
    AgeApiKeys,
    AgeReferenceTokens,
    AgeRevocations,
    AgeRings,
    CopyStore,
    SetGeneration,
    StoreContract,
    WipeStore,
)
from flask_tokenauth.testing.store_contract.api_key_ends import ApiKeyEndContract
from flask_tokenauth.testing.store_contract.api_keys import ApiKeyContract
from flask_tokenauth.testing.store_contract.lost_writes import LostWritesContract
from flask_tokenauth.testing.store_contract.redemption import RedemptionContract
from flask_tokenauth.testing.store_contract.reference_tokens import ReferenceTokenContract
from flask_tokenauth.testing.store_contract.revocation_pages import RevocationPagesContract
from flask_tokenauth.testing.store_contract.session_ends import SessionEndContract
from flask_tokenauth.testing.store_contract.sessions import SessionContract

from ..exact_expiry import ExactExpiry
from ..sqlite_kit import (
    ager,
    api_key_ager,
    copier,
    engine_where_time_stands_still,
    generation_setter,
    reference_token_ager,
    revocation_ager,
    ring_ager,
    url_of,
    wiper,
)


class SQLStoreFixtures:
    @pytest.fixture
    def source(self, path: Path) -> str | Engine:
        return url_of(path)

    @pytest.fixture
    def store(self, source: str | Engine) -> Iterator[SQLStore]:
        store = SQLStore(source)
        yield store
        store.close()

    @pytest.fixture
    def age(self, path: Path) -> Age:
        return ager(path)

    @pytest.fixture
    def age_revocations(self, path: Path) -> AgeRevocations:
        return revocation_ager(path)

    @pytest.fixture
    def age_api_keys(self, path: Path) -> AgeApiKeys:
        return api_key_ager(path)

    @pytest.fixture
    def age_reference_tokens(self, path: Path) -> AgeReferenceTokens:
        return reference_token_ager(path)

    @pytest.fixture
    def age_rings(self, path: Path) -> AgeRings:
        return ring_ager(path)

    @pytest.fixture
    def set_generation(self, path: Path) -> SetGeneration:
        return generation_setter(path)

    @pytest.fixture
    def copy(self, path: Path) -> CopyStore:
        return copier(path)

    @pytest.fixture
    def wipe(self, path: Path) -> WipeStore:
        return wiper(path)


@pytest.mark.dependencies
@pytest.mark.slow
class TestSQLStore(SQLStoreFixtures, StoreContract):
    """By the clock of the machine."""


class TestSQLStoreInSmallPages(SQLStoreFixtures, RevocationPagesContract, LostWritesContract):
    """With more revocations than one page holds."""

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(numbered_feed, "PAGE", 2)
        monkeypatch.setattr(numbered_feed, "NEWS", 2)


@pytest.mark.dependencies
@pytest.mark.slow
class TestSQLStoreAtOneInstant(
    SQLStoreFixtures,
    SessionContract,
    SessionEndContract,
    RedemptionContract,
    ApiKeyContract,
    ApiKeyEndContract,
    ReferenceTokenContract,
    ExactExpiry,
):
    """By a clock that stands still, so that lifetimes end to the millisecond."""

    @pytest.fixture
    def source(self, path: Path) -> str | Engine:
        return engine_where_time_stands_still(path, time.time())


def test_one_thread_looks_for_the_tables_while_the_others_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, asked = SQLStore(url_of(path)), []

    def look(*arguments: Any) -> bool:
        asked.append(arguments)
        return is_complete(*arguments)

    monkeypatch.setattr("flask_tokenauth.stores.sql.prepared_tables.is_complete", look)
    with ThreadPoolExecutor(16) as pool:
        epochs = list(pool.map(store.read_epoch, ["alice"] * 16))
    store.close()

    assert epochs == [0] * 16
    assert len(asked) == 1
