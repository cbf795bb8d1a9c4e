"""Errors of PostgreSQL are described with advice, and without a word of the server or of the driver."""

import psycopg
import pytest
from psycopg import errors as psycopg_errors

from flask_tokenauth.stores.sql.postgresql.errors import describe, sqlstate_of


@pytest.mark.parametrize(
    ("sqlstate", "name", "advice"),
    [
        ("08006", "ConnectionFailure", "check that the server runs and can be reached"),
        ("25006", "ReadOnlySqlTransaction", "the server, or this user, may only read: connect to the primary"),
        ("28P01", "InvalidPassword", "check the user, the password, pg_hba.conf"),
        ("3D000", "InvalidCatalogName", "create the database, or correct its name"),
        ("42501", "InsufficientPrivilege", "the user of the store needs SELECT, INSERT, UPDATE and DELETE on its"),
        ("42P01", "UndefinedTable", "a migration has probably removed a table"),
        ("53100", "DiskFull", "free space on the disk of the server"),
        ("53300", "TooManyConnections", "raise max_connections of the server"),
        ("57014", "QueryCanceled", "the server was too slow"),
        ("57P01", "AdminShutdown", "the server is starting or stopping"),
    ],
)
def test_an_error_of_the_server_has_its_sqlstate_and_advice(sqlstate: str, name: str, advice: str) -> None:
    described = describe(psycopg_errors.lookup(sqlstate)("hunter2"))

    assert described.startswith(f"PostgreSQL reports {sqlstate}, {name}: {advice}")
    assert "hunter2" not in described


def test_an_error_of_the_server_without_advice_has_its_sqlstate() -> None:
    assert describe(psycopg_errors.lookup("22012")("hunter2")) == "PostgreSQL reports 22012, DivisionByZero"


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ('password authentication failed for user "hunter2"', "the user or the password is wrong"),
        ("connection to hunter2 failed: Connection refused", "nothing listens there: check the host and the port"),
        ("could not translate host name hunter2 to address", "the name of the host is not known"),
        ("no pg_hba.conf entry for host hunter2", "pg_hba.conf of the server does not let this user in"),
        ("hunter2: server does not support SSL", "check sslmode: "),
    ],
)
def test_an_error_of_a_new_connection_is_recognized_by_its_words(words: str, advice: str) -> None:
    described = describe(psycopg.OperationalError(words))

    assert described.startswith(f"PostgreSQL cannot be reached (OperationalError): {advice}")
    assert "hunter2" not in described


@pytest.mark.parametrize("error", [psycopg.OperationalError("hunter2"), None])
def test_an_error_that_is_not_known_has_the_name_of_its_class_and_general_advice(error: Exception | None) -> None:
    assert describe(error) == (
        f"PostgreSQL cannot be reached ({type(error).__name__}): connect with psql as the application does, and "
        "read the log of the server"
    )


@pytest.mark.parametrize("error", [psycopg.OperationalError(), ValueError(), None])
def test_an_error_that_is_not_of_the_server_has_no_sqlstate(error: Exception | None) -> None:
    assert sqlstate_of(error) == ""
