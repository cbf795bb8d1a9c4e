"""``flask tokenauth init-db`` for a store on Redis or Valkey, and its option ``--acl``."""

from typing import NamedTuple

import pytest
from flask import Flask

from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.redis.layout import Layout

from ..conftest import MakeApp
from ..engines.redis import RedisServer
from .test_tokens import OPTIONS

ONE_SERVER = "redis://api:hunter2@localhost:1/0"


class Result(NamedTuple):
    """The result of a command."""

    status: int
    printed: str
    errors: str


def init_db(app: Flask, *options: str) -> Result:
    result = app.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "init-db", *options])
    return Result(result.exit_code, result.stdout, result.stderr)


@pytest.mark.once
@pytest.mark.slow
def test_init_db_writes_the_first_keys_and_may_run_again(make_app: MakeApp, valkey_9: RedisServer) -> None:
    valkey_9.flush()
    app = make_app(TOKENAUTH_STORE=valkey_9.url(), TOKENAUTH_STORE_PREFIX="shop")

    for _ in range(2):
        assert init_db(app) == (0, "The store is ready.\n", "")

    assert set(valkey_9.ask("KEYS", "*")) == set(Layout("shop").shared)


@pytest.mark.once
@pytest.mark.slow
def test_a_command_logs_no_risk(make_app: MakeApp, valkey_9: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    valkey_9.ask("CONFIG", "SET", "appendfsync", "everysec")

    init_db(make_app(TOKENAUTH_STORE=valkey_9.url()))

    valkey_9.ask("CONFIG", "SET", "appendfsync", "always")
    assert caplog.records == []


def test_init_db_prints_the_cause_of_an_outage(make_app: MakeApp) -> None:
    status, _, errors = init_db(make_app(TOKENAUTH_STORE=ONE_SERVER))

    assert status == 1
    assert errors.startswith("Error: the connection was refused: ")
    assert "hunter2" not in errors


def test_a_store_without_tables_has_no_statements(make_app: MakeApp) -> None:
    result = init_db(make_app(TOKENAUTH_STORE=ONE_SERVER), "--sql")

    assert result == (
        1, "", "Error: TOKENAUTH_STORE must be an SQL database for --sql: other stores have no tables\n"
    )  # fmt: skip


def test_the_rights_of_a_user_are_one_line_and_need_no_server(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_STORE=ONE_SERVER, TOKENAUTH_STORE_PREFIX="shop")

    status, printed, errors = init_db(app, "--acl", "--user", "api")

    assert (status, printed.count("\n"), errors.count("\n")) == (0, 1, 1)
    assert printed.startswith("ACL SETUSER api reset on >PASSWORD resetchannels ~{shop}:* ~shop:* -@all +del ")
    assert errors.startswith("Run in redis-cli or valkey-cli on the server, with a password of yours after >.")
    assert "hunter2" not in printed + errors


def test_the_user_is_called_tokenauth_unless_it_is_named(make_app: MakeApp) -> None:
    assert "ACL SETUSER tokenauth reset" in init_db(make_app(TOKENAUTH_STORE=ONE_SERVER), "--acl").printed


def test_sentinels_get_a_line_of_their_own(make_app: MakeApp) -> None:
    _, printed, errors = init_db(make_app(TOKENAUTH_STORE="redis+sentinel://localhost:1/NAME"), "--acl")

    assert printed.splitlines()[1] == (
        "ACL SETUSER tokenauth reset on >PASSWORD resetchannels -@all +sentinel|get-master-addr-by-name"
    )
    assert [line.split(" on ")[1].split(",")[0] for line in errors.splitlines()] == [
        "the primary and each replica",
        "each sentinel",
    ]


def test_writes_that_wait_need_a_second_line_without_a_password(make_app: MakeApp) -> None:
    _, printed, errors = init_db(make_app(TOKENAUTH_STORE=f"{ONE_SERVER}?wait=1"), "--acl")

    assert printed.splitlines()[1:] == ["ACL SETUSER tokenauth +pexpiretime"]
    assert errors.splitlines()[1].startswith("Run in redis-cli or valkey-cli on the same, unless it is Redis 6.2. Then")


def test_another_store_has_no_acl(make_app: MakeApp) -> None:
    result = init_db(make_app(TOKENAUTH_STORE=MemoryStore()), "--acl")

    assert result == (
        1, "", "Error: TOKENAUTH_STORE must be Redis or Valkey for --acl: other stores have no ACL\n"
    )  # fmt: skip


def test_a_user_whose_name_is_no_word_is_an_error(make_app: MakeApp) -> None:
    status, printed, errors = init_db(make_app(TOKENAUTH_STORE=ONE_SERVER), "--acl", "--user", "a +@all")

    assert (status, printed) == (1, "")
    assert errors.startswith("Error: the name of a user must be 1 to 255 printable ASCII characters without spaces")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sql", "--acl"], "give --sql for an SQL database, or --acl for Redis and Valkey, but not both"),
        (["--user", "api"], "give --user only with --acl"),
    ],
)
def test_options_that_do_not_fit_are_an_error(make_app: MakeApp, options: list[str], message: str) -> None:
    status, printed, errors = init_db(make_app(TOKENAUTH_STORE=ONE_SERVER), *options)

    assert (status, printed) == (2, "")
    assert message in errors
