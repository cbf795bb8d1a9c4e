"""Identifiers are bytes in the tables of MariaDB and MySQL, and strings in Python."""

from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from flask_tokenauth.core.encoding.limits import is_identifier
from flask_tokenauth.stores.sql.mysql.utf8 import convert_identifiers
from flask_tokenauth.stores.sql.tables import epochs

URL = "mysql+pymysql://host/name"


def make_engine() -> Engine:
    """Return an engine as the store has it. It is not connected."""
    engine = create_engine(URL)
    convert_identifiers(engine)
    return engine


def send(engine: Engine, value: object) -> object:
    """Return the parameter that the driver gets for an identifier."""
    process: Any = epochs.c.user_id.type.dialect_impl(engine.dialect).bind_processor(engine.dialect)
    return process(value)


def receive(engine: Engine, value: object) -> object:
    """Return the identifier for a value that the driver has returned."""
    process: Any = epochs.c.user_id.type.dialect_impl(engine.dialect).result_processor(engine.dialect, None)
    return process(value)


@pytest.mark.parametrize("identifier", ["alice", "Alice", "alice ", "\u00e9", "\U0001f600" * 255, None])
def test_an_identifier_comes_back_as_it_was_sent(identifier: str | None) -> None:
    engine = make_engine()

    assert receive(engine, send(engine, identifier)) == identifier


def test_an_identifier_is_sent_as_utf_8() -> None:
    assert send(make_engine(), "\u00e9") == b"\xc3\xa9"


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_any_bytes_of_the_driver_are_an_identifier(kind: type[bytes]) -> None:
    assert receive(make_engine(), kind(b"\xc3\xa9")) == "\u00e9"


@pytest.mark.parametrize("garbage", [b"\xff", b"a\xc3", b"\xed\xa0\x80"])
def test_bytes_that_are_no_utf_8_are_no_identifier(garbage: bytes) -> None:
    assert not is_identifier(receive(make_engine(), garbage))


def test_the_engines_of_the_application_stay_as_they_are() -> None:
    theirs = create_engine(URL)

    make_engine()

    kind = epochs.c.user_id.type.dialect_impl(theirs.dialect)
    assert kind.result_processor(theirs.dialect, None) is None
