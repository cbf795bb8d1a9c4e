"""Reference tokens: how a store keeps them, how it finds them, and how long they count."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ...core.encoding.digests import digest_of
from ...core.records.revocation import Revocation
from ...core.store import Store
from .identifiers import ALIKE, NO_IDENTIFIERS
from .kit import (
    LIFETIME,
    MARGIN,
    RETENTION,
    AgeReferenceTokens,
    AgeRevocations,
    add_key,
    at_once,
    find_key,
    has_reference_token,
    id_for,
    start,
    token_of,
)
from .revocation import LATER, has

HOUR = timedelta(hours=1)


class ReferenceTokenContract:
    """Tests the promises about reference tokens."""

    @pytest.mark.parametrize(
        "claims", ["{}", '{"sub": "alice", "note": "é \U0001f511 \\u0000 \\" ; --"}', "x" * 100_000, ""]
    )
    def test_a_reference_token_is_found_as_it_was_added(self, store: Store, claims: str) -> None:
        token = token_of(claims=claims, epoch=7)

        store.add_reference_token(token)

        assert store.find_reference_token(token.digest) == token

    def test_a_reference_token_that_was_never_added_is_not_found(self, store: Store) -> None:
        store.add_reference_token(token_of())

        assert not has_reference_token(store, "other")

    @pytest.mark.parametrize(
        "change",
        [lambda digest: digest[:22] + "A" * 21, lambda digest: digest[:22], lambda digest: digest + " ", str.lower],
        ids=["another end", "the ID", "a space", "lower case"],
    )
    def test_a_reference_token_is_found_by_its_whole_digest_alone(
        self, store: Store, change: Callable[[str], str]
    ) -> None:
        store.add_reference_token(token_of())

        assert store.find_reference_token(change(digest_of("token"))) is None

    @pytest.mark.parametrize("value", NO_IDENTIFIERS)
    def test_a_string_that_is_no_digest_finds_no_reference_token(self, store: Store, value: str) -> None:
        store.add_reference_token(token_of())

        assert store.find_reference_token(value) is None

    def test_a_reference_token_that_exists_is_never_changed(self, store: Store) -> None:
        token = token_of()
        store.add_reference_token(token)
        same_id = token.replace(digest=token.digest[:22] + "A" * 21, user_id="mallory")

        with pytest.raises(ValueError, match="ID"):
            store.add_reference_token(token.replace(user_id="mallory"))
        with pytest.raises(ValueError, match="ID"):
            store.add_reference_token(same_id)

        assert store.find_reference_token(token.digest) == token
        assert store.find_reference_token(same_id.digest) is None

    def test_one_of_many_threads_that_add_one_reference_token_does(self, store: Store) -> None:
        def attempt(_: int) -> bool:
            try:
                store.add_reference_token(token_of())
            except ValueError:
                return False
            return True

        assert at_once(8, attempt).count(True) == 1
        assert has_reference_token(store)

    @pytest.mark.parametrize(
        ("aged", "counts"), [(LIFETIME - MARGIN, True), (LIFETIME + MARGIN, False), (2 * LIFETIME, False)]
    )
    def test_a_reference_token_counts_until_it_expires(
        self, store: Store, age_reference_tokens: AgeReferenceTokens, *, aged: timedelta, counts: bool
    ) -> None:
        store.add_reference_token(token_of())

        age_reference_tokens(aged)

        assert has_reference_token(store) is counts

    def test_a_reference_token_that_expires_at_the_present_of_the_store_does_not_count(self, store: Store) -> None:
        """The store has its own clock."""
        created = add_key(store)
        assert created is not None
        present = round(created.created_at.timestamp() * 1000)

        store.add_reference_token(token_of(expires_at=present))

        assert not has_reference_token(store)

    @pytest.mark.parametrize(("epoch", "counts"), [(4, False), (5, True), (6, True)])
    def test_a_reference_token_below_the_epoch_of_its_user_does_not_count(
        self, store: Store, *, epoch: int, counts: bool
    ) -> None:
        store.add_reference_token(token_of(epoch=epoch))
        store.add_reference_token(token_of("of bob", "bob"))

        store.revoke(Revocation(kind="user", subject="alice", value=5, expires_at=LATER))

        assert has_reference_token(store) is counts
        assert has_reference_token(store, "of bob")

    def test_revoking_a_user_refuses_the_reference_tokens_of_before(self, store: Store) -> None:
        store.add_reference_token(token_of())

        epoch = store.revoke_user("alice", retention=RETENTION, api_keys=False)
        store.add_reference_token(token_of("new", epoch=epoch))

        assert not has_reference_token(store)
        assert has_reference_token(store, "new")

    def test_revoking_the_api_keys_of_a_user_leaves_reference_tokens(self, store: Store) -> None:
        store.add_reference_token(token_of())

        store.revoke(Revocation(kind="api_keys", subject="alice", value=5, expires_at=LATER))

        assert has_reference_token(store)

    @pytest.mark.parametrize(("one", "other"), ALIKE)
    def test_reference_tokens_of_users_with_similar_ids_are_different(self, store: Store, one: str, other: str) -> None:
        store.add_reference_token(token_of("of one", one))
        store.add_reference_token(token_of("of other", other))

        store.revoke_user(one, retention=RETENTION, api_keys=False)

        assert not has_reference_token(store, "of one")
        assert has_reference_token(store, "of other")

    def test_a_reference_token_is_revoked_by_its_id(self, store: Store) -> None:
        store.add_reference_token(token_of())
        store.add_reference_token(token_of("other"))
        add_key(store)

        for _ in range(2):
            store.revoke(Revocation(kind="token", subject=id_for("token"), expires_at=LATER))

        assert not has_reference_token(store)
        assert has(store, token_id=id_for("token"))
        assert has_reference_token(store, "other")
        assert find_key(store) is not None

    def test_a_reference_token_stays_revoked_though_its_revocation_has_expired(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        store.add_reference_token(token_of())
        store.revoke(Revocation(kind="token", subject=id_for("token"), expires_at=LATER))
        age_revocations(RETENTION + HOUR)
        assert not has(store, token_id=id_for("token"))
        assert not has_reference_token(store)

        store.purge()

        assert not has_reference_token(store)

    @pytest.mark.parametrize("kind", ["session", "user", "api_keys"])
    def test_a_revocation_of_another_kind_with_the_id_of_a_reference_token_does_not_revoke_it(
        self, store: Store, kind: str
    ) -> None:
        store.add_reference_token(token_of())

        store.revoke(Revocation(kind=kind, subject=id_for("token"), value=7, expires_at=LATER))  # type: ignore[arg-type]

        assert has_reference_token(store)

    def test_the_session_of_a_reference_token_is_not_looked_at(self, store: Store) -> None:
        """The core asks for it separately, as for every other token."""
        start(store)
        store.add_reference_token(token_of(claims='{"sub": "alice", "sid": "session"}'))

        store.end_session("session", retention=RETENTION)

        assert has_reference_token(store)

    def test_reference_tokens_that_are_added_while_their_user_is_revoked_are_refused_or_know_the_epoch(
        self, store: Store
    ) -> None:
        def step(index: int) -> int:
            if index == 0:
                return store.revoke_user("alice", retention=RETENTION, api_keys=False)
            store.add_reference_token(token_of(f"token{index}", epoch=store.read_epoch("alice")))
            return 0

        epoch = max(at_once(8, step))

        found = [store.find_reference_token(digest_of(f"token{index}")) for index in range(1, 8)]
        assert {token.epoch for token in found if token} <= {epoch}

    def test_a_purge_deletes_reference_tokens_that_do_not_count_and_no_others(
        self, store: Store, age_reference_tokens: AgeReferenceTokens
    ) -> None:
        store.add_reference_token(token_of("expired", left=HOUR))
        age_reference_tokens(HOUR + MARGIN)
        store.add_reference_token(token_of())
        store.add_reference_token(token_of("revoked"))
        store.add_reference_token(token_of("below", "bob"))
        store.revoke(Revocation(kind="token", subject=id_for("revoked"), expires_at=LATER))
        store.revoke_user("bob", retention=RETENTION, api_keys=False)

        store.purge()

        assert store.purge() == 0
        assert has_reference_token(store)
        for token in "expired", "revoked", "below":
            store.add_reference_token(token_of(token))  # the ID is free again

    def test_hundreds_of_reference_tokens_are_purged(self, store: Store) -> None:
        for number in range(600):
            store.add_reference_token(token_of(f"token{number}", "alice" if number % 2 else "bob"))
        store.revoke_user("alice", retention=RETENTION, api_keys=False)

        store.purge()

        assert store.purge() == 0
        assert [has_reference_token(store, f"token{number}") for number in range(4)] == [True, False, True, False]
