"""A remembered token is refused as soon as a new verification would refuse it."""

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

import pytest
from msgspec.structs import force_setattr

from flask_tokenauth.core.claim_errors import (
    IssuedInFuture,
    LifetimeTooLong,
    TokenExpired,
    TokenNotYetValid,
    WrongAudience,
    WrongIssuer,
)
from flask_tokenauth.core.form_errors import TokenTooLarge
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.signature_errors import InvalidSignature, UnknownKey
from flask_tokenauth.core.token_errors import TokenError, TokenRevoked
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.core.tokens.verifier import Verifier

from ...conftest import AUDIENCE, ISSUER, NOW, Mint

POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))
LEEWAY = 10
OTHER = Key.from_secret(bytes(range(32)), kid="other")


class Forged(Token, frozen=True, kw_only=True):
    """A class that a view may give to a token in place of its own."""


FORGED: dict[str, Any] = {"subject": "mallory", "scopes": frozenset({"admin"}), "claims": {"sub": "mallory"}}
WAYS: dict[str, Callable[[Any], object]] = {
    "setattr": lambda token: setattr(token, "scopes", frozenset({"admin"})),
    "object.__setattr__": lambda token: object.__setattr__(token, "scopes", frozenset({"admin"})),
    "force_setattr": lambda token: force_setattr(token, "scopes", frozenset({"admin"})),
    "descriptor": lambda token: type(token).scopes.__set__(token, frozenset({"admin"})),
    "delattr": lambda token: delattr(token, "scopes"),
    "object.__delattr__": lambda token: object.__delattr__(token, "scopes"),
    "subject": lambda token: object.__setattr__(token, "subject", "mallory"),
    "claims": lambda token: force_setattr(token, "claims", {"sub": "mallory"}),
    "__init__": lambda token: token.__init__(**FORGED),
    "__class__": lambda token: object.__setattr__(token, "__class__", Forged),
}


@pytest.fixture
def keys(mint: Mint) -> KeySet:
    return KeySet([mint.key])


@pytest.fixture
def verifier(keys: KeySet) -> Verifier:
    return Verifier(keys, POLICY, cache_size=10)


def is_remembered(verifier: Verifier, text: str) -> bool:
    """Return whether *verifier*, asked twice about *text*, decodes its claims only once."""
    return verifier.verify(text, now=NOW).claims is verifier.verify(text, now=NOW).claims


def test_a_token_is_verified_once(mint: Mint, verifier: Verifier) -> None:
    assert is_remembered(verifier, mint())


def test_without_a_memory_it_is_verified_each_time(mint: Mint, keys: KeySet) -> None:
    assert not is_remembered(Verifier(keys, POLICY), mint())


def test_a_remembered_token_expires_in_the_second_that_it_says(mint: Mint, verifier: Verifier) -> None:
    text = mint(exp=NOW + 900)
    verifier.verify(text, now=NOW)

    verifier.verify(text, now=NOW + 900 + LEEWAY - 0.001)
    for late in (0, 0.001, 1, 10**6):
        with pytest.raises(TokenExpired):
            verifier.verify(text, now=NOW + 900 + LEEWAY + late)


def test_a_fraction_of_its_last_second_is_not_given_to_it(mint: Mint, verifier: Verifier) -> None:
    text = mint(exp=NOW + 900.9)
    verifier.verify(text, now=NOW)

    verifier.verify(text, now=NOW + 900 + LEEWAY - 0.001)
    with pytest.raises(TokenExpired):
        verifier.verify(text, now=NOW + 900 + LEEWAY)


def test_a_clock_that_goes_back_finds_a_remembered_token_too_young(mint: Mint, verifier: Verifier) -> None:
    text = mint()
    verifier.verify(text, now=NOW)

    verifier.verify(text, now=NOW - LEEWAY)
    with pytest.raises(IssuedInFuture):
        verifier.verify(text, now=NOW - LEEWAY - 0.001)


def test_a_clock_that_goes_back_finds_a_remembered_token_not_yet_valid(mint: Mint, verifier: Verifier) -> None:
    text = mint(nbf=NOW + 60)
    verifier.verify(text, now=NOW + 60)

    verifier.verify(text, now=NOW + 60 - LEEWAY)
    with pytest.raises(TokenNotYetValid):
        verifier.verify(text, now=NOW + 60 - LEEWAY - 0.001)


