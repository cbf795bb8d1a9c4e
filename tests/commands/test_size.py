"""``flask tokenauth size`` shows the length that tokens of the application really have, and makes none."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_tokenauth import TokenAuth, create_token, token_response
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.authentication.cookies import MOST_BYTES
from flask_tokenauth.core import Key
from flask_tokenauth.core.keys.algorithms import ALGORITHMS
from flask_tokenauth.core.keys.encryption_algorithms import MANAGEMENTS
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.pyjwt import crypto_of
from flask_tokenauth.core.tokens import jwe
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import SECRET, MakeApp
from ..cookies_kit import cookies_of, make_cookie_app
from ..lifecycle.kit import METHODS

SCOPES, CLAIMS = ("reports:read", "reports:write"), {"team": "blue", "naïve": ["Zoë", 1.5, None]}
ASKED = ("alice", "--scope", SCOPES[0], "--scope", SCOPES[1], "--claims", json.dumps(CLAIMS))
pytestmark = pytest.mark.usefixtures("no_other_guards")


def run(app: Flask, *args: str) -> Result:
    return app.test_cli_runner().invoke(args=["tokenauth", "size", *args])


def measure(app: Flask, *args: str) -> dict[str, Any]:
    """Return the JSON that the command prints."""
    result = run(app, *args, "--json")
    assert result.exit_code == 0, result.output
    shown: dict[str, Any] = json.loads(result.output)
    return shown


def sizes_of(app: Flask, *args: str) -> dict[str, int]:
    """Return the bytes by kind or algorithm."""
    return {found["algorithm"] or found["kind"]: found["bytes"] for found in measure(app, *args)["tokens"]}


def issued(app: Flask, *args: str) -> tuple[str | None, int]:
    """Return the algorithm and the bytes of the token that the command says the application issues."""
    [found] = [found for found in measure(app, *args)["tokens"] if found["issued"]]
    return found["algorithm"], found["bytes"]


def sign_in(app: Flask, **options: Any) -> int:
    """Return the length of the access token of a real login."""
    with app.test_request_context():
        return len(token_response("alice", SCOPES, claims=CLAIMS, **options).get_json()["access_token"])


@cache
def key_of(alg: str) -> Key:
    """Return a new key. All RSA algorithms have the same, since it takes long to make one, and to check it."""
    if ALGORITHMS[alg].key_type != "RSA" or alg == "RS256":
        return Key.generate(alg)
    return replace(key_of("RS256"), algorithm=alg, _crypto=crypto_of(ALGORITHMS[alg]))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_size_of_each_jwt_is_the_length_of_one_that_is_issued(make_app: MakeApp, alg: str) -> None:
    usual, of_alg = make_app(), make_app()
    state_of(of_alg).settings.keys.exchange([key_of(alg)])

    length = sign_in(of_alg)

    assert issued(of_alg, *ASKED) == (alg, length)
    assert sizes_of(usual, *ASKED)[alg] == length


@pytest.mark.parametrize(("alg", "curve"), MANAGEMENTS)
def test_the_size_of_each_jwe_is_the_length_of_one_that_is_made(make_app: MakeApp, alg: str, curve: str | None) -> None:
    app = make_app()
    with app.test_request_context():
        inside = token_response("alice", SCOPES, claims=CLAIMS).get_json()["access_token"]

    made = jwe.encrypt(inside, EncryptionKey.generate(alg, curve=curve), typ="at+jwt")

    [found] = [
        found for found in measure(app, *ASKED)["tokens"] if (found["algorithm"], found["curve"]) == (alg, curve)
    ]
    assert (found["kind"], found["bytes"]) == ("jwe", len(made))


@pytest.mark.parametrize("alg", ["dir", "ECDH-ES+A256KW"])
def test_an_own_encryption_key_is_measured_with_its_own_id(make_app: MakeApp, alg: str) -> None:
    key = EncryptionKey.generate(alg, kid="2026")
    app = make_app(TOKENAUTH_ENCRYPTION_KEYS=[key.to_jwk(private=True)])

    assert issued(app, *ASKED) == (alg, sign_in(app))


def test_with_encryption_keys_reference_tokens_are_issued_as_before(make_app: MakeApp, store: MemoryStore) -> None:
    keys = [EncryptionKey.generate("dir").to_jwk(private=True)]
    app = make_app(TOKENAUTH_ENCRYPTION_KEYS=keys, TOKENAUTH_STORE=store, TOKENAUTH_TOKEN_FORMAT="reference")

    assert issued(app, *ASKED) == (None, 52)


def test_the_default_key_is_measured(make_app: MakeApp) -> None:
    assert issued(make_app(), *ASKED) == ("HS256", sign_in(make_app()))


def test_an_own_key_is_measured_with_its_own_size_and_id(make_app: MakeApp) -> None:
    key = Key.from_secret(SECRET * 2, alg="HS512", kid="2026")
    app = make_app(SECRET_KEY=None, TOKENAUTH_KEYS=[key.to_jwk(private=True)])

    assert issued(app, *ASKED) == ("HS512", sign_in(app))
    assert sizes_of(app, *ASKED)["HS512"] < sizes_of(make_app(), *ASKED)["HS512"]


def test_a_token_of_a_session_has_the_session_and_the_epoch(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(TOKENAUTH_STORE=store)
    first = issued(app, *ASKED)
    assert first == ("HS256", sign_in(app))

    with app.app_context():
        state_of(app).store.revoke_user("alice", retention=timedelta(days=1), api_keys=False)

    assert issued(app, *ASKED) == ("HS256", sign_in(app))
    assert issued(app, *ASKED) > first


def test_a_reference_token_is_measured(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(TOKENAUTH_STORE=store, TOKENAUTH_TOKEN_FORMAT="reference")

    assert issued(app, *ASKED) == (None, sign_in(app))
    with app.app_context():
        assert sizes_of(make_app(), *ASKED)["reference"] == len(create_token("alice"))


def test_an_application_without_a_signing_key_can_measure_its_reference_tokens(
    make_app: MakeApp, store: MemoryStore
) -> None:
    public = [key_of("ES256").to_jwk()]
    app = make_app(TOKENAUTH_KEYS=public, TOKENAUTH_STORE=store, TOKENAUTH_TOKEN_FORMAT="reference")

    assert issued(app, *ASKED) == (None, 52)
    sizes = sizes_of(app, *ASKED)
    assert sizes["dir"] > sizes["HS256"] > 52


def test_the_claims_add_up_to_the_claims_set(make_app: MakeApp) -> None:
    shown = measure(make_app(), *ASKED)

    assert shown["claims"].keys() >= {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "auth_time", "scope"}
    assert shown["claims"].keys() >= CLAIMS.keys()
    assert sum(shown["claims"].values()) + 1 == shown["claims_bytes"]
    assert shown["claims"]["team"] == len('"team":"blue",')
    assert list(shown["claims"].values()) == sorted(shown["claims"].values(), reverse=True)


def test_nothing_is_stored(make_app: MakeApp, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(TOKENAUTH_STORE=store, TOKENAUTH_TOKEN_FORMAT="reference")
    for name in METHODS:
        if name != "read_epoch":
            monkeypatch.setattr(store, name, None)  # which cannot be called

    assert run(app, *ASKED).exit_code == 0


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_token_and_no_value_of_a_claim_is_printed(make_app: MakeApp, options: tuple[str, ...]) -> None:
    printed = run(make_app(TOKENAUTH_STORE="memory://"), *ASKED, *options).output

    assert not re.search(r"eyJ|tr_|alice|reports:|blue|Zo", printed)


def test_the_table_has_tokens_of_one_length_on_one_line(make_app: MakeApp) -> None:
    app = make_app()
    sizes = sizes_of(app, "alice")

    lines = run(app, "alice").output.splitlines()

    assert lines[:3] == [
        " bytes  header  token",
        "    52      74  reference token",
        f"   {sizes['HS256']}     {sizes['HS256'] + 22}  JWT, HS256 (this application issues it)",
    ]
    assert f"   {sizes['ES256']}     {sizes['ES256'] + 22}  JWT, ES256, EdDSA" in lines
    assert f"   {sizes['dir']}     {sizes['dir'] + 22}  JWE, dir" in lines
    assert [line.split(maxsplit=2)[2] for line in lines if " JWE, ECDH" in line] == [
        "JWE, ECDH-ES+A256KW (X25519)",
        "JWE, ECDH-ES+A256KW (P-256)",
    ]
    assert lines[-1] == f"   {measure(app, 'alice')['claims_bytes']}  all claims, as JSON"
    assert lines[lines.index("") + 1 : lines.index("") + 3] == [" bytes  claim", "    37  client_id"]


def lines_over(app: Flask, *args: str) -> list[str]:
    """Return the kinds of tokens that are over a limit."""
    return [line.split(maxsplit=2)[2] for line in run(app, *args).output.splitlines() if " over " in line]


@pytest.mark.parametrize("spare", [1, 0, -1])
def test_a_token_over_the_limit_is_shown_and_marked(make_app: MakeApp, spare: int) -> None:
    claims = ("--claims", json.dumps({"x": "a" * 2000}))
    length = sizes_of(make_app(), "alice", *claims)["HS256"]
    app = make_app(TOKENAUTH_MAX_TOKEN_BYTES=length + spare)

    marked = lines_over(app, "alice", *claims)

    assert (f"JWT, HS256 (this application issues it) is over TOKENAUTH_MAX_TOKEN_BYTES, {length - 1}" in marked) == (
        spare < 0
    )
    fits = {found["algorithm"]: found["fits"] for found in measure(app, "alice", *claims)["tokens"]}
    assert (fits["HS256"], fits["RS256"], fits["dir"], fits[None]) == (spare >= 0, False, False, True)


@pytest.mark.parametrize("spare", [0, -1])
def test_the_limit_counts_for_the_claims_of_a_reference_token(make_app: MakeApp, spare: int) -> None:
    claims = ("--claims", json.dumps({"x": "a" * 2000}))
    length = measure(make_app(), "alice", *claims)["claims_bytes"]
    app = make_app(TOKENAUTH_MAX_TOKEN_BYTES=length + spare)

    marked = f"reference token is over TOKENAUTH_MAX_TOKEN_BYTES, {length + spare}"

    assert (marked in lines_over(app, "alice", *claims)) == (spare < 0)


def test_a_token_that_does_not_fit_into_its_cookie_is_marked(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_cookie_app(make_app, store)
    room = MOST_BYTES - len(str(cookies_of(app).access))

    marked = lines_over(app, "alice", "--claims", json.dumps({"x": "a" * 3000}))

    assert f"JWT, HS256 (this application issues it) is over the room in a cookie, {room}" in marked
    assert not any(line.startswith("reference") for line in marked)
    assert measure(app, "alice")["room_in_cookie"] == room
    assert lines_over(app, "alice") == []


def test_a_name_cannot_reach_the_terminal_as_a_command(make_app: MakeApp) -> None:
    output = run(make_app(), "alice", "--claims", json.dumps({"\x1b[2J": 1, "\x7f": 2})).output

    assert r"'\x1b[2J'" in output
    assert not re.search(r"[\x1b\x7f]", output)
    assert "\x7f" not in run(make_app(), "alice", "--claims", json.dumps({"\x7f": 2}), "--json").output


@pytest.mark.parametrize("claims", ["", "secret", "[1]", '"secret"', '{"a":1,"a":2}', '{"a":NaN}', "[" * 40, "\udcff"])
def test_claims_are_a_json_object(make_app: MakeApp, claims: str) -> None:
    result = run(make_app(), "alice", "--claims", claims)

    assert result.exit_code == 1
    assert "--claims must be a JSON object with each name once" in result.output
    assert "secret" not in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("alice", "--claims", '{"sub": "bob"}'), "claims must not have reserved names, got sub"),
        (("alice", "--scope", "reports:raed"), "reports:raed"),
        (("a\n",), "user_id must be a string of 1 to 255 characters"),
    ],
)
def test_a_token_that_would_be_refused_is_not_measured(make_app: MakeApp, args: tuple[str, ...], message: str) -> None:
    result = run(make_app(TOKENAUTH_SCOPES={"reports:read": "Read reports"}), *args)

    assert (result.exit_code, message in result.output) == (1, True)


def test_an_application_that_issues_no_tokens_has_none_to_measure(make_app: MakeApp) -> None:
    app = make_app(SECRET_KEY=None, TOKENAUTH_KEYS=[key_of("ES256").to_jwk()])

    assert "must hold a private key or a secret to issue tokens" in run(app, "alice").output


def test_the_user_id_has_the_type_of_the_application(make_app: MakeApp) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))

    assert run(app, "7").exit_code == 0
    assert "user_id" in run(app, "alice").output
