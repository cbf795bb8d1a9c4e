"""The store in SQLite keeps the contract, by a clock that runs and by one that stands still."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract import Age, AgeRevocations, SetGeneration, StoreContract
from flask_tokenauth.testing.store_contract.redemption import RedemptionContract
from flask_tokenauth.testing.store_contract.sessions import SessionContract

from .sqlite_kit import (
    ager,
    engine_where_time_stands_still,
    generation_setter,
    revocation_ager,
    url_of,
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
    def set_generation(self, path: Path) -> SetGeneration:
        return generation_setter(path)


class TestSQLStore(SQLStoreFixtures, StoreContract):
    """By the clock of the machine."""


class TestSQLStoreAtOneInstant(SQLStoreFixtures, SessionContract, RedemptionContract):
    """Where a lifetime is over to the millisecond."""

    @pytest.fixture
    def source(self, path: Path) -> str | Engine:
        return engine_where_time_stands_still(path)
