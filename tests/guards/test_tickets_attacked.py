"""Attacks with tickets: other tokens in their place, tickets in the place of other tokens, other paths, bad claims."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client, create_environ, run_wsgi_app

from flask_tokenauth import TokenAuth, create_token, login_required, require_scope
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import AUDIENCE, ISSUER, NOW, SECRET, MakeApp, Mint, StandingClock, bearer
from .kinds_kit import add_api_key, looked_up
from .ticket_kit import ACCEPT, ALICE, LIFETIME, get, make_ticket, show_caller, with_ticket

LEEWAY = 10  # seconds
MALLORY = "https://mallory.example"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))
    app.add_url_rule("/f/<path:name>", "f", login_required(accept=ACCEPT)(show_caller()), merge_slashes=False)
    return app


def reason_of(app: Flask, ticket: str, reasons: list[str], path: str = "/x") -> str:
    """Send a request with a ticket, check that it is refused with a challenge, and return the reason."""
    response = get(app, ticket, path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith(f'Bearer realm="{ISSUER}", error="invalid_token"')
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    [reason] = reasons
    return reason


@pytest.mark.parametrize("typ", ["at+jwt", "JWT", "jwt", None, "", "ticket", "ticket+jwt2"])
def test_another_token_is_no_ticket(app: Flask, mint: Mint, reasons: list[str], typ: str | None) -> None:
    assert reason_of(app, mint(typ=typ, ticket_path="/x"), reasons) == "ticket_expected"


@pytest.mark.parametrize("typ", ["ticket+jwt", "TICKET+JWT", "application/ticket+jwt"])
def test_the_type_is_compared_as_a_media_type(app: Flask, mint: Mint, typ: str) -> None:
    assert get(app, make_ticket(mint, typ=typ)).status_code == 200


def test_an_access_token_that_the_application_has_issued_is_no_ticket(app: Flask, reasons: list[str]) -> None:
    with app.app_context():
        token = create_token("alice")

    assert reason_of(app, token, reasons) == "ticket_expected"


@pytest.mark.parametrize(
    ("string", "reason"),
    [
        ("", "token_malformed"),
        ("x", "token_malformed"),
        ("a.b.c", "token_malformed"),
        ("rt1_abc", "refresh_token_sent"),
        ("\x00", "token_malformed"),
        ("é.é.é", "token_malformed"),
    ],
)
def test_a_string_that_is_no_token_is_refused(app: Flask, reasons: list[str], string: str, reason: str) -> None:
    assert reason_of(app, string, reasons) == reason


def test_tokens_that_only_the_store_can_explain_are_no_tickets(
    make_app: MakeApp, clock: StandingClock, reasons: list[str]
) -> None:
    store = MemoryStore(clock=lambda: int(clock() * 1000))
    app = make_app(**looked_up(store))
    app.add_url_rule("/x", "x", login_required(accept=(*ACCEPT, "api_key"))(show_caller()))
    with app.app_context():
        reference = create_token("alice", format="reference")

    assert [get(app, text).status_code for text in (reference, add_api_key(store))] == [401, 401]
    assert reasons == ["token_malformed"] * 2


def test_a_ticket_is_no_bearer_token(app: Flask, mint: Mint, reasons: list[str]) -> None:
    app.add_url_rule("/me", "me", login_required(show_caller()))
    client = app.test_client()

    statuses = [client.get(path, headers=bearer(make_ticket(mint, path))).status_code for path in ("/x", "/me")]

    assert statuses == [401, 401]
    assert reasons == ["type_wrong"] * 2


def test_a_ticket_stays_no_bearer_token_after_it_was_accepted(app: Flask, mint: Mint) -> None:
    ticket = make_ticket(mint)

    assert get(app, ticket).status_code == 200
    assert app.test_client().get("/x", headers=bearer(ticket)).status_code == 401


def test_a_token_stays_no_ticket_after_it_was_accepted(app: Flask, mint: Mint) -> None:
    """The cache of verified tokens knows it."""
    token = mint(ticket_path="/x")

    assert app.test_client().get("/x", headers=bearer(token)).status_code == 200
    assert get(app, token).status_code == 401


def test_verify_accepts_no_tickets(app: Flask, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    with app.app_context():
        for options in {}, {"audience": AUDIENCE}:
            with pytest.raises(TokenError) as caught:
                auth.verify(make_ticket(mint), **options)  # type: ignore[arg-type]
            assert caught.value.reason == "type_wrong"
        with pytest.raises(ValueError, match=r'^accept must not name "ticket" here'):
            auth.verify(make_ticket(mint), accept=("jwt", "ticket"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": MALLORY}, "issuer_wrong"),
        ({"iss": ...}, "claim_missing"),
        ({"aud": MALLORY}, "audience_wrong"),
        ({"aud": ...}, "claim_missing"),
        ({"exp": ...}, "claim_missing"),
        ({"iat": ...}, "claim_missing"),
        ({"jti": ...}, "claim_missing"),
        ({"sub": ...}, "claim_missing"),
        ({"ticket_path": ...}, "claim_missing"),
        ({"ticket_path": None}, "claim_malformed"),
        ({"ticket_path": ["/x"]}, "claim_malformed"),
        ({"ticket_path": "x"}, "claim_malformed"),
        ({"ticket_path": ""}, "claim_malformed"),
        ({"ticket_path": "//x"}, "claim_malformed"),
        ({"ticket_path": "/x?a"}, "claim_malformed"),
        ({"ticket_path": "/" + "x" * 1024}, "claim_malformed"),
        ({"ticket_path": "/other"}, "ticket_wrong_path"),
        ({"iat": NOW + LEEWAY + 1}, "token_issued_in_future"),
        ({"nbf": NOW + LEEWAY + 1}, "token_not_yet_valid"),
        ({"exp": NOW + 3600}, None),
        ({"exp": NOW + 3601}, "lifetime_too_long"),
        ({"cnf": {"jkt": "x"}}, "binding_unproven"),
        ({"scope": "a  b"}, "claim_malformed"),
        ({"epoch": -1}, "claim_malformed"),
        ({"sid": ""}, "claim_malformed"),
    ],
)
def test_the_claims_of_a_ticket_are_judged_as_those_of_a_token(
    app: Flask, mint: Mint, reasons: list[str], changes: dict[str, Any], reason: str | None
) -> None:
    ticket = make_ticket(mint, **changes)

    if reason is None:
        assert get(app, ticket).status_code == 200
    else:
        assert reason_of(app, ticket, reasons) == reason


@pytest.mark.parametrize(
    ("after", "status"), [(LIFETIME + LEEWAY - 1, 200), (LIFETIME + LEEWAY, 401), (LIFETIME + LEEWAY + 1, 401)]
)
def test_a_ticket_is_good_until_the_second_in_which_it_expires(
    app: Flask, mint: Mint, clock: StandingClock, after: int, status: int
) -> None:
    ticket = make_ticket(mint)

    clock.now += after

    assert get(app, ticket).status_code == status


@pytest.mark.parametrize("more", [0, 1])
def test_a_ticket_has_the_size_limit_of_tokens(make_app: MakeApp, mint: Mint, reasons: list[str], more: int) -> None:
    ticket = make_ticket(mint, note="x" * 1200)
    app = make_app(TOKENAUTH_MAX_TOKEN_BYTES=len(ticket) - more)
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    assert get(app, ticket).status_code == (401 if more else 200)
    assert reasons == ["token_too_large"] * more


def test_another_key_signs_no_tickets(make_app: MakeApp, mint: Mint, reasons: list[str]) -> None:
    app = make_app(SECRET_KEY=SECRET[::-1])
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    assert reason_of(app, make_ticket(mint), reasons) == "key_unknown"


def test_a_changed_ticket_is_refused(app: Flask, mint: Mint, reasons: list[str]) -> None:
    header, _, signature = make_ticket(mint).split(".")
    payload = make_ticket(mint, sub="bob").split(".")[1]

    assert reason_of(app, f"{header}.{payload}.{signature}", reasons) == "signature_invalid"


# Paths. A ticket has the path of ``url_for``, percent-encoded. A server decodes the path of the request once.


@pytest.mark.parametrize(
    ("path", "requested"),
    [
        ("/f/a%20b", "/f/a%20b"),
        ("/f/a%20b", "/f/a b"),
        ("/f/a b", "/f/a%20b"),
        ("/f/%C3%A9", "/f/%c3%a9"),
        ("/f/é", "/f/%C3%A9"),
        ("/f/%61", "/f/a"),
        ("/f/a", "/f/%61"),
        ("/f/a%2Fb", "/f/a%2fb"),
        ("/f/a%252Fb", "/f/a%252Fb"),
        ("/f/a%3Fb", "/f/a%3Fb"),
        ("/f/a+b", "/f/a+b"),
        ("/f/a//b", "/f/a//b"),
        ("/f/a/../b", "/f/a/../b"),
    ],
)
def test_a_path_is_compared_after_both_were_decoded_once(app: Flask, mint: Mint, path: str, requested: str) -> None:
    assert get(app, make_ticket(mint, path), requested).status_code == 200


@pytest.mark.parametrize(
    ("path", "requested"),
    [
        ("/f/a", "/f/a/"),
        ("/f/a/", "/f/a"),
        ("/f/a", "/f/A"),
        ("/F/a", "/f/a"),
        ("/f/a", "/f/a/b"),
        ("/f/a/b", "/f/a"),
        ("/f//a", "/f/a"),
        ("/f/a", "/f/./a"),
        ("/f/a", "/f/b/../a"),
        ("/f/b/../a", "/f/a"),
        ("/f/%2e%2e/x", "/x"),
        ("/f/a%2Fb", "/f/a%252Fb"),
        ("/f/a%252Fb", "/f/a%2Fb"),
        ("/f/a%20b", "/f/a+b"),
        ("/f/a+b", "/f/a%20b"),
        ("/f/a", "/f/a%00"),
        ("/f/a%00", "/f/a"),
        ("/f/a", "/f/a;v=1"),
        ("/f/é", "/f/e%CC%81"),
        ("/f/%E9", "/f/%C3%A9"),
        ("/f/a", "/f/a%3Fb"),
        ("/f/a", "/f/a%23b"),
        ("/f/a", "/f/a%20"),
        ("/x", "/f/x"),
        ("/f/x", "/x"),
        ("/", "/x"),
    ],
)
def test_a_path_that_differs_in_anything_else_is_refused(
    app: Flask, mint: Mint, reasons: list[str], path: str, requested: str
) -> None:
    assert reason_of(app, make_ticket(mint, path), reasons, requested) == "ticket_wrong_path"


def ask_as_server(app: Flask, ticket: str, path_info: str, script_name: str = "") -> str:
    """Send a request with paths as a server has decoded them, which the test client would change."""
    environ = create_environ(query_string={"ticket": ticket})
    _, status, _ = run_wsgi_app(app, environ | {"PATH_INFO": path_info, "SCRIPT_NAME": script_name})
    return status


@pytest.mark.parametrize(
    ("path", "path_info", "status"),
    [
        ("/x", "/x", "200 OK"),
        ("/x", "//x", "401 UNAUTHORIZED"),
        ("/x", "///x", "401 UNAUTHORIZED"),
        ("/x", "x", "401 UNAUTHORIZED"),
        ("/f/%FF", "/f/\xff", "200 OK"),
        ("/f/%FF", "/f/\xfe", "401 UNAUTHORIZED"),
        ("/f/%EF%BF%BD", "/f/\xff", "401 UNAUTHORIZED"),
    ],
)
def test_what_the_router_would_forgive_is_another_path(
    app: Flask, mint: Mint, path: str, path_info: str, status: str
) -> None:
    """It ignores slashes at the beginning, and reads bytes that are no UTF-8 as U+FFFD."""
    assert ask_as_server(app, make_ticket(mint, path), path_info) == status


def test_the_query_may_have_other_parameters(app: Flask, mint: Mint) -> None:
    assert app.test_client().get(f"/x?a=1&ticket={make_ticket(mint)}&b=%2Fother").status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/app/x", 200), ("/x", 401), ("/app//x", 401), ("/appx", 401)])
@pytest.mark.parametrize("script_name", ["/app", "/app/"])
def test_the_prefix_of_the_application_is_a_part_of_the_path(
    app: Flask, mint: Mint, script_name: str, path: str, status: int
) -> None:
    assert ask_as_server(app, make_ticket(mint, path), "/x", script_name).startswith(str(status))


def test_a_ticket_for_one_mounted_application_does_not_open_another(make_app: MakeApp, mint: Mint) -> None:
    applications = {}
    for name in "one", "two":
        applications[f"/{name}"] = mounted = make_app(name)
        mounted.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))
    client = Client(DispatcherMiddleware(make_app(), applications))  # type: ignore[arg-type]
    ticket = make_ticket(mint, "/one/x")

    statuses = [client.get(with_ticket(ticket, path)).status_code for path in ("/one/x", "/two/x")]

    assert statuses == [200, 401]


def test_a_prefix_that_a_proxy_reports_is_a_part_of_the_path(app: Flask, mint: Mint) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    headers = {"X-Forwarded-Prefix": "/api"}

    assert get(app, make_ticket(mint, "/api/x"), headers=headers).status_code == 200
    assert get(app, make_ticket(mint, "/x"), headers=headers).status_code == 401


# The rest of a request.


@pytest.mark.parametrize(("mode", "status"), [("refuse", 400), ("warn", 200), ("off", 200)])
def test_a_ticket_over_plain_http_is_refused_as_a_token_is(
    make_app: MakeApp, mint: Mint, reasons: list[str], mode: str, status: int
) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS=mode)
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    response = get(app, make_ticket(mint), environ_base={"REMOTE_ADDR": "192.0.2.1"})

    assert response.status_code == status
    assert reasons == (["transport_insecure"] if status == 400 else [])
    assert get(app, make_ticket(mint), base_url="https://localhost").status_code == 200


def test_the_scopes_of_the_ticket_count(make_app: MakeApp, mint: Mint, reasons: list[str]) -> None:
    app = make_app()
    app.add_url_rule("/x", "x", require_scope("reports:read", accept=ACCEPT)(show_caller()))

    assert get(app, make_ticket(mint, scope="other")).status_code == 403
    assert get(app, make_ticket(mint, scope=...)).status_code == 403
    assert reasons == ["scope_insufficient"] * 2
    assert get(app, make_ticket(mint)).json == ALICE


def test_a_scope_that_implies_another_grants_it(make_app: MakeApp, mint: Mint) -> None:
    scopes = {"admin": {"description": "All", "implies": ["reports:read"]}, "reports:read": "Read"}
    app = make_app(TOKENAUTH_SCOPES=scopes)
    app.add_url_rule("/x", "x", require_scope("reports:read", accept=ACCEPT)(show_caller()))

    assert get(app, make_ticket(mint, scope="admin")).status_code == 200


@pytest.mark.parametrize("team", ["7", "8"])
def test_a_placeholder_is_filled_from_the_path(make_app: MakeApp, mint: Mint, team: str) -> None:
    app = make_app()
    app.add_url_rule("/t/<team>", "t", require_scope("teams:{team}", accept=ACCEPT)(show_caller()))

    response = get(app, make_ticket(mint, f"/t/{team}", scope="teams:7"), f"/t/{team}")

    assert response.status_code == (200 if team == "7" else 403)


def test_token_check_may_refuse_a_ticket(make_app: MakeApp, mint: Mint, reasons: list[str]) -> None:
    auth: TokenAuth[str] = TokenAuth()
    kinds: list[str] = []

    @auth.token_check
    def check(token: Any) -> bool:
        kinds.append(token.kind)
        return False

    app = make_app(auth=auth)
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    assert reason_of(app, make_ticket(mint), reasons) == "token_rejected"
    assert kinds == ["ticket"]


def test_token_check_sees_no_caller(make_app: MakeApp, mint: Mint, reasons: list[str]) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.token_check
    def check(_: Any) -> bool:
        return bool(auth.user_id)

    app = make_app(auth=auth)
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    assert reason_of(app, make_ticket(mint), reasons) == "token_rejected"


def test_an_error_of_token_check_is_an_error_of_the_server(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.token_check
    def check(_: Any) -> bool:
        raise ZeroDivisionError

    app = make_app(auth=auth, TESTING=False, PROPAGATE_EXCEPTIONS=False)
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    assert get(app, make_ticket(mint)).status_code == 500


def test_a_subject_that_is_no_user_id_is_refused(make_app: MakeApp, mint: Mint, reasons: list[str]) -> None:
    auth: TokenAuth[int] = TokenAuth(user_id_type=int)
    app = make_app(auth=auth)
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    assert reason_of(app, make_ticket(mint), reasons) == "user_id_wrong"
    response = get(app, make_ticket(mint, sub="7"))
    assert response.json is not None
    assert response.json["user_id"] == 7


def test_a_deleted_user_is_refused(make_app: MakeApp, mint: Mint, reasons: list[str]) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(lambda user_id: None if user_id == "bob" else user_id)
    app = make_app(auth=auth)
    app.add_url_rule("/x", "x", login_required(load_user=True, accept=ACCEPT)(show_caller()))

    assert reason_of(app, make_ticket(mint, sub="bob"), reasons) == "user_unknown"
    assert get(app, make_ticket(mint)).json == ALICE


def test_an_outage_of_the_revocations_is_503(make_app: MakeApp, mint: Mint, clock: StandingClock) -> None:
    class Down(MemoryStore):
        def is_revoked(self, **_: Any) -> bool:
            raise StoreUnavailable("down")

    app = make_app(TOKENAUTH_STORE=Down(clock=lambda: int(clock() * 1000)), TOKENAUTH_REVOCATION="strict")
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    response = get(app, make_ticket(mint))

    assert response.status_code == 503
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(("query", "reason"), [("a=\xb4", "unauthorized"), ("a=\xb4&ticket=x", "invalid_token")])
def test_a_query_with_bytes_that_no_url_has_is_refused(make_app: MakeApp, query: str, reason: str) -> None:
    """Some servers let them through, and then the query cannot be read."""
    app = make_app()
    app.add_url_rule("/bytes", "bytes", login_required(accept=ACCEPT)(lambda: "x"))

    response = app.test_client().get("/bytes", environ_overrides={"QUERY_STRING": query})

    assert (response.status_code, response.json and response.json["error"]) == (401, reason)
