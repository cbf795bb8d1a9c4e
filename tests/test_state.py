"""The hook, through an application: who is seen, what is answered, and that nothing makes a 500."""

import io
import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, Request, Response, abort, g
from flask.testing import FlaskClient

from flask_tokenauth import TokenAuth, create_token, get_token, login_required, token_issued, token_refused
from flask_tokenauth.core.identifiers import YEAR_9999
from flask_tokenauth.core.keys import Key

from .challenges import Challenge, parse_challenge
from .conftest import AUDIENCE, ISSUER, NOW, SECRET, MakeApp, Mint, StandingClock, bearer, whoami

LEEWAY = 10
REALM = {"realm": ISSUER}
INVALID = REALM | {"error": "invalid_token", "error_description": "The access token is not valid."}
EXPIRED = REALM | {"error": "invalid_token", "error_description": "The access token has expired."}
BAD_REQUEST = REALM | {"error": "invalid_request", "error_description": "The Authorization header is malformed."}


@dataclass
class Answer:
    """An answer as a server would send it, with its one challenge parsed."""

    status: int
    headers: list[tuple[str, str]]
    body: Any

    @property
    def challenge(self) -> Challenge:
        [raw] = [value.encode("latin-1") for name, value in self.headers if name.lower() == "www-authenticate"]
        return parse_challenge(raw)


def call(app: Flask, path: str, authorization: str | None = None, method: str = "GET") -> Answer:
    """Call the application as a WSGI server does, with the header as it came over the wire."""
    seen: list[Any] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
        seen[:] = [int(status[:3]), headers]

    body = b"".join(app.wsgi_app(environ, start_response))
    return Answer(seen[0], seen[1], json.loads(body) if body.startswith(b"{") else body)


def test_a_good_token_says_who_is_calling(app: Flask, mint: Mint) -> None:
    answer = call(app, "/me", f"Bearer {mint()}")

    assert answer.status == 200
    assert answer.body == {"user_id": "alice", "scopes": ["reports:read"], "token": "t1"}


def test_without_a_token_everybody_is_anonymous(app: Flask) -> None:
    assert call(app, "/open").body == {"user_id": None, "scopes": [], "token": None}


@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "Negotiate", "Basic YTpi,Bearer abc"])
def test_no_credential_on_a_guarded_route_is_a_bare_challenge(app: Flask, authorization: str | None) -> None:
    answer = call(app, "/me", authorization)

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", REALM)
    assert answer.body == {"error": "unauthorized", "error_description": "Authentication is required."}


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Bearer a b", "bearer a,b", "Bearer {good},Bearer {good}", "Bearer {good}, Bearer {good}"],
)
def test_a_header_that_breaks_the_grammar_is_an_invalid_request(app: Flask, mint: Mint, authorization: str) -> None:
    """Two Authorization headers arrive joined by a comma."""
    answer = call(app, "/me", authorization.format(good=mint()))

    assert answer.status == 400
    assert answer.challenge == Challenge("Bearer", BAD_REQUEST)
    assert answer.body["error"] == "invalid_request"


@pytest.mark.parametrize("data", [b"Bearer \xe9", b"Bearer \xff\xfe", "Bearer é".encode(), b"Bearer a\x00"])
def test_a_header_outside_ascii_is_an_invalid_request(app: Flask, data: bytes) -> None:
    assert call(app, "/me", data.decode("latin-1")).status == 400


@pytest.mark.parametrize(
    "authorization", ["bearer x", "BEARER x", "Bearer   x", "Bearer a.b.c", "Bearer ..", "Bearer x=="]
)
def test_garbage_in_the_form_of_a_token_is_an_invalid_token(app: Flask, authorization: str) -> None:
    answer = call(app, "/me", authorization)

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", INVALID)
    assert answer.body == {"error": "invalid_token", "error_description": "The access token is not valid."}


@pytest.mark.parametrize("character", [".", ",", "A", " ", "é", "="])
@pytest.mark.parametrize("size", [8001, 1024 * 1024])
def test_too_much_of_anything_is_an_invalid_token(app: Flask, character: str, size: int) -> None:
    answer = call(app, "/me", "Bearer " + character * size)

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", INVALID)