def test_a_clock_that_is_no_number_refuses_what_is_remembered(mint: Mint, verifier: Verifier) -> None:
    text = mint()
    verifier.verify(text, now=NOW)

    with pytest.raises(TokenError):
        verifier.verify(text, now=math.nan)


def test_what_does_not_say_when_it_was_issued_is_judged_each_time(mint: Mint, keys: KeySet) -> None:
    """Its lifetime counts from now, so it may be too long after the clock was set back."""
    policy = ClaimsPolicy(issuer=ISSUER, audience=None, required=frozenset({"exp", "sub"}))
    verifier = Verifier(keys, policy, cache_size=10)
    text = mint(iat=..., exp=NOW + 86400)

    assert not is_remembered(verifier, text)
    with pytest.raises(LifetimeTooLong):
        verifier.verify(text, now=NOW - 1)


def test_a_key_that_is_removed_takes_the_tokens_it_signed_along(mint: Mint, keys: KeySet, verifier: Verifier) -> None:
    text = mint()
    verifier.verify(text, now=NOW)

    keys.exchange([OTHER])

    with pytest.raises(UnknownKey):
        verifier.verify(text, now=NOW)


def test_a_key_that_comes_back_brings_them_back(mint: Mint, keys: KeySet, verifier: Verifier) -> None:
    text = mint()
    verifier.verify(text, now=NOW)

    keys.exchange([OTHER])
    keys.exchange([OTHER, mint.key])

    assert is_remembered(verifier, text)


def test_another_key_under_the_same_id_believes_nothing_of_the_old(
    mint: Mint, keys: KeySet, verifier: Verifier
) -> None:
    text = mint()
    verifier.verify(text, now=NOW)

    keys.exchange([Key.from_secret(bytes(range(32)), kid=mint.key.kid)])

    with pytest.raises(InvalidSignature):
        verifier.verify(text, now=NOW)


def test_keys_that_are_exchanged_while_a_token_is_verified_are_not_taken_for_new(mint: Mint, keys: KeySet) -> None:
    """The generation is read before the key is looked up."""

    class Slow(ClaimsPolicy):
        def check(self, claims: Any, *, typ: str | None, now: float) -> None:
            super().check(claims, typ=typ, now=now)
            keys.exchange([OTHER])

    verifier = Verifier(keys, Slow(issuer=ISSUER, audience=frozenset({AUDIENCE})), cache_size=10)
    text = mint()

    verifier.verify(text, now=NOW)
    with pytest.raises(UnknownKey):
        verifier.verify(text, now=NOW)


def test_whether_a_remembered_token_was_revoked_is_asked_each_time(mint: Mint, keys: KeySet) -> None:
    revoked: set[str | None] = set()
    verifier = Verifier(keys, POLICY, revoked=lambda token: token.token_id in revoked, cache_size=10)
    text = mint()

    assert is_remembered(verifier, text)
    revoked.add("t1")
    with pytest.raises(TokenRevoked):
        verifier.verify(text, now=NOW)
    revoked.clear()
    assert is_remembered(verifier, text)


def test_what_is_refused_is_not_remembered(mint: Mint, verifier: Verifier) -> None:
    forged = mint()[:-4] + "AAAA"

    for _ in range(2):
        with pytest.raises(TokenError):
            verifier.verify(forged, now=NOW)

    assert verifier._cache is not None
    assert len(verifier._cache) == 0


def test_two_issuers_whose_tokens_have_the_same_header_text_stay_apart(mint: Mint) -> None:
    """The header does not name the issuer."""
    ours = Verifier(KeySet([mint.key]), POLICY, cache_size=10)
    same_id = Key.from_secret(bytes(range(32)), kid=mint.key.kid)
    theirs = Verifier(
        KeySet([same_id]), ClaimsPolicy(issuer="https://theirs.example", audience=frozenset({AUDIENCE})), cache_size=10
    )
    our_text, their_text = mint(), Mint(same_id, issuer="https://theirs.example")()

    assert our_text.partition(".")[0] == their_text.partition(".")[0]
    for _ in range(2):
        assert (ours.verify(our_text, now=NOW).issuer, theirs.verify(their_text, now=NOW).issuer) == (
            ISSUER,
            "https://theirs.example",
        )
        with pytest.raises(TokenError):
            ours.verify(their_text, now=NOW)
        with pytest.raises(TokenError):
            theirs.verify(our_text, now=NOW)


