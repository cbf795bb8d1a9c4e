"""The memory of ``ExchangeAuth``: for which requests a token is used again, and for how long."""

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import AuthError, NotAuthenticated
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core import process
from flask_tokenauth.core.tokens.unverified import parse_unverified
from flask_tokenauth.downstream import exchange_auth
from flask_tokenauth.downstream.exchange_auth import MARGIN, TokenSource
from flask_tokenauth.users import require_token

from ..conftest import NOW, StandingClock, bearer
from .conftest import MakeExchangeApp, token_of

ORIGIN = "https://reports.example"
URL = f"{ORIGIN}/x"


def source(**options: Any) -> TokenSource:
    return TokenSource("reports", [ORIGIN], **options)


def ask(app: Flask, tokens: TokenSource, token: str) -> str:
    """Return the header of a request to the service, within a request with a token."""
    with app.test_request_context("/", headers=bearer(token)):
        return tokens.token_for(URL).header


def claims_of(header: str) -> dict[str, Any]:
    return dict(parse_unverified(header.removeprefix("Bearer ")).claims or {})


def test_a_token_is_remembered_until_30_seconds_before_it_expires(exchanging: Flask, clock: StandingClock) -> None:
    tokens, token = source(), token_of(exchanging)
    first = ask(exchanging, tokens, token)
    assert claims_of(first)["exp"] == NOW + 300

    clock.now = NOW + 300 - MARGIN - 0.001
    assert ask(exchanging, tokens, token) == first

    clock.now = NOW + 300 - MARGIN
    second = ask(exchanging, tokens, token)
    assert second != first
    assert claims_of(second)["exp"] == NOW + 600 - MARGIN


def test_a_token_is_not_remembered_for_longer_than_the_token_of_the_request_lives(
    exchanging: Flask, clock: StandingClock
) -> None:
    tokens, token = source(expires_in=3600), token_of(exchanging, expires_in=100)
    first = ask(exchanging, tokens, token)
    assert claims_of(first)["exp"] == NOW + 100

    clock.now = NOW + 100 - MARGIN - 0.001
    assert ask(exchanging, tokens, token) == first

    clock.now = NOW + 100 - MARGIN
    assert ask(exchanging, tokens, token) != first

    clock.now = NOW + 100
    with pytest.raises(NotAuthenticated):
        ask(exchanging, tokens, token)


@pytest.mark.parametrize(("lifetime", "same"), [(MARGIN - 1, False), (MARGIN, False), (MARGIN + 1, True)])
def test_a_token_that_lives_no_longer_than_30_seconds_is_not_remembered(
    exchanging: Flask, lifetime: int, *, same: bool
) -> None:
    tokens, token = source(expires_in=timedelta(seconds=lifetime)), token_of(exchanging)

    assert (ask(exchanging, tokens, token) == ask(exchanging, tokens, token)) is same


def test_another_token_of_the_same_user_has_a_token_of_its_own(exchanging: Flask) -> None:
    tokens = source()
    wide, narrow = token_of(exchanging, scopes=["a", "b"]), token_of(exchanging, scopes=["a"])

    headers = [ask(exchanging, tokens, token) for token in (wide, narrow, wide)]

    assert [claims_of(header)["scope"] for header in headers] == ["a b", "a", "a b"]
    assert headers[0] == headers[2]


