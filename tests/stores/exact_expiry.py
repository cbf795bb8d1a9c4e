"""The expiry of API keys and reference tokens to the millisecond, for stores whose clock stands still in a test."""

from datetime import timedelta

import pytest

from flask_tokenauth.core.store import LONGEST_SILENCE, Store
from flask_tokenauth.testing.store_contract import AgeApiKeys
from flask_tokenauth.testing.store_contract.kit import (
    LIFETIME,
    MARGIN,
    add_key,
    find_key,
    has_reference_token,
    id_for,
    token_of,
)

MILLISECOND = timedelta(milliseconds=1)


class ExactExpiry:
    """Tests the very millisecond of an instant."""

    @pytest.mark.parametrize(("aged", "live"), [(LIFETIME - MILLISECOND, True), (LIFETIME, False)])
    def test_an_api_key_ends_with_the_last_millisecond_of_its_lifetime(
        self, store: Store, age_api_keys: AgeApiKeys, *, aged: timedelta, live: bool
    ) -> None:
        add_key(store)

        age_api_keys(aged)

        assert (find_key(store) is not None) is live

    @pytest.mark.parametrize(("after", "counts"), [(1, True), (0, False), (-1, False)])
    def test_a_reference_token_counts_until_the_millisecond_before_it_expires(
        self, store: Store, *, after: int, counts: bool
    ) -> None:
        created = add_key(store)
        assert created is not None
        present = round(created.created_at.timestamp() * 1000)

        store.add_reference_token(token_of(expires_at=present + after))

        assert has_reference_token(store) is counts

    @pytest.mark.parametrize(("late", "is_kept"), [(-MILLISECOND, True), (timedelta(0), False), (MILLISECOND, False)])
    def test_a_purge_keeps_a_spent_id_until_the_millisecond_before_its_time_is_over(
        self, store: Store, late: timedelta, *, is_kept: bool
    ) -> None:
        created = add_key(store)
        assert created is not None
        ended = created.created_at - LONGEST_SILENCE - late
        expires_at = round(ended.timestamp() * 1000)
        store.spend("ticket", expires_at=expires_at)

        deleted = store.purge(force=True)

        assert deleted == (0 if is_kept else 1)
        assert store.spend("ticket", expires_at=expires_at) is not is_kept

    @pytest.mark.parametrize("after", [MARGIN, MARGIN + MILLISECOND])
    def test_a_use_counts_from_the_millisecond_after_a_minute(self, store: Store, after: timedelta) -> None:
        created = add_key(store)
        assert created is not None

        store.note_uses_of_api_keys({id_for("key"): after})
        store.note_uses_of_api_keys({id_for("key"): timedelta(0)})

        found = find_key(store)
        assert found is not None
        assert found.last_used_at == (created.created_at if after > MARGIN else created.created_at - after)
