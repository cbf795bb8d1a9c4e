"""A ring of keys: the states of its keys, and the steps between them."""

from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.jwk import KeyStatus
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_ring import KeyRing, RingKey, RingTimes
from flask_tokenauth.core.keys.key_set import KeySet

from ...conftest import NOW

A, B, C, D = (Key.generate("EdDSA", kid=kid) for kid in "abcd")
TIMES = RingTimes(publication=timedelta(seconds=100), retention=timedelta(seconds=1000))


def ring_of(*members: tuple[Key, KeyStatus, float]) -> KeyRing:
    return KeyRing(RingKey.of(*member) for member in members)


def describe(ring: KeyRing) -> list[tuple[str, str, float]]:
    return [(found.key.kid, found.status, found.since) for found in ring]


def jwk(key: Key, status: object, since: object = NOW - 5) -> dict[str, object]:
    return {**key.to_jwk(private=True), "status": status, "status_since": since}


def read(*members: dict[str, Any], written_at: float = NOW - 50) -> KeyRing | None:
    return KeyRing.from_jwks({"keys": list(members)}, written_at=written_at, now=NOW)


def test_the_active_key_signs_wherever_it_stands() -> None:
    for keys in ([jwk(A, "active"), jwk(B, "next")], [jwk(B, "next"), jwk(A, "active")]):
        signing_key = KeySet.from_jwks({"keys": keys}).signing_key
        assert signing_key is not None
        assert signing_key.kid == "a"


