"""API keys: what a record refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_tokenauth.core.encoding.digests import digest_of, id_of
from flask_tokenauth.core.records.api_key import ApiKey, ApiKeyToKeep
from flask_tokenauth.core.records.grant import Grant

DIGEST = digest_of("key")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WRONG: list[tuple[str, Any]] = [
    *(("user_id", value) for value in ("", "a" * 256, "a\n", None, 7)),
    *(("name", value) for value in ("", "a" * 256, "a\x00", None, b"a")),
    *(("hint", value) for value in ("a" * 33, "a\x00", None, b"a")),
]


def key_to_keep(**changes: Any) -> ApiKeyToKeep:
    usual: dict[str, Any] = {
        "digest": DIGEST,
        "user_id": "alice",
        "name": "a script",
        "hint": "ta_…abcd",
        "grant": Grant(),
    }
    return ApiKeyToKeep(**(usual | changes))


def key(**changes: Any) -> ApiKey:
    usual: dict[str, Any] = {
        "id": id_of(DIGEST), "user_id": "alice", "name": "a script", "hint": "ta_…abcd", "grant": Grant(),
        "created_at": NOON, "last_used_at": None, "expires_at": None, "key_epoch": 0,
    }  # fmt: skip
    return ApiKey(**(usual | changes))


def test_the_id_of_a_key_is_the_beginning_of_its_digest() -> None:
    assert key_to_keep().id == DIGEST[:22]


def test_a_key_does_not_expire_unless_it_has_a_lifetime() -> None:
    assert key_to_keep().lifetime is None


@pytest.mark.parametrize("changes", [{"name": "a" * 255, "hint": "a" * 32}, {"hint": ""}, {"lifetime": 36525 * DAY}])
def test_values_at_the_limits_pass(changes: dict[str, Any]) -> None:
    key_to_keep(**changes)


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_key_with_a_wrong_string_is_refused(field: str, value: object) -> None:
    for make in key_to_keep, key:
        with pytest.raises(ValueError, match=f"^{field} must be"):
            make(**{field: value})


@pytest.mark.parametrize("grant", [None, {}, "reports:read"])
def test_a_key_without_a_grant_is_refused(grant: object) -> None:
    for make in key_to_keep, key:
        with pytest.raises(TypeError, match=f"grant must be a Grant, got {type(grant).__name__}"):
            make(grant=grant)


@pytest.mark.parametrize("digest", ["", "key", DIGEST + "=", DIGEST[:42], None])
def test_a_key_without_a_digest_is_refused(digest: object) -> None:
    with pytest.raises(ValueError, match="digest must be"):
        key_to_keep(digest=digest)


@pytest.mark.parametrize("lifetime", [timedelta(0), -DAY, 36525 * DAY + timedelta(microseconds=1)])
def test_a_lifetime_out_of_range_is_refused(lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match="lifetime must be above zero"):
        key_to_keep(lifetime=lifetime)


def test_a_lifetime_that_is_no_timedelta_is_refused() -> None:
    with pytest.raises(TypeError, match="lifetime must be a timedelta, got int"):
        key_to_keep(lifetime=60)


@pytest.mark.parametrize("key_epoch", [-1, 2**63, 1.0, "1", True, None])
def test_a_key_epoch_out_of_range_is_refused(key_epoch: object) -> None:
    with pytest.raises(ValueError, match="key_epoch must be a whole number from 0 to"):
        key(key_epoch=key_epoch)


@pytest.mark.parametrize("key_id", ["", "a" * 256, None])
def test_an_id_that_is_no_identifier_is_refused(key_id: object) -> None:
    with pytest.raises(ValueError, match="id must be"):
        key(id=key_id)


def test_the_greatest_key_epoch_passes() -> None:
    assert key(key_epoch=2**63 - 1).key_epoch == 2**63 - 1


def test_a_key_has_the_scopes_of_its_grant() -> None:
    assert key(grant=Grant(scopes=("b", "a"))).scopes == ("b", "a")
