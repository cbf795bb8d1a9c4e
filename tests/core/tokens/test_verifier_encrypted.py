"""The token inside an encrypted one is judged as if it had come alone, and remembered while its keys are there."""

import json
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.claim_errors import TokenExpired
from flask_tokenauth.core.encryption_errors import (
    HeaderClaimDiffers,
    NotEncrypted,
    NoTokenInside,
    UnknownEncryptionKey,
)
from flask_tokenauth.core.form_errors import MalformedToken
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.signature_errors import InvalidSignature, UnknownKey
from flask_tokenauth.core.token_errors import TokenError, TokenRevoked
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.decryption import Decryption
from flask_tokenauth.core.tokens.verifier import Verifier
from flask_tokenauth.core.trusted_issuers.registry import TrustedIssuers

from ...conftest import AUDIENCE, ISSUER, NOW, Mint
from ...encryption_kit import KEY, OTHER, PAIR, encrypt
from ..trusted_issuers.rules_kit import THEIRS, rules_with, sign

POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))
UNTIL = NOW + 60


class Keys:
    """The keys of both kinds, with a verifier of tokens of our own and of a trusted issuer."""

    def __init__(self, mint: Mint, *, trusts: bool = False, **options: Any) -> None:
        self.signing = KeySet([mint.key])
        self.encryption = EncryptionKeys([KEY, PAIR])
        self.verifier = Verifier(
            self.signing,
            POLICY,
            cache_size=10,
            decryption=Decryption(keys=self.encryption, **options),
            others=TrustedIssuers(ISSUER, [rules_with(scopes=["read"])]) if trusts else None,
        )

    def exchange(self, *keys: EncryptionKey) -> None:
        self.encryption.exchange(EncryptionKeys(keys))
        self.signing.expire_results()

    def is_remembered(self, text: str) -> bool:
        return self.verifier.verify(text, now=NOW).claims is self.verifier.verify(text, now=NOW).claims


@pytest.fixture(params=[False, True], ids=["own only", "with trusted issuers"])
def keys(request: pytest.FixtureRequest, mint: Mint) -> Keys:
    return Keys(mint, trusts=request.param)


@pytest.mark.parametrize("key", [KEY, PAIR])
def test_an_encrypted_token_is_verified_and_remembered(key: EncryptionKey, keys: Keys, mint: Mint) -> None:
    text = encrypt(mint(), key)

    token = keys.verifier.verify(text, now=NOW)

    assert (token.subject, token.kind, token.claims["jti"]) == ("alice", "jwt", "t1")
    assert keys.is_remembered(text)


ATTACKS: dict[str, list[dict[str, Any]]] = {}
for case in json.loads((Path(__file__).parents[2] / "vectors" / "attacks.json").read_text())["cases"]:
    if case["layer"] in ("jws", "jwt"):
        ATTACKS.setdefault(case["group"], []).append(case)


def judge(case: dict[str, Any], *, is_encrypted: bool) -> str | None:
    """Return the reason for which the token of an attack is refused, alone or encrypted."""
    keys = KeySet(Key.from_jwk(jwk) for jwk in case["key"].get("keys", [case["key"]]))
    decryption = Decryption(keys=EncryptionKeys([KEY]))
    text = encrypt(case["token"]) if is_encrypted else case["token"]
    try:
        Verifier(keys, POLICY, max_bytes=16_000, decryption=decryption if is_encrypted else None).verify(text, now=NOW)
    except TokenError as error:
        return error.reason
    return None


@pytest.mark.slow
@pytest.mark.parametrize("group", ATTACKS)
def test_an_attack_inside_an_encrypted_token_is_refused_as_if_it_had_come_alone(group: str) -> None:
    """A string without the form of a signed token has a reason of its own."""
    alone = {case["id"]: judge(case, is_encrypted=False) for case in ATTACKS[group]}

    inside = {case["id"]: judge(case, is_encrypted=True) for case in ATTACKS[group]}

    formless = {name: reason for name, reason in inside.items() if reason == NoTokenInside.reason}
    assert inside == alone | formless
    assert None not in [alone[name] for name in formless]