def test_a_set_without_states_is_no_ring_and_its_first_key_signs() -> None:
    members = [A.to_jwk(private=True), B.to_jwk(private=True)]

    assert read(*members) is None
    signing_key = KeySet.from_jwks({"keys": members}).signing_key
    assert signing_key is not None
    assert signing_key.kid == "a"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([jwk(A, "active"), B.to_jwk(private=True)], "all keys of a set must have a status, or none, got 1 without it"),
        ([jwk(A, "retired"), jwk(B, "next")], 'exactly one key of a set must have the status "active", got 0'),
        ([jwk(A, "active"), jwk(B, "active")], 'exactly one key of a set must have the status "active", got 2'),
        ([{**A.to_jwk(), "status": "active"}, jwk(B, "next")], "the active key of a set must be a private key"),
        ([jwk(A, "Active")], "status of a key must be one of next, active, retired, got another"),
        ([jwk(A, None)], "status of a key must be one of"),
        ([jwk(A, ["active"])], "status of a key must be one of"),
        ([{**jwk(A, "active"), "status_since": True}], "status_since of a key must be seconds since"),
        ([jwk(A, "active", "5")], "status_since of a key must be seconds since"),
        ([jwk(A, "active", -1)], "status_since of a key must be seconds since"),
        ([jwk(A, "active", 1e12)], "status_since of a key must be seconds since"),
        ([jwk(A, "active", None)], "status_since of a key must be seconds since"),
        ([{**A.to_jwk(private=True), "status_since": 5}], "a key with status_since must have a status as well"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_states_that_contradict_each_other_are_refused(members: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InvalidKey, match=message):
        KeySet.from_jwks({"keys": members})
    with pytest.raises(InvalidKey, match=message):
        read(*members)


def test_public_halves_of_a_ring_sign_nothing() -> None:
    members = [{**A.to_jwk(), "status": "active"}, {**B.to_jwk(), "status": "next"}]

    assert KeySet.from_jwks({"keys": members}).signing_key is None


def test_a_ring_has_keys_for_signatures_only() -> None:
    members = [{**A.to_jwk(), "status": "active"}, {**B.to_jwk(), "status": "next", "use": "enc"}]

    with pytest.raises(InvalidKey, match="must have keys for signatures only"):
        read(*members)


@pytest.mark.parametrize(
    ("since", "seen"), [(NOW - 1, NOW - 1), (NOW, NOW), (NOW + 1, NOW), (NOW + 10**6, NOW)], ids=str
)
def test_a_time_in_the_future_counts_as_now(since: float, seen: float) -> None:
    ring = read(jwk(A, "active", since))

    assert ring is not None
    assert ring.active.since == seen


def test_a_key_without_a_time_has_that_of_its_file() -> None:
    ring = read({**A.to_jwk(private=True), "status": "active"}, written_at=NOW - 50)

    assert ring is not None
    assert ring.active.since == NOW - 50


def test_a_new_ring_has_an_active_key_and_the_next_one() -> None:
    ring = KeyRing.start("ES256", now=NOW)

    assert [(found.status, found.key.algorithm, found.since) for found in ring] == [
        ("active", "ES256", NOW),
        ("next", "ES256", NOW),
    ]


def test_what_is_written_is_read() -> None:
    ring = ring_of((A, "retired", NOW - 90), (B, "active", NOW - 9), (C, "next", NOW - 5))

    again = KeyRing.from_jwks(ring.to_jwks(), written_at=0, now=NOW)

    assert again is not None
    assert describe(again) == describe(ring)
    assert again.to_jwks() == ring.to_jwks()


def test_a_set_without_states_can_become_a_ring() -> None:
    members = [A.to_jwk(), B.to_jwk(private=True), C.to_jwk(private=True)]

    ring = KeyRing.of_plain_jwks({"keys": members}, since=NOW - 5)

    assert describe(ring) == [("a", "retired", NOW - 5), ("b", "active", NOW - 5), ("c", "retired", NOW - 5)]
    assert [jwk.get("d") is None for jwk in ring.to_jwks()["keys"]] == [True, False, False]  # type: ignore[attr-defined]


def test_a_set_of_public_keys_cannot_become_a_ring() -> None:
    with pytest.raises(InvalidKey, match="must have a private key or a secret that signs, got public keys only"):
        KeyRing.of_plain_jwks({"keys": [A.to_jwk()]}, since=NOW)


def test_a_step_moves_each_key_on() -> None:
    ring = ring_of((A, "active", NOW - 500), (B, "next", NOW - 400))

    assert describe(ring.promote(C, now=NOW)) == [
        ("a", "retired", NOW),
        ("b", "active", NOW),
        ("c", "next", NOW),
    ]


def test_of_several_next_keys_the_one_that_was_published_first_signs() -> None:
    ring = ring_of((A, "next", NOW - 5), (B, "active", NOW - 90), (C, "next", NOW - 50))

    stepped = ring.promote(D, now=NOW)

    assert stepped.active.key is C
    assert [found.key.kid for found in stepped if found.status == "next"] == ["a", "d"]


@pytest.mark.parametrize(("age", "is_left_out"), [(999, False), (1000, True), (1001, True)])
def test_a_retired_key_is_left_out_when_none_of_its_tokens_can_live(age: float, is_left_out: bool) -> None:  # noqa: FBT001
    ring = ring_of((A, "retired", NOW - age), (B, "active", NOW), (C, "next", NOW))

    stepped = ring.without_expired(now=NOW, times=TIMES)

    assert (stepped.find("a") is None) is is_left_out


def test_a_ring_without_a_next_key_cannot_be_rotated() -> None:
    ring = ring_of((A, "active", NOW))

    assert ring.rotatable_at(TIMES) is None
    with pytest.raises(InvalidKey, match="must have a key that is next to be rotated, got none"):
        ring.promote(B, now=NOW)


def test_a_next_key_may_sign_when_all_services_know_it() -> None:
    ring = ring_of((A, "active", NOW - 500), (B, "next", NOW - 40))

    assert ring.rotatable_at(TIMES) == NOW + 60


@pytest.mark.parametrize(("status", "removable"), [("active", None), ("next", NOW - 5), ("retired", NOW - 5 + 1000)])
def test_a_key_may_go_when_none_of_its_tokens_can_live(status: KeyStatus, removable: float | None) -> None:
    assert RingKey.of(A, status, NOW - 5).removable_at(TIMES) == removable


def test_a_key_can_be_removed() -> None:
    ring = ring_of((A, "retired", NOW), (B, "active", NOW))

    assert describe(ring.remove("a")) == [("b", "active", NOW)]
    with pytest.raises(InvalidKey, match="exactly one active key"):
        ring.remove("b")
    with pytest.raises(InvalidKey, match="must have a key with this kid"):
        ring.remove("c")


def test_a_kid_stands_once_in_a_ring() -> None:
    with pytest.raises(InvalidKey, match="a kid of its own"):
        ring_of((A, "active", NOW), (A, "retired", NOW))


def test_the_times_contain_all_that_can_delay_a_service() -> None:
    minutes = [timedelta(minutes=number) for number in (10, 1, 2, 60, 3)]
    max_age, interval, rollout, max_lifetime, leeway = minutes

    times = RingTimes.of(max_age=max_age, interval=interval, rollout=rollout, max_lifetime=max_lifetime, leeway=leeway)

    assert times == RingTimes(publication=timedelta(minutes=15), retention=timedelta(minutes=71))


def test_the_digest_of_a_ring_is_that_of_its_key_ids_and_states() -> None:
    ring = ring_of((A, "active", NOW), (B, "next", NOW))
    same = ring_of((B, "next", NOW - 5), (A, "active", NOW - 9))
    others = [
        ring_of((A, "active", NOW), (B, "retired", NOW)),
        ring_of((B, "active", NOW), (A, "next", NOW)),
        ring_of((A, "active", NOW)),
    ]

    digest = KeySet.from_jwks(ring.to_jwks()).ring

    assert digest is not None
    assert KeySet.from_jwks(same.to_jwks()).ring == digest
    assert digest not in {KeySet.from_jwks(other.to_jwks()).ring for other in others}


def test_keys_without_states_have_no_digest() -> None:
    assert KeySet.from_jwks({"keys": [A.to_jwk(private=True)]}).ring is None
    assert KeySet([A]).ring is None


def test_an_exchange_takes_the_digest_of_the_other_set() -> None:
    keys = KeySet([A])
    other = KeySet.from_jwks(ring_of((A, "active", NOW), (B, "next", NOW)).to_jwks())

    keys.exchange(other, signing_key=other.signing_key)
    assert keys.ring == other.ring

    keys.exchange([A])
    assert keys.ring is None


def test_members_that_are_not_ours_stay() -> None:
    jwks = {"keys": [{**jwk(A, "active"), "x-owner": "alice"}, {**jwk(B, "next"), "use": "sig"}], "x-set": 5}
    ring = KeyRing.from_jwks(jwks, written_at=NOW, now=NOW)
    assert ring is not None

    written = ring.promote(C, now=NOW).remove("c").to_jwks()

    assert written["x-set"] == 5
    assert [each.get("x-owner") for each in written["keys"]] == ["alice", None]  # type: ignore[attr-defined]


def test_a_secret_that_only_verifies_can_be_retired() -> None:
    old, new = (Key.generate("HS256", kid=kid) for kid in "ab")
    members = [{**jwk(old, "retired"), "key_ops": ["verify"]}, jwk(new, "active")]

    ring = read(*members)

    assert ring is not None
    assert ring.to_jwks()["keys"][0]["k"] == old.to_jwk(private=True)["k"]  # type: ignore[index]


@pytest.mark.parametrize("status", ["active", "next"])
@pytest.mark.parametrize("changes", [{"key_ops": ["sign"]}, {"key_ops": ["verify"]}, {"d": None}])
def test_a_key_that_signs_or_will_sign_can_sign_and_verify(status: str, changes: dict[str, Any]) -> None:
    other = "next" if status == "active" else "active"
    found = {name: value for name, value in {**jwk(A, status), **changes}.items() if value is not None}

    with pytest.raises(InvalidKey, match=r"must be a private key or a secret|exactly one key|public keys"):
        read(found, jwk(B, other))


@pytest.mark.parametrize(("since", "ahead"), [(NOW, ()), (NOW + 60, ()), (NOW + 61, ("a",))])
def test_a_status_from_the_future_is_noticed(since: float, ahead: tuple[str, ...]) -> None:
    ring = read(jwk(A, "active", since), jwk(B, "next"))

    assert ring is not None
    assert (ring.ahead, ring.active.since) == (ahead, NOW)


def test_the_repr_of_a_key_of_a_ring_shows_no_private_key() -> None:
    assert str(A.to_jwk(private=True)["d"]) not in repr(list(ring_of((A, "active", NOW))))
