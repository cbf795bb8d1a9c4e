"""Redemption: a refresh token is used once; a repeat in the retry window is accepted; reuse ends the session."""

from datetime import timedelta

import pytest

from ...core.records.session import MAX_GENERATION, Outcome, Redemption, Terms
from ...core.store import Store
from .kit import (
    IDLE,
    LIFETIME,
    MARGIN,
    MOMENT,
    NO_WINDOW,
    RETENTION,
    TERMS,
    WINDOW,
    Age,
    AgeRevocations,
    SetGeneration,
    at_once,
    is_live,
    is_revoked,
    outcome,
    redeem,
    start,
)


class RedemptionContract:
    """Tests the promises about refresh tokens (RFC 9700 section 4.14.2)."""

    def test_a_redemption_swaps_the_generation(self, store: Store) -> None:
        start(store)

        redemption = redeem(store)

        assert redemption.outcome is Outcome.SWAPPED
        assert redemption.session is not None
        assert redemption.session.generation == 1
        assert redemption.session.refreshed_at is not None
        assert redemption.session == store.find_session("session")
        assert not redemption.rolled_back

    def test_a_chain_of_redemptions_goes_on(self, store: Store) -> None:
        start(store)

        assert [outcome(store, generation) for generation in range(5)] == [Outcome.SWAPPED] * 5

    def test_a_redemption_changes_nothing_else(self, store: Store, age: Age) -> None:
        start(store, label="phone")
        age("session", timedelta(days=1))
        before = store.find_session("session")

        after = redeem(store).session

        assert before is not None
        assert after is not None
        assert (after.started_at, after.expires_at) == (before.started_at, before.expires_at)
        assert (after.grant, after.label, after.epoch) == (before.grant, before.label, before.epoch)
        assert after.idle_expires_at > before.idle_expires_at

    def test_a_redemption_sets_the_idle_lifetime_of_its_terms(self, store: Store) -> None:
        start(store)

        terms = Terms(idle_lifetime=timedelta(days=2), retry_window=WINDOW, retention=RETENTION)
        session = redeem(store, terms=terms).session

        assert session is not None
        assert session.refreshed_at is not None
        assert abs(session.idle_expires_at - session.refreshed_at - timedelta(days=2)) < MOMENT

    def test_a_repeat_within_the_window_gets_the_same_successor_and_changes_nothing(
        self, store: Store, age: Age
    ) -> None:
        start(store)
        redeem(store)
        age("session", WINDOW - MARGIN)
        before = store.find_session("session")

        repeats = [redeem(store) for _ in range(3)]

        assert repeats == [Redemption(outcome=Outcome.RETRIED, session=before)] * 3
        assert store.find_session("session") == before
        assert not is_revoked(store)

    @pytest.mark.parametrize("aged", [WINDOW, WINDOW + MARGIN])
    def test_a_repeat_after_the_window_ends_the_session(self, store: Store, age: Age, aged: timedelta) -> None:
        start(store)
        redeem(store)
        age("session", aged)

        redemption = redeem(store)

        assert redemption.outcome is Outcome.REUSED
        assert redemption.session is not None
        assert redemption.session.session_id == "session"
        assert redemption.session.user_id == "alice"
        assert not is_live(store)
        assert is_revoked(store)

    def test_repeats_within_the_window_do_not_prolong_it(self, store: Store, age: Age) -> None:
        start(store)
        redeem(store)

        age("session", WINDOW - MARGIN)
        assert outcome(store) is Outcome.RETRIED
        age("session", MARGIN)
        assert outcome(store) is Outcome.REUSED

    def test_after_a_repeat_the_successor_is_still_good(self, store: Store) -> None:
        start(store)
        redeem(store)
        redeem(store)

        assert outcome(store, 1) is Outcome.SWAPPED

    def test_with_a_window_of_zero_every_repeat_is_reuse(self, store: Store) -> None:
        start(store)

        assert outcome(store, terms=NO_WINDOW) is Outcome.SWAPPED
        assert outcome(store, terms=NO_WINDOW) is Outcome.REUSED
        assert not is_live(store)
        assert is_revoked(store)

    def test_an_older_generation_ends_the_session_even_within_the_window(self, store: Store) -> None:
        start(store)
        redeem(store, 0)
        redeem(store, 1)

        assert outcome(store, 0) is Outcome.REUSED
        assert not is_live(store)
        assert is_revoked(store)

    def test_reuse_is_reported_once(self, store: Store) -> None:
        start(store)
        redeem(store, 0)
        redeem(store, 1)
        redeem(store, 0)

        assert [outcome(store, generation) for generation in range(3)] == [Outcome.GONE] * 3
        assert is_revoked(store)

    @pytest.mark.parametrize("retention", [RETENTION / 2, RETENTION, 2 * RETENTION])
    def test_after_reuse_the_session_stays_revoked_for_the_retention_of_the_terms(
        self, store: Store, age_revocations: AgeRevocations, retention: timedelta
    ) -> None:
        start(store)
        terms = Terms(idle_lifetime=IDLE, retry_window=timedelta(0), retention=retention)
        redeem(store, terms=terms)
        redeem(store, terms=terms)

        age_revocations(retention - MARGIN)
        assert is_revoked(store)
        age_revocations(MARGIN)
        assert not is_revoked(store)

    def test_other_sessions_of_the_user_go_on_when_one_is_reused(self, store: Store) -> None:
        start(store)
        start(store, "other")
        redeem(store, terms=NO_WINDOW)
        redeem(store, terms=NO_WINDOW)

        assert is_live(store, "other")
        assert not is_revoked(store, "other")
        assert not store.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=0)

    @pytest.mark.parametrize("generation", [0, 1, 2, MAX_GENERATION])
    def test_an_unknown_session_is_gone(self, store: Store, generation: int) -> None:
        assert redeem(store, generation, session_id="unknown") == Redemption(outcome=Outcome.GONE)
        assert not is_revoked(store, "unknown")

    @pytest.mark.parametrize("generation", [0, 1, 2, 3])
    def test_an_ended_session_is_gone(self, store: Store, generation: int) -> None:
        start(store)
        redeem(store, 0)
        redeem(store, 1)
        store.end_session("session", retention=RETENTION)

        assert redeem(store, generation) == Redemption(outcome=Outcome.GONE)

    @pytest.mark.parametrize("generation", [0, 1, 2, 3])
    @pytest.mark.parametrize("aged", [IDLE, LIFETIME])
    def test_an_expired_session_is_gone_and_never_reused(
        self, store: Store, age: Age, aged: timedelta, generation: int
    ) -> None:
        start(store)
        redeem(store, 0)
        redeem(store, 1)
        age("session", aged)

        assert redeem(store, generation) == Redemption(outcome=Outcome.GONE)
        assert not is_revoked(store)

    @pytest.mark.parametrize("generation", [0, 1, 2, 3])
    def test_a_session_below_its_users_epoch_is_gone_and_never_reused(self, store: Store, generation: int) -> None:
        start(store)
        redeem(store, 0)
        redeem(store, 1)
        store.revoke_user("alice", retention=RETENTION, api_keys=False)

        assert redeem(store, generation) == Redemption(outcome=Outcome.GONE)
        assert not is_revoked(store)

    def test_a_store_that_lost_writes_goes_on_from_the_token(self, store: Store, set_generation: SetGeneration) -> None:
        start(store)
        for generation in range(5):
            redeem(store, generation)
        set_generation("session", 2)

        redemption = redeem(store, 5)

        assert redemption.outcome is Outcome.SWAPPED
        assert redemption.rolled_back
        assert redemption.session is not None
        assert redemption.session.generation == 6

    def test_an_older_token_ends_the_session_after_writes_were_lost(
        self, store: Store, set_generation: SetGeneration
    ) -> None:
        start(store)
        for generation in range(5):
            redeem(store, generation)
        set_generation("session", 2)
        redeem(store, 5)

        assert outcome(store, 3) is Outcome.REUSED
        assert not is_live(store)
        assert is_revoked(store)

    def test_a_store_that_has_caught_up_is_no_longer_rolled_back(
        self, store: Store, set_generation: SetGeneration
    ) -> None:
        start(store)
        set_generation("session", 0)

        assert redeem(store, 3).rolled_back
        assert redeem(store, 3) == Redemption(outcome=Outcome.RETRIED, session=store.find_session("session"))
        assert not redeem(store, 4).rolled_back

    def test_the_greatest_generation_can_be_redeemed(self, store: Store) -> None:
        start(store)

        session = redeem(store, MAX_GENERATION).session

        assert session is not None
        assert session.generation == MAX_GENERATION + 1
        assert outcome(store, MAX_GENERATION) is Outcome.RETRIED

    @pytest.mark.parametrize("generation", [-1, MAX_GENERATION + 1, 2**64])
    def test_a_generation_that_no_token_has_is_refused(self, store: Store, generation: int) -> None:
        start(store)

        with pytest.raises(ValueError, match="generation"):
            redeem(store, generation)

    def test_exactly_one_of_many_racing_redemptions_swaps_and_all_get_the_same_successor(self, store: Store) -> None:
        start(store)

        redemptions = at_once(32, lambda _: redeem(store))

        outcomes = [redemption.outcome for redemption in redemptions]
        assert (outcomes.count(Outcome.SWAPPED), outcomes.count(Outcome.RETRIED)) == (1, 31)
        assert {redemption.session.generation if redemption.session else None for redemption in redemptions} == {1}
        assert len({str(redemption.session) for redemption in redemptions}) == 1
        assert is_live(store)

    def test_without_a_window_one_of_many_racing_redemptions_swaps_and_one_is_reuse(self, store: Store) -> None:
        start(store)

        outcomes = at_once(16, lambda _: outcome(store, terms=NO_WINDOW))

        assert {kind: outcomes.count(kind) for kind in Outcome} == {
            Outcome.SWAPPED: 1, Outcome.REUSED: 1, Outcome.GONE: 14, Outcome.RETRIED: 0,
        }  # fmt: skip
        assert not is_live(store)
        assert is_revoked(store)

    def test_the_older_of_two_racing_generations_never_wins(self, store: Store) -> None:
        start(store)
        redeem(store, 0)

        outcomes = at_once(16, lambda index: outcome(store, index % 2))

        found = store.find_session("session")
        swapped = outcomes[1::2].count(Outcome.SWAPPED)
        assert outcomes[0::2].count(Outcome.SWAPPED) == 0
        assert swapped <= 1
        assert (found is None) is (Outcome.REUSED in outcomes)
        assert outcomes.count(Outcome.REUSED) <= 1

    def test_a_redemption_that_races_an_end_leaves_nothing_alive(self, store: Store) -> None:
        for number in range(10):
            session_id = f"session{number}"
            start(store, session_id)

            def step(index: int, session_id: str = session_id) -> None:
                if index == 0:
                    store.end_session(session_id, retention=RETENTION)
                else:
                    redeem(store, session_id=session_id)

            at_once(4, step)

            assert not is_live(store, session_id)
            assert is_revoked(store, session_id)
            assert outcome(store, 1, session_id=session_id) is Outcome.GONE

    def test_many_sessions_are_redeemed_at_once(self, store: Store) -> None:
        for index in range(32):
            start(store, f"session{index}")

        def chain(index: int) -> list[Outcome]:
            return [outcome(store, generation, session_id=f"session{index}") for generation in range(3)]

        assert at_once(32, chain) == [[Outcome.SWAPPED] * 3] * 32

    def test_terms_may_change_from_one_redemption_to_the_next(self, store: Store) -> None:
        start(store)
        redeem(store, terms=NO_WINDOW)

        assert outcome(store, terms=TERMS) is Outcome.RETRIED
        assert outcome(store, terms=NO_WINDOW) is Outcome.REUSED
