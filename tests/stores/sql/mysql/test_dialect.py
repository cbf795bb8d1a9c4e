"""The dialect of MariaDB where no test with a real server reaches."""

from typing import Any
from unittest.mock import Mock

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.sql.mysql.dialect import MYSQL


def answering(lock: int | None) -> Any:
    """Return a connection that answers a call of ``GET_LOCK``."""
    connection = Mock()
    connection.execute.return_value.scalar_one.return_value = lock
    return connection


@pytest.mark.parametrize("answer", [0, None], ids=["too late", "an error"])
def test_tables_are_not_created_without_the_lock(answer: int | None) -> None:
    with pytest.raises(StoreUnavailable, match="another process is still creating the tables of the store: try again"):
        MYSQL.lock_schema(answering(answer))


def test_the_lock_is_waited_for_as_long_as_the_call_may_take() -> None:
    connection = answering(1)

    with time_limit(7):
        MYSQL.lock_schema(connection)

    seconds = connection.execute.call_args.args[1]["seconds"]
    assert 0 < seconds <= 7


def test_a_call_without_a_limit_does_not_wait_for_ever() -> None:
    connection = answering(1)

    MYSQL.lock_schema(connection)

    assert connection.execute.call_args.args[1] == {"seconds": 60}
