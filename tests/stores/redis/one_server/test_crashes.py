"""A call that stops between two steps: the next call that finds its traces completes the rest.

Each call is stopped before and after each of its scripts. Then sessions and revocations may disagree until another call
finds the session, and agree afterwards.
"""

from collections.abc import Callable
from contextlib import suppress

import pytest

from flask_tokenauth.core.encoding.limits import YEAR_9999
from flask_tokenauth.core.records.revocation import Revocation, RevocationKind
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import (
    NO_WINDOW,
    RETENTION,
    add_key,
    find_key,
    has_reference_token,
    id_for,
    is_live,
    is_revoked,
    list_all,
    list_keys,
    outcome,
    redeem,
    start,
    token_of,
)

from .steps_kit import recorded, stopped

pytestmark = [pytest.mark.once, pytest.mark.slow]

MOST = 2  # sessions, or API keys, of a user
Call = Callable[[RedisStore], object]


def revocation(kind: RevocationKind, subject: str) -> Revocation:
    return Revocation(kind=kind, subject=subject, expires_at=YEAR_9999 * 1000)


def sign_in(store: RedisStore) -> object:
    return start(store, "other", most=MOST)


def reuse(store: RedisStore) -> object:
    return redeem(store, 0, session_id="desk")


def end(store: RedisStore) -> object:
    return store.end_session("desk", retention=RETENTION)


def revoke_session(store: RedisStore) -> None:
    store.revoke(revocation("session", "desk"))


def revoke_token(store: RedisStore) -> None:
    store.revoke(revocation("token", id_for("key")))


def revoke_reference(store: RedisStore) -> None:
    store.revoke(revocation("token", id_for("token")))


def revoke_key(store: RedisStore) -> object:
    return store.revoke_api_key(id_for("key"), retention=RETENTION)


# The scripts of each call.
SESSION_STEPS: dict[Call, list[str]] = {
    lambda store: start(store, "new", most=MOST): [
        "look at a user", "start a session", "add to a list", "read the beginning of a list", "read the end of a list",
        "look at a user",
        "end a session", "revoke for a time", "remove from a list",
    ],
    reuse: ["redeem a refresh token", "look at a user", "end a session", "revoke for a time"],
    end: ["end a session", "revoke for a time"],
    revoke_session: ["end a session", "revoke"],
}  # fmt: skip
KEY_STEPS: dict[Call, list[str]] = {
    revoke_key: ["find a record", "look at a user", "revoke a record", "revoke for a time"],
    revoke_token: ["revoke a record", "revoke"],
}
NAMES = ["sign-in", "reuse", "end", "revocation"]
COMPLETIONS: dict[str, Call] = {
    "end": end,
    "refresh": lambda store: outcome(store, 3, session_id="desk"),
    "repeated reuse": reuse,
    "list": list_all,
    "sign-in": sign_in,
    "purge": lambda store: store.purge(),
}


def each_step(calls: dict[Call, list[str]], names: list[str]) -> pytest.MarkDecorator:
    """Return a parametrization by all calls, and by all steps of each."""
    cases = [
        pytest.param(call, step, has_run, id=f"{name}-{number}-{script}-{'ran' if has_run else 'not'}")
        for name, (call, scripts) in zip(names, calls.items(), strict=True)
        for number, script in enumerate(scripts)
        for has_run in (False, True)
        for step in [number]
    ]
    return pytest.mark.parametrize(("call", "step", "has_run"), cases)


@pytest.fixture
def store(store: RedisStore) -> RedisStore:
    """A store with two sessions of one user. The tokens 0 to 2 of the one that is idle longest are spent.

    It takes its steps one by one, as in a cluster, where a record and the numbers of its user are in different slots.
    """
    store._keys.servers.is_cluster = True
    start(store, "desk")
    start(store, "phone")
    for generation in range(3):
        assert outcome(store, generation, session_id="desk") is Outcome.SWAPPED
    assert outcome(store, 0, session_id="phone") is Outcome.SWAPPED
    return store


