"""Tokens that only a store can explain are looked up once a minute, and each use asks the revocations."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from flask_tokenauth.core.claim_errors import (
    IssuedInFuture,
    LifetimeTooLong,
    MalformedClaim,
    TokenExpired,
    WrongAudience,
    WrongIssuer,
)
from flask_tokenauth.core.encoding.digests import digest_of
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.lookup_errors import TokenDamaged, TokenUnknown
from flask_tokenauth.core.opaque.checksummed_text import make_text
from flask_tokenauth.core.opaque.lookups import Lookups
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.token_errors import TokenError, TokenRevoked
from flask_tokenauth.core.tokens.token import Token

from ...conftest import AUDIENCE, ISSUER, NOW
from .kit import POLICY, CountingStore, Seconds, add_api_key, add_reference, make_lookups

OTHER = "https://other.example"
AS_OTHER = replace(POLICY, audience=frozenset({OTHER}))

Add = Callable[[CountingStore], str]
KINDS: dict[str, Add] = {"reference": add_reference, "api_key": add_api_key}

each_kind = pytest.mark.parametrize("add", KINDS.values(), ids=KINDS)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def lookups(store: CountingStore, seconds: Seconds) -> Lookups:
    return make_lookups(store, seconds)


def test_a_reference_token_has_the_claims_in_the_store(store: CountingStore, lookups: Lookups) -> None:
    token = lookups.find(add_reference(store, sid="s1", auth_time=NOW - 5, epoch=7, team=["x"]), now=NOW)

    assert (token.kind, token.subject) == ("reference", "alice")
    assert token.scopes == {"a", "b"}
    assert (token.issuer, token.session_id, token.epoch) == (ISSUER, "s1", 7)
    assert token.audience == {AUDIENCE}
    assert (token.expires_at, token.auth_time) == (
        datetime.fromtimestamp(NOW + 900, UTC),
        datetime.fromtimestamp(NOW - 5, UTC),
    )
    assert token.claims["team"] == ("x",)
    assert token.api_key_id is None


def test_an_api_key_has_no_claims_but_those_of_its_record(store: CountingStore, lookups: Lookups) -> None:
    token = lookups.find(add_api_key(store), now=NOW)

    assert token.kind == "api_key"
    assert token.to_dict() == {"iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "iat": NOW, "scope": "a b"}
    assert (token.token_id, token.session_id, token.auth_time, token.expires_at) == (None, None, None, None)


@pytest.mark.parametrize("prefix", ["ta_", "acme_"])
def test_api_keys_with_each_prefix_are_found(store: CountingStore, lookups: Lookups, prefix: str) -> None:
    text = add_api_key(store, prefix)

    assert lookups.find(text, now=NOW).api_key_id == digest_of(text)[:22]


def test_a_reference_token_is_no_api_key_and_an_api_key_no_reference_token(
    store: CountingStore, lookups: Lookups
) -> None:
    """Each kind is looked up in its own table."""
    reference, key = add_reference(store), add_api_key(store)
    store.api_keys[digest_of(reference)] = store.api_keys[digest_of(key)]
    store.references[digest_of(key)] = store.references[digest_of(reference)]

    assert [lookups.find(text, now=NOW).kind for text in (reference, key)] == ["reference", "api_key"]


# Remembering


@each_kind
def test_a_remembered_token_costs_no_call_of_the_store(store: CountingStore, lookups: Lookups, add: Add) -> None:
    text = add(store)
    first = lookups.find(text, now=NOW)

    again = [lookups.find(text, now=NOW) for _ in range(3)]

    assert store.asked == [digest_of(text)]
    assert again == [first] * 3


@each_kind
@pytest.mark.parametrize(("passed", "calls"), [(0, 1), (59.9, 1), (60, 2), (60.1, 2)])
def test_a_token_is_remembered_for_60_seconds(
    store: CountingStore, lookups: Lookups, seconds: Seconds, add: Add, *, passed: float, calls: int
) -> None:
    text = add(store)
    lookups.find(text, now=NOW)
    seconds.now += passed

    lookups.find(text, now=NOW)

    assert len(store.asked) == calls


@each_kind
@pytest.mark.parametrize(("passed", "calls"), [(-3600, 1), (59, 1), (60, 2), (172_800, 2)])
def test_a_token_is_remembered_for_60_seconds_of_the_wall_clock_too(
    store: CountingStore, lookups: Lookups, add: Add, *, passed: float, calls: int
) -> None:
    """A clock that goes ahead lets the process forget revocations that another one has written meanwhile."""
    text = add(store)
    lookups.find(text, now=NOW)

    with suppress(TokenError):  # a reference token is not good at all of these times
        lookups.find(text, now=NOW + passed)

    assert len(store.asked) == calls


@each_kind
@pytest.mark.parametrize(("passed", "calls"), [(49.9, 1), (50, 2)])
def test_the_60_seconds_count_from_before_the_read(
    store: CountingStore, lookups: Lookups, seconds: Seconds, add: Add, *, passed: float, calls: int
) -> None:
    text = add(store)
    store.meanwhile = lambda: setattr(seconds, "now", seconds.now + 10)
    lookups.find(text, now=NOW)
    store.meanwhile = lambda: None
    seconds.now += passed

    lookups.find(text, now=NOW)

    assert len(store.asked) == calls


@each_kind
@pytest.mark.parametrize(("slept", "refused"), [(59.9, False), (60, True), (3600, True)])
def test_a_process_that_slept_between_reading_and_using_does_not_know(
    store: CountingStore, lookups: Lookups, seconds: Seconds, add: Add, slept: float, *, refused: bool
) -> None:
    """A revocation of that time may be forgotten already. The next request reads again."""
    text = add(store)
    store.meanwhile = lambda: setattr(seconds, "now", seconds.now + slept)

    if refused:
        with pytest.raises(StoreUnavailable, match="stopped for longer"):
            lookups.find(text, now=NOW)
    else:
        lookups.find(text, now=NOW)

    store.meanwhile = lambda: None
    assert lookups.find(text, now=NOW).subject == "alice"


@each_kind
def test_a_process_that_slept_while_it_asked_the_revocations_does_not_know(
    store: CountingStore, seconds: Seconds, add: Add
) -> None:
    def sleep(_: Token) -> bool:
        seconds.now += 60
        return False

    with pytest.raises(StoreUnavailable, match="stopped for longer"):
        make_lookups(store, seconds, revoked=sleep).find(add(store), now=NOW)


@each_kind
def test_without_a_memory_the_store_is_asked_each_time(store: CountingStore, seconds: Seconds, add: Add) -> None:
    text, lookups = add(store), make_lookups(store, seconds, size=0)

    for _ in range(3):
        lookups.find(text, now=NOW)

    assert len(store.asked) == 3


@each_kind
def test_the_token_that_was_not_used_for_longest_is_forgotten_first(
    store: CountingStore, seconds: Seconds, add: Add
) -> None:
    lookups = make_lookups(store, seconds, size=2)
    first, second, third = (add(store) for _ in range(3))
    for text in (first, second, first, third):
        lookups.find(text, now=NOW)
    store.asked.clear()

    for text in (first, third, second):
        lookups.find(text, now=NOW)

    assert store.asked == [digest_of(second)]


class Text(str):
    """A string that equals each other string."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True  # pragma: no cover  # nothing may compare it

    def __hash__(self) -> int:
        return 1  # pragma: no cover  # as above


