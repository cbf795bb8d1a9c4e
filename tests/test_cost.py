"""The cost of a request in calls, which do not vary as times do."""

import gc
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token, login_optional, login_required, require_scope, token_accepted
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.keys.key import Key

from .conftest import AUDIENCE, ISSUER, SECRET
from .encryption_kit import KEY as ENCRYPTION_KEY
from .encryption_kit import keys_setting

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")
KEYS = {name: Key.generate(name) for name in ALGORITHMS}
# Names of functions in the libraries below, written in C, Rust or Python.
DECODE_BASE64 = "the decoder of base64url"
BASE64 = {DECODE_BASE64, "b2a_base64"}
JSON = {"Decoder.decode", "Encoder.encode", "JSONDecoder.decode", "raw_decode", "c_scanner"}
CHECKS = {"HMAC.verify", "RSAPublicKey.verify", "ECPublicKey.verify", "Ed25519PublicKey.verify"}
SIGNINGS = {"HMAC.finalize", "RSAPrivateKey.sign", "ECPrivateKey.sign", "Ed25519PrivateKey.sign"}
PARSERS = {"load_pem_private_key", "load_pem_public_key", "public_key", "private_key", "from_public_bytes", "from_jwk"}


class Calls(Counter[str]):
    """How often each function was called within the context, by its name. The garbage collector is off meanwhile."""

    def __enter__(self) -> "Calls":
        gc.disable()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)
        gc.enable()

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:  # pragma: no cover  # itself not profiled
        if event == "c_call":
            is_base64 = argument == base64url._decode_string  # which is a decoder of JSON too
            self[DECODE_BASE64 if is_base64 else getattr(argument, "__qualname__", repr(argument))] += 1
        elif event == "call":
            self[frame.f_code.co_qualname] += 1

    def of(self, names: set[str]) -> int:
        """Return the number of calls of functions with one of *names*, in any class."""
        return sum(count for name, count in self.items() if name in names or name.rpartition(".")[2] in names)


TICKETS = {"may_have_ticket", "list_tickets", "enforce_with_ticket", "settle_used_ticket", "getlist"}


def make_app(algorithm: str, *, cache_size: int, **config: Any) -> Flask:
    app = Flask("tests")
    app.config |= {
        "TOKENAUTH_KEYS": [KEYS[algorithm].to_jwk(private=True)],
        "TOKENAUTH_ISSUER": ISSUER,
        "TOKENAUTH_AUDIENCE": AUDIENCE,
        "TOKENAUTH_TOKEN_CACHE_SIZE": cache_size,
        "TESTING": True,
    } | config
    TokenAuth(app)
    app.add_url_rule("/", view_func=login_required(lambda: "hello"), methods=["GET", "POST"])
    reports = require_scope("reports:read")(lambda: "hello")
    app.add_url_rule("/reports", view_func=reports, endpoint="reports", methods=["GET", "POST"])
    return app


def issue(app: Flask) -> str:
    with app.app_context():
        return create_token("alice", scopes=["reports:read"], claims={"team": {"name": "blue"}})


@pytest.fixture(params=ALGORITHMS)
def algorithm(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


Drive = Callable[..., tuple[str, Calls]]


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drive]:
    """Return a function that sends a request, and returns its status and its calls.

    The token is in its header, unless it is None.

    No listener is connected to ``token_accepted``, as in an application that does not use it.
    """
    monkeypatch.setattr(token_accepted, "receivers", {})

    def send(app: Flask, token: str | None, path: str = "/", **environ_changes: str) -> tuple[str, Calls]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(),
        } | environ_changes
        if token is not None:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        statuses: list[str] = []
        with Calls() as calls:
            app.wsgi_app(environ, lambda status, headers, error=None: statuses.append(status))  # type: ignore[arg-type]
        return statuses[0], calls

    profile = sys.getprofile()
    yield send
    sys.setprofile(profile)