def test_verifiers_that_share_their_keys_share_no_verdicts(mint: Mint, keys: KeySet, verifier: Verifier) -> None:
    text = mint()
    verifier.verify(text, now=NOW)

    with pytest.raises(WrongIssuer):
        Verifier(keys, ClaimsPolicy(issuer="other", audience=None), cache_size=10).verify(text, now=NOW)
    with pytest.raises(WrongAudience):
        Verifier(keys, ClaimsPolicy(issuer=ISSUER, audience=frozenset({"other"})), cache_size=10).verify(text, now=NOW)
    with pytest.raises(TokenTooLarge):
        Verifier(keys, POLICY, cache_size=10, max_bytes=len(text) - 1).verify(text, now=NOW)


@pytest.mark.parametrize("change", ["", "=", " ", "\n", "A", ".", "\x00"])
def test_only_the_very_text_is_recognised(mint: Mint, verifier: Verifier, change: str) -> None:
    text = mint()
    verifier.verify(text, now=NOW)

    for other in (change + text, text + change, text[:-1] + change):
        if other != text:
            with pytest.raises(TokenError):
                verifier.verify(other, now=NOW)


class Anything(str):
    """A string that claims to be equal to every other string."""

    hashes_like: ClassVar[str] = ""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash(self.hashes_like)


def test_a_text_that_is_more_than_a_text_is_looked_up_nowhere(
    mint: Mint, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Anything, "hashes_like", mint())
    verifier.verify(mint(), now=NOW)

    assert Anything("x") in {mint()}
    with pytest.raises(TokenError):
        verifier.verify(Anything("x"), now=NOW)


def test_what_a_reader_does_to_a_remembered_token_changes_nothing(mint: Mint, verifier: Verifier) -> None:
    text = mint(teams=[{"name": "blue", "of": ["alice"]}], aud=[AUDIENCE, "b"])
    before = Verifier(KeySet([mint.key]), POLICY).verify(text, now=NOW).to_dict()

    for _ in range(3):  # the first one was verified just now, the others are remembered
        token: Any = verifier.verify(text, now=NOW)
        assert token.to_dict() == before
        assert (token.subject, token.scopes, token.audience) == ("alice", {"reports:read"}, {AUDIENCE, "b"})
        assert spoil(token) > 5


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_change_a_token_reaches_the_next_reader(mint: Mint, verifier: Verifier, way: str) -> None:
    """Python itself forbids some of them; which ones depends on the version of Python."""
    text = mint()

    for _ in range(3):
        token = verifier.verify(text, now=NOW)
        assert (type(token), token.subject) == (Token, "alice")
        assert token.scopes == {"reports:read"}
        with suppress(AttributeError, TypeError):
            WAYS[way](token)


def spoil(value: Any, depth: int = 6) -> int:
    """Try to change every object that can be reached from *value*. Return the number of these objects."""
    members = [getattr(value, name) for name in ("claims", "scopes", "audience", "subject") if hasattr(value, name)]
    members += value.values() if hasattr(value, "values") else []
    members += value if isinstance(value, (tuple, frozenset)) else []
    attempts: tuple[Callable[[], object], ...] = (
        lambda: value.append("spoilt"),
        lambda: value.add("spoilt"),
        lambda: value.clear(),  # noqa: PLW0108  # the method may be missing
        lambda: value.update(sub="mallory"),
        lambda: value.__setitem__("sub", "mallory"),
        lambda: value.__setitem__(0, "spoilt"),
        lambda: value.__ior__({"sub": "mallory"}),
        lambda: value.__init__({"sub": "mallory"}),
        lambda: vars(value).clear(),
        *(partial(way, value) for way in WAYS.values()),
    )
    for attempt in attempts:
        with suppress(AttributeError, TypeError):
            attempt()
    return 1 + sum(spoil(member, depth - 1) for member in members if depth)


class AnyCase(str):
    """A string that ignores case when it is compared."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.casefold() == other.casefold()

    def __hash__(self) -> int:
        return hash(self.casefold())


def test_a_text_that_is_more_than_a_text_is_not_remembered(mint: Mint, verifier: Verifier) -> None:
    text = mint()

    assert verifier.verify(AnyCase(text), now=NOW).subject == "alice"
    assert AnyCase(text) in {text.casefold()}
    with pytest.raises(TokenError):
        verifier.verify(text.casefold(), now=NOW)
