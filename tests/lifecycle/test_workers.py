"""Workers whose clocks differ: what one revokes the others refuse at once, and what is issued afterwards is good."""

from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token, login_required
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp, StandingClock, whoami
from ..stores.sqlite_kit import url_of
from .devices import end_device, id_of, listed, log_out, me, revoke
from .kit import INVALID_GRANT, hear, refresh, sign_in, store_of

Workers = tuple[Flask, Flask, Flask]
ORDERS = list(permutations((-60, 0, 60)))


@pytest.fixture(params=["memory", "sqlite"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], object]:
    """Return what a worker has for ``TOKENAUTH_STORE``: one store, whose clock runs and is nobody's."""
    store = MemoryStore()
    return lambda: store if request.param == "memory" else url_of(tmp_path / "workers.db")


@pytest.fixture
def make_workers(make_app: MakeApp, connect: Callable[[], object]) -> Iterator[Callable[..., Workers]]:
    """Return a function that makes three applications on one store, with clocks so many seconds ahead."""
    made: list[Flask] = []

    def make(*ahead: int, **config: object) -> Any:
        for seconds in ahead:
            auth: TokenAuth[Any] = TokenAuth()
            worker = make_app(auth=auth, TOKENAUTH_STORE=connect(), **config)
            worker.register_blueprint(auth.endpoints)
            worker.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
            worker.extensions["tokenauth"].clock = StandingClock(NOW + seconds)
            made.append(worker)
        return tuple(made)

    yield make
    for worker in made:
        store_of(worker).close()


def revoke_alice(worker: Flask) -> None:
    with worker.app_context():
        TokenAuth().revoke_user("alice", api_keys=True)


def issue(worker: Flask) -> str:
    with worker.app_context():
        return create_token("alice")


@pytest.mark.parametrize("ahead", ORDERS, ids=str)
def test_who_is_revoked_on_one_worker_and_logs_in_on_another_gets_through_on_a_third(
    make_workers: Callable[..., Workers], ahead: tuple[int, ...]
) -> None:
    """Leeway is for ``iat``, which the clocks of workers decide; what is revoked they do not."""
    a, b, c = make_workers(*ahead, TOKENAUTH_LEEWAY=120)
    stolen = [sign_in(worker) for worker in (a, b, c)]
    bare = [issue(worker) for worker in (a, b, c)]
    before = [each["access_token"] for each in stolen] + bare
    assert {me(worker, each) for worker in (a, b, c) for each in before} == {200}

    revoke_alice(a)
    login, again = sign_in(b), issue(b)

    assert [me(c, login["access_token"]), me(c, again)] == [200, 200]
    assert {me(a, each) for each in before} == {401}
    hear(b, c)
    assert {me(worker, each) for worker in (b, c) for each in before} == {401}
    assert {refresh(c, each["refresh_token"]).status_code for each in stolen} == {400}
    assert {me(worker, each) for worker in (a, b) for each in (login["access_token"], again)} == {200}
    assert refresh(c, login["refresh_token"]).status_code == 200
    assert listed(c, login["access_token"]) == [id_of(login)]


@pytest.mark.parametrize(("a_ahead", "bc_ahead"), [(60, 0), (0, 60), (-60, 0), (0, -60), (0, 0)])
def test_with_the_usual_leeway_it_is_the_same_wherever_tokens_are_believed_at_all(
    make_workers: Callable[..., Workers], a_ahead: int, bc_ahead: int
) -> None:
    a, b, c = make_workers(a_ahead, bc_ahead, bc_ahead)
    stolen, bare = sign_in(b), issue(b)

    revoke_alice(a)
    login, again = sign_in(b), issue(b)

    assert [me(c, login["access_token"]), me(c, again)] == [200, 200]
    assert [me(c, stolen["access_token"]), me(c, bare)] == [401, 401]


@pytest.mark.parametrize("ahead", [(60, 0, -60), (-60, 0, 60)])
def test_who_is_revoked_again_and_again_gets_through_with_the_last_login_only(
    make_workers: Callable[..., Workers], ahead: tuple[int, ...]
) -> None:
    workers = make_workers(*ahead, TOKENAUTH_LEEWAY=120)
    logins = []
    for worker in workers * 2:
        revoke_alice(worker)
        logins.append(sign_in(worker))

    answers = [[me(worker, each["access_token"]) for each in logins] for worker in workers]

    assert answers == [[401, 401, 401, 401, 401, 200]] * 3


ENDS: dict[str, Callable[[Flask, Any, Any], object]] = {
    "a logout": lambda worker, login, other: log_out(worker, login["access_token"]),
    "the end of a device": lambda worker, login, other: end_device(worker, other["access_token"], id_of(login)),
    "a revocation": lambda worker, login, other: revoke(worker, login["refresh_token"]),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_session_that_ends_on_one_worker_is_over_on_all(
    make_workers: Callable[..., Workers], end: Callable[[Flask, Any, Any], object]
) -> None:
    a, b, c = make_workers(60, 0, -60, TOKENAUTH_LEEWAY=120)
    login, other = sign_in(a), sign_in(b)
    assert [me(worker, login["access_token"]) for worker in (a, b, c)] == [200, 200, 200]

    end(b, login, other)

    assert me(b, login["access_token"]) == 401
    hear(a, c)
    assert [me(worker, login["access_token"]) for worker in (a, b, c)] == [401, 401, 401]
    assert refresh(c, login["refresh_token"]).get_json() == INVALID_GRANT
    assert listed(c, other["access_token"]) == [id_of(other)]
