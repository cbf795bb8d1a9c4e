"""API keys: how a store keeps them, how it finds them, and how many a user has."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import force_setattr

from ...core.encoding.digests import digest_of, id_of
from ...core.records.api_key import ApiKey, ApiKeyToKeep
from ...core.records.grant import Grant
from ...core.store import Store
from .identifiers import ALIKE, NO_IDENTIFIERS
from .kit import (
    LIFETIME,
    MARGIN,
    MOMENT,
    RETENTION,
    AgeApiKeys,
    add_key,
    at_once,
    find_key,
    id_for,
    list_keys,
)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
YEARS = timedelta(days=20 * 365)
GRANT = Grant(scopes=("reports:read", "admin"), audience=frozenset({"https://a.example", "https://b.example"}))


def last_use(store: Store, key: str = "key") -> timedelta | None:
    """Return how long after its creation a key was used last; None if it was not used, or is not found."""
    found = find_key(store, key)
    return None if found is None or found.last_used_at is None else found.last_used_at - found.created_at


def is_near(one: timedelta | None, other: timedelta) -> bool:
    """Return whether two durations are the same, except for the duration of a test."""
    return one is not None and abs(one - other) < MARGIN / 2


class ApiKeyContract:
    """Tests the promises about API keys that are live."""

    def test_an_api_key_is_found_as_it_was_added(self, store: Store) -> None:
        add_key(store, grant=GRANT, name="Zoë's script", hint="ta_…é")
        found = find_key(store)

        assert found is not None
        assert (found.id, found.user_id, found.grant) == (id_for("key"), "alice", GRANT)
        assert (found.name, found.hint) == ("Zoë's script", "ta_…é")
        assert (found.last_used_at, found.key_epoch) == (None, 0)
        assert found.created_at.utcoffset() == timedelta(0)
        assert found.expires_at is not None
        assert abs(found.expires_at - found.created_at - LIFETIME) < MOMENT

    def test_adding_an_api_key_returns_what_is_found_and_listed_afterwards(self, store: Store) -> None:
        added = add_key(store, grant=GRANT)

        assert added is not None
        assert find_key(store) == added
        assert store.list_api_keys("alice") == (added,)

    def test_an_api_key_has_a_long_name(self, store: Store) -> None:
        add_key(store, name="é" * 255, hint="é" * 32)
        found = find_key(store)

        assert found is not None
        assert (found.name, found.hint) == ("é" * 255, "é" * 32)

    def test_changes_to_a_returned_api_key_are_not_stored(self, store: Store) -> None:
        """Code can change frozen records, so a store returns records that it does not keep itself."""
        new = ApiKeyToKeep(digest=digest_of("key"), user_id="alice", name="a", hint="", grant=Grant())
        returned = [store.add_api_key(new, most=1), *store.list_api_keys("alice"), find_key(store)]
        for key in returned:
            assert key is not None
            force_setattr(key.grant, "scopes", ("admin",))
            force_setattr(key, "user_id", "mallory")
        force_setattr(new.grant, "scopes", ("admin",))

        found = find_key(store)

        assert found is not None
        assert (found.user_id, found.grant) == ("alice", Grant())
        assert store.list_api_keys("alice") == (found,)

    def test_an_api_key_that_was_never_added_is_not_found(self, store: Store) -> None:
        add_key(store)

        assert find_key(store, "other") is None
        assert list_keys(store, "bob") == []

    @pytest.mark.parametrize(
        "change",
        [
            lambda digest: digest[:22] + "A" * 21,
            lambda digest: digest[:22],
            lambda digest: digest + " ",
            lambda digest: digest + "A",
            str.upper,
            str.lower,
        ],
        ids=["another end", "the ID", "a space", "longer", "upper case", "lower case"],
    )
    def test_an_api_key_is_found_by_its_whole_digest_alone(self, store: Store, change: Callable[[str], str]) -> None:
        add_key(store)

        assert store.find_api_key(change(digest_of("key"))) is None

    @pytest.mark.parametrize("value", NO_IDENTIFIERS)
    def test_a_string_that_is_no_digest_and_no_id_finds_no_api_key(self, store: Store, value: str) -> None:
        add_key(store)

        assert store.find_api_key(value) is None
        assert store.revoke_api_key(value, retention=RETENTION) is None
        assert store.list_api_keys(value) == ()
        assert find_key(store) is not None

    @pytest.mark.parametrize(("one", "other"), ALIKE)
    def test_api_keys_of_users_with_similar_ids_are_different(self, store: Store, one: str, other: str) -> None:
        add_key(store, "of one", one)
        add_key(store, "of other", other)

        store.revoke_user(one, retention=RETENTION, api_keys=True)

        assert (list_keys(store, one), list_keys(store, other)) == ([], [id_for("of other")])
        assert find_key(store, "of one") is None
        assert find_key(store, "of other") is not None

    def test_an_api_key_that_exists_is_never_changed(self, store: Store) -> None:
        added = add_key(store)
        same_id = digest_of("key")[:22] + "A" * 21

        with pytest.raises(ValueError, match="ID"):
            add_key(store, user_id="mallory")
        with pytest.raises(ValueError, match="ID"):
            store.add_api_key(ApiKeyToKeep(digest=same_id, user_id="mallory", name="a", hint="", grant=Grant()), most=9)

        assert find_key(store) == added
        assert list_keys(store, "mallory") == []
        assert store.find_api_key(same_id) is None

    def test_one_of_many_threads_that_add_one_api_key_does(self, store: Store) -> None:
        def attempt(_: int) -> bool:
            try:
                add_key(store)
            except ValueError:
                return False
            return True

        assert at_once(8, attempt).count(True) == 1
        assert list_keys(store) == [id_for("key")]

    def test_the_api_keys_of_a_user_are_listed_the_newest_first(self, store: Store, age_api_keys: AgeApiKeys) -> None:
        for key in "b", "c", "a":
            add_key(store, key)
            age_api_keys(HOUR)
        add_key(store, "of bob", "bob")

        assert list_keys(store) == [id_for("a"), id_for("c"), id_for("b")]
        assert list_keys(store, "bob") == [id_for("of bob")]

    def test_a_user_with_too_many_api_keys_gets_no_more(self, store: Store) -> None:
        added = [add_key(store, f"key{number}", most=3) for number in range(5)]

        assert [key is not None for key in added] == [True, True, True, False, False]
        assert len(list_keys(store)) == 3
        assert find_key(store, "key3") is None
        assert add_key(store, "of bob", "bob", most=1) is not None

    def test_only_live_api_keys_count(self, store: Store, age_api_keys: AgeApiKeys) -> None:
        add_key(store, "expired", lifetime=HOUR)
        age_api_keys(HOUR)
        add_key(store, "revoked")
        store.revoke_api_key(id_for("revoked"), retention=RETENTION)
        add_key(store, "below")
        store.revoke_user("alice", retention=RETENTION, api_keys=True)

        assert [add_key(store, key, most=2) is not None for key in ("one", "two", "three")] == [True, True, False]

    def test_many_threads_leave_no_more_api_keys_than_a_user_may_have(self, store: Store) -> None:
        added = at_once(8, lambda index: add_key(store, f"key{index}", most=3))

        kept = [key.id for key in added if key is not None]
        assert len(kept) == 3
        assert sorted(list_keys(store)) == sorted(kept)

    def test_a_use_is_kept_and_listed(self, store: Store, age_api_keys: AgeApiKeys) -> None:
        add_key(store)
        add_key(store, "other")
        age_api_keys(HOUR)

        store.note_uses_of_api_keys({id_for("key"): 5 * MINUTE})

        assert is_near(last_use(store), HOUR - 5 * MINUTE)
        assert last_use(store, "other") is None
        listed = {key.id: key for key in store.list_api_keys("alice")}
        assert listed == {id_for(key): find_key(store, key) for key in ("key", "other")}

    @pytest.mark.parametrize(
        ("ages", "expected"),
        [
            ((5 * MINUTE, 3 * MINUTE), HOUR - 3 * MINUTE),
            ((5 * MINUTE, 4.5 * MINUTE), HOUR - 5 * MINUTE),
            ((5 * MINUTE, 10 * MINUTE), HOUR - 5 * MINUTE),
            ((5 * MINUTE, 4.5 * MINUTE, 3.5 * MINUTE), HOUR - 3.5 * MINUTE),
            ((-HOUR,), HOUR),
        ],
        ids=["later", "within a minute", "earlier", "a minute after the one that is kept", "in the future"],
    )
    def test_a_use_changes_the_last_one_if_it_is_more_than_a_minute_later(
        self, store: Store, age_api_keys: AgeApiKeys, ages: tuple[timedelta, ...], expected: timedelta
    ) -> None:
        add_key(store)
        age_api_keys(HOUR)

        for age in ages:
            store.note_uses_of_api_keys({id_for("key"): age})

        assert is_near(last_use(store), expected)

    @pytest.mark.parametrize("age", [timedelta(0), YEARS * 10, timedelta.max])
    def test_a_use_of_any_age_leaves_a_key_that_can_be_read(self, store: Store, age: timedelta) -> None:
        add_key(store)

        store.note_uses_of_api_keys({id_for("key"): age})

        found = find_key(store)
        assert found is not None
        assert found.last_used_at is not None
        assert found.last_used_at <= found.created_at + MARGIN

    def test_uses_of_keys_that_are_not_there_are_ignored(self, store: Store) -> None:
        add_key(store)

        store.note_uses_of_api_keys({})
        store.note_uses_of_api_keys(dict.fromkeys([*NO_IDENTIFIERS, "unknown", id_for("key"), "\U0001f511"], MINUTE))

        assert last_use(store) is not None
        assert find_key(store, "unknown") is None
        assert len(list_keys(store)) == 1

    def test_many_threads_note_uses_of_the_same_keys(self, store: Store) -> None:
        for number in range(20):
            add_key(store, f"key{number}")
        names = [id_for(f"key{number}") for number in range(20)]

        at_once(8, lambda index: store.note_uses_of_api_keys(dict.fromkeys(names[index:] + names[:index], MINUTE)))

        assert all(key.last_used_at is not None for key in store.list_api_keys("alice"))

    def test_a_closed_store_finds_api_keys_again(self, store: Store) -> None:
        added = add_key(store)

        store.close()

        assert find_key(store) == added

    def test_an_id_is_the_beginning_of_a_digest(self, store: Store) -> None:
        added = add_key(store)

        assert isinstance(added, ApiKey)
        assert added.id == id_of(digest_of("key"))