@pytest.mark.parametrize(("spare", "status"), [(1, 200), (0, 200), (-1, 401)])
def test_a_good_token_may_be_as_long_as_the_setting_says(
    make_app: MakeApp, mint: Mint, spare: int, status: int
) -> None:
    token = mint(filler="a" * 800)
    app = make_app(TOKENAUTH_MAX_TOKEN_BYTES=len(token) + spare)
    app.add_url_rule("/me", view_func=login_required(whoami()))

    assert call(app, "/me", f"Bearer {token}").status == status


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": None},
        {"typ": "JWT"},
        {"iss": "https://another.example"},
        {"aud": "https://another.example"},
        {"sub": ...},
        {"sub": ""},
        {"sub": 42},
        {"sub": None},
        {"jti": ...},
        {"scope": ["reports:read"]},
        {"scope": 1},
        {"exp": ...},
        {"exp": "1700000900"},
        {"exp": True},
        {"exp": -1},
        {"exp": YEAR_9999 + 1},
        {"iat": ...},
        {"iat": "x"},
        {"iat": NOW + LEEWAY + 1},
        {"nbf": NOW + LEEWAY + 1},
        {"nbf": []},
        {"exp": NOW + 86401},
        {"cnf": {"jkt": "x"}},
    ],
    ids=str,
)
def test_a_token_that_breaks_a_rule_is_an_invalid_token(app: Flask, mint: Mint, changes: dict[str, Any]) -> None:
    answer = call(app, "/me", f"Bearer {mint(**changes)}")

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", INVALID)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 400, "1" + "0" * 5000, "0x10", "01"])
def test_no_number_makes_a_500(app: Flask, mint: Mint, number: str) -> None:
    payload = json.dumps(mint.claims(exp=0)).replace('"exp": 0', f'"exp": {number}')

    assert call(app, "/me", f"Bearer {mint.sign(payload.encode())}").status == 401


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b"\xff", b"{", b"[" * 5000, b'{"a":' * 900 + b"1" + b"}" * 900]
)
def test_no_payload_makes_a_500(app: Flask, mint: Mint, payload: bytes) -> None:
    assert call(app, "/me", f"Bearer {mint.sign(payload)}").status == 401


@pytest.mark.parametrize(
    ("claim", "value", "status"),
    [
        ("exp", NOW - LEEWAY + 1, 200),
        ("exp", NOW - LEEWAY, 401),
        ("exp", NOW - LEEWAY - 1, 401),
        ("iat", NOW + LEEWAY - 1, 200),
        ("iat", NOW + LEEWAY, 200),
        ("iat", NOW + LEEWAY + 1, 401),
        ("nbf", NOW + LEEWAY - 1, 200),
        ("nbf", NOW + LEEWAY, 200),
        ("nbf", NOW + LEEWAY + 1, 401),
    ],
)
def test_times_count_to_the_second(app: Flask, mint: Mint, claim: str, value: float, status: int) -> None:
    times: dict[str, Any] = {"iat": NOW - 60, "exp": NOW + 900} | {claim: value}

    assert call(app, "/me", f"Bearer {mint(**times)}").status == status


def test_an_expired_token_is_told_so(app: Flask, mint: Mint, clock: StandingClock) -> None:
    token = mint()

    clock.now = NOW + 900 + LEEWAY - 1
    assert call(app, "/me", f"Bearer {token}").status == 200
    clock.now += 1

    answer = call(app, "/me", f"Bearer {token}")
    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", EXPIRED)


def test_a_forged_expired_token_is_not_told_that_it_expired(app: Flask, mint: Mint, clock: StandingClock) -> None:
    clock.now = NOW + 9999
    forged = mint()[:-8] + "AAAAAAAA"

    assert call(app, "/me", f"Bearer {forged}").challenge == Challenge("Bearer", INVALID)


def test_a_missing_scope_is_named(app: Flask, mint: Mint) -> None:
    answer = call(app, "/admin", f"Bearer {mint()}")

    assert answer.status == 403
    assert answer.challenge.parameters == REALM | {
        "error": "insufficient_scope",
        "error_description": "The access token lacks a scope that is needed here.",
        "scope": "reports:read admin",
    }
    assert answer.body["error"] == "insufficient_scope"
    assert answer.body["scope"] == "reports:read admin"


