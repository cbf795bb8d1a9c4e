"""An API key opens nothing that does not accept API keys, whichever way a request takes."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, abort, g, request
from werkzeug.exceptions import HTTPException

from flask_tokenauth import AuthError, TokenAuth, get_token, login_optional, login_required, require_scope
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.encoding.digests import digest_of, id_of
from flask_tokenauth.core.opaque.lookups import Lookups
from flask_tokenauth.core.token_errors import KindNotAccepted, TokenError
from flask_tokenauth.core.tokens.token import TokenKind
from flask_tokenauth.core.tokens.verifier import Verifier
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp, Mint, StandingClock, bearer
from .kinds_kit import KINDS, add_api_key, looked_up, over_kinds
from .kit import leave


def change_password() -> str:
    """Check by hand whether there is a user, as many views do."""
    if g.user_id is None:
        abort(401)
    return f"changed by {g.user_id}"


@pytest.fixture
def app(make_app: MakeApp, store: Any) -> Flask:
    app = make_app(**looked_up(store))
    app.add_url_rule("/password", view_func=change_password, methods=["GET", "POST"])
    app.add_url_rule("/reports", "reports", require_scope("reports:read")(lambda: f"reports of {g.user_id}"))
    app.add_url_rule("/account", "account", login_required(lambda: "account"))
    return app


@pytest.fixture
def key(store: Any) -> dict[str, str]:
    return bearer(add_api_key(store))


def lead_to(app: Flask, path: str) -> None:
    """Lead the current request to another route."""
    [request.url_rule] = [rule for rule in app.url_map.iter_rules() if rule.rule == path]


def test_a_request_that_a_function_leads_to_an_open_view_has_no_user(app: Flask, key: dict[str, str]) -> None:
    app.before_request(lambda: lead_to(app, "/password") if "lead" in request.args else None)

    assert app.test_client().get("/reports?lead", headers=key).status_code == 401
    assert app.test_client().get("/reports", headers=key).text == "reports of alice"


def test_a_request_that_a_function_leads_to_a_view_with_scopes_has_its_user(app: Flask, key: dict[str, str]) -> None:
    app.before_request(lambda: lead_to(app, "/reports"))

    assert app.test_client().get("/password", headers=key).text == "reports of alice"


@pytest.mark.parametrize(("path", "status"), [("/password", 401), ("/account", 403), ("/reports", 200)])
def test_a_request_that_a_view_dispatches_once_more_has_the_user_of_the_other_route(
    app: Flask, key: dict[str, str], path: str, status: int
) -> None:
    def forward() -> Any:
        lead_to(app, path)
        return app.dispatch_request()

    app.add_url_rule("/forward", "forward", require_scope("reports:read")(forward))
    app.add_url_rule("/open", "open", forward)

    assert app.test_client().get("/forward", headers=key).status_code == status
    assert app.test_client().get("/open", headers=key).status_code == status


def test_a_request_within_a_request_gives_no_token_to_the_outer_view(app: Flask, key: dict[str, str]) -> None:
    def batch() -> str:
        with app.test_request_context("/reports", headers=key):
            inner = app.full_dispatch_request().get_data(as_text=True)
        return f"{inner}, {get_token()}"

    app.add_url_rule("/batch", "batch", batch)

    assert app.test_client().get("/batch", headers=key).text == "reports of alice, None"


def test_a_request_within_a_request_has_no_user_of_the_outer_view(app: Flask, key: dict[str, str]) -> None:
    def batch() -> str:
        with app.test_request_context("/password", headers=key):
            inner = app.full_dispatch_request().status_code
        return f"{inner} {get_token() is not None}"

    app.add_url_rule("/batch", "batch", require_scope("reports:read")(batch))

    assert app.test_client().get("/batch", headers=key).text == "401 True"


# Functions that are no views


def run(app: Flask, fields: list[Callable[[], Any]], key: dict[str, str], guard: Any = leave) -> list[Any]:
    """Return the results of *fields*, in the way of GraphQL: the error of one does not end the others."""

    def resolve() -> list[Any]:
        return [_find_result(field) for field in fields]

    app.add_url_rule("/graphql", "graphql", guard(resolve))
    return list(app.test_client().get("/graphql", headers=key).json or ())


def _find_result(field: Callable[[], Any]) -> Any:
    try:
        return field()
    except AuthError as error:
        return error.reason
    except HTTPException as error:
        return error.code


scoped: Any = require_scope("reports:read", is_view=False)(lambda: f"reports of {g.user_id}")
lacking: Any = require_scope("admin", is_view=False)(lambda: "admin")
plain_field: Any = login_required(is_view=False)(lambda: "account")
asked: Any = login_required(api_keys=True, is_view=False)(lambda: f"asked by {g.user_id}")
optional: Any = login_optional(is_view=False)(lambda: f"seen by {g.user_id}")
optional_too: Any = login_optional(api_keys=True, is_view=False)(lambda: f"seen by {g.user_id}")
REFUSED = "api_key_not_accepted"


def test_a_resolver_that_accepts_an_api_key_opens_no_other_resolver(app: Flask, key: dict[str, str]) -> None:
    fields = [scoped, change_password, plain_field, lacking, change_password, asked, change_password, plain_field]

    assert run(app, fields, key) == [
        "reports of alice",
        401,
        REFUSED,
        "scope_insufficient",
        401,
        "asked by alice",
        401,
        REFUSED,
    ]


def test_a_resolver_with_an_optional_login_says_whether_it_accepts_api_keys(app: Flask, key: dict[str, str]) -> None:
    assert run(app, [optional, optional_too, change_password, optional], key) == [
        REFUSED,
        "seen by alice",
        401,
        REFUSED,
    ]


@pytest.mark.parametrize(
    ("guard", "optional_sees"),
    [(require_scope("reports:read"), "seen by alice"), (login_required(api_keys=True), REFUSED)],
    ids=["scope", "login"],
)
def test_a_resolver_of_a_route_that_accepts_api_keys_needs_a_word_of_its_own(
    app: Flask, key: dict[str, str], guard: Any, optional_sees: str
) -> None:
    """Whoever lets API keys use the route did not say that they may use all that is behind it."""
    fields = [plain_field, asked, scoped, lacking, optional, optional_too]

    assert run(app, fields, key, guard) == [
        REFUSED,
        "asked by alice",
        "reports of alice",
        "scope_insufficient",
        optional_sees,
        "seen by alice",
    ]


def test_a_resolver_may_call_another_one(app: Flask, key: dict[str, str]) -> None:
    outer: Any = require_scope("reports:read", is_view=False)(
        lambda: [_find_result(field) for field in (asked, change_password, plain_field, scoped, change_password)]
    )

    assert run(app, [outer, change_password], key) == [
        ["asked by alice", "changed by alice", REFUSED, "reports of alice", "changed by alice"],
        401,
    ]


def test_an_error_of_a_resolver_takes_the_user_away_too(app: Flask, key: dict[str, str]) -> None:
    @require_scope("reports:read", is_view=False)
    def fail() -> None:
        abort(409)

    assert run(app, [fail, change_password], key) == [409, 401]


def test_resolvers_that_run_at_once_have_the_user_until_the_last_one_is_done(app: Flask, key: dict[str, str]) -> None:
    async def gather() -> list[Any]:
        is_first_done, is_second_there = asyncio.Event(), asyncio.Event()

        @require_scope("reports:read", is_view=False)
        async def first() -> str:
            await is_second_there.wait()
            return f"first {g.user_id}"

        @login_required(api_keys=True, is_view=False)
        async def second() -> str:
            is_second_there.set()
            await is_first_done.wait()
            return f"second {g.user_id}"

        async def both() -> str:
            result: str = await first()
            is_first_done.set()
            return result

        results = await asyncio.gather(both(), second())
        return [*results, _find_result(change_password)]

    app.add_url_rule("/graphql", "graphql", gather)

    assert app.test_client().get("/graphql", headers=key).json == ["first alice", "second alice", 401]


# Several applications


def test_another_application_knows_the_key_only_for_rules_of_its_own(
    app: Flask, make_app: MakeApp, store: Any, key: dict[str, str]
) -> None:
    other = make_app("other", **looked_up(store))
    other.add_url_rule("/elsewhere", "ask", require_scope("reports:read")(lambda: "open"))

    def ask() -> dict[str, Any]:
        with other.app_context():
            token = get_token()
            return {"token": token, "user_id": g.user_id, "account": _find_result(plain_field), "scoped": scoped()}

    app.add_url_rule("/ask", "ask", ask)

    assert app.test_client().get("/ask", headers=key).json == {
        "token": None,
        "user_id": None,
        "account": REFUSED,
        "scoped": "reports of alice",
    }


def test_the_guards_of_an_application_say_nothing_about_those_of_another(
    app: Flask, make_app: MakeApp, store: Any, key: dict[str, str]
) -> None:
    """Two applications may share their rules, and one may pass its request on to the other."""
    inner = make_app("inner", **looked_up(store))
    inner.url_map = app.url_map
    inner.view_functions |= {
        "reports": change_password,
        "password": require_scope("reports:read")(lambda: f"{change_password()}"),
    }

    def pass_on() -> Any:
        with inner.app_context():
            return inner.dispatch_request()

    app.view_functions["reports"] = require_scope("reports:read")(pass_on)
    app.add_url_rule("/again", "password", pass_on)

    assert app.test_client().get("/reports", headers=key).status_code == 401
    assert app.test_client().get("/again", headers=key).text == "changed by alice"


# Strings with a prefix, and JWTs


@pytest.mark.parametrize("ask", ["request", "verify"])
@pytest.mark.parametrize("text", ["ta_", "ta_garbage", "tr_", "tr_x.y.z", "ta_eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "old_x"])
def test_a_string_with_one_of_our_prefixes_never_reaches_the_verifier_of_jwts(
    make_app: MakeApp, store: Any, monkeypatch: pytest.MonkeyPatch, text: str, ask: str
) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_API_KEY_PREFIX=["ta_", "old_"], **looked_up(store))
    app.add_url_rule("/x", "x", login_required(lambda: "open"))
    monkeypatch.setattr(Verifier, "verify", lambda *_, **__: pytest.fail("a JWT was looked for"))

    if ask == "request":
        assert app.test_client().get("/x", headers=bearer(text)).status_code == 401
    else:
        with app.app_context(), pytest.raises(TokenError, match="with a good checksum"):
            auth.verify(text, accept=["api_key", "jwt", "reference"])


@pytest.mark.parametrize("text", ["eyJ.x.y", "x.y.z", "TA_x", "tb_x", "t", "", "a", "rt1_x", "TR_x", "oldx_"])
def test_no_other_string_is_looked_up(
    make_app: MakeApp, store: Any, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    app = make_app(TOKENAUTH_API_KEY_PREFIX=["ta_", "old_"], **looked_up(store))
    app.add_url_rule("/x", "x", login_required(lambda: "open"))
    monkeypatch.setattr(Lookups, "find", lambda *_, **__: pytest.fail("a string was looked up"))

    assert app.test_client().get("/x", headers=bearer(text)).status_code in (400, 401)


@over_kinds
def test_verify_accepts_an_api_key_only_if_it_is_named(make_app: MakeApp, mint: Mint, kind: TokenKind) -> None:
    auth: TokenAuth[str] = TokenAuth()
    text = mint()

    with make_app(auth=auth).app_context():
        for accept in KINDS:
            if accept == kind:
                assert auth.verify(text, accept=[accept]).kind == kind
            else:
                with pytest.raises(KindNotAccepted):
                    auth.verify(text, accept=[accept])
        if kind == "api_key":
            with pytest.raises(KindNotAccepted):
                auth.verify(text)
        else:
            assert auth.verify(text).subject == "alice"


def test_a_revoked_key_stays_refused_if_the_clock_of_this_machine_goes_ahead(
    make_app: MakeApp, clock: StandingClock
) -> None:
    store = MemoryStore(clock=lambda: int(NOW * 1000))  # its clock stays right
    app = make_app(**looked_up(store))
    app.add_url_rule("/reports", "reports", require_scope("reports:read")(lambda: "reports"))
    state, text = state_of(app), add_api_key(store)
    feed: Any = state.stored.feed
    client, key = app.test_client(), bearer(text)
    assert client.get("/reports", headers=key).status_code == 200

    store.revoke_api_key(id_of(digest_of(text)), retention=state.settings.retention + timedelta(minutes=1))
    feed.monotonic.now += 2
    assert client.get("/reports", headers=key).status_code == 401
    clock.now += 2 * 86_400  # more than the revocation is kept

    for _ in range(6):
        feed.monotonic.now += 2
        assert client.get("/reports", headers=key).status_code == 401
