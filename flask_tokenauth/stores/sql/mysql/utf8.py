"""Strings that MariaDB and MySQL keep as their bytes in UTF-8, so that they are compared byte by byte."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import mysql


class _UTF8(mysql.VARBINARY):
    def bind_processor(self, _: Any, /) -> Callable[[Any], Any]:
        return lambda value: None if value is None else value.encode()

    def result_processor(self, _: Any, __: object, /) -> Callable[[Any], Any]:
        # Bytes that are no UTF-8 become surrogates, which no identifier has.
        return lambda value: None if value is None else bytes(value).decode(errors="surrogateescape")


def convert_identifiers(engine: Engine) -> None:
    """Let the columns of bytes in the tables of the store be strings in Python.

    The type is not in the tables, since migrations of applications would contain its name.

    Args:
        engine: of the store, which no other code uses.
    """
    engine.dialect.colspecs = {**engine.dialect.colspecs, mysql.VARBINARY: _UTF8}