def test_apps_with_one_secret_and_two_issuers_refuse_each_others_tokens(make_app: MakeApp, mint: Mint) -> None:
    other = Mint(
        Key.derive(SECRET.encode(), purpose="access", issuer="https://other.example"), issuer="https://other.example"
    )
    app, other_app = make_app(), make_app(TOKENAUTH_ISSUER="https://other.example")
    for each in (app, other_app):
        each.add_url_rule("/", view_func=whoami())

    assert call(app, "/", f"Bearer {mint()}").body["user_id"] == "alice"
    assert call(app, "/", f"Bearer {other()}").body["user_id"] is None
    assert call(other_app, "/", f"Bearer {other()}").body["user_id"] == "alice"
    assert call(other_app, "/", f"Bearer {mint()}").body["user_id"] is None


def test_a_key_for_another_purpose_signs_no_access_token(app: Flask) -> None:
    refresh = Mint(Key.derive(SECRET.encode(), purpose="refresh", issuer=ISSUER))

    assert call(app, "/me", f"Bearer {refresh()}").status == 401


def test_an_open_route_answers_a_client_with_a_bad_token(app: Flask, mint: Mint) -> None:
    anonymous: dict[str, object] = {"user_id": None, "scopes": [], "token": None}

    assert call(app, "/open", f"Bearer {mint(exp=NOW - 900)}").body == anonymous
    assert call(app, "/open", "Bearer a b").body == anonymous
    assert call(app, "/open", f"Bearer {mint()}").body["user_id"] == "alice"


def test_two_requests_in_one_outer_context_do_not_see_each_other(app: Flask, mint: Mint) -> None:
    """With an application context pushed outside, Flask hands out the same ``g``."""
    with app.app_context():
        client = app.test_client()

        assert client.get("/me", headers=bearer(mint())).status_code == 200
        assert client.get("/me").status_code == 401
        assert client.get("/open").json == {"user_id": None, "scopes": [], "token": None}
        assert client.get("/open", headers=bearer(mint(sub="bob"))).json == {
            "user_id": "bob",
            "scopes": ["reports:read"],
            "token": "t1",
        }
        assert client.get("/open", headers=bearer("x")).json == {"user_id": None, "scopes": [], "token": None}


def test_the_hook_runs_before_all_others(make_app: MakeApp, mint: Mint) -> None:
    app = Flask("tests")
    seen: list[object] = []
    app.before_request(lambda: seen.append(g.user_id))
    app.config |= {"SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_AUDIENCE": AUDIENCE, "TESTING": True}
    TokenAuth(app)
    app.extensions["tokenauth"].clock = lambda: NOW

    call(app, "/nowhere", f"Bearer {mint()}")

    assert seen == ["alice"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", "/me", 405), ("OPTIONS", "/me", 200)]
)
def test_what_reaches_no_view_stays_what_flask_makes_it(app: Flask, method: str, path: str, status: int) -> None:
    assert call(app, path, "Bearer x", method).status == status


def test_a_view_that_answers_options_itself_is_guarded(make_app: MakeApp) -> None:
    app = make_app()

    login_required(app.route("/own", methods=["OPTIONS"])(lambda: "open"))

    assert call(app, "/own", method="OPTIONS").status == 401


@pytest.mark.parametrize("sub", ["alice", "042", "4_2", "٤٢", " 42"])
def test_a_subject_that_is_no_user_id_is_an_invalid_token(make_app: MakeApp, mint: Mint, sub: str) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))
    app.add_url_rule("/me", view_func=login_required(whoami()))

    assert call(app, "/me", f"Bearer {mint(sub='42')}").body["user_id"] == 42
    assert call(app, "/me", f"Bearer {mint(sub=sub)}").challenge == Challenge("Bearer", INVALID)


def test_a_mistake_in_the_user_id_type_is_not_hidden(make_app: MakeApp, mint: Mint) -> None:
    def broken(text: str) -> object:
        raise TypeError("a bug of the application")

    app = make_app(auth=TokenAuth(user_id_type=broken))

    with pytest.raises(TypeError, match="a bug of the application"):
        call(app, "/open", f"Bearer {mint()}")


