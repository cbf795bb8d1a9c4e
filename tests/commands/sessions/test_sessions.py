"""``flask tokenauth sessions``, ``revoke`` and ``purge``: what operators do, and what reaches their terminals."""

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
from ...lifecycle.kit import DAY, IDLE, Backend, Heard, away, claims_of, is_live, refresh, session_of, sign_in, store_of
from ...stores.sqlite_kit import execute, url_of


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    """A store that commands share with workers."""
    return make_backend("sqlite", tmp_path)


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["tokenauth", *words])


def done(app: Flask, *words: str) -> str:
    result = run(app, *words)
    assert result.exit_code == 0
    return result.output


def failed(app: Flask, *words: str) -> str:
    """Return what a command says that fails, to people who can do something about it."""
    result = run(app, *words)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output
    return result.output


# sessions


def test_each_session_of_a_user_is_one_line_the_newest_sign_in_first(api: Flask, backend: Backend) -> None:
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

    assert [line.split("  ", 1) for line in done(api, "sessions", "alice").splitlines()] == [
        [id_of(new), f"since {last.started_at:%Y-%m-%d %H:%M:%S} UTC"],
        [
            id_of(old),
            f"since {first.started_at:%Y-%m-%d %H:%M:%S} UTC, refreshed {last.started_at:%Y-%m-%d %H:%M:%S}, "
            "'phone', 'Mozilla/5.0'",
        ],
    ]


def test_who_has_none_is_told_nothing(api: Flask) -> None:
    assert done(api, "sessions", "nobody") == ""


def test_what_is_over_is_not_shown(api: Flask, backend: Backend) -> None:
    idle, gone = sign_in(api), sign_in(api)
    backend.age(id_of(idle), IDLE)
    log_out(api, gone["access_token"])

    assert done(api, "sessions", "alice") == ""


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


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_nothing_that_clients_say_steers_the_terminal(api: Flask, text: str) -> None:
    label = "".join(each for each in text if each >= " " and not "\x7f" <= each <= "\x9f")  # others are no label
    header = text.encode().decode("latin-1")
    api.test_client().post(
        "/login", data={"username": "alice", "label": label[:255]}, environ_overrides={"HTTP_USER_AGENT": header}
    )

    output = done(api, "sessions", "alice")

    assert output.endswith("\n")
    assert output[:-1].isprintable()  # one line, however much they say


@pytest.mark.parametrize(("column", "text"), [("label", "\x1b[31m"), ("user_agent", "a\x07"), ("granted", "\x1b[31m")])
def test_what_somebody_else_wrote_into_the_store_is_not_shown(
    make_app: MakeApp, tmp_path: Path, column: str, text: str
) -> None:
    api = make_app(TOKENAUTH_STORE=url_of(tmp_path / "written.db"))
    sign_in(api)
    execute(tmp_path / "written.db", f"UPDATE tokenauth_session SET {column} = ?", text)

    told = failed(api, "sessions", "alice")
    store_of(api).close()

    assert "cannot be read" in told
    assert told.rstrip("\n").isprintable()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_lacks_a_letter_is_shown_which(api: Flask, encoding: str) -> None:
    sign_in(api, label="é \U0001f511")
    runner = api.test_cli_runner(charset=encoding)

    result = runner.invoke(args=["tokenauth", "sessions", "alice"])

    shown = {"ascii": r"\xe9 \U0001f511", "latin-1": "é \\U0001f511", "utf-8": "é \U0001f511"}
    assert result.exit_code == 0
    assert shown[encoding] in result.stdout_bytes.decode(encoding)


# revoke


def test_one_session_is_ended_by_its_id(api: Flask, heard: Heard) -> None:
    login, other = sign_in(api), sign_in(api)
    heard.sessions.clear()

    assert done(api, "revoke", "--session", id_of(login)) == "The session has ended.\n"

    assert [me(api, each["access_token"]) for each in (login, other)] == [401, 200]
    assert refresh(api, login["refresh_token"]).status_code == 400
    assert heard.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(login), "user_id": "alice", "reason": "revoked"})
    ]


def test_ids_may_begin_with_a_dash(api: Flask) -> None:
    """As every 64th does."""
    session_id, user_id = "-HVwLP2BpPAE0VqN7DY8Jm", "--user"
    store_of(api).start_session(
        NewSession(session_id=session_id, user_id=user_id, grant=Grant(), idle_lifetime=DAY, lifetime=DAY)
    )

    assert done(api, "sessions", "--", user_id).startswith(f"{session_id}  since ")
    done(api, "revoke", "--session", session_id)
    assert done(api, "sessions", "--", user_id) == ""
    done(api, "revoke", f"--user={user_id}")


@pytest.mark.parametrize("session_id", ["HVwLP2BpPAE0VqN7DY8JmQ", "", "é", "x" * 1000, "'; --"])
def test_a_session_that_is_none_cannot_be_ended(api: Flask, session_id: str) -> None:
    login = sign_in(api)

    assert failed(api, "revoke", "--session", session_id) == "Error: there is no such session, or it has ended before\n"

    assert is_live(api, login["refresh_token"])


def test_a_session_is_ended_once(api: Flask) -> None:
    login = sign_in(api)
    done(api, "revoke", "--session", id_of(login))

    assert "no such session" in failed(api, "revoke", "--session", id_of(login))


def test_all_that_a_user_has_is_ended_and_the_next_login_is_good(api: Flask) -> None:
    logins, bob = [sign_in(api), sign_in(api)], sign_in(api, "bob")
    with api.app_context():
        bare = create_token("alice")

    assert done(api, "revoke", "--user", "alice") == (
        "Every session of this user has ended, and every token issued before is refused.\n"
    )

    assert [me(api, token) for token in (logins[0]["access_token"], logins[1]["access_token"], bare)] == [401, 401, 401]
    assert me(api, bob["access_token"]) == 200
    assert me(api, sign_in(api)["access_token"]) == 200


