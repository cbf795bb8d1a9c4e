"""``flask tokenauth api-keys``, and the other commands with API keys and reference tokens."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_tokenauth import TokenAuth, login_optional, login_required, public, require_scope
from flask_tokenauth.core.opaque.checksummed_text import is_well_formed, make_text

from ...conftest import AUDIENCE, ISSUER, MakeApp, StandingClock, whoami
from ...lifecycle.conftest import MakeSessionApp, make_backend
from ...lifecycle.devices import me
from ...lifecycle.kit import Backend, SignalLog, sign_in, store_of, unavailable
from ...lifecycle.looked_up.kit import (
    list_keys,
    make_key,
    make_reference,
    revoke_key,
    revoke_user,
    state_of,
    status,
)
from ...stores.sqlite_kit import execute
from ..test_tokens import OPTIONS

NONE = "There is no API key of this user: check the ID if you expected one.\n"
HOSTILE = ["\u202egnp.exe\u2066", "\u2028\u2029\u200b\ufeff", "<script>", "' , 'x", "\ud7ff\ue000", "x" * 255]


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    """A store that commands share with workers."""
    return make_backend("sqlite", tmp_path)


@pytest.fixture
def clock(backend: Backend) -> StandingClock:
    """Return the clock of the applications. It shows the time of the store."""
    return StandingClock(float(backend.now))


@pytest.fixture
def api(make_session_app: MakeSessionApp) -> Flask:
    """An application with API keys. Its name is not ``app``, since pytest-flask would push a request of it."""
    api = make_session_app(TOKENAUTH_API_KEYS=True)
    api.add_url_rule("/reports", view_func=require_scope("reports:read")(whoami()), endpoint="reports")
    return api


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", *words])


def succeed(app: Flask, *words: str) -> str:
    result = run(app, *words)
    assert result.exit_code == 0
    return result.stdout


def fail(app: Flask, *words: str) -> str:
    """Run a command that must fail, and return its error message."""
    result = run(app, *words)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    return result.stderr


def shown_at(clock: StandingClock, seconds: float = 0) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.fromtimestamp(clock.now + seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


# list


def test_list_prints_a_line_for_each_key(api: Flask, clock: StandingClock) -> None:
    key = make_key(api, name="My laptop", scopes=["b", "a"], expires_in=3600)
    make_key(api, "bob")

    assert succeed(api, "api-keys", "list", "alice") == (
        f"{key.id}  'My laptop', {key.hint}, scopes b a, created {shown_at(clock)} UTC, never used, "
        f"expires {shown_at(clock, 3600)}\n"
    )


def test_list_prints_the_last_use(api: Flask, clock: StandingClock, backend: Backend) -> None:
    key = make_key(api, scopes=())
    store_of(api).note_uses_of_api_keys({key.id: timedelta(0)})

    assert succeed(api, "api-keys", "list", "alice") == (
        f"{key.id}  'laptop', {key.hint}, no scopes, created {shown_at(clock)} UTC, last used {shown_at(clock)}\n"
    )


def test_list_prints_json_for_programs(api: Flask, backend: Backend) -> None:
    key = make_key(api, name="Ключ \x80"[:4], expires_in=60)
    store_of(api).note_uses_of_api_keys({key.id: timedelta(0)})

    printed = json.loads(succeed(api, "api-keys", "list", "alice", "--json"))

    created = key.created_at.isoformat(timespec="seconds")
    assert key.expires_at is not None
    assert printed == {
        "api_keys": [
            {
                "id": key.id,
                "name": "Ключ",
                "hint": key.hint,
                "scopes": ["reports:read"],
                "created_at": created,
                "last_used_at": created,
                "expires_at": key.expires_at.isoformat(timespec="seconds"),
            }
        ]
    }


def test_json_has_null_for_what_a_key_does_not_have(api: Flask) -> None:
    make_key(api)

    [key] = json.loads(succeed(api, "api-keys", "list", "alice", "--json"))["api_keys"]
    assert (key["last_used_at"], key["expires_at"]) == (None, None)


def test_list_prints_to_standard_error_that_there_is_no_key(api: Flask) -> None:
    revoke_key(api, make_key(api).id)

    plain, as_json = run(api, "api-keys", "list", "alice"), run(api, "api-keys", "list", "alice", "--json")

    assert (plain.exit_code, plain.stdout, plain.stderr) == (0, "", NONE)
    assert (as_json.exit_code, json.loads(as_json.stdout), as_json.stderr) == (0, {"api_keys": []}, "")


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["plain", "json"])
def test_names_are_escaped(api: Flask, name: str, options: tuple[str, ...]) -> None:
    """Users write them, and an administrator reads them on a terminal."""
    make_key(api, name=name)

    printed = succeed(api, "api-keys", "list", "alice", *options)

    assert printed.replace("\n", "").replace("…", "").isprintable()
    assert printed.count("\n") == (15 if options else 1)


def test_the_list_has_no_text_of_a_key(api: Flask) -> None:
    key = make_key(api)

    for options in ((), ("--json",)):
        assert key.text[3:-4] not in succeed(api, "api-keys", "list", "alice", *options)


# create


def test_create_prints_the_key_alone(api: Flask, signal_log: SignalLog) -> None:
    result = run(api, "api-keys", "create", "alice", "--name", "cron", "--scope", "reports:read", "--scope", "b")

    assert result.exit_code == 0
    text = result.stdout.removesuffix("\n")
    assert is_well_formed(text, "ta_")
    [key] = list_keys(api)
    assert (key.name, key.scopes, key.expires_at) == ("cron", ("reports:read", "b"), None)
    assert result.stderr == (
        "This API key is real, and is shown only now: until it is revoked, everyone who has it can act as that user. "
        f"Its ID is {key.id}.\n"
    )
    assert status(api, text) == 200
    assert [name for name, _ in signal_log.sessions] == ["tokenauth-api-key-created"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "seconds"), [("90d", 90 * 86400), ("P90D", 90 * 86400), ("60", 60), ("1d12h", 129600)]
)
def test_create_takes_a_lifetime(api: Flask, clock: StandingClock, given: str, seconds: int) -> None:
    result = run(api, "api-keys", "create", "alice", "--name", "cron", "--expires-in", given)

    assert f"until {shown_at(clock, seconds)} UTC, everyone" in result.stderr
    [key] = list_keys(api)
    assert key.expires_at == key.created_at + timedelta(seconds=seconds)


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "a lifetime": (("--name", "x", "--expires-in", "soon"), "--expires-in must be a duration like 900, 15m or PT15M"),
    "a long lifetime": (("--name", "x", "--expires-in", make_text("ta_")), "got another string"),
    "no lifetime": (("--name", "x", "--expires-in", "0"), "must be above zero"),
    "a name": (("--name", "a\nb"), "name must be a string of 1 to 255 characters"),
    "an empty name": (("--name", ""), "name must be a string of 1 to 255 characters"),
    "a scope": (("--name", "x", "--scope", "a b"), "scope"),
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.values(), ids=MISTAKES)
def test_create_reports_a_mistake(api: Flask, words: tuple[str, ...], message: str) -> None:
    printed = fail(api, "api-keys", "create", "alice", *words)

    assert message in printed
    assert "ta_" not in printed
    assert list_keys(api) == []


def test_create_needs_a_name(api: Flask) -> None:
    assert run(api, "api-keys", "create", "alice").exit_code == 2


def test_create_reports_an_undeclared_scope(make_session_app: MakeSessionApp) -> None:
    api = make_session_app(TOKENAUTH_API_KEYS=True, TOKENAUTH_SCOPES={"reports:read": ""})

    message = fail(api, "api-keys", "create", "alice", "--name", "x", "--scope", "report:read")

    assert "did you mean reports:read?" in message


def test_create_reports_the_101st_key(api: Flask) -> None:
    for number in range(100):
        make_key(api, name=str(number))

    assert "at most 100 live API keys" in fail(api, "api-keys", "create", "alice", "--name", "x")


# revoke


def test_revoke_ends_a_key(api: Flask, signal_log: SignalLog) -> None:
    key, other = make_key(api), make_key(api)
    signal_log.sessions.clear()

    assert succeed(api, "api-keys", "revoke", "--", key.id) == "The API key has ended.\n"

    assert [status(api, each.text) for each in (key, other)] == [401, 200]
    assert [name for name, _ in signal_log.sessions] == ["tokenauth-api-key-revoked"]


@pytest.mark.slow
@pytest.mark.parametrize("key_id", ["x", "", "é", "x" * 1000, "'; --"])
def test_revoke_fails_for_an_unknown_key(api: Flask, key_id: str) -> None:
    make_key(api)

    message = fail(api, "api-keys", "revoke", "--", key_id)

    assert message == "Error: there is no such API key, or it has ended before: see api-keys list\n"
    assert len(list_keys(api)) == 1


def test_revoke_fails_the_second_time(api: Flask) -> None:
    key = make_key(api)
    succeed(api, "api-keys", "revoke", "--", key.id)

    assert "ended before" in fail(api, "api-keys", "revoke", "--", key.id)


# Each of them

COMMANDS = [("list", "alice"), ("create", "alice", "--name", "x"), ("revoke", "x")]
each_command = pytest.mark.parametrize("words", COMMANDS, ids=lambda words: str(words[0]))


@each_command
def test_without_the_setting_the_command_says_what_is_missing(
    make_session_app: MakeSessionApp, words: tuple[str, ...]
) -> None:
    assert "TOKENAUTH_API_KEYS = True" in fail(make_session_app(), "api-keys", *words)


@each_command
def test_a_store_in_memory_is_refused(make_app: MakeApp, words: tuple[str, ...]) -> None:
    api = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=True)

    assert "set TOKENAUTH_STORE to a database" in fail(api, "api-keys", *words)


@each_command
def test_an_outage_is_one_line(api: Flask, words: tuple[str, ...]) -> None:
    with unavailable(store_of(api)):
        assert fail(api, "api-keys", *words) == "Error: nobody answers\n"


@pytest.mark.parametrize("words", COMMANDS[:2], ids=["list", "create"])
def test_user_ids_are_strings_of_the_type_of_the_application(
    make_session_app: MakeSessionApp, words: tuple[str, ...]
) -> None:
    api = make_session_app(auth=TokenAuth(user_id_type=int), TOKENAUTH_API_KEYS=True)

    assert "user_id" in fail(api, "api-keys", *words)
    assert run(api, "api-keys", words[0], "42", *words[2:]).exit_code == 0


# tokenauth revoke --user


@pytest.mark.parametrize(
    ("option", "answer", "told"),
    [
        ("--api-keys", 401, "The API keys of this user have ended."),
        ("--no-api-keys", 200, "The API keys of this user are still good."),
    ],
)
def test_revoke_user_says_what_happens_to_the_keys(api: Flask, option: str, answer: int, told: str) -> None:
    key, login = make_key(api), sign_in(api)

    printed = succeed(api, "revoke", "--user", "alice", option)

    assert printed == (f"Every session of this user has ended, and every token issued before is refused.\n{told}\n")
    assert [status(api, key.text), me(api, login["access_token"])] == [answer, 401]


@pytest.mark.slow
def test_revoke_user_must_be_told_about_the_keys(api: Flask) -> None:
    key, login = make_key(api), sign_in(api)

    result = run(api, "revoke", "--user", "alice")

    assert result.exit_code == 2
    assert "give --api-keys or --no-api-keys" in result.stderr
    assert [status(api, key.text), me(api, login["access_token"])] == [200, 200]


@pytest.mark.parametrize("option", ["--api-keys", "--no-api-keys"])
@pytest.mark.parametrize("what", ["--session", "--token"])
def test_the_option_is_only_for_users(api: Flask, option: str, what: str) -> None:
    result = run(api, "revoke", what, "x", option)

    assert result.exit_code == 2
    assert "only with --user" in result.stderr


@pytest.mark.parametrize("options", [(), ("--api-keys",), ("--no-api-keys",)], ids=str)
def test_without_api_keys_the_option_may_be_left_out(
    make_session_app: MakeSessionApp, options: tuple[str, ...]
) -> None:
    api = make_session_app()
    login = sign_in(api)

    printed = succeed(api, "revoke", "--user", "alice", *options)

    assert printed == "Every session of this user has ended, and every token issued before is refused.\n"
    assert me(api, login["access_token"]) == 401


def test_revoke_token_takes_the_id_of_a_key_and_of_a_reference_token(api: Flask) -> None:
    key, reference = make_key(api), make_reference(api)
    with api.app_context():
        reference_id = TokenAuth().verify(reference).token_id

    for each in (key.id, str(reference_id)):
        succeed(api, "revoke", f"--token={each}")

    assert [status(api, text) for text in (key.text, reference)] == [401, 401]


# token --format


@pytest.mark.parametrize(
    ("options", "setting", "beginning"),
    [
        ((), "jwt", "eyJ"),
        ((), "reference", "tr_"),
        (("--format", "reference"), "jwt", "tr_"),
        (("--format", "jwt"), "reference", "eyJ"),
    ],
)
def test_token_prints_a_token_of_the_format(
    make_session_app: MakeSessionApp, options: tuple[str, ...], setting: str, beginning: str
) -> None:
    api = make_session_app(TOKENAUTH_TOKEN_FORMAT=setting)

    text = succeed(api, "token", "alice", *options).strip()

    assert text.startswith(beginning)
    assert me(api, text) == 200


def test_token_refuses_another_format(api: Flask) -> None:
    assert run(api, "token", "alice", "--format", "opaque").exit_code == 2


@pytest.mark.parametrize(
    ("options", "config"), [(("--format", "reference"), {}), ((), {"TOKENAUTH_TOKEN_FORMAT": "reference"})], ids=str
)
def test_a_reference_token_in_the_memory_of_the_command_is_refused(
    make_app: MakeApp, options: tuple[str, ...], config: dict[str, Any]
) -> None:
    api = make_app(TOKENAUTH_STORE="memory://", **config)

    assert "set TOKENAUTH_STORE to a database" in fail(api, "token", "alice", *options)
    assert run(api, "token", "alice", "--format", "jwt").exit_code == 0


def test_without_a_store_there_is_no_reference_token(make_app: MakeApp) -> None:
    assert "TOKENAUTH_STORE" in fail(make_app(), "token", "alice", "--format", "reference")


# inspect


def inspect(app: Flask, text: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the output, in which the token never is."""
    result = app.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "inspect"], input=text)
    assert text[3:] not in result.output
    printed: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, printed


