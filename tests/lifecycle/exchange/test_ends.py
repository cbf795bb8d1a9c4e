"""A token that was exchanged ends with its parent, with their session and with their user, at each other worker too."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import NotAuthenticated, TemporarilyUnavailable, login_required
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.store import Store
from flask_tokenauth.core.token_errors import TokenError

from ...conftest import AUDIENCE, NOW, MakeApp, StandingClock, bearer, whoami
from ...stores.sqlite_kit import engine_where_time_stands_still
from ..conftest import STORES
from ..kit import SignalLog, claims_of, sign_in, store_of, unavailable
from ..looked_up.kit import make_reference, state_of
from ..revocation.kit import revoke_current
from .conftest import MakeWorker
from .kit import AUTH, KEYS, PUBLIC_KEYS, REPORTS, exchange, token_for, verify

INTERVAL = 1  # seconds, in which other workers learn of a revocation
WIDTH = 300  # seconds, of a bucket of the feed


@pytest.fixture(params=STORES)
def connect(request: pytest.FixtureRequest, tmp_path: Path, store: Store) -> Callable[[], object]:
    """Return a function that returns ``TOKENAUTH_STORE`` of a worker. Its time stands still."""
    path = tmp_path / "workers.db"
    return lambda: store if request.param == "memory" else engine_where_time_stands_still(path, NOW)


@pytest.fixture
def make_service(make_worker: MakeWorker, connect: Callable[[], object]) -> Iterator[Callable[..., Flask]]:
    """Return a function that makes a worker of the next service. It has the store and the public keys."""
    made: list[Flask] = []

    def make(**config: Any) -> Flask:
        settings = {"TOKENAUTH_AUDIENCE": REPORTS, "TOKENAUTH_KEYS": PUBLIC_KEYS, "TOKENAUTH_STORE": connect()}
        made.append(make_worker(**settings | config))
        return made[-1]

    yield make
    for app in made:
        store_of(app).close()


@pytest.fixture
def issuer(make_service: Callable[..., Flask]) -> Flask:
    return make_service(TOKENAUTH_KEYS=KEYS, TOKENAUTH_AUDIENCE=AUDIENCE)


ENDS: dict[str, Callable[[str], object]] = {
    "the parent": lambda token: AUTH.revoke_token(),
    "the parent, by its ID": lambda token: AUTH.revoke_token(claims_of(token)["jti"]),
    "the session": lambda token: AUTH.revoke_session(claims_of(token)["sid"]),
    "the user": lambda token: AUTH.revoke_user("alice", api_keys=False),
}


@pytest.mark.parametrize("mode", ["feed", "strict"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_it_ends_at_another_worker(
    make_service: Callable[..., Flask], issuer: Flask, clock: StandingClock, end: Callable[[str], object], mode: str
) -> None:
    service = make_service(TOKENAUTH_REVOCATION=mode)
    token = sign_in(issuer)["access_token"]
    child, of_bob = exchange(issuer, token), exchange(issuer, sign_in(issuer, "bob")["access_token"])
    assert verify(service, child).actor == claims_of(token)["iss"]

    with issuer.test_request_context(headers=bearer(token)):
        end(token)
    clock.now += INTERVAL

    with pytest.raises(TokenError) as caught:
        verify(service, child)
    assert caught.value.reason == "token_revoked"
    assert verify(service, of_bob).subject == "bob"


@pytest.mark.parametrize("lifetime", [1, WIDTH - 1, WIDTH, WIDTH + 1, 599, 600, 899, 900])
def test_its_own_bucket_is_not_that_of_its_parent(make_worker: MakeWorker, clock: StandingClock, lifetime: int) -> None:
    """The feed finds a token by the bucket of its expiry, and the parent is in another one for most lifetimes."""
    issuer, service = make_worker(), make_worker(TOKENAUTH_KEYS=PUBLIC_KEYS, TOKENAUTH_AUDIENCE=REPORTS)
    token = token_for(issuer)
    child = exchange(issuer, token, expires_in=lifetime)
    verify(service, child)

    revoke_current(issuer, token)
    clock.now += INTERVAL

    with pytest.raises(TokenError) as caught:
        verify(service, child)
    assert caught.value.reason == "token_revoked"


def test_the_process_that_revokes_knows_at_once(worker: Flask) -> None:
    token = token_for(worker)
    child = exchange(worker, token)
    verify(worker, child)

    revoke_current(worker, token)

    with pytest.raises(TokenError, match="must not be revoked"):
        verify(worker, child)


@pytest.mark.parametrize("behind", [0, 1, 10])
@pytest.mark.parametrize("expires_in", [None, 120, 121])
def test_it_lives_no_longer_than_tokens_may_if_the_clock_of_this_worker_is_behind(
    make_worker: MakeWorker, clock: StandingClock, behind: int, expires_in: int | None
) -> None:
    """The token of the request comes from a worker whose clock is ahead, within the leeway: more of it seems left."""
    worker = make_worker(TOKENAUTH_ACCESS_LIFETIME=120, TOKENAUTH_MAX_LIFETIME=120)
    token = token_for(worker)
    clock.now -= behind

    child = claims_of(exchange(worker, token, expires_in=expires_in))

    assert child["exp"] - child["iat"] == 120


@pytest.mark.parametrize("mode", ["feed", "strict"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_token_that_ends_during_its_request_is_not_exchanged_any_more(
    make_worker: MakeWorker, signal_log: SignalLog, end: Callable[[str], object], mode: str
) -> None:
    """A view may log its user out, and a streamed answer may take hours."""
    worker = make_worker(TOKENAUTH_REVOCATION=mode)
    token = sign_in(worker)["access_token"]

    with worker.test_request_context(headers=bearer(token)):
        AUTH.exchange(audience=REPORTS)
        end(token)
        with pytest.raises(NotAuthenticated):
            AUTH.exchange(audience=REPORTS)

    assert signal_log.reasons == ["token_revoked"]


def test_without_revocation_a_token_is_exchanged_until_it_expires(make_worker: MakeWorker) -> None:
    worker, other = make_worker(TOKENAUTH_REVOCATION="off"), make_worker()
    token = token_for(worker)
    revoke_current(other, token)

    assert exchange(worker, token)


@pytest.mark.parametrize("mode", ["feed", "strict"])
def test_no_token_is_exchanged_if_the_store_cannot_be_asked(
    make_worker: MakeWorker, clock: StandingClock, mode: str
) -> None:
    """The revocations that were known when the request came may be too old by now."""
    worker = make_worker(TOKENAUTH_REVOCATION=mode)

    with worker.test_request_context(headers=bearer(token_for(worker))):
        AUTH.exchange(audience=REPORTS)
        clock.now += 60  # the feed may be up to 30 seconds old
        with unavailable(store_of(worker), "is_revoked", "revocations_since"), pytest.raises(TemporarilyUnavailable):
            AUTH.exchange(audience=REPORTS)


@pytest.mark.parametrize("mode", ["feed", "strict"])
def test_it_ends_with_a_reference_token(make_worker: MakeWorker, mode: str) -> None:
    worker = make_worker(TOKENAUTH_REVOCATION=mode)
    reference = make_reference(worker)
    child = exchange(worker, reference)
    verify(worker, child)

    revoke_current(worker, reference)

    with pytest.raises(TokenError, match="must not be revoked"):
        verify(worker, child)


@pytest.mark.parametrize("mode", ["feed", "strict"])
def test_its_own_revocation_leaves_its_parent_and_its_siblings(make_worker: MakeWorker, mode: str) -> None:
    worker = make_worker(TOKENAUTH_REVOCATION=mode)
    token = token_for(worker)
    child, sibling = exchange(worker, token), exchange(worker, token)

    with worker.app_context():
        AUTH.revoke_token(claims_of(child)["jti"])

    with pytest.raises(TokenError, match="must not be revoked"):
        verify(worker, child)
    assert [verify(worker, sibling).subject, verify(worker, token, AUDIENCE).subject] == ["alice", "alice"]


def test_without_revocation_it_is_accepted_until_it_expires(make_worker: MakeWorker, clock: StandingClock) -> None:
    worker, service = make_worker(), make_worker(TOKENAUTH_REVOCATION="off")
    token = token_for(worker)
    child = exchange(worker, token)
    revoke_current(worker, token)

    clock.now += 309
    assert verify(service, child).subject == "alice"

    clock.now += 1
    with pytest.raises(TokenError) as caught:
        verify(service, child)
    assert caught.value.reason == "token_expired"


@pytest.mark.parametrize("method", ["is_revoked", "revocations_since"])
def test_it_is_not_accepted_if_the_store_cannot_be_asked(make_worker: MakeWorker, method: str) -> None:
    worker = make_worker(TOKENAUTH_REVOCATION="strict" if method == "is_revoked" else "feed")
    child = exchange(make_worker(TOKENAUTH_REVOCATION="off"), token_for(worker))

    with unavailable(store_of(worker), method), pytest.raises(StoreUnavailable):
        verify(worker, child)


def test_a_view_of_the_service_refuses_it_after_it_was_remembered(
    make_worker: MakeWorker, clock: StandingClock
) -> None:
    issuer, service = make_worker(), make_worker(TOKENAUTH_AUDIENCE=REPORTS)
    service.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    token = token_for(issuer)
    child = exchange(issuer, token)

    def status() -> int:
        return service.test_client().get("/me", headers=bearer(child)).status_code

    assert [status(), status()] == [200, 200]
    revoke_current(issuer, token)
    clock.now += INTERVAL

    assert status() == 401


def test_introspection_asks_for_both(make_app: MakeApp, make_worker: MakeWorker, worker: Flask) -> None:
    """The store has the parent as revoked, and this worker does not know it yet."""
    other = make_worker()
    other.register_blueprint(AUTH.endpoints)
    token = token_for(worker)
    child = exchange(worker, token, AUDIENCE)
    service = bearer(token_for(worker, ["tokenauth:introspect"], "service"))

    def ask() -> dict[str, Any]:
        answer = other.test_client().post("/auth/introspect", data={"token": child}, headers=service)
        return answer.get_json()  # type: ignore[no-any-return]  # JSON may be any type

    assert (ask()["active"], ask()["act"]) == (True, {"sub": claims_of(token)["iss"]})

    revoke_current(worker, token)

    assert not state_of(other).stored.is_revoked(verify(other, token, AUDIENCE))
    assert ask() == {"active": False}


def test_it_can_be_revoked_at_the_endpoint(worker: Flask) -> None:
    worker.register_blueprint(AUTH.endpoints)
    token = token_for(worker)
    child = exchange(worker, token)

    assert worker.test_client().post("/auth/revoke", data={"token": child}).status_code == 200

    with pytest.raises(TokenError, match="must not be revoked"):
        verify(worker, child)
    assert verify(worker, token, AUDIENCE).subject == "alice"


def test_the_token_of_a_revoked_parent_is_known_as_revoked(worker: Flask) -> None:
    token = token_for(worker)
    child = verify(worker, exchange(worker, token))

    revoke_current(worker, token)

    assert not state_of(worker).stored.revoke(child)  # and no signal is sent