def test_a_token_signed_with_an_old_secret_is_believed_while_it_is_a_fallback(make_app: MakeApp, mint: Mint) -> None:
    new = "7b1e5c9d0a2b48f391c05d7be2af4368b7d0c1e5f9a2468d"
    app = make_app(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[SECRET])
    without = make_app(SECRET_KEY=new)
    for each in (app, without):
        each.add_url_rule("/", view_func=whoami())

    assert call(app, "/", f"Bearer {mint()}").body["user_id"] == "alice"
    assert call(without, "/", f"Bearer {mint()}").body["user_id"] is None


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [(None, "credential_missing"), ("Bearer a b", "credential_malformed"), ("Bearer x.y.z", "token_malformed")],
)
def test_the_reason_goes_to_the_log_and_the_token_does_not(
    app: Flask, caplog: pytest.LogCaptureFixture, authorization: str | None, reason: str
) -> None:
    with caplog.at_level("INFO", logger="flask_tokenauth"):
        call(app, "/me", authorization)

    assert [record.getMessage() for record in caplog.records] == [f"refused: {reason}"]


def test_a_claim_that_a_view_tampers_with_is_untouched_in_the_next_request(
    app: Flask, client: FlaskClient, mint: Mint
) -> None:
    @app.get("/tamper")
    def tamper() -> dict[str, object]:
        with pytest.raises(AttributeError):
            g.token.claims["teams"].append("red")
        return {"teams": list(g.token.claims["teams"])}

    token = mint(teams=["blue"])

    assert client.get("/tamper", headers=bearer(token)).json == {"teams": ["blue"]}
    assert client.get("/tamper", headers=bearer(token)).json == {"teams": ["blue"]}