def test_a_cached_token_is_not_decoded_or_verified(algorithm: str, drive: Drive) -> None:
    app = make_app(algorithm, cache_size=10)
    token = issue(app)
    drive(app, token)

    status, calls = drive(app, token)

    assert status == "200 OK"
    assert calls.of(BASE64 | JSON | CHECKS | SIGNINGS | PARSERS) == 0


def test_a_token_that_is_not_cached_needs_one_signature_check(algorithm: str, drive: Drive) -> None:
    app = make_app(algorithm, cache_size=0)
    token = issue(app)
    drive(app, token)

    status, calls = drive(app, token)

    assert status == "200 OK"
    assert calls.of(CHECKS) == 1
    assert calls.of({"Key.verify"}) == 1


def test_a_known_header_is_not_decoded_again(algorithm: str, drive: Drive) -> None:
    app = make_app(algorithm, cache_size=0)
    first, second = issue(app), issue(app)
    _, first_seen = drive(app, first)

    _, known = drive(app, second)

    assert (first_seen.of({DECODE_BASE64}), known.of({DECODE_BASE64})) == (3, 2)
    assert (first_seen.of({"read_object"}), known.of({"read_object"})) == (1, 0)


def test_claims_are_decoded_once(algorithm: str, drive: Drive) -> None:
    app = make_app(algorithm, cache_size=0)
    token = issue(app)
    drive(app, token)

    _, calls = drive(app, token)

    assert calls.of({"Decoder.decode"}) == 1


@pytest.mark.parametrize(
    "token",
    [
        "a" * 8001,
        "." * 8001,
        "," * 1_000_000,
        "a" * 1_000_000,
        "e30." + "a" * 1_000_000 + ".e30",
        "garbage",
        "a.b",
        "a.b.c.d",
        "." * 8000,
        "a" * 8000,
        "!.!.!",
        "é.é.é",
        "",
    ],
    ids=range(13),
)
def test_a_token_too_large_or_malformed_needs_no_signature_check(token: str, drive: Drive) -> None:
    app = make_app("HS256", cache_size=10)
    drive(app, token)

    status, calls = drive(app, token)

    assert status in ("401 UNAUTHORIZED", "400 BAD REQUEST")
    assert calls.of(CHECKS | SIGNINGS | {"Key.verify"}) == 0


@pytest.mark.parametrize("length", [10_000, 1_000_000])
def test_the_cost_of_refusing_a_large_token_does_not_depend_on_its_size(length: int, drive: Drive) -> None:
    app = make_app("HS256", cache_size=10)
    drive(app, "a" * 9000)

    _, large = drive(app, "a" * length)
    _, small = drive(app, "a" * 9000)

    assert large == small


def test_a_request_parses_no_key(algorithm: str, drive: Drive) -> None:
    app = make_app(algorithm, cache_size=0)
    token = issue(app)

    _, calls = drive(app, token)
    with app.app_context(), calls:
        create_token("alice")

    assert calls.of(PARSERS) == 0
    assert calls.of(CHECKS) >= 1


def test_issuing_needs_one_signature_and_does_not_decode_the_token(algorithm: str) -> None:
    app = make_app(algorithm, cache_size=0)
    issue(app)

    with app.app_context(), Calls() as calls:
        create_token("alice", scopes=["reports:read"])

    assert calls.of(SIGNINGS) == 1
    assert calls.of({"Encoder.encode"}) == 1
    assert calls.of({DECODE_BASE64} | CHECKS) == 0


class Hook:
    """A hook that does nothing. Flask asks whether each hook is a coroutine: 12 calls on Python 3.11, 26 on 3.13."""

    def run(self) -> None:
        pass


@pytest.mark.parametrize("path", ["/", "/reports"])
def test_a_guard_adds_at_most_38_calls_for_a_cached_token(path: str, drive: Any) -> None:
    """Flask makes about 300 calls of its own for such a request."""
    app, bare = make_app("HS256", cache_size=10), Flask("bare")
    bare.add_url_rule(path, view_func=lambda: "hello")
    bare.before_request(Hook().run)
    token = issue(app)
    drive(app, token, path)
    drive(bare, token, path)

    _, guarded = drive(app, token, path)
    _, open_ = drive(bare, token, path)

    assert guarded.total() - open_.total() <= 38