@pytest.mark.parametrize(("call", "steps"), SESSION_STEPS.items(), ids=NAMES)
def test_the_steps_of_calls_for_sessions_are_those_of_these_tests(
    store: RedisStore, call: Call, steps: list[str]
) -> None:
    with recorded() as names:
        call(store)

    assert names == steps
    assert not is_live(store, "desk")
    assert is_revoked(store, "desk")


@pytest.mark.parametrize("complete", COMPLETIONS.values(), ids=COMPLETIONS.keys())
@each_step(SESSION_STEPS, NAMES)
def test_a_session_and_its_revocation_agree_after_the_next_call_that_finds_them(
    *, store: RedisStore, call: Call, step: int, has_run: bool, complete: Call
) -> None:
    with stopped(step, has_run=has_run):
        call(store)

    complete(store)

    assert {name: is_live(store, name) for name in ("desk", "phone")} == {
        name: not is_revoked(store, name) for name in ("desk", "phone")
    }


@each_step(SESSION_STEPS, NAMES)
def test_a_call_for_a_session_that_is_repeated_is_complete(
    store: RedisStore, call: Call, step: int, *, has_run: bool
) -> None:
    with stopped(step, has_run=has_run):
        call(store)

    with suppress(ValueError):  # the session was started by the first call: clients choose another ID
        call(store)
    sign_in(store)

    assert not is_live(store, "desk")
    assert is_revoked(store, "desk")
    assert len(list_all(store)) <= MOST
    assert is_live(store, "other")


@pytest.mark.parametrize("complete", [end, list_all, sign_in], ids=["end", "list", "sign-in"])
@each_step(SESSION_STEPS, NAMES)
def test_no_session_lives_whose_end_was_acknowledged(
    *, store: RedisStore, call: Call, step: int, has_run: bool, complete: Call
) -> None:
    store.end_session("phone", retention=RETENTION)
    with suppress(pytest.fail.Exception), stopped(step, has_run=has_run):  # a sign-in has no session to end now
        call(store)

    complete(store)

    assert outcome(store, 1, session_id="phone") is Outcome.GONE
    assert is_revoked(store, "phone")


@pytest.mark.parametrize("has_run", [False, True])
@pytest.mark.parametrize("step", [0, 1])
def test_a_refresh_that_is_repeated_gets_the_same_successor(store: RedisStore, step: int, *, has_run: bool) -> None:
    with stopped(step, has_run=has_run):
        redeem(store, 3, session_id="desk")

    found = redeem(store, 3, session_id="desk")

    assert found.outcome in (Outcome.SWAPPED, Outcome.RETRIED)
    assert found.session is not None
    assert found.session.generation == 4
    assert outcome(store, 4, session_id="desk") is Outcome.SWAPPED


@pytest.mark.parametrize("has_run", [False, True])
def test_a_user_whose_revocation_is_repeated_is_out(store: RedisStore, *, has_run: bool) -> None:
    with stopped(0, has_run=has_run):
        store.revoke_user("alice", retention=RETENTION, api_keys=True)

    epoch = store.revoke_user("alice", retention=RETENTION, api_keys=True)

    assert list_all(store) == []
    assert store.read_epoch("alice") == epoch
    assert store.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=epoch - 1)


@pytest.mark.parametrize(("call", "steps"), KEY_STEPS.items(), ids=["key", "token"])
def test_the_steps_of_calls_for_api_keys_are_those_of_these_tests(
    store: RedisStore, call: Call, steps: list[str]
) -> None:
    add_key(store)

    with recorded() as names:
        call(store)

    assert names == steps


KEY_COMPLETIONS = KEY_STEPS | {lambda store: store.purge(): []}


