"""``flask tokenauth sessions``, ``revoke`` and ``purge``: their effects, and their output on a terminal."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from flask import Flask

from flask_tokenauth import Grant, TokenAuth, create_token
from flask_tokenauth.core.records.session import NewSession

from ...conftest import MakeApp
from ...lifecycle.conftest import MakeSessionApp, make_backend
from ...lifecycle.devices import id_of, log_out, me
from ...lifecycle.kit import (
    DAY,
    IDLE,
    Backend,
    SignalLog,
    claims_of,
    is_live,
    refresh,
    session_of,
    sessions_of,
    sign_in,
    store_of,
    unavailable,
)
from ...stores.sqlite_kit import execute, url_of
from ..test_tokens import OPTIONS


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    """A store that commands share with workers."""
    return make_backend("sqlite", tmp_path)


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["tokenauth", *words])


def succeed(app: Flask, *words: str) -> str:
    result = run(app, *words)
    assert result.exit_code == 0
    return result.output


def fail(app: Flask, *words: str) -> str:
    """Run a command that must fail, and return its error message."""
    result = run(app, *words)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output
    return result.output


# sessions


def test_sessions_prints_a_line_for_each_session_the_newest_first(api: Flask, backend: Backend) -> None:
    old = (
        api.test_client()
        .post("/login", data={"username": "alice", "label": "phone"}, headers={"User-Agent": "Mozilla/5.0"})
        .get_json()
    )
    new = sign_in(api)
    sign_in(api, "bob")
    backend.age(id_of(old), DAY)
    refresh(api, old["refresh_token"])
    first: Any = session_of(api, old["refresh_token"])
    last: Any = session_of(api, new["refresh_token"])

    assert [line.split("  ", 1) for line in succeed(api, "sessions", "alice").splitlines()] == [
        [id_of(new), f"since {last.started_at:%Y-%m-%d %H:%M:%S} UTC"],
        [
            id_of(old),
            f"since {first.started_at:%Y-%m-%d %H:%M:%S} UTC, refreshed {last.started_at:%Y-%m-%d %H:%M:%S}, "
            "'phone', 'Mozilla/5.0'",
        ],
    ]


NO_SESSION = "There is no session of this user: check the ID if you expected one.\n"
NO_SESSION_ENDED = "There was no session of this user: check the ID if you expected one.\n"


def test_sessions_prints_to_standard_error_that_a_user_has_no_session(api: Flask) -> None:
    result = api.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "sessions", "alise"])

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", NO_SESSION)


def test_sessions_prints_no_ended_session(api: Flask, backend: Backend) -> None:
    idle, gone = sign_in(api), sign_in(api)
    backend.age(id_of(idle), IDLE)
    log_out(api, gone["access_token"])

    assert succeed(api, "sessions", "alice") == NO_SESSION


HOSTILE = [
    "\x1b[31m\x1b]0;title\x07",
    "a\rb\nc\x08\x7f",
    "\x9b31m\x85",
    "\u202egnp.exe\u2066",
    "\u2028\u2029\u200b\ufeff",
    "<script>alert(1)</script>",
    "x" * 500,
    " ".join("x" * 499),
    "' , 'phone",
    "\ud7ff\ue000",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_sessions_prints_no_control_characters_of_clients(api: Flask, text: str) -> None:
    label = "".join(c for c in text if c >= " " and not "\x7f" <= c <= "\x9f")  # a label has no others
    header = text.encode().decode("latin-1")
    api.test_client().post(
        "/login", data={"username": "alice", "label": label[:255]}, environ_overrides={"HTTP_USER_AGENT": header}
    )

    output = succeed(api, "sessions", "alice")

    assert output.endswith("\n")
    assert output[:-1].isprintable()  # one line, for any length


@pytest.mark.parametrize(("column", "text"), [("label", "\x1b[31m"), ("user_agent", "a\x07"), ("granted", "\x1b[31m")])
def test_sessions_does_not_print_an_invalid_row(make_app: MakeApp, tmp_path: Path, column: str, text: str) -> None:
    api = make_app(TOKENAUTH_STORE=url_of(tmp_path / "written.db"))
    sign_in(api)
    execute(tmp_path / "written.db", f"UPDATE tokenauth_session SET {column} = ?", text)

    output = fail(api, "sessions", "alice")
    store_of(api).close()

    assert "cannot be read" in output
    assert output.rstrip("\n").isprintable()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_sessions_escapes_characters_that_the_terminal_lacks(api: Flask, encoding: str) -> None:
    sign_in(api, label="é \U0001f511")
    runner = api.test_cli_runner(charset=encoding)

    result = runner.invoke(args=["tokenauth", "sessions", "alice"])

    shown = {"ascii": r"\xe9 \U0001f511", "latin-1": "é \\U0001f511", "utf-8": "é \U0001f511"}
    assert result.exit_code == 0
    assert shown[encoding] in result.stdout_bytes.decode(encoding)


# revoke


def test_revoke_ends_a_session_by_its_id(api: Flask, signal_log: SignalLog) -> None:
    login, other = sign_in(api), sign_in(api)
    signal_log.sessions.clear()

    assert succeed(api, "revoke", "--session", id_of(login)) == "The session has ended.\n"

    assert [me(api, tokens["access_token"]) for tokens in (login, other)] == [401, 200]
    assert refresh(api, login["refresh_token"]).status_code == 400
    assert signal_log.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(login), "user_id": "alice", "reason": "revoked"})
    ]


def test_ids_may_begin_with_a_dash(api: Flask) -> None:
    """One in 64 IDs does."""
    session_id, user_id = "-HVwLP2BpPAE0VqN7DY8Jm", "--user"
    store_of(api).start_session(
        NewSession(session_id=session_id, user_id=user_id, grant=Grant(), idle_lifetime=DAY, lifetime=DAY),
        most=1,
        retention=DAY,
    )

    assert succeed(api, "sessions", "--", user_id).startswith(f"{session_id}  since ")
    succeed(api, "revoke", "--session", session_id)
    assert succeed(api, "sessions", "--", user_id) == NO_SESSION
    succeed(api, "revoke", f"--user={user_id}")


@pytest.mark.slow
@pytest.mark.parametrize("session_id", ["HVwLP2BpPAE0VqN7DY8JmQ", "", "é", "x" * 1000, "'; --"])
def test_revoke_fails_for_an_unknown_session(api: Flask, session_id: str) -> None:
    login = sign_in(api)

    assert fail(api, "revoke", "--session", session_id) == "Error: there is no such session, or it has ended before\n"

    assert is_live(api, login["refresh_token"])


def test_revoke_fails_the_second_time(api: Flask) -> None:
    login = sign_in(api)
    succeed(api, "revoke", "--session", id_of(login))

    assert "no such session" in fail(api, "revoke", "--session", id_of(login))


def test_revoke_ends_all_sessions_of_a_user_and_the_next_login_is_good(api: Flask) -> None:
    logins, bob = [sign_in(api), sign_in(api)], sign_in(api, "bob")
    with api.app_context():
        bare = create_token("alice")

    assert succeed(api, "revoke", "--user", "alice") == (
        "Every session of this user has ended, and every token issued before is refused.\n"
    )

    assert [me(api, token) for token in (logins[0]["access_token"], logins[1]["access_token"], bare)] == [401, 401, 401]
    assert me(api, bob["access_token"]) == 200
    assert me(api, sign_in(api)["access_token"]) == 200


def test_revoke_prints_to_standard_error_that_a_user_had_no_session(api: Flask) -> None:
    login = sign_in(api)

    result = api.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "revoke", "--user", "alise"])

    assert (result.exit_code, result.stderr) == (0, NO_SESSION_ENDED)
    assert me(api, login["access_token"]) == 200


def test_revoke_ends_a_session_whose_row_is_invalid(api: Flask, tmp_path: Path) -> None:
    login = sign_in(api)
    execute(tmp_path / "sessions.db", "UPDATE tokenauth_session SET granted = 'x', generation = 'y'")

    succeed(api, "revoke", "--user", "alice")

    assert me(api, login["access_token"]) == 401


def test_revoke_refuses_a_token_by_its_id(api: Flask) -> None:
    with api.app_context():
        token, other = create_token("alice"), create_token("alice")

    assert succeed(api, "revoke", "--token", str(claims_of(token)["jti"])) == "The token with this ID is refused.\n"

    assert [me(api, token), me(api, other)] == [401, 200]


@pytest.mark.parametrize("text", ["", "x" * 256, "a\x1b[31m"])
def test_revoke_fails_for_an_invalid_token_id(api: Flask, text: str) -> None:
    output = fail(api, "revoke", "--token", text)

    assert "token_id must be a string of 1 to 255 characters" in output
    assert output.rstrip("\n").isprintable()


@pytest.mark.parametrize("option", ["--user", "--session", "--token"])
def test_revoke_fails_in_mode_off(make_session_app: MakeSessionApp, option: str) -> None:
    off = make_session_app(TOKENAUTH_REVOCATION="off")
    login = sign_in(off)

    assert 'TOKENAUTH_REVOCATION must be "feed" or "strict" to revoke' in fail(off, "revoke", option, id_of(login))

    assert is_live(off, login["refresh_token"])


TOO_MANY = [("--user", "alice", "--session", "x"), ("--token", "x", "--session", "x"), ("--user", "a", "--token", "x")]


@pytest.mark.slow
@pytest.mark.parametrize("words", [*TOO_MANY, (), ("--user",), ("alice",)], ids=str)
def test_revoke_needs_exactly_one_option(api: Flask, words: tuple[str, ...]) -> None:
    login = sign_in(api)

    result = run(api, "revoke", *words)

    assert result.exit_code == 2
    assert result.output.startswith(("Usage: ", "Error: "))
    assert me(api, login["access_token"]) == 200


# Integers as user IDs


@pytest.fixture
def int_app(make_session_app: MakeSessionApp) -> Flask:
    return make_session_app(auth=TokenAuth(user_id_type=int))


def test_commands_take_user_ids_as_strings(int_app: Flask) -> None:
    login = sign_in(int_app, 42)

    assert succeed(int_app, "sessions", "42").startswith(id_of(login))
    succeed(int_app, "revoke", "--user", "42")
    assert me(int_app, login["access_token"]) == 401


@pytest.mark.slow
@pytest.mark.parametrize("user", ["alice", "042", "4_2", " 42", "4.2", ""])
@pytest.mark.parametrize("words", [("sessions",), ("revoke", "--user")], ids=str)
def test_commands_fail_for_a_user_id_that_does_not_convert(int_app: Flask, words: tuple[str, ...], user: str) -> None:
    login = sign_in(int_app, 42)

    assert "user_id" in fail(int_app, *words, user)

    assert me(int_app, login["access_token"]) == 200


@pytest.mark.parametrize("user", ["", "x" * 256, "a\x1b[31m"])
def test_revoke_fails_for_ids_that_tokens_cannot_have(api: Flask, user: str) -> None:
    output = fail(api, "revoke", "--user", user)

    assert "user_id must be a string of 1 to 255 characters" in output
    assert output.rstrip("\n").isprintable()


# purge


def test_purge_prints_the_number_of_deleted_rows(api: Flask, backend: Backend) -> None:
    live, idle, gone = sign_in(api), sign_in(api), sign_in(api)
    backend.age(id_of(idle), IDLE)
    log_out(api, gone["access_token"])

    assert succeed(api, "purge") == "Deleted: 2.\n"
    assert succeed(api, "purge") == "Deleted: 0.\n"

    assert me(api, live["access_token"]) == 200
    assert me(api, gone["access_token"]) == 401


def test_purge_is_refused_if_the_clock_seems_to_be_ahead(api: Flask, backend: Backend) -> None:
    backend.age(id_of(sign_in(api)), IDLE)

    output = fail(api, "purge")

    assert "the clock of the store (with SQLite: of this machine) must be right" in output
    assert "If it is right, run flask tokenauth purge --force" in output


def test_the_refusal_of_purge_shows_both_times(api: Flask, backend: Backend) -> None:
    login = sign_in(api)
    [started] = [session.started_at for session in sessions_of(api, "alice")]
    backend.age(id_of(login), IDLE)

    output = fail(api, "purge")

    newest = started - IDLE
    assert f"purge was at {newest:%Y-%m-%d %H:%M:%S} UTC" in output
    assert f"it shows {started:%Y-%m-%d}" in output or f"it shows {started + DAY:%Y-%m-%d}" in output


def test_purge_can_be_forced(api: Flask, backend: Backend) -> None:
    backend.age(id_of(sign_in(api)), IDLE)

    assert succeed(api, "purge", "--force") == "Deleted: 1.\n"


# Errors

COMMANDS = [
    ("sessions", "alice"),
    ("revoke", "--user", "alice"),
    ("revoke", "--session", "x"),
    ("revoke", "--token", "x"),
    ("purge",),
]
every_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


@every_command
def test_a_command_without_a_store_names_the_setting(make_app: MakeApp, words: tuple[str, ...]) -> None:
    stateless = make_app()

    assert "TOKENAUTH_STORE" in fail(stateless, *words)


@every_command
def test_a_command_with_a_store_in_memory_fails(make_app: MakeApp, words: tuple[str, ...]) -> None:
    with_memory = make_app(TOKENAUTH_STORE="memory://")

    assert "this command has a memory of its own" in fail(with_memory, *words)


@every_command
def test_a_command_during_an_outage_prints_the_cause(api: Flask, words: tuple[str, ...]) -> None:
    with unavailable(store_of(api)):
        assert fail(api, *words) == "Error: nobody answers\n"


@every_command
def test_a_command_creates_the_tables(make_app: MakeApp, tmp_path: Path, words: tuple[str, ...]) -> None:
    fresh = make_app(TOKENAUTH_STORE=url_of(tmp_path / "fresh.db"))

    assert run(fresh, *words).exit_code == (1 if "--session" in words else 0)
    store_of(fresh).close()


def test_an_application_may_replace_a_command(make_app: MakeApp) -> None:
    own = make_app()
    group: Any = own.cli.commands["tokenauth"]

    group.command("purge")(lambda: click.echo("Something else."))

    assert succeed(own, "purge") == "Something else.\n"