def test_a_remembered_encrypted_token_expires_and_can_be_revoked(mint: Mint) -> None:
    revoked = set[str | None]()
    verifier = Verifier(
        KeySet([mint.key]),
        POLICY,
        revoked=lambda token: token.token_id in revoked,
        cache_size=10,
        decryption=Decryption(keys=EncryptionKeys([KEY])),
    )
    text = encrypt(mint())
    verifier.verify(text, now=NOW)

    verifier.verify(text, now=NOW + 909)
    with pytest.raises(TokenExpired):
        verifier.verify(text, now=NOW + 910)
    revoked.add("t1")
    with pytest.raises(TokenRevoked):
        verifier.verify(text, now=NOW)


def test_a_remembered_token_is_refused_when_its_encryption_key_goes(keys: Keys, mint: Mint) -> None:
    text = encrypt(mint())
    assert keys.is_remembered(text)

    keys.exchange(OTHER)

    with pytest.raises(UnknownEncryptionKey):
        keys.verifier.verify(text, now=NOW)


def test_a_remembered_token_is_opened_once_more_when_other_encryption_keys_come(keys: Keys, mint: Mint) -> None:
    text = encrypt(mint())
    before = keys.verifier.verify(text, now=NOW).claims

    keys.exchange(OTHER, KEY)

    assert keys.verifier.verify(text, now=NOW).claims is not before
    assert keys.is_remembered(text)


def test_a_remembered_token_is_refused_when_its_signing_key_goes(keys: Keys, mint: Mint) -> None:
    text = encrypt(mint())
    keys.verifier.verify(text, now=NOW)

    keys.signing.exchange([Key.from_secret(bytes(range(32)), kid="x")])

    with pytest.raises(UnknownKey):
        keys.verifier.verify(text, now=NOW)


@pytest.mark.parametrize("trusts", [False, True])
def test_keys_that_are_exchanged_while_a_token_is_opened_are_not_taken_for_new(mint: Mint, *, trusts: bool) -> None:
    """The generation is read before the encryption key is looked up."""
    keys = Keys(mint, trusts=trusts)

    class Slow(Decryption):
        def open(self, token: str, *, max_bytes: int) -> Any:
            opened = super().open(token, max_bytes=max_bytes)
            keys.exchange(OTHER)
            return opened

    keys.verifier._decryption = Slow(keys=keys.encryption)
    text = encrypt(sign() if trusts else mint())

    keys.verifier.verify(text, now=NOW)
    with pytest.raises(UnknownEncryptionKey):
        keys.verifier.verify(text, now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        {"iss": ISSUER},
        {"sub": "alice"},
        {"aud": AUDIENCE},
        {"iss": ISSUER, "sub": "alice", "aud": AUDIENCE},
        {"cty": "at+jwt"},
        {"cty": "application/at+jwt"},
        {"typ": ...},
    ],
)
def test_the_header_may_repeat_claims_and_say_what_is_inside(header: dict[str, Any], keys: Keys, mint: Mint) -> None:
    assert keys.verifier.verify(encrypt(mint(), **header), now=NOW).subject == "alice"


@pytest.mark.parametrize(
    "header", [{"iss": "https://nobody.example"}, {"sub": "bob"}, {"aud": [AUDIENCE]}, {"aud": "x"}, {"sub": ""}]
)
def test_a_repeated_claim_that_is_another_one_is_refused(header: dict[str, Any], keys: Keys, mint: Mint) -> None:
    """RFC 7519 section 5.3."""
    with pytest.raises(HeaderClaimDiffers):
        keys.verifier.verify(encrypt(mint(), **header), now=NOW)


def test_a_repeated_claim_must_be_there_inside(keys: Keys) -> None:
    trusting = keys.verifier.others is not None

    with pytest.raises(HeaderClaimDiffers if trusting else TokenError):
        keys.verifier.verify(encrypt(sign(client_id=...), sub="mallory"), now=NOW)


def test_a_plain_token_of_our_own_is_refused_and_its_signature_decides_first(keys: Keys, mint: Mint) -> None:
    with pytest.raises(NotEncrypted):
        keys.verifier.verify(mint(), now=NOW)
    with pytest.raises(NotEncrypted):
        keys.verifier.verify(mint(exp=NOW - 100), now=NOW)
    with pytest.raises(InvalidSignature):
        keys.verifier.verify(mint()[:-8] + "AAAAAAAA", now=NOW)


