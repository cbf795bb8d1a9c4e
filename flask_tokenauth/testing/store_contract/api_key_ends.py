"""The end of API keys: with their lifetimes, by a call, with everything that their user has, and in a purge."""

from datetime import timedelta

import pytest

from ...core.records.revocation import Revocation
from ...core.store import Store
from .kit import (
    LIFETIME,
    MARGIN,
    RETENTION,
    AgeApiKeys,
    AgeRevocations,
    add_key,
    at_once,
    find_key,
    id_for,
    is_live,
    list_keys,
    start,
)
from .revocation import LATER, has
from .revocation_pages import Reader

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEARS = timedelta(days=20 * 365)


def is_key_live(store: Store, key: str = "key", user_id: str = "alice") -> bool:
    """Return whether the store finds an API key, and lists it."""
    found, listed = find_key(store, key) is not None, id_for(key) in list_keys(store, user_id)
    assert found is listed
    return found


def revoke_keys(store: Store, user_id: str = "alice") -> int:
    """Revoke everything that a user has, with the API keys, and return the new epoch."""
    return store.revoke_user(user_id, retention=RETENTION, api_keys=True)


class ApiKeyEndContract:
    """Tests the promises about the end of API keys."""

    @pytest.mark.parametrize(
        ("aged", "live"), [(LIFETIME - MARGIN, True), (LIFETIME, False), (LIFETIME + MARGIN, False)]
    )
    def test_an_api_key_ends_with_its_lifetime(
        self, store: Store, age_api_keys: AgeApiKeys, *, aged: timedelta, live: bool
    ) -> None:
        add_key(store)

        age_api_keys(aged)

        assert is_key_live(store) is live
        assert (store.revoke_api_key(id_for("key"), retention=RETENTION) is not None) is live

    def test_an_api_key_without_a_lifetime_does_not_expire(self, store: Store, age_api_keys: AgeApiKeys) -> None:
        add_key(store, lifetime=None)
        age_api_keys(YEARS)
        found = find_key(store)

        assert found is not None
        assert found.expires_at is None
        assert is_key_live(store)

    def test_an_api_key_that_was_revoked_is_over_and_readers_get_the_revocation(self, store: Store) -> None:
        added = add_key(store)
        add_key(store, "other")

        revoked = store.revoke_api_key(id_for("key"), retention=RETENTION)

        assert revoked == added
        assert not is_key_live(store)
        assert is_key_live(store, "other")
        assert has(store, token_id=id_for("key"))
        [entry] = store.revocations_since(None).entries
        assert (entry.kind, entry.subject, entry.value) == ("token", id_for("key"), 0)

    def test_an_api_key_that_is_not_live_cannot_be_revoked(self, store: Store) -> None:
        add_key(store)
        store.revoke_api_key(id_for("key"), retention=RETENTION)
        add_key(store, "below")
        revoke_keys(store)

        assert store.revoke_api_key(id_for("key"), retention=RETENTION) is None
        assert store.revoke_api_key(id_for("below"), retention=RETENTION) is None
        assert store.revoke_api_key(id_for("unknown"), retention=RETENTION) is None
        assert has(store, token_id=id_for("key"))
        assert not has(store, token_id=id_for("below"))
        assert not has(store, token_id=id_for("unknown"))

    def test_one_of_many_threads_that_revoke_one_api_key_does(self, store: Store) -> None:
        add_key(store)

        revoked = at_once(8, lambda _: store.revoke_api_key(id_for("key"), retention=RETENTION))

        assert len([key for key in revoked if key]) == 1
        assert not is_key_live(store)

    def test_an_api_key_stays_revoked_though_its_revocation_has_expired(
        self, store: Store, age_api_keys: AgeApiKeys, age_revocations: AgeRevocations
    ) -> None:
        """A worker that was stopped for a day must not accept it again."""
        add_key(store, lifetime=None)
        store.revoke_api_key(id_for("key"), retention=RETENTION)
        age_api_keys(RETENTION + HOUR)
        age_revocations(RETENTION + HOUR)
        assert not has(store, token_id=id_for("key"))
        assert not is_key_live(store)

        store.purge()

        assert not is_key_live(store)

    def test_the_revocation_of_an_api_key_is_kept_for_the_given_retention(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        add_key(store)
        store.revoke_api_key(id_for("key"), retention=RETENTION)

        age_revocations(RETENTION - MARGIN)
        assert has(store, token_id=id_for("key"))

        age_revocations(MARGIN)
        assert not has(store, token_id=id_for("key"))

    def test_revoking_a_token_with_the_id_of_an_api_key_revokes_the_key(self, store: Store) -> None:
        add_key(store)
        add_key(store, "other")

        for _ in range(2):
            store.revoke(Revocation(kind="token", subject=id_for("key"), expires_at=LATER))

        assert not is_key_live(store)
        assert is_key_live(store, "other")

    @pytest.mark.parametrize("kind", ["session", "user", "api_keys"])
    def test_a_revocation_of_another_kind_with_the_id_of_an_api_key_does_not_revoke_it(
        self, store: Store, kind: str
    ) -> None:
        add_key(store)

        store.revoke(Revocation(kind=kind, subject=id_for("key"), value=7, expires_at=LATER))  # type: ignore[arg-type]

        assert is_key_live(store)

    def test_writing_a_key_epoch_raises_it_and_never_lowers_it(self, store: Store) -> None:
        start(store)
        add_key(store)

        for value in 7, 6:
            store.revoke(Revocation(kind="api_keys", subject="alice", value=value, expires_at=LATER))
        new = add_key(store, "new")

        assert not is_key_live(store)
        assert new is not None
        assert new.key_epoch == 7
        assert is_key_live(store, "new")
        assert store.read_epoch("alice") == 0
        assert is_live(store)

    def test_writing_an_epoch_leaves_the_api_keys_live(self, store: Store) -> None:
        add_key(store)

        store.revoke(Revocation(kind="user", subject="alice", value=7, expires_at=LATER))
        new = add_key(store, "new")

        assert new is not None
        assert new.key_epoch == 0
        assert is_key_live(store)

    def test_revoking_a_user_with_api_keys_revokes_those_before_and_none_after(self, store: Store) -> None:
        start(store)
        add_key(store)
        add_key(store, "of bob", "bob")

        epoch = revoke_keys(store)
        new = add_key(store, "new")

        assert store.read_epoch("alice") == epoch
        assert not is_live(store)
        assert not is_key_live(store)
        assert new is not None
        assert new.key_epoch == epoch
        assert is_key_live(store, "new")
        assert is_key_live(store, "of bob", "bob")
        entries = store.revocations_since(None).entries
        assert {(entry.kind, entry.subject, entry.value) for entry in entries} == {
            ("user", "alice", epoch),
            ("api_keys", "alice", epoch),
        }

    def test_revoking_a_user_without_api_keys_leaves_them_live(self, store: Store) -> None:
        start(store)
        added = add_key(store)

        store.revoke_user("alice", retention=RETENTION, api_keys=False)

        assert not is_live(store)
        assert find_key(store) == added
        assert is_key_live(store)
        assert [entry.kind for entry in store.revocations_since(None).entries] == ["user"]

    def test_an_epoch_is_above_the_old_key_epoch(self, store: Store) -> None:
        ahead = LATER * 2
        store.revoke(Revocation(kind="api_keys", subject="alice", value=ahead, expires_at=LATER))

        assert store.revoke_user("alice", retention=RETENTION, api_keys=False) == ahead + 1
        assert revoke_keys(store) == ahead + 2

    def test_key_epochs_that_many_threads_raise_at_once_are_all_different(self, store: Store) -> None:
        epochs = at_once(8, lambda _: revoke_keys(store))
        new = add_key(store)

        assert len(set(epochs)) == 8
        assert new is not None
        assert new.key_epoch == store.read_epoch("alice") == max(epochs)

    def test_api_keys_that_are_added_while_their_user_is_revoked_are_dead_or_know_the_epoch(self, store: Store) -> None:
        def step(index: int) -> int:
            if index == 0:
                return revoke_keys(store)
            add_key(store, f"key{index}")
            return 0

        epoch = max(at_once(8, step))

        assert {key.key_epoch for key in store.list_api_keys("alice")} <= {epoch}
        found = [find_key(store, f"key{index}") for index in range(1, 8)]
        assert {key.key_epoch for key in found if key} <= {epoch}

    def test_readers_get_the_new_revocations_of_api_keys(self, store: Store) -> None:
        reader = Reader(store)
        reader.fetch()
        add_key(store)
        assert reader.fetch() == set()

        store.revoke_api_key(id_for("key"), retention=RETENTION)
        assert reader.fetch() == {("token", id_for("key"))}

        revoke_keys(store)
        assert reader.fetch() == {("user", "alice"), ("api_keys", "alice")}

    def test_a_purge_deletes_dead_api_keys_and_no_others(
        self, store: Store, age_api_keys: AgeApiKeys, age_revocations: AgeRevocations
    ) -> None:
        add_key(store, "forever", lifetime=None)
        add_key(store, "expired", lifetime=DAY)
        age_api_keys(DAY)
        add_key(store, "live", lifetime=DAY)
        add_key(store, "revoked")
        add_key(store, "below", "bob")
        store.revoke_api_key(id_for("revoked"), retention=RETENTION)
        revoke_keys(store, "bob")
        age_revocations(RETENTION)

        store.purge()

        assert store.purge() == 0
        assert sorted(list_keys(store)) == sorted([id_for("forever"), id_for("live")])
        # The places of the others are free again.
        assert [add_key(store, key) is not None for key in ("expired", "revoked", "below")] == [True] * 3

    def test_hundreds_of_api_keys_are_purged(self, store: Store) -> None:
        for number in range(600):
            add_key(store, f"key{number}", "alice" if number % 2 else "bob")
        revoke_keys(store)

        store.purge()

        assert store.purge() == 0
        assert list_keys(store) == []
        assert len(list_keys(store, "bob")) == 300
