"""Each token is judged by the rules of the issuer that it names, and by no others; remembered tokens too."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import force_setattr

from flask_tokenauth.core.claim_errors import MalformedClaim, MissingClaim, TokenExpired, WrongAudience, WrongIssuer
from flask_tokenauth.core.form_errors import MalformedToken, TokenTooLarge
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.signature_errors import UnknownKey
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.core.tokens.verifier import Verifier
from flask_tokenauth.core.trusted_issuers.rules import IssuerRules
from flask_tokenauth.core.trusted_issuers.trusted_token import TrustedToken

from ...conftest import AUDIENCE, ISSUER, NOW
from .rules_kit import KEY, OWN_KEY, THEIRS, Source, named, rules_with, sign, verifier_with

THIRD = "https://third.example"
THIRD_KEY = Key.generate("ES256", kid="k1")  # again with the same ID


def own(**changes: Any) -> str:
    return sign(**dict[str, Any](key=OWN_KEY, iss=ISSUER) | changes)


def verify(verifier: Verifier, token: str, now: float = NOW) -> Token:
    return verifier.verify(token, now=now)


def test_our_own_tokens_are_tokens_of_ours() -> None:
    verifier = verifier_with(rules_with())

    assert [type(verify(verifier, own())) for _ in range(3)] == [Token] * 3


def test_tokens_of_trusted_issuers_can_be_told_apart() -> None:
    verifier = verifier_with(rules_with(), rules_with(THIRD_KEY.public(), issuer=THIRD))

    found = [verify(verifier, token) for token in (sign(), sign(key=THIRD_KEY, iss=THIRD), own())]

    assert [token.issuer for token in found] == [THEIRS, THIRD, ISSUER]


FORGED: dict[str, dict[str, Any]] = {
    "their key, our issuer": {"iss": ISSUER},
    "our key, their issuer": {"key": OWN_KEY},
    "their key, a third issuer": {"iss": THIRD},
    "a third key, their issuer": {"key": THIRD_KEY},
    "a third key, our issuer": {"key": THIRD_KEY, "iss": ISSUER},
    "our key, a third issuer": {"key": OWN_KEY, "iss": THIRD},
}
GOOD: dict[str, dict[str, Any]] = {
    "ours": {"key": OWN_KEY, "iss": ISSUER},
    "theirs": {},
    "third": {"key": THIRD_KEY, "iss": THIRD},
}


@pytest.mark.parametrize("order", [*permutations(GOOD)], ids="-".join)
@pytest.mark.parametrize("name", FORGED)
def test_the_keys_of_one_issuer_sign_for_no_other_in_any_order(name: str, order: tuple[str, ...]) -> None:
    """All three have the same key ID and the same header segment."""
    verifier = verifier_with(rules_with(), rules_with(THIRD_KEY.public(), issuer=THIRD))
    forged = sign(**FORGED[name])

    for good in order:
        assert verify(verifier, sign(**GOOD[good]))
        with pytest.raises(TokenError):
            verify(verifier, forged)
        assert verify(verifier, sign(**GOOD[good]))


def test_issuers_with_the_same_key_are_still_judged_apart() -> None:
    verifier = verifier_with(
        rules_with(scopes=["read"]), rules_with(issuer=THIRD, audience="https://other.example", scopes=["write"])
    )
    theirs, third = sign(), sign(iss=THIRD)

    for _ in range(2):
        assert verify(verifier, theirs).scopes == {"read"}
        with pytest.raises(WrongAudience):
            verify(verifier, third)


@pytest.mark.parametrize(
    "issuer",
    [
        f"{THEIRS}/",
        THEIRS.upper(),
        f" {THEIRS}",
        [THEIRS],
        [THEIRS, ISSUER],
        {THEIRS: 1},
        7,
        True,
        None,
        "",
        ...,
        "https://unknown.example",
        f"{THEIRS}\x00",
    ],
    ids=repr,
)
@pytest.mark.parametrize("key", [KEY, OWN_KEY], ids=["their key", "our key"])
def test_other_spellings_name_no_issuer(issuer: object, key: Key) -> None:
    with pytest.raises((WrongIssuer, MalformedClaim, MissingClaim)):
        verify(verifier_with(rules_with()), sign(key=key, iss=issuer))


REST = f'"sub":"bob","aud":"{AUDIENCE}","exp":{NOW + 900},"iat":{NOW},"jti":"t","client_id":"c"'


@pytest.mark.parametrize("name", ["iss", "\\u0069ss", "i\\u0073s", "is\\u0073", "\\u0069\\u0073\\u0073"])
@pytest.mark.parametrize("first", [THEIRS, ISSUER, "https://evil.example"])
@pytest.mark.parametrize("key", [KEY, OWN_KEY], ids=["their key", "our key"])
def test_a_token_that_names_its_issuer_twice_is_refused(first: str, name: str, key: Key) -> None:
    verifier = verifier_with(rules_with())

    for names in (("iss", name), (name, "iss")):
        payload = f'{{"{names[0]}":"{first}",{REST},"{names[1]}":"{THEIRS}"}}'.encode()
        with pytest.raises(MalformedToken, match="iss twice"):
            verify(verifier, sign(key=key, payload=payload))


@pytest.mark.parametrize(
    "more",
    [
        '"act":{"iss":"https://a.example","sub":"x"}',
        '"note":"\\"iss\\"","iss2":"\\u0069ss"',
        '"x":[{"iss":1,"iss":2}]',
    ],
    ids=["in an object", "in a string", "twice, but elsewhere"],
)
def test_the_name_may_come_again_elsewhere(more: str) -> None:
    payload = f'{{"iss":"{THEIRS}",{REST},{more}}}'.encode()

    assert verify(verifier_with(rules_with()), sign(payload=payload)).issuer == THEIRS


def test_of_our_own_name_that_comes_twice_the_last_one_counts() -> None:
    """RFC 7519 section 4. Only we can sign such a token."""
    payload = f'{{"iss":"{THEIRS}",{REST},"iss":"{ISSUER}"}}'.encode()

    assert verify(verifier_with(rules_with()), sign(key=OWN_KEY, payload=payload)).issuer == ISSUER


def test_several_names_of_one_issuer_are_all_good() -> None:
    verifier = verifier_with(rules_with(issuer=[THEIRS, "id.example"]))

    assert [verify(verifier, sign(iss=name)).issuer for name in (THEIRS, "id.example")] == [THEIRS, "id.example"]


@pytest.fixture
def library() -> IssuerRules:
    """Rules for the tokens of a library that writes no issuer."""
    return rules_with(issuer=None, audience=None, profile="flask-jwt-extended", until="2027-01-31", revoked="never")


def test_a_token_without_an_issuer_is_judged_by_the_rules_for_those(library: IssuerRules) -> None:
    verifier = verifier_with(library)
    token = sign(iss=..., aud=..., type="access")

    assert [verify(verifier, token).issuer for _ in range(2)] == [None, None]


@pytest.mark.parametrize("changes", [{"iss": None}, {"iss": THEIRS}, {"iss": ""}, {"aud": AUDIENCE}, {"aud": []}])
def test_these_rules_judge_no_token_with_an_issuer_or_an_audience(
    library: IssuerRules, changes: dict[str, Any]
) -> None:
    with pytest.raises((WrongIssuer, WrongAudience)):
        verify(verifier_with(library), sign(**dict[str, Any](iss=..., aud=..., type="access") | changes))


def test_a_token_that_is_too_long_is_not_read() -> None:
    verifier = verifier_with(rules_with())

    with pytest.raises(TokenTooLarge):
        verify(verifier, sign(x="a" * 8000))


class TestRemembered:
    """A remembered token of a trusted issuer is refused as soon as a new verification would refuse it."""

    @pytest.fixture
    def rules(self) -> IssuerRules:
        return rules_with(until="2027-01-31", leeway=0)

    @pytest.fixture
    def source(self, rules: IssuerRules) -> Source:
        assert isinstance(rules.keys, Source)
        return rules.keys

    def test_until_it_expires(self, rules: IssuerRules) -> None:
        verifier, token = verifier_with(rules), sign()
        verify(verifier, token)
        assert verify(verifier, token, NOW + 899.9)

        with pytest.raises(TokenExpired):
            verify(verifier, token, NOW + 900)

    def test_until_the_clock_goes_back(self, rules: IssuerRules) -> None:
        verifier, token = verifier_with(rules), sign()
        verify(verifier, token)

        with pytest.raises(TokenError):
            verify(verifier, token, NOW - 1)

    def test_until_the_trust_ends(self, rules: IssuerRules) -> None:
        end = 1_801_353_600
        verifier, token = verifier_with(rules), sign(iat=end - 10, exp=end + 10)
        assert verify(verifier, token, end - 1)

        with pytest.raises(TokenError):
            verify(verifier, token, end)

    def test_until_its_key_is_gone(self, rules: IssuerRules, source: Source) -> None:
        verifier, token = verifier_with(rules), sign()
        verify(verifier, token)

        source.keys.exchange(named([THIRD_KEY.public()]))

        with pytest.raises(TokenError):
            verify(verifier, token)

    def test_while_its_key_stays(self, rules: IssuerRules, source: Source) -> None:
        verifier, token = verifier_with(rules), sign()
        verify(verifier, token)

        source.keys.exchange(named([KEY.public(), Key.generate("ES256", kid="k9").public()]))

        assert verify(verifier, token).subject == "bob"

    def test_until_its_issuer_has_other_rules(self, rules: IssuerRules) -> None:
        tenants: dict[str, IssuerRules] = {THEIRS: rules}
        verifier, token = verifier_with(find_tenant=tenants.get), sign()
        verify(verifier, token)

        tenants[THEIRS] = rules_with(audience="https://other.example")

        with pytest.raises(WrongAudience):
            verify(verifier, token)

    def test_until_its_issuer_is_not_trusted_any_more(self, rules: IssuerRules) -> None:
        tenants: dict[str, IssuerRules] = {THEIRS: rules}
        verifier, token = verifier_with(find_tenant=tenants.get), sign()
        verify(verifier, token)

        del tenants[THEIRS]

        with pytest.raises(WrongIssuer):
            verify(verifier, token)

    def test_its_signature_is_not_checked_again(self, rules: IssuerRules, monkeypatch: pytest.MonkeyPatch) -> None:
        verifier, token = verifier_with(rules), sign()
        verify(verifier, token)

        monkeypatch.setattr(Key, "verify", lambda *_: pytest.fail("the signature was checked"))

        assert verify(verifier, token).subject == "bob"

    def test_without_a_memory_it_is_verified_each_time(self, rules: IssuerRules) -> None:
        verifier = verifier_with(rules, cache_size=0)

        assert [verify(verifier, sign()).subject for _ in range(2)] == ["bob", "bob"]

    @pytest.mark.parametrize(
        "change",
        [
            lambda token: force_setattr(token, "subject", "mallory"),
            lambda token: force_setattr(token, "scopes", frozenset({"admin"})),
            lambda token: force_setattr(token, "claims", {"sub": "mallory"}),
            lambda token: force_setattr(token, "has_user", None),
        ],
        ids=["subject", "scopes", "claims", "has_user"],
    )
    def test_a_view_that_changes_its_token_does_not_change_the_next(
        self, rules: IssuerRules, change: Callable[[Token], None]
    ) -> None:
        verifier, token = verifier_with(rules), sign()
        for _ in range(2):
            change(verify(verifier, token))

        found = verify(verifier, token)

        assert isinstance(found, TrustedToken)
        facts = (found.subject, found.scopes, found.claims["sub"], found.has_user)
        assert facts == ("bob", frozenset(), "bob", True)

    def test_an_instance_of_a_subclass_of_str_is_not_remembered(self, rules: IssuerRules) -> None:
        equal_to_all: Any = type("EqualToAll", (str,), {"__eq__": lambda *_: True, "__hash__": str.__hash__})
        verifier = verifier_with(rules)

        assert verify(verifier, equal_to_all(sign())).subject == "bob"
        with pytest.raises(TokenError):
            verify(verifier, equal_to_all("x.y.z"))


def test_revocations_of_ours_are_not_asked_about_their_tokens() -> None:
    """User 42 of another issuer may have the ID of a revoked user of ours."""
    asked: list[Token] = []

    def ask(token: Token) -> bool:
        asked.append(token)
        return False

    verifier = verifier_with(rules_with())
    verifier._revoked = ask

    for token in (sign(), sign(), own()):
        verify(verifier, token)

    assert [token.issuer for token in asked] == [ISSUER]


def test_a_verifier_for_another_audience_takes_no_tokens_of_other_issuers() -> None:
    verifier = verifier_with(rules_with()).for_audience(frozenset({AUDIENCE}))

    assert verify(verifier, own()).issuer == ISSUER
    with pytest.raises((WrongIssuer, UnknownKey, TokenError)):
        verify(verifier, sign())