def test_inspect_shows_what_the_store_knows_of_an_api_key(api: Flask, clock: StandingClock) -> None:
    key = make_key(api, scopes=["reports:read", "b"], expires_in=60)
    assert key.expires_at is not None

    code, printed = inspect(api, key.text)

    now, end = key.created_at.isoformat(timespec="seconds"), key.expires_at.isoformat(timespec="seconds")
    assert code == 0
    assert printed == {
        "kind": "api_key",
        "api_key": {
            "id": key.id,
            "name": "laptop",
            "hint": key.hint,
            "scopes": ["reports:read", "b"],
            "created_at": now,
            "last_used_at": None,
            "expires_at": end,
        },
        "claims": {
            "iss": ISSUER,
            "sub": "alice",
            "aud": AUDIENCE,
            "iat": clock.now,
            "exp": clock.now + 60,
            "scope": "reports:read b",
        },
        "times": {"iat": now, "exp": end},
        "now": now,
        "accepted": True,
        "user_id": "alice",
        "scopes": ["b", "reports:read"],
    }


def test_inspect_shows_the_claims_of_a_reference_token(api: Flask, clock: StandingClock) -> None:
    code, printed = inspect(api, make_reference(api, claims={"team": "blue"}))

    assert code == 0
    assert (printed["kind"], printed["accepted"], printed["user_id"]) == ("reference", True, "alice")
    assert (printed["claims"]["team"], printed["claims"]["exp"]) == ("blue", clock.now + 900)
    assert printed["times"].keys() == {"iat", "exp"}
    assert "api_key" not in printed
    assert "header" not in printed


