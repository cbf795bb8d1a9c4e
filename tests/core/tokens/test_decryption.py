"""Encrypted tokens are opened, and those that are signed only are accepted for a time."""

from math import inf

import pytest

from flask_tokenauth.core.encryption_errors import NotEncrypted, UnknownEncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.tokens.decryption import Decryption

from ...conftest import NOW
from ...encryption_kit import KEY, OTHER, encrypt

JWS = "e30.e30.AA"
UNTIL = NOW + 60


def open_token(decryption: Decryption, text: str) -> str:
    opened = decryption.open(text, max_bytes=8000)
    assert opened is not None
    return opened.text


def test_an_encrypted_token_is_opened() -> None:
    assert open_token(Decryption(keys=EncryptionKeys([KEY])), encrypt(JWS)) == JWS


@pytest.mark.parametrize("plain", [JWS, "", "a.b.c.d", "a.b.c.d.e.f", 7, None, b"a.b.c.d.e"])
def test_what_does_not_look_encrypted_is_not_opened(plain: str) -> None:
    assert Decryption(keys=EncryptionKeys([KEY])).open(plain, max_bytes=8000) is None


def test_an_unknown_key_is_looked_for_once() -> None:
    keys, looks = EncryptionKeys([KEY]), list[int]()

    def look(generation: int) -> bool:
        looks.append(generation)
        keys.exchange(EncryptionKeys([KEY, OTHER]))
        return True

    decryption = Decryption(keys=keys, look_for_keys=look)

    assert open_token(decryption, encrypt(JWS, OTHER)) == JWS
    assert open_token(decryption, encrypt(JWS, OTHER)) == JWS
    assert looks == [0]


def test_an_unknown_key_that_is_not_found_is_refused() -> None:
    decryption = Decryption(keys=EncryptionKeys([KEY]), look_for_keys=lambda generation: False)

    with pytest.raises(UnknownEncryptionKey):
        decryption.open(encrypt(JWS, OTHER), max_bytes=8000)


def test_keys_that_cannot_be_looked_for_are_unknown() -> None:
    with pytest.raises(UnknownEncryptionKey):
        Decryption(keys=EncryptionKeys([KEY])).open(encrypt(JWS, OTHER), max_bytes=8000)


def test_a_plain_token_is_accepted_until_the_time() -> None:
    decryption = Decryption(keys=EncryptionKeys([KEY]), plain_until=UNTIL)

    assert decryption.check_plain({}, now=UNTIL - 1) == UNTIL
    for late in (UNTIL, UNTIL + 1, float("nan")):
        with pytest.raises(NotEncrypted):
            decryption.check_plain({}, now=late)


def test_without_a_time_no_plain_token_is_accepted() -> None:
    with pytest.raises(NotEncrypted):
        Decryption(keys=EncryptionKeys([KEY])).check_plain({}, now=0)


def test_only_an_introspection_accepts_exchanged_tokens_that_are_plain() -> None:
    decryption = Decryption(keys=EncryptionKeys([KEY]))

    assert decryption.for_introspection().check_plain({"act": {"sub": "reports"}}, now=NOW) == inf
    refused: list[tuple[Decryption, dict[str, object]]]
    refused = [(decryption, {"act": {}}), (decryption.for_introspection(), {})]
    for rules, claims in refused:
        with pytest.raises(NotEncrypted):
            rules.check_plain(claims, now=NOW)


def test_every_plain_token_can_be_revoked() -> None:
    assert Decryption(keys=EncryptionKeys([KEY])).for_revocation().check_plain({}, now=NOW) == inf