def test_a_row_that_cannot_be_read_saves_nobody(api: Flask, tmp_path: Path) -> None:
    login = sign_in(api)
    execute(tmp_path / "sessions.db", "UPDATE tokenauth_session SET granted = 'x', generation = 'y'")

    done(api, "revoke", "--user", "alice")

    assert me(api, login["access_token"]) == 401


def test_a_token_is_refused_by_its_id(api: Flask) -> None:
    with api.app_context():
        token, other = create_token("alice"), create_token("alice")

    assert done(api, "revoke", "--token", str(claims_of(token)["jti"])) == "The token with this ID is refused.\n"

    assert [me(api, token), me(api, other)] == [401, 200]


@pytest.mark.parametrize("text", ["", "x" * 256, "a\x1b[31m"])
def test_what_is_no_id_of_a_token_is_a_mistake(api: Flask, text: str) -> None:
    told = failed(api, "revoke", "--token", text)

    assert "token_id must be a string of 1 to 255 characters" in told
    assert told.rstrip("\n").isprintable()


@pytest.mark.parametrize("option", ["--user", "--session", "--token"])
def test_where_nothing_is_refused_nothing_is_promised(make_session_app: MakeSessionApp, option: str) -> None:
    off = make_session_app(TOKENAUTH_REVOCATION="off")
    login = sign_in(off)

    assert 'TOKENAUTH_REVOCATION must be "feed" or "strict" to revoke' in failed(off, "revoke", option, id_of(login))

    assert is_live(off, login["refresh_token"])


TOO_MANY = [("--user", "alice", "--session", "x"), ("--token", "x", "--session", "x"), ("--user", "a", "--token", "x")]


@pytest.mark.parametrize("words", [*TOO_MANY, (), ("--user",), ("alice",)], ids=str)
def test_it_has_to_be_said_which_of_the_three(api: Flask, words: tuple[str, ...]) -> None:
    login = sign_in(api)

    result = run(api, "revoke", *words)

    assert result.exit_code == 2
    assert result.output.startswith(("Usage: ", "Error: "))
    assert me(api, login["access_token"]) == 200


# Users who are numbers


@pytest.fixture
def numbered(make_session_app: MakeSessionApp) -> Flask:
    return make_session_app(auth=TokenAuth(user_id_type=int))


def test_users_are_named_as_text_whatever_their_type(numbered: Flask) -> None:
    login = sign_in(numbered, 42)

    assert done(numbered, "sessions", "42").startswith(id_of(login))
    done(numbered, "revoke", "--user", "42")
    assert me(numbered, login["access_token"]) == 401


@pytest.mark.parametrize("user", ["alice", "042", "4_2", " 42", "4.2", ""])
@pytest.mark.parametrize("words", [("sessions",), ("revoke", "--user")], ids=str)
def test_a_text_that_is_no_user_id_is_a_mistake(numbered: Flask, words: tuple[str, ...], user: str) -> None:
    login = sign_in(numbered, 42)

    assert "user_id" in failed(numbered, *words, user)

    assert me(numbered, login["access_token"]) == 200


@pytest.mark.parametrize("user", ["", "x" * 256, "a\x1b[31m"])
def test_nobody_is_revoked_who_can_have_no_token(api: Flask, user: str) -> None:
    told = failed(api, "revoke", "--user", user)

    assert "user_id must be a string of 1 to 255 characters" in told
    assert told.rstrip("\n").isprintable()


# purge


def test_a_purge_says_how_much_was_forgotten(api: Flask, backend: Backend) -> None:
    live, idle, gone = sign_in(api), sign_in(api), sign_in(api)
    backend.age(id_of(idle), IDLE)
    log_out(api, gone["access_token"])

    assert done(api, "purge") == "Deleted: 2.\n"
    assert done(api, "purge") == "Deleted: 0.\n"

    assert me(api, live["access_token"]) == 200
    assert me(api, gone["access_token"]) == 401


# Where it cannot work

COMMANDS = [
    ("sessions", "alice"),
    ("revoke", "--user", "alice"),
    ("revoke", "--session", "x"),
    ("revoke", "--token", "x"),
    ("purge",),
]
every_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


@every_command
def test_without_a_store_the_setting_is_named(make_app: MakeApp, words: tuple[str, ...]) -> None:
    stateless = make_app()

    assert "TOKENAUTH_STORE" in failed(stateless, *words)


@every_command
def test_of_the_memory_of_another_process_nothing_is_said(make_app: MakeApp, words: tuple[str, ...]) -> None:
    with_memory = make_app(TOKENAUTH_STORE="memory://")

    assert "this command has a memory of its own" in failed(with_memory, *words)


@every_command
def test_while_the_store_is_away_that_is_said(api: Flask, words: tuple[str, ...]) -> None:
    with away(store_of(api)):
        assert failed(api, *words) == "Error: nobody answers\n"


@every_command
def test_it_can_be_used_from_the_first_moment(make_app: MakeApp, tmp_path: Path, words: tuple[str, ...]) -> None:
    fresh = make_app(TOKENAUTH_STORE=url_of(tmp_path / "fresh.db"))

    assert run(fresh, *words).exit_code == (1 if "--session" in words else 0)
    store_of(fresh).close()


def test_an_application_may_have_a_command_of_that_name(make_app: MakeApp) -> None:
    own = make_app()
    group: Any = own.cli.commands["tokenauth"]

    group.command("purge")(lambda: click.echo("Something else."))

    assert done(own, "purge") == "Something else.\n"