@each_kind
def test_a_string_of_another_class_is_not_remembered(store: CountingStore, lookups: Lookups, add: Add) -> None:
    text = add(store)

    assert [lookups.find(Text(text), now=NOW).subject for _ in range(2)] == ["alice", "alice"]

    assert len(store.asked) == 2
    assert lookups.find(text, now=NOW).subject == "alice"
    assert len(store.asked) == 3


def test_an_unknown_string_of_another_class_is_not_remembered(store: CountingStore, lookups: Lookups) -> None:
    unknown = make_text("ta_")
    for _ in range(2):
        with pytest.raises(TokenUnknown):
            lookups.find(Text(unknown), now=NOW)

    assert len(store.asked) == 2
    assert lookups.find(add_api_key(store), now=NOW).subject == "alice"


@each_kind
@pytest.mark.parametrize("name", ["subject", "scopes", "claims"])
def test_a_view_that_changes_its_token_by_force_does_not_change_the_next_one(
    store: CountingStore, lookups: Lookups, add: Add, name: str
) -> None:
    text = add(store)
    first = lookups.find(text, now=NOW)
    as_it_was = lookups.find(text, now=NOW)

    msgspec.structs.force_setattr(first, name, "mallory")

    assert lookups.find(text, now=NOW) == as_it_was
    assert getattr(first, name) == "mallory"


