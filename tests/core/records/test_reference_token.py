"""Reference tokens: what a record refuses."""

from typing import Any

import pytest

from flask_tokenauth.core.encoding.digests import digest_of
from flask_tokenauth.core.encoding.limits import YEAR_9999
from flask_tokenauth.core.records.reference_token import ReferenceToken

DIGEST = digest_of("token")
LAST = YEAR_9999 * 1000


def token(**changes: Any) -> ReferenceToken:
    usual: dict[str, Any] = {"digest": DIGEST, "user_id": "alice", "epoch": 0, "claims": "{}", "expires_at": 1}
    return ReferenceToken(**(usual | changes))


def test_the_id_of_a_token_is_the_beginning_of_its_digest() -> None:
    assert token().token_id == DIGEST[:22]


@pytest.mark.parametrize("changes", [{"epoch": 2**63 - 1}, {"expires_at": 0}, {"expires_at": LAST}])
def test_numbers_at_the_limits_pass(changes: dict[str, Any]) -> None:
    token(**changes)


@pytest.mark.parametrize(
    "changes",
    [{"digest": value} for value in ("", "token", DIGEST + "=", None)]
    + [{"user_id": value} for value in ("", "a" * 256, "a\n", None)]
    + [{"epoch": value} for value in (-1, 2**63, 1.0, "1", True, None)]
    + [{"expires_at": value} for value in (-1, LAST + 1, 1.0, "1", True, None)],
)
def test_a_token_with_a_wrong_value_is_refused(changes: dict[str, Any]) -> None:
    [field] = changes

    with pytest.raises(ValueError, match=f"^{field} must be"):
        token(**changes)


@pytest.mark.parametrize("claims", [None, {}, b"{}", 7])
def test_claims_that_are_no_string_are_refused(claims: object) -> None:
    with pytest.raises(TypeError, match=f"claims must be a string of JSON, got {type(claims).__name__}"):
        token(claims=claims)