def test_what_one_view_does_to_its_token_the_next_request_does_not_see(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    seen = []

    def spoil() -> str:
        seen.append((g.user_id, g.scopes, g.token.to_dict()))
        g.token.to_dict()["sub"] = "mallory"
        for attempt in (
            lambda: g.token.claims.update(sub="mallory"),
            lambda: g.token.claims["teams"].append("red"),
            lambda: g.scopes.add("admin"),
            lambda: setattr(g.token, "subject", "mallory"),
            lambda: object.__setattr__(g.token, "scopes", frozenset({"admin"})),
        ):
            with pytest.raises((AttributeError, TypeError)):
                attempt()
        g.user_id, g.scopes, g.token = "mallory", {"admin"}, None
        return "spoilt"

    app.add_url_rule("/", view_func=login_required(spoil))
    headers = {"Authorization": f"Bearer {mint(teams=['blue'])}"}

    for _ in range(3):
        assert app.test_client().get("/", headers=headers).text == "spoilt"

    assert seen[0] == seen[1] == seen[2]
    assert seen[0][:2] == ("alice", {"reports:read"})


def test_keys_that_are_exchanged_count_with_the_next_request(app: Flask, client: FlaskClient, mint: Mint) -> None:
    headers = {"Authorization": f"Bearer {mint()}"}
    assert client.get("/me", headers=headers).status_code == 200

    app.extensions["tokenauth"].settings.keys.exchange([Key.generate("HS256")])

    assert client.get("/me", headers=headers).status_code == 401


def test_the_second_that_passes_counts_with_the_next_request(
    client: FlaskClient, mint: Mint, clock: StandingClock
) -> None:
    headers = {"Authorization": f"Bearer {mint(exp=NOW + 900)}"}
    assert client.get("/me", headers=headers).status_code == 200

    clock.now = NOW + 909.9
    assert client.get("/me", headers=headers).status_code == 200
    clock.now = NOW + 910
    assert client.get("/me", headers=headers).status_code == 401


def test_the_hook_shows_who_is_calling_whatever_was_put_on_g_before_it(
    make_app: MakeApp, mint: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=login_required(whoami()))

    @app.url_value_preprocessor
    def pretend(endpoint: str | None, values: object) -> None:
        assert get_token() is not None
        g.user_id, g.scopes, g.token = "mallory", {"admin"}, None

    seen = app.test_client().get("/", headers=bearer(mint())).json

    assert seen == {"user_id": "alice", "scopes": ["reports:read"], "token": "t1"}


def test_where_nobody_listens_nothing_is_sent(
    app: Flask, client: FlaskClient, mint: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for signal in (token_issued, token_refused):
        monkeypatch.setattr(signal, "receivers", {})
        monkeypatch.setattr(signal, "send", None)

    with app.app_context():
        headers = bearer(create_token("alice"))

    assert client.get("/me", headers=headers).status_code == 200
    assert client.get("/me").status_code == 401


class SlottedG:
    """What an application may have instead of Flask's ``g``."""

    __slots__ = ("scopes", "token", "user_id")


def test_an_application_may_have_a_g_of_its_own(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.app_ctx_globals_class = SlottedG  # type: ignore[assignment]  # Flask asks for no more
    app.add_url_rule("/", view_func=login_required(whoami()))

    assert app.test_client().get("/", headers=bearer(mint())).json == {
        "user_id": "alice",
        "scopes": ["reports:read"],
        "token": "t1",
    }


class Narrow(Response):
    """A response class that takes fewer arguments than Flask's."""

    def __init__(self, response: Any = None, **options: Any) -> None:
        super().__init__(response, **options)


def test_an_application_may_have_responses_of_its_own(make_app: MakeApp) -> None:
    app = make_app()
    app.response_class = Narrow
    app.add_url_rule("/", view_func=login_required(whoami()))

    answer = call(app, "/")

    assert answer.status == 401
    assert answer.challenge.parameters == REALM
    assert Narrow("of a view").get_data(as_text=True) == "of a view"


class Suspicious(Request):
    """A request class that knows better what is secure."""

    @property
    def is_secure(self) -> bool:
        return False


def test_an_application_may_say_itself_what_is_secure(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="refuse")
    app.request_class = Suspicious
    app.add_url_rule("/", view_func=login_required(whoami()))

    answer = app.test_client().get("https://localhost/", headers=bearer(mint()))

    assert answer.status_code == 400


def test_who_reads_the_log_of_plain_http_sees_nobody(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="warn")
    app.add_url_rule("/", view_func=login_required(whoami()))
    seen = []
    reader = logging.Handler(logging.WARNING)
    reader.emit = lambda record: seen.append((g.user_id, g.scopes, g.token))  # type: ignore[method-assign]  # all of it
    logging.getLogger("flask_tokenauth").addHandler(reader)
    with app.app_context():
        g.user_id = "previous"
        answer = app.test_client().get("/", headers=bearer(mint()), environ_base={"REMOTE_ADDR": "192.0.2.1"})
    logging.getLogger("flask_tokenauth").removeHandler(reader)

    assert answer.status_code == 200
    assert seen == [(None, frozenset(), None)]


def test_the_preprocessor_is_spared_where_there_is_no_other(make_app: MakeApp) -> None:
    app, other = make_app(), make_app()
    other.url_value_preprocessor(lambda endpoint, values: None)

    ours, beside_others = (each.extensions["tokenauth"].prepare for each in (app, other))
    for each in (app, other):
        each.test_client().get("/")

    assert ours not in app.url_value_preprocessors[None]
    assert other.url_value_preprocessors[None][0] == beside_others


def test_preprocessors_are_shown_who_is_calling(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=whoami())
    seen: list[object] = []
    app.url_value_preprocessor(lambda endpoint, values: seen.append(g.user_id))

    with app.app_context():  # in which Flask hands the same g to both requests
        app.test_client().get("/", headers=bearer(mint()))
        app.test_client().get("/")

    assert seen == ["alice", None]


def test_an_error_of_a_preprocessor_is_answered_for_whoever_is_calling(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.register_error_handler(404, lambda error: ({"user_id": g.user_id}, 404))
    app.url_value_preprocessor(lambda endpoint, values: abort(404))

    assert app.test_client().get("/").get_json() == {"user_id": None}
    assert app.test_client().get("/", headers=bearer(mint())).get_json() == {"user_id": "alice"}