def structs_in(value: object) -> Iterator[msgspec.Struct]:
    """Yield a struct and all structs in its fields: those are what can be changed by force."""
    if isinstance(value, msgspec.Struct):
        yield value
        for name in value.__struct_fields__:
            yield from structs_in(getattr(value, name))


@each_kind
def test_no_use_of_a_token_gets_a_part_of_another_that_could_be_changed_by_force(
    store: CountingStore, lookups: Lookups, add: Add
) -> None:
    text = add(store)

    uses = [list(structs_in(lookups.find(text, now=NOW))) for _ in range(3)]

    assert len({id(part) for use in uses for part in use}) == sum(map(len, uses))
    assert uses[0] == uses[1] == uses[2]


def test_a_view_that_changes_its_api_key_by_force_does_not_change_the_next_one(
    store: CountingStore, lookups: Lookups
) -> None:
    text = add_api_key(store)
    first: Any = lookups.find(text, now=NOW)

    msgspec.structs.force_setattr(first.api_key, "user_id", "mallory")

    second: Any = lookups.find(text, now=NOW)
    assert second.api_key.user_id == "alice"


def test_a_view_that_changes_the_grant_of_its_api_key_by_force_does_not_change_the_next_one(
    store: CountingStore, lookups: Lookups
) -> None:
    text = add_api_key(store)
    first: Any = lookups.find(text, now=NOW)

    msgspec.structs.force_setattr(first.api_key.grant, "scopes", ("admin",))

    second: Any = lookups.find(text, now=NOW)
    assert second.api_key.scopes == ("a", "b")


# Revocations


@each_kind
def test_each_use_asks_the_revocations(store: CountingStore, seconds: Seconds, add: Add) -> None:
    revoked: set[str] = set()
    lookups = make_lookups(store, seconds, revoked=lambda token: token.subject in revoked)
    text = add(store)
    lookups.find(text, now=NOW)

    revoked.add("alice")

    for _ in range(2):
        with pytest.raises(TokenRevoked):
            lookups.find(text, now=NOW)
    assert len(store.asked) == 1


@each_kind
def test_a_record_that_was_read_before_its_revocation_and_remembered_after_it_is_refused(
    store: CountingStore, seconds: Seconds, add: Add
) -> None:
    revoked: set[str] = set()
    lookups = make_lookups(store, seconds, revoked=lambda token: token.subject in revoked)
    text = add(store)
    store.meanwhile = lambda: revoked.add("alice")

    for _ in range(2):
        with pytest.raises(TokenRevoked):
            lookups.find(text, now=NOW)


@each_kind
def test_revocations_that_are_not_known_refuse_nothing_for_good(
    store: CountingStore, seconds: Seconds, add: Add
) -> None:
    is_down = [True]

    def ask(_: Token) -> bool:
        if is_down:
            raise StoreUnavailable("nobody answers")
        return False

    lookups, text = make_lookups(store, seconds, revoked=ask), add(store)
    with pytest.raises(StoreUnavailable):
        lookups.find(text, now=NOW)

    is_down.clear()

    assert lookups.find(text, now=NOW).subject == "alice"


