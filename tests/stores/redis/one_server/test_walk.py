"""Random sequences of all calls: the store on Redis answers as the one in memory, also if answers are lost.

Times and epochs differ between the two stores, so they are compared by their order alone.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.encoding.digests import digest_of
from flask_tokenauth.core.encoding.limits import YEAR_9999
from flask_tokenauth.core.records.revocation import Revocation, RevocationKind
from flask_tokenauth.core.records.session import Redemption
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import (
    NO_WINDOW,
    RETENTION,
    TERMS,
    TIMEOUT,
    add_key,
    find_key,
    has_reference_token,
    id_for,
    list_all,
    list_keys,
    start,
    token_of,
)

from .conftest import HOUR, ISSUER
from .steps_kit import repeated

pytestmark = [pytest.mark.once, pytest.mark.slow]

USERS = ["alice", "bob ", "{tokenauth}:epochs", "a:b", "*", "sessions:alice"]
SESSIONS = [f"session{number}" for number in range(8)] + ["{}", "api_key:k", "alice", "?[a-z] ", "ü\u2028x"]
TEXTS = ["key", "token", "other", "more"]
STEPS = 250

Outcome = object
Step = Callable[[Store], Outcome]


def pick(rng: random.Random, season: int) -> dict[str, Step]:
    """Return each call with random arguments. After a purge come other IDs: a store need not know old ones."""
    user, session, text = rng.choice(USERS), f"{rng.choice(SESSIONS)}{season}", f"{rng.choice(TEXTS)}{season}"
    reference = f"reference {text}"
    generation, most = rng.randrange(5), rng.randrange(1, 4)
    terms, with_keys = rng.choice([TERMS, NO_WINDOW]), rng.random() < 0.5
    kinds: list[tuple[RevocationKind, str]] = [
        ("session", session), ("token", id_for(text)), ("token", id_for(reference)), ("user", user), ("api_keys", user),
    ]  # fmt: skip
    kind, subject = rng.choice(kinds)
    revocation = Revocation(kind=kind, subject=subject, value=rng.randrange(3), expires_at=YEAR_9999 * 1000)
    return {
        "start": lambda store: started(store, session, user, most),
        "redeem": lambda store: redeemed(store.redeem(session, generation=generation, terms=terms)),
        "redeem the next": lambda store: redeem_next(store, session),
        "find": lambda store: (found := store.find_session(session)) and (found.user_id, found.generation),
        "end": lambda store: (ended := store.end_session(session, retention=RETENTION)) and ended.generation,
        "list": lambda store: sorted(found.session_id for found in list_all(store, user, limit=2)),
        "revoke": lambda store: revoked(store, revocation, text),
        "revoke user": lambda store: store.revoke_user(user, retention=RETENTION, api_keys=with_keys) and None,
        "epoch": lambda store: store.read_epoch(user) > 2,
        "is revoked": lambda store: store.is_revoked(
            token_id=id_for(text), session_id=session, user_id=user, epoch=generation
        ),
        "add key": lambda store: added(store, text, user, most),
        "find key": lambda store: (key := find_key(store, text)) and key.user_id,
        "list keys": lambda store: sorted(list_keys(store, user)),
        "revoke key": lambda store: (key := store.revoke_api_key(id_for(text), retention=RETENTION)) and key.user_id,
        "note use": lambda store: store.note_uses_of_api_keys({id_for(text): timedelta(0)}),
        "add reference": lambda store: referred(store, reference, user),
        "find reference": lambda store: (token := store.find_reference_token(digest_of(reference))) and token.user_id,
        "spend": lambda store: store.spend(session, expires_at=YEAR_9999 * 1000),
        "purge": lambda store: store.purge() >= 0,
        "feed": lambda store: {(entry.kind, entry.subject) for entry in store.revocations_since(None).entries},
    }


def started(store: Store, session: str, user: str, most: int) -> Outcome:
    try:
        done = start(store, session, user, most)
    except ValueError as error:
        return str(error)
    return len(done.displaced), done.session.generation, done.session.epoch > 2


def revoked(store: Store, revocation: Revocation, text: str) -> None:
    """Revoke what is there: no ID is revoked before its session or token is made."""
    is_there: dict[str, Callable[[], object]] = {
        "session": lambda: store.find_session(revocation.subject),
        "token": lambda: (
            find_key(store, text)
            if revocation.subject == id_for(text)
            else has_reference_token(store, f"reference {text}")
        ),
    }
    if is_there.get(revocation.kind, lambda: True)():
        store.revoke(revocation)


def redeemed(done: Redemption) -> Outcome:
    return done.outcome, done.rolled_back, done.session and done.session.generation


def redeem_next(store: Store, session: str) -> Outcome:
    found = store.find_session(session)
    return found and redeemed(store.redeem(session, generation=found.generation, terms=TERMS))


def added(store: Store, text: str, user: str, most: int) -> Outcome:
    try:
        key = add_key(store, text, user, most=most)
    except ValueError as error:
        return str(error)
    return key and key.user_id


def referred(store: Store, text: str, user: str) -> Outcome:
    try:
        store.add_reference_token(token_of(text, user, epoch=store.read_epoch(user)))
    except ValueError as error:
        return str(error)
    return None


def bound_memory() -> MemoryStore:
    store = MemoryStore()
    store.bind(ISSUER, timeout=TIMEOUT, lifetime=HOUR, leeway=timedelta(0))
    return store


def walk(store: Any, seed: int) -> None:
    """Let both stores do the same, and compare their answers."""
    rng, memory, season = random.Random(seed), bound_memory(), 0
    for each in memory, store:
        start(each, "a time that a purge can compare with the clock", "nobody")
    for number in range(STEPS):
        calls = pick(rng, season)
        name = rng.choice(list(calls))
        expected, found = calls[name](memory), calls[name](store)
        assert found == expected, f"step {number}, {name}"
        season += name == "purge"


@pytest.mark.parametrize("seed", range(6))
def test_the_store_answers_as_the_one_in_memory(store: RedisStore, seed: int) -> None:
    walk(store, seed)


@pytest.mark.parametrize("seed", range(100, 104))
def test_the_store_answers_alike_if_the_first_answer_of_each_script_is_lost(store: RedisStore, seed: int) -> None:
    with repeated():
        walk(store, seed)