@pytest.mark.parametrize("trusts", [False, True])
def test_a_plain_token_is_accepted_until_the_time_also_if_it_is_remembered(mint: Mint, *, trusts: bool) -> None:
    keys = Keys(mint, trusts=trusts, plain_until=UNTIL)
    text = mint()

    assert keys.is_remembered(text)
    assert keys.verifier.verify(text, now=UNTIL - 1).subject == "alice"
    for late in (UNTIL, UNTIL + 1):
        with pytest.raises(NotEncrypted):
            keys.verifier.verify(text, now=late)


def test_a_plain_token_still_expires_before_the_time(mint: Mint) -> None:
    keys = Keys(mint, plain_until=NOW + 10_000)
    text = mint()
    keys.verifier.verify(text, now=NOW)

    keys.verifier.verify(text, now=NOW + 909)
    with pytest.raises(TokenExpired):
        keys.verifier.verify(text, now=NOW + 910)


def test_a_trusted_issuer_may_encrypt_or_not(mint: Mint) -> None:
    keys = Keys(mint, trusts=True)

    for text in (sign(), encrypt(sign()), encrypt(sign(), PAIR, iss=THEIRS, sub="bob", aud=AUDIENCE)):
        token = keys.verifier.verify(text, now=NOW)
        assert (token.subject, token.issuer) == ("bob", THEIRS)
        assert keys.is_remembered(text)


def test_an_encrypted_token_of_a_trusted_issuer_is_opened_again_after_an_exchange(mint: Mint) -> None:
    keys = Keys(mint, trusts=True)
    text = encrypt(sign())
    before = keys.verifier.verify(text, now=NOW).claims

    keys.exchange(KEY, OTHER)
    after = keys.verifier.verify(text, now=NOW).claims
    keys.exchange(OTHER)

    assert after is not before
    with pytest.raises(UnknownEncryptionKey):
        keys.verifier.verify(text, now=NOW)


def test_the_encrypted_token_of_a_trusted_issuer_expires(mint: Mint) -> None:
    keys = Keys(mint, trusts=True)
    text = encrypt(sign())
    keys.verifier.verify(text, now=NOW)

    keys.verifier.verify(text, now=NOW + 909)
    with pytest.raises(TokenExpired):
        keys.verifier.verify(text, now=NOW + 910)


def test_a_payload_with_two_issuers_is_refused_inside_too(mint: Mint) -> None:
    keys = Keys(mint, trusts=True)
    payload = json.dumps({"iss": THEIRS, "sub": "bob"})[:-1].encode() + b', "iss": "' + THEIRS.encode() + b'"}'

    with pytest.raises(MalformedToken):
        keys.verifier.verify(encrypt(sign(payload=payload)), now=NOW)


def test_without_a_memory_nothing_is_remembered(mint: Mint) -> None:
    decryption = Decryption(keys=EncryptionKeys([KEY]))
    others = TrustedIssuers(ISSUER, [rules_with(scopes=["read"])])
    verifier = Verifier(KeySet([mint.key]), POLICY, decryption=decryption, others=others)

    assert [verifier.verify(encrypt(text), now=NOW).subject for text in (mint(), sign())] == ["alice", "bob"]


def test_without_encryption_keys_an_encrypted_token_is_malformed(mint: Mint) -> None:
    with pytest.raises(MalformedToken):
        Verifier(KeySet([mint.key]), POLICY).verify(encrypt(mint()), now=NOW)


def test_a_verifier_for_another_audience_opens_tokens_too(keys: Keys, mint: Mint) -> None:
    other = keys.verifier.for_audience(frozenset({"https://other.example"}))

    assert other.verify(encrypt(mint(aud="https://other.example")), now=NOW).subject == "alice"
    with pytest.raises(NotEncrypted):
        other.verify(mint(aud="https://other.example"), now=NOW)


def test_tickets_are_never_encrypted(keys: Keys, mint: Mint) -> None:
    ticket, tickets = mint(typ="ticket+jwt", ticket_path="/x", exp=NOW + 60), keys.verifier.for_tickets()

    assert tickets.verify(ticket, now=NOW).subject == "alice"
    with pytest.raises(MalformedToken):
        tickets.verify(encrypt(ticket), now=NOW)