@pytest.mark.parametrize("path", ["/", "/reports"])
def test_api_keys_cost_a_request_with_a_jwt_no_call(path: str, drive: Drive) -> None:
    config = {"TOKENAUTH_API_KEYS": True, "TOKENAUTH_API_KEY_HEADER": "X-API-Key"}
    stored = {"SECRET_KEY": SECRET, "TOKENAUTH_STORE": "memory://"}
    plain, with_keys = (make_app("HS256", cache_size=10, **stored, **more) for more in ({}, config))
    counts = []
    for app in (plain, with_keys):
        token = issue(app)
        for _ in range(2):
            drive(app, token, path)
        status, calls = drive(app, token, path)
        counts.append((status, calls.total()))

    assert counts[0] == counts[1]


@pytest.mark.parametrize("cache_size", [10, 0])
def test_an_application_without_encryption_keys_pays_no_call_for_them(drive: Drive, cache_size: int) -> None:
    """A remembered token costs the same, whether it is encrypted or not."""
    counts = []
    for config in ({}, keys_setting()):
        app = make_app("HS256", cache_size=cache_size, **config)
        token = issue(app)
        for _ in range(2):
            drive(app, token)
        status, calls = drive(app, token)
        counts.append((status, calls.total(), calls.of({"Decryption.open", "is_encrypted", "open_token"})))

    plain, encrypted = counts
    assert plain[2] == 0
    assert plain == encrypted if cache_size else encrypted[2] == 3


def test_a_remembered_encrypted_token_is_not_opened_or_verified(drive: Drive) -> None:
    app = make_app("EdDSA", cache_size=10, **keys_setting())
    token = issue(app)
    drive(app, token)

    status, calls = drive(app, token)

    assert (status, token.count(".")) == ("200 OK", 4)
    assert calls.of(BASE64 | JSON | CHECKS | SIGNINGS | PARSERS | {"open_token", "decrypt"}) == 0


@pytest.mark.parametrize("with_key_file", [False, True])
def test_a_file_of_encryption_keys_costs_a_request_no_more_than_a_file_of_keys(
    drive: Drive, tmp_path: Path, *, with_key_file: bool
) -> None:
    keys, encryption = tmp_path / "keys.json", tmp_path / "encryption.json"
    keys.write_text(json.dumps({"keys": [KEYS["EdDSA"].to_jwk(private=True)]}))
    encryption.write_text(json.dumps({"keys": [ENCRYPTION_KEY.to_jwk(private=True)]}))
    totals = []
    for config in ({"TOKENAUTH_KEYS": keys}, {"TOKENAUTH_ENCRYPTION_KEYS": encryption}):
        both = config | ({"TOKENAUTH_KEYS": keys} if with_key_file else {})
        app = make_app("EdDSA", cache_size=10, TOKENAUTH_KEYS_INTERVAL=300, **both)
        totals.append(drive_warm(drive, app, issue(app), "/"))

    assert totals[0] == totals[1]


BROWSER = {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "https://localhost"}


def drive_warm(drive: Drive, app: Flask, token: str | None, path: str, **changes: str) -> int:
    """Return the number of calls of a request that is not the first one."""
    for _ in range(2):
        drive(app, token, path, **changes)
    status, calls = drive(app, token, path, **changes)
    assert status == "200 OK"
    return calls.total()


@pytest.mark.parametrize("path", ["/", "/reports"])
def test_cookies_cost_a_request_with_a_header_no_call(path: str, drive: Drive) -> None:
    stored = {"SECRET_KEY": SECRET, "TOKENAUTH_STORE": "memory://"}
    off, on = (make_app("HS256", cache_size=10, **stored, TOKENAUTH_COOKIES=mode) for mode in ("off", "all"))

    assert drive_warm(drive, on, issue(on), path, **BROWSER) == drive_warm(drive, off, issue(off), path, **BROWSER)


