"""The bytes of each claim add up to the claims set, and messages name the largest without their values."""

from collections.abc import Mapping

import msgspec
import pytest

from flask_tokenauth.core.tokens.claim_sizes import claim_sizes, name_largest

CLAIMS = {"sub": "alice", "roles": ["editor", "author"], "naïve": "Zoë", "exp": 1700000000, "x": {"y": None}}


@pytest.mark.parametrize("claims", [CLAIMS, {"sub": "a"}, {"": ""}, {'"\n': '\\"'}, {"f": 1.5e300, "t": True}])
def test_with_the_first_brace_the_sizes_add_up_to_the_claims_set(claims: Mapping[str, object]) -> None:
    assert 1 + sum(claim_sizes(claims).values()) == len(msgspec.json.encode(claims))


def test_the_largest_claim_comes_first_and_equal_ones_stay_in_order() -> None:
    assert claim_sizes({"b": 1, "a": 2, "c": 333}) == {"c": 8, "b": 6, "a": 6}
    assert list(claim_sizes({"b": 1, "a": 2, "c": 333})) == ["c", "b", "a"]


@pytest.mark.parametrize(("number", "named"), [(0, ""), (2, "a 6, b 6"), (3, "a 6, b 6, c 6"), (4, "a 6, b 6, c 6")])
def test_three_claims_are_named_at_most(number: int, named: str) -> None:
    claims = dict.fromkeys("abcd"[:number], 1)

    assert name_largest(claims) == named


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("n" * 40, "n" * 40),
        ("n" * 41, repr("n" * 40) + "…"),
        ("a\nb", r"'a\nb'"),
        ("\x1b[31m" + "n" * 100, r"'\x1b[31m" + "n" * 35 + "'…"),
        ("größe", "größe"),
    ],
)
def test_a_name_is_shown_so_that_it_cannot_spoil_a_log(name: str, shown: str) -> None:
    named, _, size = name_largest({name: "secret value"}).rpartition(" ")

    assert named == shown
    assert int(size) == len(msgspec.json.encode({name: "secret value"})) - 1


def test_a_claim_is_a_json_value() -> None:
    with pytest.raises(TypeError):
        claim_sizes({"x": object()})
