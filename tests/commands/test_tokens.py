"""``flask tokenauth inspect``, ``token`` and ``doctor`` as commands."""

import io
import json
from collections.abc import Callable
from inspect import signature
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Blueprint, Flask

from flask_tokenauth import TokenAuth, login_required, token_refused
from flask_tokenauth.core import Key, KeySet
from flask_tokenauth.core.claim_errors import WrongAudience
from flask_tokenauth.core.token_errors import WrongType

from ..conftest import AUDIENCE, ISSUER, NOW, SECRET, MakeApp, Mint, StandingClock, bearer
from ..encryption_kit import OTHER, encrypt, keys_setting

GOOD = {"TOKENAUTH_DEFAULT_GUARD": "login_required", "PREFERRED_URL_SCHEME": "https"}

# click before 8.2 mixes stdout and stderr unless this option is set. Later versions do not have the option.
OPTIONS: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
pytestmark = pytest.mark.usefixtures("no_other_guards")


def run(app: Flask, *args: str, stdin: Any = None) -> Result:
    return app.test_cli_runner(**OPTIONS).invoke(args=["tokenauth", *args], input=stdin)


def read_json(result: Result) -> dict[str, Any]:
    """Return the JSON that ``inspect`` printed, and check that it printed nothing else."""
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


@pytest.fixture
def api(make_app: MakeApp) -> Flask:
    """An application. Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_app()


def test_inspect_prints_a_good_token_as_accepted(api: Flask, mint: Mint) -> None:
    result = run(api, "inspect", mint())

    assert result.exit_code == 0
    assert read_json(result) == {
        "header": {"alg": "HS256", "kid": mint.key.kid, "typ": "at+jwt"},
        "claims": mint.claims(),
        "times": {"iat": "2023-11-14T22:13:20+00:00", "exp": "2023-11-14T22:28:20+00:00"},
        "judged_by": ISSUER,
        "now": "2023-11-14T22:13:20+00:00",
        "accepted": True,
        "user_id": "alice",
        "scopes": ["reports:read"],
    }


@pytest.fixture
def encrypting(make_app: MakeApp) -> Flask:
    """An application whose tokens are encrypted."""
    return make_app(**keys_setting())


def test_inspect_opens_an_encrypted_token(encrypting: Flask, mint: Mint) -> None:
    result = run(encrypting, "inspect", encrypt(mint(), iss=ISSUER))

    shown = read_json(result)
    assert (result.exit_code, shown["accepted"], shown["judged_by"]) == (0, True, ISSUER)
    assert shown["outer_header"] == {
        "alg": "dir",
        "enc": "A256GCM",
        "kid": "e1",
        "cty": "JWT",
        "typ": "at+jwt",
        "iss": ISSUER,
    }
    assert shown["header"] == {"alg": "HS256", "kid": mint.key.kid, "typ": "at+jwt"}
    assert shown["claims"] == mint.claims()


def test_inspect_shows_what_is_inside_a_refused_encrypted_token(encrypting: Flask, mint: Mint) -> None:
    result = run(encrypting, "inspect", encrypt(mint(exp=NOW - 11)))

    shown = read_json(result)
    assert (result.exit_code, shown["reason"], shown["claims"]["exp"]) == (1, "token_expired", NOW - 11)


def test_inspect_shows_the_outer_header_of_a_token_that_it_cannot_open(
    encrypting: Flask, api: Flask, mint: Mint
) -> None:
    reasons = []
    for app, text in ((encrypting, encrypt(mint(), OTHER)), (api, encrypt(mint()))):
        shown = read_json(run(app, "inspect", text))
        assert shown["outer_header"]["alg"] == "dir"
        assert (shown["header"], shown["claims"], shown["judged_by"]) == (None, None, None)
        reasons.append(shown["reason"])

    assert reasons == ["encryption_key_unknown", "token_malformed"]


def test_inspect_says_that_a_plain_token_must_be_encrypted(encrypting: Flask, mint: Mint) -> None:
    shown = read_json(run(encrypting, "inspect", mint()))

    assert (shown["reason"], "outer_header" in shown) == ("token_not_encrypted", False)


def test_token_prints_an_encrypted_token(encrypting: Flask) -> None:
    token = run(encrypting, "token", "alice").stdout.strip()

    assert token.count(".") == 4
    assert read_json(run(encrypting, "inspect", token))["accepted"] is True


def test_inspect_does_not_print_the_token(api: Flask, mint: Mint) -> None:
    token = mint()

    assert token.rpartition(".")[2] not in run(api, "inspect", token).output


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        (
            {"exp": NOW - 60},
            "token_expired",
            "claim exp must be later than now, got 2023-11-14T22:12:20Z: refresh, or log in again",
        ),
        (
            {"nbf": NOW + 60},
            "token_not_yet_valid",
            "claim nbf must not be later than now, got 2023-11-14T22:14:20Z: compare the clocks",
        ),
        ({"jti": ...}, "claim_missing", "the token must have the claim jti, and it is missing"),
        ({"aud": "https://other.example"}, "audience_wrong", WrongAudience.message),
        ({"typ": "JWT"}, "type_wrong", WrongType.message),
    ],
)
def test_inspect_prints_the_reason_of_a_refusal(
    api: Flask, mint: Mint, changes: dict[str, Any], reason: str, message: str
) -> None:
    result = run(api, "inspect", mint(**changes))

    assert result.exit_code == 1
    printed = read_json(result)
    assert printed["claims"]["sub"] == "alice"
    assert (printed["accepted"], printed["reason"], printed["message"]) == (False, reason, message)


def test_inspect_uses_the_clock_of_the_application(api: Flask, mint: Mint, clock: StandingClock) -> None:
    clock.now = NOW + 910.5

    printed = read_json(run(api, "inspect", mint()))

    assert (printed["now"], printed["reason"]) == ("2023-11-14T22:28:30+00:00", "token_expired")


def test_inspect_calls_token_check(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    auth.token_check(lambda token: False)

    assert read_json(run(make_app(auth=auth), "inspect", mint()))["reason"] == "token_rejected"


def test_inspect_checks_the_type_of_the_user_id(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))

    assert read_json(run(app, "inspect", mint()))["reason"] == "user_id_wrong"


Change = Callable[[str], str]


@pytest.mark.parametrize(
    "change",
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
def test_inspect_prints_the_reason_that_the_signal_has(api: Flask, mint: Mint, change: Change) -> None:
    api.add_url_rule("/me", view_func=login_required(lambda: "me"))
    reasons: list[str] = []
    text = change(mint())

    with token_refused.connected_to(lambda app, reason: reasons.append(reason), sender=api):
        api.test_client().get("/me", headers=bearer(text))

    assert [read_json(run(api, "inspect", "--", text))["reason"]] == reasons


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_inspect_reads_the_token_from_a_pipe(api: Flask, mint: Mint, end: str) -> None:
    assert run(api, "inspect", stdin=mint() + end).exit_code == 0


class Terminal(io.BytesIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_inspect_prompts_for_the_token_at_a_terminal(api: Flask, mint: Mint) -> None:
    result = run(api, "inspect", stdin=Terminal(mint().encode() + b"\n"))

    assert result.exit_code == 0
    assert result.stderr.strip() == "Token:"
    assert read_json(result)["accepted"]


HOSTILE: dict[str, Any] = {"alg": "HS256", "kid": "\x1b]0;gone\x07\x7f\u009b31m\u202e", "\x1b[2J": 1}


@pytest.mark.parametrize("piped", [True, False])
def test_inspect_prints_no_control_characters_of_a_token(api: Flask, mint: Mint, piped: bool) -> None:  # noqa: FBT001
    token = mint(**HOSTILE)

    result = run(api, "inspect", stdin=token) if piped else run(api, "inspect", token)

    assert result.output.isascii()
    assert result.output.replace("\n", "").isprintable()
    assert read_json(result)["claims"]["kid"] == HOSTILE["kid"]


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
def test_inspect_refuses_an_invalid_argument_and_does_not_print_it(api: Flask, text: str) -> None:
    result = run(api, "inspect", text)

    assert result.exit_code == 1
    assert result.output.isascii()
    assert result.output.replace("\n", "").isprintable()
    assert read_json(result) | {"reason": None, "message": None, "now": None} == {
        "header": None,
        "claims": None,
        "times": {},
        "judged_by": None,
        "now": None,
        "accepted": False,
        "reason": None,
        "message": None,
    }


@pytest.mark.parametrize("text", [*(text.encode(errors="surrogatepass") for text in GARBAGE), b"\xff\x00\xfe", b"\x00"])
def test_inspect_refuses_an_invalid_pipe_and_does_not_print_it(api: Flask, text: bytes) -> None:
    result = run(api, "inspect", stdin=io.BytesIO(text))

    assert result.exit_code == 1
    assert result.output.isascii()
    assert result.output.replace("\n", "").isprintable()
    assert not read_json(result)["accepted"]


def test_inspect_does_not_print_a_token_after_its_scheme(api: Flask, mint: Mint) -> None:
    token = mint()

    result = run(api, "inspect", "Bearer", token)

    assert read_json(result)["reason"] == "credential_malformed"
    assert token not in result.output


def test_inspect_prints_the_claims_of_a_token_that_is_too_large(api: Flask, mint: Mint) -> None:
    printed = read_json(run(api, "inspect", mint(filler="x" * 8000)))

    assert printed["reason"] == "token_too_large"
    assert printed["claims"]["sub"] == "alice"


def test_token_prints_the_token_alone_on_stdout(api: Flask) -> None:
    result = run(api, "token", "alice")

    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert result.stderr == "This token is real: until it expires, everyone who has it can act as that user.\n"
    assert read_json(run(api, "inspect", stdin=result.stdout))["accepted"]


def claims_of(app: Flask, *options: str) -> dict[str, Any]:
    """Return the claims of the token that ``flask tokenauth token`` prints."""
    claims: dict[str, Any] = read_json(run(app, "inspect", run(app, "token", *options).stdout))["claims"]
    return claims


def test_token_without_options_uses_the_settings(api: Flask) -> None:
    claims = claims_of(api, "alice")

    assert claims.pop("jti")
    assert claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 900,
        "client_id": ISSUER,
    }


def test_token_takes_options(api: Flask) -> None:
    options = ["--scope", "a", "--scope", "b", "--expires-in", "60", "--audience", "x", "--audience", "y"]

    claims = claims_of(api, "alice", *options)

    assert (claims["scope"], claims["exp"], claims["aud"]) == ("a b", NOW + 60, ["x", "y"])


@pytest.mark.parametrize(
    ("given", "seconds"), [("60", 60), ("1.5", 1), ("15m", 900), ("1h30m", 5400), ("PT15M", 900), ("24h", 86400)]
)
def test_token_takes_a_lifetime_as_settings_do(api: Flask, given: str, seconds: int) -> None:
    assert claims_of(api, "alice", "--expires-in", given)["exp"] == NOW + seconds


def test_token_fails_for_a_scope_that_is_not_declared(make_app: MakeApp) -> None:
    result = run(make_app(TOKENAUTH_SCOPES={"reports:read": "Read"}), "token", "alice", "--scope", "reports:reed")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: scope reports:reed is not declared in TOKENAUTH_SCOPES: declare it, or did you mean reports:read?\n"
    )


def test_token_checks_the_type_of_the_user_id(make_app: MakeApp) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))

    assert claims_of(app, "42")["sub"] == "42"
    assert run(app, "token", "042").stderr == (
        "Error: user_id does not survive its conversion to a string and back by user_id_type, which is int: pass an ID "
        "that user_id_type accepts\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--expires-in", "0"], "expires_in must be at least 1 second"),
        (["--expires-in", "86401"], "lifetime_too_long"),
        (["--expires-in", "9" * 30], "--expires-in must be a duration like 900, 15m or PT15M, got another string\n"),
        (["--expires-in", "15x"], "--expires-in must be a duration like 900, 15m or PT15M, got '15x'\n"),
        (["--expires-in", "x" * 20], f"got '{'x' * 20}'\n"),
        (["--expires-in", "x" * 21], "got another string\n"),
        (["--expires-in", "-5"], "expires_in must be at least 1 second"),
        (["--scope", 'a"b'], "scope"),
        (["--audience", ""], "audience"),
    ],
)
def test_token_fails_for_an_invalid_option(api: Flask, options: list[str], message: str) -> None:
    result = run(api, "token", "alice", *options)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr


def test_token_fails_with_only_public_keys(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_KEYS=KeySet([Key.generate("ES256").public()]))

    result = run(app, "token", "alice")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "can only verify tokens" in result.stderr


def test_doctor_prints_that_it_found_nothing(make_app: MakeApp) -> None:
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
def test_doctor_prints_the_worst_finding_first_and_exits_by_it(
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
