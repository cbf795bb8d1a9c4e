"""The choice of the one key that judges a token of a trusted issuer."""

from typing import Any

import pytest

from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.signature_errors import UnknownKey, WrongAlgorithm
from flask_tokenauth.core.trusted_issuers.trusted_keys import NamedKey, TrustedKeys

RSA = Key.generate("RS256", kid="r1").public()
RSA_512 = Key.from_jwk({**RSA.to_jwk(), "alg": "RS512"})
EC, OTHER_EC = (Key.generate("ES256", kid=kid).public() for kid in ("e1", "e2"))


def keys_with(*keys: Key, nameless: tuple[Key, ...] = ()) -> TrustedKeys:
    return TrustedKeys([*(NamedKey(key.kid, key) for key in keys), *(NamedKey(None, key) for key in nameless)])


def header(alg: str = "ES256", **members: str) -> dict[str, Any]:
    return {"alg": alg, **members}


def test_a_key_is_found_by_its_id_and_algorithm() -> None:
    assert keys_with(RSA, EC, OTHER_EC).select(header(kid="e2")) is OTHER_EC


def test_one_id_can_be_that_of_keys_for_several_algorithms() -> None:
    """RFC 7517 section 4.5."""
    keys = keys_with(RSA, RSA_512)

    assert [keys.select(header(alg, kid="r1")) for alg in ("RS256", "RS512")] == [RSA, RSA_512]


def test_a_key_of_another_algorithm_is_not_used() -> None:
    with pytest.raises(WrongAlgorithm) as caught:
        keys_with(RSA, EC).select(header("PS256", kid="r1"))

    assert caught.value.expected == "RS256"


def test_an_unknown_id_names_no_key_even_if_there_is_only_one() -> None:
    with pytest.raises(UnknownKey):
        keys_with(EC).select(header(kid="e9"))


@pytest.mark.parametrize("members", [{}, {"kid": ""}], ids=["no ID", "an empty ID"])
def test_without_an_id_the_only_key_for_the_algorithm_judges(members: dict[str, str]) -> None:
    assert keys_with(RSA, EC).select(header(**members)) is EC


@pytest.mark.parametrize("members", [{}, {"kid": ""}], ids=["no ID", "an empty ID"])
def test_without_an_id_none_of_two_keys_for_the_algorithm_is_tried(members: dict[str, str]) -> None:
    with pytest.raises(UnknownKey):
        keys_with(EC, OTHER_EC).select(header(**members))


def test_without_an_id_a_key_for_another_algorithm_is_not_used() -> None:
    with pytest.raises(UnknownKey):
        keys_with(RSA).select(header())


def test_x5t_names_the_key_if_there_is_no_id() -> None:
    """AD FS writes it."""
    assert keys_with(EC, OTHER_EC).select(header(x5t="e2")) is OTHER_EC


def test_an_id_counts_more_than_x5t() -> None:
    assert keys_with(EC, OTHER_EC).select(header(kid="e1", x5t="e2")) is EC


def test_a_key_without_an_id_judges_tokens_with_any_id() -> None:
    """PEM has no key IDs, so the ID of a token cannot be compared."""
    assert keys_with(nameless=(RSA, EC)).select(header(kid="whatever")) is EC


def test_of_two_keys_without_an_id_for_one_algorithm_none_is_tried() -> None:
    with pytest.raises(UnknownKey):
        keys_with(nameless=(EC, OTHER_EC)).select(header(kid="whatever"))


def test_a_key_with_the_id_of_the_token_comes_before_one_without() -> None:
    assert keys_with(OTHER_EC, nameless=(EC,)).select(header(kid="e2")) is OTHER_EC


def test_other_keys_are_a_new_generation_and_forget_headers() -> None:
    keys = keys_with(EC)
    keys.remember_header(b"e30", header())

    keys.exchange([NamedKey("e2", OTHER_EC)])

    assert (keys.generation, keys.find_header(b"e30")) == (1, None)
    assert keys.select(header(kid="e2")) is OTHER_EC


@pytest.mark.parametrize("nameless", [(), (RSA,)], ids=["named", "some without an ID"])
def test_the_same_keys_are_no_new_generation(nameless: tuple[Key, ...]) -> None:
    """Tokens that were verified with them are still good, and need not be verified again every few minutes."""
    keys = keys_with(EC, OTHER_EC, nameless=nameless)
    keys.remember_header(b"e30", header())

    again = [NamedKey(kid, Key.from_jwk(key.to_jwk())) for kid, key in reversed(keys.list_keys())]
    keys.exchange(again)

    assert (keys.generation, keys.find_header(b"e30")) == (0, header())


def test_another_key_with_the_same_id_is_a_new_generation() -> None:
    keys = keys_with(EC)

    keys.exchange([NamedKey("e1", OTHER_EC)])

    assert keys.generation == 1


def test_all_keys_are_listed_and_counted() -> None:
    keys = keys_with(RSA, RSA_512, nameless=(EC,))

    assert [(kid, key.algorithm) for kid, key in keys.list_keys()] == [
        ("r1", "RS256"),
        ("r1", "RS512"),
        (None, "ES256"),
    ]
    assert len(keys) == 3