@pytest.mark.parametrize("complete", KEY_COMPLETIONS, ids=["key", "token", "purge"])
@each_step(KEY_STEPS, ["key", "token"])
def test_an_api_key_and_its_revocation_agree_after_the_next_call_that_finds_them(
    *, store: RedisStore, call: Call, step: int, has_run: bool, complete: Call
) -> None:
    add_key(store)
    with stopped(step, has_run=has_run):
        call(store)

    complete(store)

    is_key_revoked = store.is_revoked(token_id=id_for("key"), session_id=None, user_id="stranger", epoch=0)
    assert (find_key(store) is None) is is_key_revoked
    assert list_keys(store) == ([] if is_key_revoked else [id_for("key")])


@pytest.mark.parametrize("has_run", [False, True])
@pytest.mark.parametrize("step", [0, 1])
def test_the_revocation_of_a_reference_token_that_is_repeated_is_complete(
    store: RedisStore, step: int, *, has_run: bool
) -> None:
    store.add_reference_token(token_of())
    with stopped(step, has_run=has_run):
        revoke_reference(store)

    revoke_reference(store)

    assert not has_reference_token(store)
    assert store.is_revoked(token_id=id_for("token"), session_id=None, user_id="stranger", epoch=0)


ADD = ["look at a user", "read the end of a list", "add a record", "add to a list", "read the end of a list"]


def test_the_steps_of_a_new_api_key_are_those_of_these_tests(store: RedisStore) -> None:
    with recorded() as names:
        add_key(store)

    assert names == ADD


@pytest.mark.parametrize("has_run", [False, True])
@pytest.mark.parametrize("step", range(len(ADD)))
def test_a_new_api_key_that_was_stored_in_part_is_listed_after_a_purge(
    store: RedisStore, step: int, *, has_run: bool
) -> None:
    with stopped(step, has_run=has_run):
        add_key(store)
    with suppress(ValueError):  # the first call has stored it
        add_key(store)

    store.purge()

    assert find_key(store) is not None
    assert list_keys(store) == [id_for("key")]


def refuse_key(store: RedisStore) -> None:
    """Add one more API key than the user may have."""
    assert add_key(store, "more", most=MOST) is None


def test_an_api_key_that_is_refused_was_never_there(store: RedisStore) -> None:
    add_key(store, "first")
    add_key(store, "second")

    with recorded() as names:
        refuse_key(store)

    assert names == ["look at a user", "read the end of a list", "look at a user"]


@pytest.mark.parametrize("has_run", [False, True])
@pytest.mark.parametrize("step", range(3))
def test_an_api_key_above_the_limit_leaves_nothing_behind(store: RedisStore, step: int, *, has_run: bool) -> None:
    add_key(store, "first")
    add_key(store, "second")
    with stopped(step, has_run=has_run):
        refuse_key(store)

    store.purge()

    assert find_key(store, "more") is None
    assert list_keys(store) == [id_for("second"), id_for("first")]


@pytest.mark.parametrize("has_run", [False, True])
def test_a_reference_token_that_was_stored_without_an_answer_is_not_stored_twice(
    store: RedisStore, *, has_run: bool
) -> None:
    with stopped(0, has_run=has_run):
        store.add_reference_token(token_of())

    with suppress(ValueError):  # the first call has stored it
        store.add_reference_token(token_of(user_id="alice"))

    assert has_reference_token(store)


@pytest.mark.parametrize("has_run", [False, True])
def test_an_id_that_was_spent_without_an_answer_is_spent_once_at_most(store: RedisStore, *, has_run: bool) -> None:
    with stopped(0, has_run=has_run):
        store.spend("ticket", expires_at=YEAR_9999 * 1000)

    answers = [store.spend("ticket", expires_at=YEAR_9999 * 1000) for _ in range(2)]

    assert answers == [not has_run, False]


def test_a_reuse_without_a_retry_window_ends_the_session_at_once(store: RedisStore) -> None:
    with stopped(1, has_run=False):
        redeem(store, 3, session_id="desk", terms=NO_WINDOW)

    assert outcome(store, 3, session_id="desk", terms=NO_WINDOW) is Outcome.REUSED
    assert is_revoked(store, "desk")