REFUSED = {
    "unknown key": (lambda api: make_text("ta_"), "api_key", "token_unknown"),
    "unknown reference": (lambda api: make_text("tr_"), "reference", "token_unknown"),
    "damaged key": (lambda api: make_text("ta_")[:-1], "api_key", "token_damaged"),
    "damaged reference": (lambda api: make_text("tr_") + "A", "reference", "token_damaged"),
    "long": (lambda api: make_text("tr_") * 1000, "reference", "token_too_large"),
}


@pytest.mark.parametrize(("make", "kind", "reason"), REFUSED.values(), ids=REFUSED)
def test_inspect_knows_nothing_of_other_strings(api: Flask, make: Any, kind: str, reason: str) -> None:
    code, printed = inspect(api, make(api))

    assert (code, printed["kind"], printed["reason"]) == (1, kind, reason)
    assert (printed["accepted"], printed["claims"], printed["times"]) == (False, None, {})


def test_inspect_shows_the_facts_of_a_token_that_is_refused(make_session_app: MakeSessionApp) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_API_KEYS=True, TOKENAUTH_AUDIENCE="https://other.example")
    api = make_session_app(TOKENAUTH_API_KEYS=True)

    for text in (make_key(other).text, make_reference(other)):
        code, printed = inspect(api, text)

        assert (code, printed["accepted"], printed["reason"]) == (1, False, "audience_wrong")
        assert printed["claims"]["aud"] == "https://other.example"


