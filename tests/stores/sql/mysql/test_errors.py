"""Errors of MariaDB are described with advice, and without a word of the server or of the driver."""

import pytest
from pymysql.err import Error, IntegrityError, OperationalError, ProgrammingError

from flask_tokenauth.stores.sql.mysql.errors import describe, number_of


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (OperationalError(1040, "hunter2"), "1040, OperationalError: raise max_connections of the server"),
        (OperationalError(1045, "hunter2"), "1045, OperationalError: check the user and the password"),
        (OperationalError(1049, "hunter2"), "1049, OperationalError: create the database, or correct its name"),
        (OperationalError(1142, "hunter2"), "1142, OperationalError: the user of the store needs SELECT, INSERT, "),
        (ProgrammingError(1146, "hunter2"), "1146, ProgrammingError: a migration has probably removed a table"),
        (OperationalError(1290, "hunter2"), "1290, OperationalError: the server is read-only: connect to the primary"),
    ],
    ids=lambda value: str(value.args[0]) if isinstance(value, Exception) else "",
)
def test_an_error_of_the_server_has_its_number_and_advice(error: Error, described: str) -> None:
    assert describe(error).startswith(f"MariaDB reports {described}")
    assert "hunter2" not in describe(error)


@pytest.mark.parametrize(
    ("number", "advice"),
    [(2003, "check the host and the port"), (2013, "the server, or a proxy before it, does not answer")],
)
def test_an_error_that_the_driver_has_found_is_none_of_the_server(number: int, advice: str) -> None:
    described = describe(OperationalError(number, "hunter2"))

    assert described.startswith(f"the driver reports {number}, OperationalError: {advice}")


def test_an_error_of_the_server_without_advice_has_its_number() -> None:
    assert describe(IntegrityError(1062, "hunter2")) == "MariaDB reports 1062, IntegrityError"


@pytest.mark.parametrize("error", [OperationalError("hunter2"), OperationalError(), ValueError("hunter2"), None])
def test_an_error_without_a_number_has_the_name_of_its_class(error: Exception | None) -> None:
    assert number_of(error) == 0
    assert describe(error) == f"the driver of the database raised {type(error).__name__}"