def test_a_token_is_not_remembered_after_a_change_of_scopes(exchanging: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, token = source(), token_of(exchanging, scopes=["a", "b"])
    first = ask(exchanging, tokens, token)
    monkeypatch.setattr(exchange_auth, "require_token", lambda state: _narrow(require_token(state)))

    assert ask(exchanging, tokens, token) != first


def _narrow(token: Any) -> Any:
    return type(token)(subject=token.subject, scopes=frozenset({"a"}), claims=token.claims)


def test_two_applications_do_not_share_tokens(make_exchange_app: MakeExchangeApp) -> None:
    first, second = make_exchange_app("first"), make_exchange_app("second")
    tokens, token = source(), token_of(first)

    headers = [ask(app, tokens, token) for app in (first, second, first)]

    assert headers[0] == headers[2] != headers[1]


def test_an_application_that_is_gone_leaves_no_token_to_a_new_one_with_its_id(
    make_exchange_app: MakeExchangeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, first, second = source(), make_exchange_app("first"), make_exchange_app("second")
    monkeypatch.setattr(exchange_auth, "id", lambda app: 1, raising=False)
    token = token_of(first)

    assert ask(first, tokens, token) != ask(second, tokens, token)


def test_the_memory_does_not_keep_an_application_alive(make_exchange_app: MakeExchangeApp) -> None:
    tokens = source()
    app = make_exchange_app("first")
    ask(app, tokens, token_of(app))

    assert Flask not in map(type, gc.get_referents(*tokens._remembered._values.values()))


def test_the_memory_is_bounded(exchanging: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_auth, "_MOST", 2)
    tokens = source()
    users = [token_of(exchanging, user) for user in ("alice", "bob", "carol")]
    headers = [ask(exchanging, tokens, token) for token in users]

    assert len(tokens._remembered) == 2
    assert ask(exchanging, tokens, users[2]) == headers[2]
    assert ask(exchanging, tokens, users[0]) != headers[0]


def test_a_refused_token_of_a_request_is_not_looked_up(exchanging: Flask) -> None:
    tokens, token = source(), token_of(exchanging)
    ask(exchanging, tokens, token)
    state_of(exchanging).callbacks.check_token = lambda _: False

    with pytest.raises(NotAuthenticated):
        ask(exchanging, tokens, token)


def test_an_exchange_that_fails_is_not_remembered(exchanging: Flask) -> None:
    tokens, token = source(scopes=["admin"]), token_of(exchanging)

    for _ in range(2):
        with pytest.raises(AuthError):
            ask(exchanging, tokens, token)
    assert len(tokens._remembered) == 0


def test_a_renewed_token_is_the_one_that_another_thread_has_made_meanwhile(exchanging: Flask) -> None:
    tokens, token = source(), token_of(exchanging)

    with exchanging.test_request_context("/", headers=bearer(token)):
        mine, other = tokens.token_for(URL), tokens.token_for(URL)
        refused = mine.header
        tokens.renew(other)
        tokens.renew(mine)

    assert mine.header == other.header != refused


@pytest.mark.parametrize("change", ["status", "url", "header"])
def test_only_the_refusal_of_the_token_by_the_service_renews_it(exchanging: Flask, change: str) -> None:
    tokens, token = source(), token_of(exchanging)
    wrong = {"status": 403, "url": "https://evil.example/", "header": "Bearer x"}

    with exchanging.test_request_context("/", headers=bearer(token)):
        sent = tokens.token_for(URL)
        answer: dict[str, Any] = {"status": 401, "url": URL, "header": sent.header}

        assert tokens.may_renew(sent, **answer)
        assert not tokens.may_renew(sent, **answer | {change: wrong[change]})


def test_many_threads_get_tokens_of_their_own_users(exchanging: Flask) -> None:
    tokens = source()
    users = {f"user{number}": token_of(exchanging, f"user{number}") for number in range(8)}
    start = Barrier(8)

    def work(user: str) -> set[str]:
        start.wait(60)
        return {claims_of(ask(exchanging, tokens, users[user]))["sub"] for _ in range(5)}

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, users)) == [{user} for user in users]


def test_a_child_can_remember_a_token_while_a_thread_of_its_parent_had_the_lock(
    exchanging: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, token = source(), token_of(exchanging)
    tokens._remembered._lock.acquire()
    assert ask(exchanging, tokens, token) != ask(exchanging, tokens, token)

    monkeypatch.setattr(process, "getpid", lambda: -1)

    assert ask(exchanging, tokens, token) == ask(exchanging, tokens, token)


def test_no_token_is_in_a_repr(exchanging: Flask) -> None:
    tokens, token = source(), token_of(exchanging)

    with exchanging.test_request_context("/", headers=bearer(token)):
        sent = tokens.token_for(URL)

    shown = repr((tokens, vars(tokens), sent, tokens._remembered._values))
    assert token not in shown
    assert sent.header.removeprefix("Bearer ") not in shown


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"audience": ""}, ValueError),
        ({"audience": []}, ValueError),
        ({"audience": ["a", ""]}, ValueError),
        ({"audience": None}, TypeError),
        ({"audience": [1]}, TypeError),
        ({"origins": ORIGIN}, TypeError),
        ({"origins": []}, ValueError),
        ({"scopes": "a"}, TypeError),
        ({"scopes": ["a b"]}, ValueError),
        ({"expires_in": "5m"}, TypeError),
        ({"expires_in": 1e300}, ValueError),
    ],
)
def test_wrong_arguments_are_errors_at_the_start(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        TokenSource(**{"audience": "a", "origins": [ORIGIN]} | options)


def test_iterators_are_read_once(exchanging: Flask) -> None:
    tokens = TokenSource(iter(["a", "b"]), iter([ORIGIN]), scopes=iter(["x"]), expires_in=20)
    token = token_of(exchanging, scopes=["x", "y"])

    claims: Callable[[], dict[str, Any]] = lambda: claims_of(ask(exchanging, tokens, token))  # noqa: E731

    for _ in range(2):
        assert (claims()["aud"], claims()["scope"]) == (("a", "b"), "x")