# Unknown and damaged strings


@pytest.mark.parametrize("prefix", ["tr_", "ta_", "acme_"])
@pytest.mark.parametrize(("passed", "calls"), [(0, 1), (9.9, 1), (10, 2)])
def test_an_unknown_string_is_remembered_for_10_seconds(
    store: CountingStore, lookups: Lookups, seconds: Seconds, prefix: str, *, passed: float, calls: int
) -> None:
    text = make_text(prefix)
    with pytest.raises(TokenUnknown):
        lookups.find(text, now=NOW)
    seconds.now += passed

    with pytest.raises(TokenUnknown):
        lookups.find(text, now=NOW)

    assert len(store.asked) == calls


def test_the_10_seconds_count_from_before_the_read(store: CountingStore, lookups: Lookups, seconds: Seconds) -> None:
    text = make_text("ta_")
    store.meanwhile = lambda: setattr(seconds, "now", seconds.now + 10)

    for _ in range(2):
        with pytest.raises(TokenUnknown):
            lookups.find(text, now=NOW)

    assert len(store.asked) == 2


def test_an_api_key_that_was_unknown_is_found_after_10_seconds(
    store: CountingStore, lookups: Lookups, seconds: Seconds
) -> None:
    text = add_api_key(store)
    kept = store.api_keys.pop(digest_of(text))
    with pytest.raises(TokenUnknown):
        lookups.find(text, now=NOW)

    store.api_keys[digest_of(text)] = kept
    seconds.now += 10

    assert lookups.find(text, now=NOW).subject == "alice"


def test_1024_unknown_strings_are_remembered(store: CountingStore, lookups: Lookups) -> None:
    texts = [make_text("ta_") for _ in range(1025)]
    for text in texts[:1024] * 2:
        with pytest.raises(TokenUnknown):
            lookups.find(text, now=NOW)
    assert len(store.asked) == 1024

    for text in (texts[1024], texts[1], texts[0]):
        with pytest.raises(TokenUnknown):
            lookups.find(text, now=NOW)

    assert store.asked[1024:] == [digest_of(texts[1024]), digest_of(texts[0])]


def test_unknown_strings_push_out_no_known_token(store: CountingStore, lookups: Lookups) -> None:
    text = add_api_key(store)
    lookups.find(text, now=NOW)
    for _ in range(100):
        with pytest.raises(TokenUnknown):
            lookups.find(make_text("ta_"), now=NOW)
    store.asked.clear()

    lookups.find(text, now=NOW)

    assert store.asked == []


def test_an_outage_is_not_remembered(store: CountingStore, lookups: Lookups) -> None:
    def fail() -> None:
        raise StoreUnavailable("nobody answers")

    text = add_api_key(store)
    store.meanwhile = fail
    with pytest.raises(StoreUnavailable):
        lookups.find(text, now=NOW)

    store.meanwhile = lambda: None

    assert lookups.find(text, now=NOW).subject == "alice"


DAMAGES: dict[str, Callable[[str], str]] = {
    "last character": lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
    "first character": lambda text: text.replace("_", "_?", 1)[: len(text)],
    "a random character": lambda text: text[:10] + ("A" if text[10] != "A" else "B") + text[11:],
    "too short": lambda text: text[:-1],
    "too long": lambda text: text + "A",
    "a space": lambda text: text + " ",
    "a line break": lambda text: text + "\n",
    "a dot": lambda text: text[:20] + "." + text[21:],
    "another alphabet": lambda text: text[:20] + "é" + text[21:],
    "digits of another script": lambda text: text[:20] + "\u0663" + text[21:],
    "only the prefix": lambda text: text[: text.index("_") + 1],
    "another case": lambda text: text[: text.index("_") + 1] + text[text.index("_") + 1 :].swapcase(),
    "another prefix": lambda text: "acme_" + text[text.index("_") + 1 :],
    "long": lambda text: text * 1000,
}


