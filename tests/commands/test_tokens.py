"""``flask tokenauth inspect``, ``token`` and ``doctor``, as they are typed."""

import io
import json
from collections.abc import Callable
from inspect import signature
from typing import Any
from weakref import WeakSet

import pytest
from click.testing import CliRunner, Result
from flask import Blueprint, Flask

from flask_tokenauth import TokenAuth, login_required, token_refused
from flask_tokenauth.core import Key, KeySet

from ..conftest import AUDIENCE, ISSUER, NOW, SECRET, MakeApp, Mint, StandingClock, bearer

GOOD = {"TOKENAUTH_DEFAULT_GUARD": "login_required", "PREFERRED_URL_SCHEME": "https"}

# click before 8.2 mixes what goes to stdout and stderr unless told not to; later it knows no such option.
APART: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}


def run(app: Flask, *args: str, stdin: Any = None) -> Result:
    return app.test_cli_runner(**APART).invoke(args=["tokenauth", *args], input=stdin)


def shown(result: Result) -> dict[str, Any]:
    """Return what ``inspect`` printed; it printed that and nothing else."""
    told: dict[str, Any] = json.loads(result.stdout)
    return told


@pytest.fixture(autouse=True)
def no_other_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no guard of another test be seen."""
    monkeypatch.setattr("flask_tokenauth.guards.marks.guarded", WeakSet())


@pytest.fixture
def plain(make_app: MakeApp) -> Flask:
    """An application. Not called ``app``: pytest-flask would push a request of it."""
    return make_app()


def test_a_good_token_is_shown_and_believed(plain: Flask, mint: Mint) -> None:
    result = run(plain, "inspect", mint())

    assert result.exit_code == 0
    assert shown(result) == {
        "header": {"alg": "HS256", "kid": mint.key.kid, "typ": "at+jwt"},
        "claims": mint.claims(),
        "times": {"iat": "2023-11-14T22:13:20+00:00", "exp": "2023-11-14T22:28:20+00:00"},
        "now": "2023-11-14T22:13:20+00:00",
        "accepted": True,
    }


def test_the_token_itself_is_not_printed(plain: Flask, mint: Mint) -> None:
    token = mint()

    assert token.rpartition(".")[2] not in run(plain, "inspect", token).output


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        ({"exp": NOW - 60}, "token_expired", "expired at 1699999940.0"),
        ({"nbf": NOW + 60}, "token_not_yet_valid", "not valid before 1700000060.0"),
        ({"jti": ...}, "claim_missing", "claim jti is missing"),
        ({"aud": "https://other.example"}, "audience_wrong", "The access token is not valid."),
        ({"typ": "JWT"}, "type_wrong", "The access token is not valid."),
    ],
)
def test_a_refused_token_is_shown_with_the_reason(
    plain: Flask, mint: Mint, changes: dict[str, Any], reason: str, message: str
) -> None:
    result = run(plain, "inspect", mint(**changes))

    assert result.exit_code == 1
    told = shown(result)
    assert told["claims"]["sub"] == "alice"
    assert (told["accepted"], told["reason"], told["message"]) == (False, reason, message)


def test_the_clock_is_that_of_the_application(plain: Flask, mint: Mint, clock: StandingClock) -> None:
    clock.now = NOW + 910.5

    told = shown(run(plain, "inspect", mint()))

    assert (told["now"], told["reason"]) == ("2023-11-14T22:28:30+00:00", "token_expired")


def test_the_check_of_the_application_is_asked_too(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    auth.token_check(lambda token: False)

    assert shown(run(make_app(auth=auth), "inspect", mint()))["reason"] == "token_rejected"


def test_a_user_id_of_another_type_is_told(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))

    assert shown(run(app, "inspect", mint()))["reason"] == "user_id_wrong"


Bend = Callable[[str], str]


@pytest.mark.parametrize(
    "bend",
    [
        lambda token: token[:-4] + "AAAA",
        lambda token: "x",
        lambda token: "a b",
        lambda token: token + "é",
        lambda token: token + ",",
        lambda token: "." + token.partition(".")[2],
        lambda token: "e30.e30.",
        lambda token: token + "A" * 8000,
        lambda token: "-" * 8001,
    ],
)
def test_the_reason_is_the_one_that_listeners_are_told(plain: Flask, mint: Mint, bend: Bend) -> None:
    plain.add_url_rule("/me", view_func=login_required(lambda: "me"))
    heard: list[str] = []
    text = bend(mint())

    with token_refused.connected_to(lambda app, reason: heard.append(reason), sender=plain):
        plain.test_client().get("/me", headers=bearer(text))

    assert [shown(run(plain, "inspect", "--", text))["reason"]] == heard


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_token_may_be_piped(plain: Flask, mint: Mint, end: str) -> None:
    assert run(plain, "inspect", stdin=mint() + end).exit_code == 0


class Terminal(io.BytesIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_token_is_asked_for_at_a_terminal(plain: Flask, mint: Mint) -> None:
    result = run(plain, "inspect", stdin=Terminal(mint().encode() + b"\n"))

    assert result.exit_code == 0
    assert result.stderr.strip() == "Token:"
    assert shown(result)["accepted"]


HOSTILE: dict[str, Any] = {"alg": "HS256", "kid": "\x1b]0;gone\x07\x7f\u009b31m\u202e", "\x1b[2J": 1}


@pytest.mark.parametrize("piped", [True, False])
def test_no_control_character_of_a_token_reaches_the_terminal(plain: Flask, mint: Mint, piped: bool) -> None:  # noqa: FBT001
    token = mint(**HOSTILE)

    result = run(plain, "inspect", stdin=token) if piped else run(plain, "inspect", token)

    assert result.output.isascii()
    assert result.output.replace("\n", "").isprintable()
    assert shown(result)["claims"]["kid"] == HOSTILE["kid"]


GARBAGE = [
    "",
    " ",
    "x",
    "..",
    "\x1b[31m.\x9b.\x7f",
    "\x1b]0;x\x07",
    "-\x1b[31m",
    "--\x1b[31m=\x7f",
    "Bearer \x1b[31m",
    "\ud800",
    "\udcff",
    "é" * 9000,
    "A" * 2_000_000,
]


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_as_an_argument_is_refused_and_not_printed(plain: Flask, text: str) -> None:
    result = run(plain, "inspect", text)

    assert result.exit_code == 1
    assert result.output.isascii()
    assert result.output.replace("\n", "").isprintable()
    assert shown(result) | {"reason": None, "message": None, "now": None} == {
        "header": None,
        "claims": None,
        "times": {},
        "now": None,
        "accepted": False,
        "reason": None,
        "message": None,
    }


@pytest.mark.parametrize("text", [*(each.encode(errors="surrogatepass") for each in GARBAGE), b"\xff\x00\xfe", b"\x00"])
def test_garbage_from_a_pipe_is_refused_and_not_printed(plain: Flask, text: bytes) -> None:
    result = run(plain, "inspect", stdin=io.BytesIO(text))

    assert result.exit_code == 1
    assert result.output.isascii()
    assert result.output.replace("\n", "").isprintable()
    assert not shown(result)["accepted"]


def test_a_header_pasted_with_its_scheme_is_not_echoed_by_an_error(plain: Flask, mint: Mint) -> None:
    token = mint()

    result = run(plain, "inspect", "Bearer", token)

    assert shown(result)["reason"] == "credential_malformed"
    assert token not in result.output


def test_an_oversized_token_of_ours_is_shown_all_the_same(plain: Flask, mint: Mint) -> None:
    told = shown(run(plain, "inspect", mint(filler="x" * 8000)))

    assert told["reason"] == "token_too_large"
    assert told["claims"]["sub"] == "alice"


def test_a_token_is_printed_and_nothing_else(plain: Flask) -> None:
    result = run(plain, "token", "alice")

    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert result.stderr == "This token is real: until it expires, everyone who has it can act as that user.\n"
    assert shown(run(plain, "inspect", stdin=result.stdout))["accepted"]


def claims_of(app: Flask, *options: str) -> dict[str, Any]:
    """Return the claims of the token that ``flask tokenauth token`` prints."""
    claims: dict[str, Any] = shown(run(app, "inspect", run(app, "token", *options).stdout))["claims"]
    return claims


def test_without_options_a_token_is_what_the_settings_say(plain: Flask) -> None:
    claims = claims_of(plain, "alice")

    assert claims.pop("jti")
    assert claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 900,
        "client_id": ISSUER,
    }


def test_options_say_what_else_is_in_a_token(plain: Flask) -> None:
    options = ["--scope", "a", "--scope", "b", "--expires-in", "60", "--audience", "x", "--audience", "y"]

    claims = claims_of(plain, "alice", *options)

    assert (claims["scope"], claims["exp"], claims["aud"]) == ("a b", NOW + 60, ["x", "y"])


def test_a_user_is_of_the_declared_type(make_app: MakeApp) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))

    assert claims_of(app, "42")["sub"] == "42"
    assert run(app, "token", "042").stderr == (
        "Error: user_id does not survive its conversion to a string and back by user_id_type, which is int: pass an ID "
        "that user_id_type accepts\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--expires-in", "0"], "expires_in is under one second"),
        (["--expires-in", "86401"], "lifetime_too_long"),
        (["--expires-in", "9" * 30], "a duration must be shorter"),
        (["--scope", 'a"b'], "scope"),
        (["--audience", ""], "audience"),
    ],
)
def test_what_would_be_refused_is_not_made(plain: Flask, options: list[str], message: str) -> None:
    result = run(plain, "token", "alice", *options)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr


def test_an_application_that_only_verifies_makes_no_token(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_KEYS=KeySet([Key.generate("ES256").public()]))

    result = run(app, "token", "alice")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "can only verify tokens" in result.stderr


def test_the_doctor_finds_nothing_where_everything_is_said(make_app: MakeApp) -> None:
    result = run(make_app(**GOOD), "doctor")

    assert (result.exit_code, result.output) == (0, "Nothing found.\n")


@pytest.mark.parametrize(
    ("config", "exit_code", "severities"),
    [
        ({"PREFERRED_URL_SCHEME": "http"}, 0, ["hint"]),
        ({"PREFERRED_URL_SCHEME": "http", "TOKENAUTH_LEEWAY": 61}, 1, ["warning", "hint"]),
        ({"TOKENAUTH_LEEWAY": 61, "TOKENAUTH_SCOPES": {"a": "A"}}, 2, ["error", "warning"]),
    ],
)
def test_the_worst_finding_comes_first_and_says_how_the_doctor_exits(
    make_app: MakeApp, config: dict[str, Any], exit_code: int, severities: list[str]
) -> None:
    app = make_app(**GOOD | config)
    blueprint = Blueprint("x", __name__)
    TokenAuth().protect(blueprint, "b")
    blueprint.add_url_rule("/x", view_func=lambda: "x")
    app.register_blueprint(blueprint)

    result = run(app, "doctor")

    assert result.exit_code == exit_code
    assert [line.partition(": ")[0] for line in result.output.splitlines()] == severities
    assert SECRET not in result.output
