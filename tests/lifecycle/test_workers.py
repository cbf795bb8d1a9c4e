"""Workers whose clocks differ: all refuse a token that one has revoked, and all accept a token that is issued later."""

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
from .conftest import STORES
from .devices import end_device, id_of, list_session_ids, log_out, me, revoke
from .kit import INVALID_GRANT, pass_interval, refresh, sign_in, store_of

Workers = tuple[Flask, Flask, Flask]
ORDERS = list(permutations((-60, 0, 60)))


@pytest.fixture(params=STORES)
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], object]:
    """Return a function that returns a worker's ``TOKENAUTH_STORE``: one store for all, with a clock of its own."""
    store = MemoryStore()
    return lambda: store if request.param == "memory" else url_of(tmp_path / "workers.db")


@pytest.fixture
def make_workers(make_app: MakeApp, connect: Callable[[], object]) -> Iterator[Callable[..., Workers]]:
    """Return a function that makes an application for each number of seconds that its clock is ahead; they share a
    store.
    """
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


@pytest.mark.slow
@pytest.mark.parametrize("ahead", ORDERS, ids=str)
def test_a_user_revoked_on_one_worker_logs_in_on_another_and_is_accepted_on_a_third(
    make_workers: Callable[..., Workers], ahead: tuple[int, ...]
) -> None:
    """The leeway is for ``iat``, which the workers' clocks decide. It is not for revocations."""
    a, b, c = make_workers(*ahead, TOKENAUTH_LEEWAY=120)
    stolen = [sign_in(worker) for worker in (a, b, c)]
    bare = [issue(worker) for worker in (a, b, c)]
    before = [login["access_token"] for login in stolen] + bare
    assert {me(worker, token) for worker in (a, b, c) for token in before} == {200}

    revoke_alice(a)
    login, again = sign_in(b), issue(b)

    assert [me(c, login["access_token"]), me(c, again)] == [200, 200]
    assert {me(a, token) for token in before} == {401}
    pass_interval(b, c)
    assert {me(worker, token) for worker in (b, c) for token in before} == {401}
    assert {refresh(c, login["refresh_token"]).status_code for login in stolen} == {400}
    assert {me(worker, token) for worker in (a, b) for token in (login["access_token"], again)} == {200}
    assert refresh(c, login["refresh_token"]).status_code == 200
    assert list_session_ids(c, login["access_token"]) == [id_of(login)]


@pytest.mark.parametrize(("a_ahead", "bc_ahead"), [(60, 0), (0, 60), (-60, 0), (0, -60), (0, 0)])
def test_a_login_after_a_revocation_is_good_with_the_default_leeway(
    make_workers: Callable[..., Workers], a_ahead: int, bc_ahead: int
) -> None:
    a, b, c = make_workers(a_ahead, bc_ahead, bc_ahead)
    stolen, bare = sign_in(b), issue(b)

    revoke_alice(a)
    login, again = sign_in(b), issue(b)

    assert [me(c, login["access_token"]), me(c, again)] == [200, 200]
    assert [me(c, stolen["access_token"]), me(c, bare)] == [401, 401]


@pytest.mark.parametrize("ahead", [(60, 0, -60), (-60, 0, 60)])
def test_after_several_revocations_only_the_last_login_is_good(
    make_workers: Callable[..., Workers], ahead: tuple[int, ...]
) -> None:
    workers = make_workers(*ahead, TOKENAUTH_LEEWAY=120)
    logins = []
    for worker in workers * 2:
        revoke_alice(worker)
        logins.append(sign_in(worker))

    answers = [[me(worker, login["access_token"]) for login in logins] for worker in workers]

    assert answers == [[401, 401, 401, 401, 401, 200]] * 3


ENDS: dict[str, Callable[[Flask, Any, Any], object]] = {
    "a logout": lambda worker, login, other: log_out(worker, login["access_token"]),
    "the end of a device": lambda worker, login, other: end_device(worker, other["access_token"], id_of(login)),
    "a revocation": lambda worker, login, other: revoke(worker, login["refresh_token"]),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_session_that_ends_on_one_worker_ends_on_all(
    make_workers: Callable[..., Workers], end: Callable[[Flask, Any, Any], object]
) -> None:
    a, b, c = make_workers(60, 0, -60, TOKENAUTH_LEEWAY=120)
    login, other = sign_in(a), sign_in(b)
    assert [me(worker, login["access_token"]) for worker in (a, b, c)] == [200, 200, 200]

    end(b, login, other)

    assert me(b, login["access_token"]) == 401
    pass_interval(a, c)
    assert [me(worker, login["access_token"]) for worker in (a, b, c)] == [401, 401, 401]
    assert refresh(c, login["refresh_token"]).get_json() == INVALID_GRANT
    assert list_session_ids(c, other["access_token"]) == [id_of(other)]