def test_inspect_asks_api_key_check(make_session_app: MakeSessionApp) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    auth.api_key_check(lambda user_id, key: [] if user_id == "alice" else None)
    api = make_session_app(auth=auth, TOKENAUTH_API_KEYS=True)

    _, narrowed = inspect(api, make_key(api).text)
    _, refused = inspect(api, make_key(api, "bob").text)

    assert (narrowed["scopes"], narrowed["api_key"]["scopes"]) == ([], ["reports:read"])
    assert (refused["reason"], refused["api_key"]["name"]) == ("api_key_rejected", "laptop")


def test_inspect_shows_a_revoked_token_as_unknown(api: Flask) -> None:
    key, reference = make_key(api), make_reference(api)
    revoke_user(api, api_keys=True)

    assert [inspect(api, text)[1]["reason"] for text in (key.text, reference)] == ["token_unknown"] * 2


def test_inspect_escapes_the_name_of_a_key(api: Flask) -> None:
    key = make_key(api, name="\u202egnp.exe\u2066")

    result = api.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "inspect"], input=key.text)

    assert result.stdout.replace(key.hint[:3] + "\\u2026", "").isascii()
    assert json.loads(result.stdout)["api_key"]["name"] == "\u202egnp.exe\u2066"


def test_inspect_reports_a_row_that_cannot_be_read(api: Flask, tmp_path: Path) -> None:
    text = make_reference(api)
    execute(tmp_path / "sessions.db", "UPDATE tokenauth_reference_token SET claims = 'x'")

    result = api.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", "inspect"], input=text)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "reference token in the store cannot be read" in result.stderr


