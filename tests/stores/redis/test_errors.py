"""Each error of a server and of a connection becomes an outage with advice, and repeats nothing."""

import socket
import ssl
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from redis import exceptions

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.redis.errors import (
    LASTING,
    PASSING,
    SLOW,
    NotFound,
    NotPrimary,
    TooFewReplicas,
    describe,
    is_passing,
    translated,
)

from ...engines.server import PATIENCE
from .conftest import ADD, PASSWORD, READ, Fake, Open
from .fake_server import HANG_UP, Failure, Raw

pytestmark = pytest.mark.slow

SECRET = f"user:{PASSWORD}@10.9.8.7"  # stands in for the values that a message of a server may have
OF_SERVERS = {  # messages of Redis 6.2, 7.0 and Valkey 9.1, with parts of our sentences
    f"NOAUTH Authentication required. {SECRET}": "asks for a password",
    f"WRONGPASS invalid username-password pair or user is disabled. {SECRET}": "refuses the user or the password",
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
    "configuration is correct?": "refuses the user or the password",
    f"NOPERM User {SECRET} has no permissions to run the 'evalsha' command": "prints for this URL and this prefix",
    f"ERR Error running script (call to f_1): @user_script:1: @user_script: 1: The user {SECRET} executing the script "
    "can't run this command or subcommand": "init-db --acl",
    "ERR Error running script: @user_script:1: The user executing the script can't access at least one of the keys "
    "mentioned in the command arguments": "init-db --acl",
    f"OOM command not allowed when used memory > 'maxmemory'. {SECRET}": "raise its maxmemory",
    "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed when used "
    "memory > 'maxmemory'.": "raise its maxmemory",
    f"READONLY You can't write against a read only replica. {SECRET}": "connect to the primary",
    "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can't write against a read "
    "only replica.": "connect to the primary",
    f"MISCONF Redis is configured to save RDB snapshots, {SECRET}": "free space",
    f"NOREPLICAS Not enough good replicas to write. {SECRET}": "min-replicas-to-write",
    f"BUSY Redis is busy running a script. {SECRET}": "SCRIPT KILL",
    f"LOADING Redis is loading the dataset in memory {SECRET}": "wait until it has started",
    f"MASTERDOWN Link with MASTER is down {SECRET}": "connect to the primary",
    f"CLUSTERDOWN Hash slot not served {SECRET}": "CLUSTER INFO",
    f"TRYAGAIN Multiple keys request during rehashing of slot {SECRET}": "try again",
    f"CROSSSLOT Keys in request don't hash to the same slot {SECRET}": "report this",
    f"DENIED Redis is running in protected mode {SECRET}": "protected mode",
    f"WRONGTYPE Operation against a key holding the wrong kind of value {SECRET}": "must not use its prefix",
    f"ERR unknown command '{SECRET}', with args beginning with:": "rename none. A sentinel needs redis+sentinel://",
    "ERR max number of clients reached": "maxclients",
    "ERR DB index is out of range": "the database with this number",
    "ERR invalid DB index": "the database with this number",
    "MOVED 5 127.0.0.1:6380": "write redis+cluster://",
    "ASK 5 127.0.0.1:6380": "write redis+cluster://",
    f"ERR user_script:1: {SECRET} script: 1": "look into its log",
    f"UNKNOWN {SECRET}": "look into its log",
    f"OOMX {SECRET}": "look into its log",
}
OF_CONNECTIONS: list[tuple[BaseException, str]] = [
    (TimeoutError(SECRET), "within the time limit"),
    (exceptions.TimeoutError(SECRET), "within the time limit"),
    (ssl.SSLCertVerificationError(SECRET), "ssl_ca_certs"),
    (ssl.SSLError(SECRET), "offers TLS"),
    (ConnectionRefusedError(SECRET), "was refused"),
    (FileNotFoundError(SECRET), "check its path"),
    (PermissionError(SECRET), "the rights on it"),
    (ConnectionResetError(SECRET), "was lost"),
    (exceptions.ConnectionError(SECRET), "was lost"),
    (exceptions.InvalidResponse(SECRET), "none of Redis"),
    (exceptions.RedisError(SECRET), "look into its log"),
    (exceptions.AskError(f"1 {SECRET}:1"), "moves a slot"),
    (exceptions.MovedError(f"1 {SECRET}:1"), "do not agree"),
    (NotFound("no server", reason=PASSING), "no server"),
    (NotPrimary(), "is a replica"),
    (TooFewReplicas(1, 2), "1 of 2 replicas"),
]