@pytest.mark.parametrize("path", ["/", "/reports"])
@pytest.mark.parametrize(("method", "most"), [("GET", 0), ("POST", 4)])
def test_a_cookie_costs_at_most_4_calls_more_than_a_header(path: str, drive: Drive, method: str, most: int) -> None:
    """Flask parses all cookies for its session, so both requests have the same cookies."""
    app = make_app("HS256", cache_size=10, SECRET_KEY=SECRET, TOKENAUTH_STORE="memory://", TOKENAUTH_COOKIES="all")
    token, cookies = issue(app), app.extensions["tokenauth"].cookies
    common = {**BROWSER, "HTTP_COOKIE": f"theme=dark; {cookies.access}={token}", "REQUEST_METHOD": method}
    by_header = drive_warm(drive, app, token, path, **common)

    by_cookie = drive_warm(drive, app, None, path, **common)

    assert by_cookie - by_header <= most


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_plain_http_from_this_machine_adds_at_most_2_calls(address: str, drive: Drive) -> None:
    app = make_app("HS256", cache_size=10)
    plain = {"wsgi.url_scheme": "http", "REMOTE_ADDR": address}
    token = issue(app)
    drive(app, token, **plain)
    _, over_https = drive(app, token, REMOTE_ADDR=address)

    status, over_http = drive(app, token, **plain)

    assert status == "200 OK"
    assert over_http.total() - over_https.total() <= 2


def test_token_accepted_costs_no_call_without_listeners(drive: Drive) -> None:
    app, bare = make_app("HS256", cache_size=10), Flask("bare")
    bare.add_url_rule("/", view_func=lambda: "hello")
    token = issue(app)
    drive(app, token)
    drive(bare, token)

    _, guarded = drive(app, token)
    _, open_ = drive(bare, token)

    assert {name: count for name, count in (guarded - open_).items() if name.startswith(("Signal.", "_Signal"))} == {}


def test_the_cost_does_not_depend_on_the_number_of_cached_tokens(drive: Drive) -> None:
    app = make_app("HS256", cache_size=1000)
    token = issue(app)
    drive(app, token)
    _, with_few = drive(app, token)
    for _ in range(998):
        app.extensions["tokenauth"].authenticator.verify(issue(app), None, ("jwt",))

    _, with_many = drive(app, token)

    assert with_many == with_few


def test_a_bad_token_costs_no_search_for_scopes(drive: Drive) -> None:
    """Only the challenge to a request without a token names them."""
    app = make_app("HS256", cache_size=10)
    drive(app, issue(app))

    status, calls = drive(app, "x.y.z", "/reports")

    assert status == "401 UNAUTHORIZED"
    assert calls["name_scopes"] == 0


@pytest.mark.parametrize("path", ["/", "/reports", "/open", "/maybe"])
@pytest.mark.parametrize("query", ["", "ticket=x"])
@pytest.mark.parametrize("has_token", [True, False])
def test_where_no_ticket_is_accepted_none_is_looked_for(
    drive: Drive, path: str, query: str, *, has_token: bool
) -> None:
    app = make_app("HS256", cache_size=10)
    app.add_url_rule("/open", "open", lambda: "hello")
    app.add_url_rule("/maybe", "maybe", login_optional(lambda: "hello"))
    token = issue(app) if has_token else None
    drive(app, token, path)

    status, calls = drive(app, token, path, QUERY_STRING=query)

    assert status == ("200 OK" if has_token or path in {"/open", "/maybe"} else "401 UNAUTHORIZED")
    assert calls.of(TICKETS) == 0


def test_a_route_that_accepts_tickets_costs_no_call_more_for_an_access_token(drive: Drive) -> None:
    app = make_app("HS256", cache_size=10)
    app.add_url_rule("/with", "with", require_scope("reports:read", accept=("jwt", "ticket"))(lambda: "hello"))
    app.add_url_rule("/without", "without", require_scope("reports:read", accept=("jwt", "reference"))(lambda: "hello"))
    token, found = issue(app), []
    for path in "/with", "/without":
        drive(app, token, path)
        found.append(drive(app, token, path))

    assert [status for status, _ in found] == ["200 OK"] * 2
    assert found[0][1] == found[1][1]