@each_kind
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_string_never_reaches_the_store(
    store: CountingStore, lookups: Lookups, add: Add, damage: Callable[[str], str]
) -> None:
    text = damage(add(store))

    with pytest.raises(TokenDamaged):
        lookups.find(text, now=NOW)
    with pytest.raises(TokenDamaged):
        lookups.find_in_store(text, now=NOW, policy=POLICY)

    assert store.asked == []


# Claims and times


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iss": OTHER}, WrongIssuer),
        ({"aud": OTHER}, WrongAudience),
        ({"exp": NOW + 86401}, LifetimeTooLong),
        ({"exp": "soon"}, MalformedClaim),
        ({"iat": NOW + 11}, IssuedInFuture),
        ({"scope": []}, MalformedClaim),
    ],
)
def test_the_policy_judges_the_claims_of_a_reference_token(
    store: CountingStore, lookups: Lookups, changes: dict[str, Any], error: type[Exception]
) -> None:
    text = add_reference(store, **changes)

    for _ in range(2):
        with pytest.raises(error):
            lookups.find(text, now=NOW)


@pytest.mark.parametrize(("now", "accepted"), [(NOW + 909.9, True), (NOW + 910, False)])
@pytest.mark.parametrize("remembered", [True, False])
def test_a_reference_token_expires_at_its_second_and_the_leeway(
    store: CountingStore, lookups: Lookups, now: float, *, accepted: bool, remembered: bool
) -> None:
    text = add_reference(store)
    if remembered:
        lookups.find(text, now=NOW)

    if accepted:
        lookups.find(text, now=now)
    else:
        with pytest.raises(TokenExpired):
            lookups.find(text, now=now)


@pytest.mark.parametrize(("now", "accepted"), [(NOW - 10, True), (NOW - 10.1, False)])
@pytest.mark.parametrize("remembered", [True, False])
def test_a_reference_token_of_the_future_is_refused(
    store: CountingStore, lookups: Lookups, now: float, *, accepted: bool, remembered: bool
) -> None:
    text = add_reference(store)
    if remembered:
        lookups.find(text, now=NOW)

    if accepted:
        lookups.find(text, now=now)
    else:
        with pytest.raises(IssuedInFuture):
            lookups.find(text, now=now)


@pytest.mark.parametrize(("now", "accepted"), [(NOW + 59.99, True), (NOW + 60, False)])
@pytest.mark.parametrize("remembered", [True, False])
def test_an_api_key_expires_at_its_second_without_a_leeway(
    store: CountingStore, lookups: Lookups, now: float, *, accepted: bool, remembered: bool
) -> None:
    text = add_api_key(store, expires_at=datetime.fromtimestamp(NOW + 60, UTC))
    if remembered:
        lookups.find(text, now=NOW)

    if accepted:
        assert lookups.find(text, now=now).expires_at == datetime.fromtimestamp(NOW + 60, UTC)
    else:
        with pytest.raises(TokenExpired):
            lookups.find(text, now=now)


@pytest.mark.parametrize("now", [0, NOW - 1000, NOW + 10**9])
def test_an_api_key_without_an_end_is_good_at_each_time(store: CountingStore, lookups: Lookups, now: float) -> None:
    text = add_api_key(store)

    assert [lookups.find(text, now=now).subject for _ in range(2)] == ["alice", "alice"]


@pytest.mark.parametrize("audience", [frozenset({OTHER}), None])
def test_an_api_key_for_another_audience_is_refused(
    store: CountingStore, lookups: Lookups, audience: frozenset[str] | None
) -> None:
    text = add_api_key(store, grant=Grant(audience=audience))

    for _ in range(2):
        with pytest.raises(WrongAudience):
            lookups.find(text, now=NOW)


