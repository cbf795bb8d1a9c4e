"""One use of a ticket: after everything else was checked, once per request, and before any guarded function runs."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from flask import Blueprint, Flask, abort, current_app, g, request

from flask_tokenauth import (
    TokenAuth,
    get_token,
    get_user,
    login_optional,
    login_required,
    require_scope,
    token_accepted,
)
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.tokens.claims import LONGEST_LEEWAY
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp, Mint, StandingClock, bearer
from .ticket_kit import ACCEPT, ALICE, LIFETIME, NOBODY, get, make_ticket, show_caller, with_ticket


class Watched(MemoryStore):
    """A store that notes which IDs are spent, and may be down."""

    def __init__(self, clock: StandingClock) -> None:
        super().__init__(clock=lambda: int(clock() * 1000))
        self.spent: list[tuple[str, int]] = []
        self.is_down = False

    def spend(self, spent_id: str, *, expires_at: int) -> bool:
        if self.is_down:
            raise StoreUnavailable("down")
        self.spent.append((spent_id, expires_at))
        return super().spend(spent_id, expires_at=expires_at)


@pytest.fixture
def store(clock: StandingClock) -> Watched:
    return Watched(clock)


@pytest.fixture
def auth() -> TokenAuth[str]:
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(lambda user_id: user_id)
    return auth


@pytest.fixture
def app(make_app: MakeApp, store: Watched, auth: TokenAuth[str]) -> Flask:
    app = make_app(auth=auth, TOKENAUTH_STORE=store)
    app.add_url_rule("/x", "x", require_scope("reports:read", accept=ACCEPT)(show_caller()))
    return app


@pytest.fixture
def accepted() -> Iterator[list[Any]]:
    """Return a list to which each signal ``token_accepted`` adds its arguments."""
    heard: list[Any] = []

    def listen(sender: object, **facts: Any) -> None:
        heard.append(facts)

    with token_accepted.connected_to(listen):
        yield heard


def test_a_ticket_is_used_once(app: Flask, mint: Mint, reasons: list[str]) -> None:
    ticket = make_ticket(mint)

    statuses = [get(app, ticket).status_code for _ in range(3)]

    assert statuses == [200, 401, 401]
    assert reasons == ["ticket_used"] * 2


def test_a_used_ticket_is_refused_like_a_bad_one(app: Flask, mint: Mint) -> None:
    ticket = make_ticket(mint)
    get(app, ticket)

    used, bad = get(app, ticket), get(app, "a.b.c")

    assert (used.status_code, used.data, dict(used.headers)) == (401, bad.data, dict(bad.headers))
    assert used.headers["Referrer-Policy"] == "no-referrer"


def test_a_ticket_is_used_once_in_all_applications_with_the_same_store(
    make_app: MakeApp, store: Watched, mint: Mint
) -> None:
    workers = [make_app(TOKENAUTH_STORE=store) for _ in range(2)]
    for worker in workers:
        worker.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))
    ticket = make_ticket(mint)

    assert [get(worker, ticket).status_code for worker in workers] == [200, 401]


def test_without_a_store_a_ticket_is_good_until_it_expires(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))
    ticket = make_ticket(mint)

    assert [get(app, ticket).status_code for _ in range(3)] == [200] * 3


def test_revocation_that_is_off_leaves_one_use(make_app: MakeApp, store: Watched, mint: Mint) -> None:
    app = make_app(TOKENAUTH_STORE=store, TOKENAUTH_REVOCATION="off")
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))
    ticket = make_ticket(mint)

    assert [get(app, ticket).status_code for _ in range(2)] == [200, 401]


def test_tickets_with_different_ids_do_not_matter_to_each_other(app: Flask, mint: Mint) -> None:
    assert [get(app, make_ticket(mint, jti=jti)).status_code for jti in ("a", "b", "é", "e")] == [200] * 4


def test_head_uses_a_ticket(app: Flask, mint: Mint) -> None:
    ticket = make_ticket(mint)

    assert app.test_client().head(with_ticket(ticket)).status_code == 200
    assert get(app, ticket).status_code == 401


def test_the_store_gets_a_digest_and_a_time_at_which_no_server_accepts_the_ticket(
    app: Flask, store: Watched, mint: Mint
) -> None:
    get(app, make_ticket(mint, jti="the-id", exp=NOW + LIFETIME + 0.9))

    [(spent_id, expires_at)] = store.spent
    assert len(spent_id) == 43
    assert "the-id" not in spent_id
    assert expires_at >= (NOW + LIFETIME + LONGEST_LEEWAY.total_seconds()) * 1000


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "other"},
        {"ticket_path": "/other"},
        {"exp": NOW - 11, "iat": NOW - 20},
        {"iss": "https://mallory.example"},
        {"typ": "at+jwt"},
    ],
)
def test_a_ticket_that_is_refused_is_not_used(app: Flask, store: Watched, mint: Mint, changes: dict[str, Any]) -> None:
    assert get(app, make_ticket(mint, **changes)).status_code in {401, 403}

    assert store.spent == []


def test_a_refusal_leaves_the_ticket_for_the_next_request(app: Flask, mint: Mint) -> None:
    ticket = make_ticket(mint)
    client = app.test_client()

    refused = [
        client.post(with_ticket(ticket)).status_code,
        client.get(with_ticket(ticket, "/other")).status_code,
        client.get(f"/x?ticket={ticket}&ticket={ticket}").status_code,
        client.get(with_ticket(ticket), headers=bearer("bad")).status_code,
    ]

    assert refused == [405, 404, 400, 401]
    assert get(app, ticket).status_code == 200


def test_a_second_guard_that_refuses_leaves_the_ticket(make_app: MakeApp, store: Watched, mint: Mint) -> None:
    app = make_app(TOKENAUTH_STORE=store)
    view = login_required(accept=ACCEPT)(require_scope("admin", accept=ACCEPT)(show_caller()))
    app.add_url_rule("/x", "x", require_scope("reports:read", accept=ACCEPT)(view))

    assert get(app, make_ticket(mint)).status_code == 403
    assert store.spent == []


def test_nobody_is_seen_after_a_refusal(app: Flask, auth: TokenAuth[str], mint: Mint) -> None:
    """Error handlers may ask for the caller."""
    seen: list[object] = []

    @app.errorhandler(401)
    @app.errorhandler(403)
    def handle(error: Any) -> Any:
        seen.append([g.user_id, get_token(), sorted(g.scopes)])
        return error

    ticket = make_ticket(mint)
    for bad in make_ticket(mint, scope="other"), ticket, ticket, make_ticket(mint, "/other"):
        get(app, bad)

    assert seen == [[None, None, []]] * 3


def test_nested_guards_use_a_ticket_once(make_app: MakeApp, store: Watched, auth: TokenAuth[str], mint: Mint) -> None:
    app, blueprint = make_app(auth=auth, TOKENAUTH_STORE=store), Blueprint("b", __name__)
    function = login_required(accept=ACCEPT, is_view=False)(show_caller())

    @blueprint.get("/x")
    @login_required(accept=ACCEPT)
    @require_scope("reports:read", accept=ACCEPT)
    def view() -> Any:
        function()
        return function()

    blueprint.before_request(login_required(accept=ACCEPT)(lambda: None))
    auth.protect(blueprint, accept=ACCEPT)
    app.before_request(login_optional(accept=ACCEPT)(lambda: None))
    app.register_blueprint(blueprint)

    assert get(app, make_ticket(mint)).json == ALICE
    assert len(store.spent) == 1


def test_an_optional_login_uses_a_ticket(make_app: MakeApp, store: Watched, mint: Mint) -> None:
    app = make_app(TOKENAUTH_STORE=store)
    app.add_url_rule("/x", "x", login_optional(accept=ACCEPT)(show_caller()))
    ticket = make_ticket(mint)

    assert get(app, ticket).json == ALICE
    assert get(app, ticket).status_code == 401
    assert app.test_client().get("/x").json == NOBODY


def test_the_signal_is_sent_once_for_a_used_ticket_alone(app: Flask, mint: Mint, accepted: list[Any]) -> None:
    ticket = make_ticket(mint)

    get(app, ticket)
    get(app, ticket)
    get(app, make_ticket(mint, scope="other", jti="t2"))

    assert accepted == [{"user_id": "alice", "scopes": frozenset({"reports:read"})}]


def test_a_store_that_is_down_refuses_for_now(app: Flask, store: Watched, mint: Mint, reasons: list[str]) -> None:
    ticket = make_ticket(mint)
    store.is_down = True

    response = get(app, ticket)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert reasons == ["store_unavailable"]
    store.is_down = False
    assert get(app, ticket).status_code == 200


@pytest.mark.parametrize("answer", [None, 1, "yes"])
def test_a_custom_store_that_does_not_answer_is_an_outage(
    make_app: MakeApp, store: Watched, mint: Mint, answer: object
) -> None:
    class Custom(Watched):
        def spend(self, spent_id: str, *, expires_at: int) -> Any:
            return answer

    app = make_app(TOKENAUTH_STORE=Custom(StandingClock()))
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))

    assert get(app, make_ticket(mint)).status_code == 503


# Functions that run before the view.


def test_functions_before_the_view_see_nobody(app: Flask, auth: TokenAuth[str], mint: Mint) -> None:
    seen: list[object] = []

    def look() -> None:
        seen.append([g.user_id, get_token(), sorted(g.scopes), auth.allows("reports:read")])

    app.before_request(look)
    app.url_value_preprocessor(lambda *_: look())

    assert get(app, make_ticket(mint)).json == ALICE
    assert seen == [[None, None, [], False]] * 2


def test_a_function_before_the_view_that_needs_the_user_refuses(app: Flask, store: Watched, mint: Mint) -> None:
    app.before_request(lambda: g.setdefault("user", get_user()))

    assert get(app, make_ticket(mint)).status_code == 401
    assert store.spent == []


def test_a_function_before_the_view_that_refuses_leaves_the_ticket(app: Flask, store: Watched, mint: Mint) -> None:
    app.before_request(lambda: abort(429))

    assert get(app, make_ticket(mint)).status_code == 429
    assert store.spent == []


def test_a_function_before_the_view_that_answers_uses_the_ticket(app: Flask, mint: Mint) -> None:
    app.before_request(lambda: "answer")
    ticket = make_ticket(mint)

    assert [get(app, ticket).status_code for _ in range(2)] == [200, 401]
    assert get(app, make_ticket(mint, jti="t2", scope="other")).status_code == 403


@pytest.mark.parametrize("guard", [login_required(accept=ACCEPT), login_optional(accept=ACCEPT)])
def test_a_guarded_function_before_the_view_does_not_run_for_a_used_ticket(
    app: Flask, store: Watched, mint: Mint, guard: Any
) -> None:
    seen: list[object] = []
    app.before_request(guard(lambda: seen.append(g.user_id)))
    ticket = make_ticket(mint)

    statuses = [get(app, ticket).status_code for _ in range(3)]

    assert statuses == [200, 401, 401]
    assert seen == ["alice"]


def test_a_guarded_function_before_the_view_does_not_run_if_another_guard_refuses(
    app: Flask, store: Watched, mint: Mint
) -> None:
    seen: list[object] = []
    app.before_request(login_required(accept=ACCEPT)(lambda: seen.append(g.user_id)))

    assert get(app, make_ticket(mint, scope="other")).status_code == 403
    assert seen == []
    assert store.spent == []


def test_a_function_that_catches_the_refusal_opens_nothing(app: Flask, mint: Mint) -> None:
    guarded: Any = login_required(accept=ACCEPT)(lambda: None)

    @app.before_request
    def swallow() -> None:
        with suppress(Exception):  # careless code
            guarded()

    ticket = make_ticket(mint)
    assert [get(app, ticket).status_code for _ in range(2)] == [200, 401]
    assert get(app, make_ticket(mint, jti="t2", scope="other")).status_code == 403


# Requests that are led to another route.


def lead_to(app: Flask, endpoint: str) -> Any:
    """Lead the current request to another route, and answer it there."""
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    request.url_rule = rule
    return app.make_response(app.dispatch_request())


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        (login_required(accept=ACCEPT), ALICE),
        (login_optional(accept=ACCEPT), ALICE),
        (lambda view: view, NOBODY),
        (login_optional, NOBODY),
        (login_required, 401),
        (require_scope("reports:read"), 401),
    ],
)
def test_a_route_to_which_a_request_is_led_decides_by_its_own_guards(
    make_app: MakeApp, store: Watched, mint: Mint, guard: Any, expected: object
) -> None:
    app = make_app(TOKENAUTH_STORE=store)
    app.add_url_rule("/other", "other", guard(show_caller()))
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(lambda: lead_to(current_app, "other")))

    response = get(app, make_ticket(mint))

    assert (response.json if response.status_code == 200 else response.status_code) == expected
    assert len(store.spent) == 1


def test_a_ticket_counts_again_when_the_request_comes_back(make_app: MakeApp, store: Watched, mint: Mint) -> None:
    app = make_app(TOKENAUTH_STORE=store)
    app.add_url_rule("/last", "last", login_required(accept=ACCEPT)(show_caller()))
    app.add_url_rule("/open", "open", lambda: lead_to(app, "last"))
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(lambda: lead_to(app, "open")))

    assert get(app, make_ticket(mint)).json == ALICE
    assert len(store.spent) == 1


def test_a_view_that_another_view_calls_is_not_opened_by_the_ticket(
    make_app: MakeApp, store: Watched, mint: Mint
) -> None:
    app = make_app(TOKENAUTH_STORE=store)
    inner = login_required(accept=ACCEPT)(show_caller())
    app.add_url_rule("/inner", "inner", inner)
    app.add_url_rule("/x", "x", lambda: inner())  # noqa: PLW0108  # a route of its own, without a guard

    assert get(app, make_ticket(mint)).status_code == 401
    assert store.spent == []


def test_the_guard_works_where_the_hook_was_taken_away(app: Flask, mint: Mint, monkeypatch: Any) -> None:
    """As with other code that replaces a method of Flask."""
    get(app, make_ticket(mint, jti="first"))
    monkeypatch.setattr(app, "preprocess_request", lambda *_: None)
    ticket = make_ticket(mint)

    assert [get(app, ticket).status_code for _ in range(2)] == [200, 401]