def test_inspect_of_such_a_token_in_memory_is_refused(make_app: MakeApp) -> None:
    api = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=True)

    for prefix in ("ta_", "tr_"):
        assert "set TOKENAUTH_STORE to a database" in fail(api, "inspect", make_text(prefix))


def test_without_a_store_inspect_reads_such_a_string_as_a_jwt(make_app: MakeApp) -> None:
    code, printed = inspect(make_app(), make_text("tr_"))

    assert (code, printed["reason"], printed["header"]) == (1, "token_malformed", None)
    assert "kind" not in printed


# routes


def test_routes_shows_the_kinds_that_a_guard_accepts(api: Flask) -> None:
    views = {
        "a": login_required(api_keys=True),
        "b": require_scope("x"),
        "c": require_scope("x", accept=("jwt",)),
        "d": login_required(accept=("reference", "api_key")),
        "e": login_optional(api_keys=True),
        "f": login_optional(accept=("jwt",)),
        "g": login_optional,
        "h": public,
        "i": login_required(max_age=60),
    }
    for name, guard in views.items():
        api.add_url_rule(f"/kinds/{name}", view_func=guard(whoami()), endpoint=name)

    lines = [line.split(maxsplit=2) for line in succeed(api, "routes").splitlines() if "/kinds/" in line]
    routes = [route for route in json.loads(succeed(api, "routes", "--json"))["routes"] if "/kinds/" in route["rule"]]

    assert [line[2] for line in lines] == [
        "login (API keys too)",
        "x",
        "x (only jwt)",
        "login (only reference, api_key)",
        "optional login (API keys too)",
        "optional login (only jwt)",
        "optional login",
        "public",
        "login within 60 s",
    ]
    assert [route["requires"] for route in routes][:4] == [[line[2]] for line in lines[:4]]
    assert [route["accepts"] for route in routes] == [
        ["jwt", "reference", "api_key"],
        ["jwt", "reference", "api_key"],
        ["jwt"],
        ["reference", "api_key"],
        ["jwt", "reference", "api_key"],
        ["jwt"],
        ["jwt", "reference"],
        ["jwt", "reference"],
        ["jwt", "reference"],
    ]


def test_routes_of_an_application_without_api_keys_names_none(make_session_app: MakeSessionApp) -> None:
    api = make_session_app()

    accepted = {kind for route in json.loads(succeed(api, "routes", "--json"))["routes"] for kind in route["accepts"]}

    assert accepted == {"jwt", "reference"}
    assert state_of(api).settings.api_keys is False