@each_kind
def test_a_remembered_token_is_judged_by_the_policy_of_the_call(
    store: CountingStore, lookups: Lookups, add: Add
) -> None:
    text = add(store)
    lookups.find(text, now=NOW)

    with pytest.raises(WrongAudience):
        lookups.find(text, now=NOW, policy=AS_OTHER)

    assert lookups.find(text, now=NOW).subject == "alice"
    assert len(store.asked) == 1


def test_a_token_for_another_audience_is_not_remembered_as_good(store: CountingStore, lookups: Lookups) -> None:
    text = add_reference(store, aud=OTHER)

    assert lookups.find(text, now=NOW, policy=AS_OTHER).audience == {OTHER}
    with pytest.raises(WrongAudience):
        lookups.find(text, now=NOW)


GARBAGE = ["", "x", "null", "[]", '"x"', "{", '{"a": NaN}', '{"sub": 5}', '{"scope": 5}', '{"scope": null}', "{}"]


@pytest.mark.parametrize("raw", [*GARBAGE, '{"scope": "a  b"}', "[" * 1000])
def test_claims_in_the_store_that_cannot_be_read_are_an_outage(
    store: CountingStore, lookups: Lookups, raw: str
) -> None:
    """Nobody knows whether the token is good, so it is no 401."""
    text = add_reference(store, raw=raw)

    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="reference token in the store cannot be read"):
            lookups.find(text, now=NOW)


@pytest.mark.parametrize("changes", [{"sub": "bob"}, {"sub": ...}, {"jti": "x"}, {"jti": ...}, {"user_id": "bob"}])
def test_claims_of_another_user_or_token_are_an_outage(
    store: CountingStore, lookups: Lookups, changes: dict[str, Any]
) -> None:
    text = add_reference(store, **changes)

    with pytest.raises(StoreUnavailable):
        lookups.find(text, now=NOW)


def test_the_error_of_a_record_shows_nothing_of_it(store: CountingStore, lookups: Lookups) -> None:
    text = add_reference(store, raw='{"sub": "private')

    with pytest.raises(StoreUnavailable) as caught:
        lookups.find(text, now=NOW)

    assert "private" not in str(caught.value)
    assert "tokenauth_reference_token" in str(caught.value)


# Looking into the store each time


@each_kind
def test_find_in_store_asks_each_time_and_does_not_ask_the_revocations(
    store: CountingStore, seconds: Seconds, add: Add
) -> None:
    lookups = make_lookups(store, seconds, revoked=lambda token: True)
    text = add(store)

    assert [lookups.find_in_store(text, now=NOW, policy=POLICY).subject for _ in range(2)] == ["alice", "alice"]

    assert len(store.asked) == 2


@each_kind
def test_find_in_store_judges_by_the_given_policy(store: CountingStore, lookups: Lookups, add: Add) -> None:
    with pytest.raises(WrongAudience):
        lookups.find_in_store(add(store), now=NOW, policy=AS_OTHER)


def test_find_in_store_refuses_an_unknown_string_and_does_not_remember_it(
    store: CountingStore, lookups: Lookups
) -> None:
    text = make_text("ta_")

    for _ in range(2):
        with pytest.raises(TokenUnknown):
            lookups.find_in_store(text, now=NOW, policy=POLICY)

    assert len(store.asked) == 2


def test_a_policy_without_an_audience_accepts_an_api_key_for_any(store: CountingStore, lookups: Lookups) -> None:
    """So a leaked key can be revoked wherever it is found."""
    text = add_api_key(store, grant=Grant(audience=frozenset({OTHER})))

    assert lookups.find_in_store(text, now=NOW, policy=replace(POLICY, audience=None)).audience == {OTHER}


@each_kind
def test_read_returns_a_token_that_no_policy_accepts(store: CountingStore, lookups: Lookups, add: Add) -> None:
    text = add(store)

    assert lookups.read(text) is not None
    assert lookups.read(make_text(text[: text.index("_") + 1])) is None