def refuse(error: BaseException) -> Callable[[], NoReturn]:
    def run() -> NoReturn:
        raise error

    return run


def assert_says_nothing(error: BaseException) -> None:
    """Check that neither the error nor what it hangs together with has a secret in it."""
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    for secret in (PASSWORD, "10.9.8.7", "127.0.0.1"):
        assert secret not in repr(error)


@pytest.mark.parametrize(("message", "advice"), OF_SERVERS.items(), ids=lambda text: text.partition(" ")[0])
@pytest.mark.parametrize("script", [READ, ADD], ids=["read", "write"])
def test_an_error_of_a_server_becomes_a_sentence_of_ours(
    fake: Fake, open_servers: Open, message: str, advice: str, script: Any
) -> None:
    server = fake(EVALSHA=Failure(message), AUTH=True)
    servers = open_servers(f"redis://user:{PASSWORD}@127.0.0.1:{server.port}")

    with pytest.raises(StoreUnavailable) as caught:
        servers.run(script, [b"a"], longest=0.1 if message.startswith("LOADING") else PATIENCE)

    assert advice in str(caught.value)
    assert_says_nothing(caught.value)


@pytest.mark.parametrize(("error", "advice"), OF_CONNECTIONS, ids=lambda value: type(value).__name__)
def test_an_error_of_a_connection_becomes_a_sentence_of_ours(error: BaseException, advice: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        translated(refuse(error))

    assert advice in str(caught.value)
    assert_says_nothing(caught.value)


@pytest.mark.parametrize(
    "message",
    [
        f"WRONGPASS invalid username-password pair or user is disabled. {SECRET}",
        f"NOAUTH Authentication required. {SECRET}",
        "ERR DB index is out of range",
        "ERR max number of clients reached",
    ],
)
def test_an_error_of_the_log_in_is_not_tried_again(fake: Fake, open_servers: Open, message: str) -> None:
    server = fake(AUTH=Failure(message))

    with pytest.raises(StoreUnavailable) as caught:
        open_servers(f"redis://user:{PASSWORD}@127.0.0.1:{server.port}/3").run(READ, [b"a"])

    assert server.commands == ["AUTH"]
    assert_says_nothing(caught.value)


def test_a_name_that_cannot_be_looked_up_is_an_outage(open_servers: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(SECRET)

    monkeypatch.setattr("socket.getaddrinfo", fail)

    with pytest.raises(StoreUnavailable, match="name of the host cannot be looked up") as caught:
        open_servers(f"redis://user:{PASSWORD}@server.test").run(READ, [b"a"])

    assert_says_nothing(caught.value)


def test_a_host_that_can_be_no_name_is_an_outage(open_servers: Open) -> None:
    with pytest.raises(StoreUnavailable, match="name of the host cannot be looked up"):
        open_servers(f"redis://{'a' * 64}.test").run(READ, [b"a"])


@pytest.mark.parametrize("answer", [Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Raw(b"-MOVED x\r\n"), Raw(b"$x\r\n")])
def test_an_answer_of_another_program_is_an_outage(fake: Fake, open_servers: Open, answer: Raw) -> None:
    server = fake(EVALSHA=answer)

    with pytest.raises(StoreUnavailable, match="the answer is none of Redis or Valkey"):
        open_servers(server.url).run(READ, [b"a"])


def test_the_end_of_a_connection_in_the_middle_of_an_answer_is_an_outage(fake: Fake, open_servers: Open) -> None:
    server = fake(EVALSHA=[b"x"], ROLE=HANG_UP)

    with pytest.raises(StoreUnavailable, match="the connection was lost"):
        open_servers(server.url).run(READ, [b"a"])


def test_errors_of_the_program_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        translated(refuse(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (NotFound("", reason=SLOW), True),
        (NotFound("", reason=PASSING), True),
        (NotFound("", reason=LASTING), False),
        (NotPrimary(), True),
        (exceptions.ReadOnlyError(""), True),
        (exceptions.ClusterDownError(""), True),
        (exceptions.OutOfMemoryError(""), False),
        (exceptions.ResponseError(""), False),
        (exceptions.InvalidResponse(""), False),
        (ssl.SSLCertVerificationError(""), False),
        (ssl.SSLError(""), True),
        (ConnectionRefusedError(), True),
        (exceptions.ConnectionError(""), True),
        (exceptions.AuthenticationError(""), False),
    ],
)
def test_an_error_that_may_pass_is_told_from_one_that_stays(error: BaseException, *, passes: bool) -> None:
    assert is_passing(error) is passes
    assert describe(error) == describe(error).strip()
