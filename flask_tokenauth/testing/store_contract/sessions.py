"""Sessions: how a store keeps them, and how long they live."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import force_setattr

from ...core.errors import SettingsError
from ...core.records.grant import Grant
from ...core.records.session import NewSession, Outcome
from ...core.store import Store
from .kit import (
    IDLE,
    LEEWAY,
    LIFETIME,
    MARGIN,
    MOMENT,
    RETENTION,
    TIMEOUT,
    Age,
    at_once,
    is_live,
    is_revoked,
    list_all,
    outcome,
    redeem,
    start,
)

CLAIMS: dict[str, object] = {
    "team": "red",
    "nothing": None,
    "yes": True,
    "number": 2**53,
    "below": -1,
    "part": 0.1,
    "text": "é \u0065\u0301 \U0001f511 \" \\ \u2028 ''; --",
    "deep": [{"a": [1, [2, {"b": []}]]}, {}],
}


def read_as(store: Store, issuer: str) -> int:
    """Bind a store to an issuer, and use it."""
    store.bind(issuer, timeout=TIMEOUT, lifetime=RETENTION, leeway=LEEWAY)
    return store.read_epoch("alice")


class SessionContract:
    """Tests the promises about sessions."""

    def test_a_store_belongs_to_the_issuer_it_was_bound_to(self, store: Store) -> None:
        store.bind("https://one.example", timeout=TIMEOUT, lifetime=RETENTION, leeway=LEEWAY)
        start(store)

        assert read_as(store, "https://one.example") == 0
        assert is_live(store)

    def test_a_store_belongs_to_no_other_issuer(self, store: Store) -> None:
        """Its users may have the same IDs. ``bind`` raises, or the next call."""
        store.bind("https://one.example", timeout=TIMEOUT, lifetime=RETENTION, leeway=LEEWAY)
        start(store)

        with pytest.raises(SettingsError):
            read_as(store, "https://other.example")

    def test_a_store_that_was_used_before_it_was_bound_belongs_to_no_other_issuer(self, store: Store) -> None:
        store.create()
        store.bind("https://one.example", timeout=TIMEOUT, lifetime=RETENTION, leeway=LEEWAY)
        start(store)

        with pytest.raises(SettingsError):
            read_as(store, "https://other.example")

    def test_a_session_is_found_as_it_was_started(self, store: Store) -> None:
        grant = Grant(
            scopes=("reports:read", "admin"),
            claims=CLAIMS,
            audience=frozenset({"https://a.example", "https://b.example"}),
            client_id="app",
            lifetime=timedelta(minutes=5, microseconds=1),
            auth_time=1_700_000_000,
        )

        start(store, grant=grant, label="Zoë's phone", user_agent="Mozilla/5.0 (X11; Linux x86_64)")
        found = store.find_session("session")

        assert found is not None
        assert (found.session_id, found.user_id) == ("session", "alice")
        assert found.grant == grant
        assert (found.label, found.user_agent) == ("Zoë's phone", "Mozilla/5.0 (X11; Linux x86_64)")
        assert (found.generation, found.epoch, found.refreshed_at) == (0, 0, None)

    def test_starting_a_session_returns_what_is_found_afterwards(self, store: Store) -> None:
        started = start(store, "s", "u", grant=Grant(claims=CLAIMS)).session

        assert store.find_session("s") == started

    def test_scopes_keep_their_order_and_claims_are_read_only_all_the_way_down(self, store: Store) -> None:
        start(store, grant=Grant(scopes=("b", "a", "c"), claims={"deep": [{"a": 1}]}))
        found: Any = store.find_session("session")

        assert found.grant.scopes == ("b", "a", "c")
        with pytest.raises(TypeError):
            found.grant.claims["deep"][0]["a"] = 2

    def test_changes_to_a_returned_session_are_not_stored(self, store: Store) -> None:
        """Code can change frozen records, so a store returns records that it does not keep itself."""
        new = NewSession(session_id="s", user_id="alice", grant=Grant(), idle_lifetime=IDLE, lifetime=LIFETIME)
        started = store.start_session(new, most=1, retention=RETENTION).session
        returned = [started, *list_all(store, "alice"), store.find_session("s")]
        expected = started.replace(grant=started.grant.replace())
        for session in returned:
            assert session is not None
            force_setattr(session.grant, "scopes", ("admin",))
            force_setattr(session, "user_id", "mallory")
        force_setattr(new.grant, "scopes", ("admin",))

        assert expected.grant == Grant()
        assert store.find_session("s") == expected
        assert list_all(store, "alice") == [expected]

    def test_missing_parts_stay_missing(self, store: Store) -> None:
        start(store, grant=Grant(), label=None, user_agent=None)
        found = store.find_session("session")

        assert found is not None
        assert found.grant == Grant(scopes=(), claims={}, audience=None, client_id=None, lifetime=None, auth_time=None)
        assert (found.label, found.user_agent) == (None, None)

    def test_a_label_and_a_user_agent_may_be_empty_or_long(self, store: Store) -> None:
        start(store, "empty", label="", user_agent="")
        start(store, "long", label="é" * 255, user_agent="é" * 500)
        empty, long = store.find_session("empty"), store.find_session("long")

        assert empty is not None
        assert (empty.label, empty.user_agent) == ("", "")
        assert long is not None
        assert (long.label, long.user_agent) == ("é" * 255, "é" * 500)

    @pytest.mark.parametrize(
        "claims", [{"n": float("nan")}, {"n": float("inf")}, {"d": datetime(2024, 1, 1, tzinfo=UTC)}]
    )
    def test_claims_that_are_no_json_are_refused(self, store: Store, claims: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="JSON"):
            start(store, grant=Grant(claims=claims))

        assert not is_live(store)

    def test_a_session_id_that_exists_is_never_adopted(self, store: Store) -> None:
        start(store, user_id="alice")

        with pytest.raises(ValueError, match="ID"):
            start(store, user_id="mallory")

        found = store.find_session("session")
        assert found is not None
        assert found.user_id == "alice"

    def test_one_of_many_threads_that_start_one_session_does(self, store: Store) -> None:
        def attempt(index: int) -> bool:
            try:
                start(store, user_id=f"user{index}")
            except ValueError:
                return False
            return True

        started = at_once(8, attempt)

        found = store.find_session("session")
        assert found is not None
        assert started.count(True) == 1
        assert found.user_id == f"user{started.index(True)}"

    def test_the_lifetimes_start_with_the_session(self, store: Store) -> None:
        start(store)
        found = store.find_session("session")

        assert found is not None
        assert abs(found.idle_expires_at - found.started_at - IDLE) < MOMENT
        assert abs(found.expires_at - found.started_at - LIFETIME) < MOMENT
        assert found.started_at.utcoffset() == timedelta(0)

    def test_the_idle_lifetime_never_reaches_beyond_the_lifetime(self, store: Store) -> None:
        start(store, idle_lifetime=LIFETIME, lifetime=IDLE)
        found = store.find_session("session")

        assert found is not None
        assert found.idle_expires_at == found.expires_at

    @pytest.mark.parametrize(("aged", "live"), [(IDLE - MARGIN, True), (IDLE, False), (IDLE + MARGIN, False)])
    def test_a_session_ends_with_its_idle_lifetime(
        self, store: Store, age: Age, *, aged: timedelta, live: bool
    ) -> None:
        start(store)

        age("session", aged)

        assert is_live(store) is live
        assert bool(list_all(store, "alice")) is live
        assert outcome(store) is (Outcome.SWAPPED if live else Outcome.GONE)
        assert not is_revoked(store)

    def test_each_refresh_restarts_the_idle_lifetime_up_to_the_lifetime(self, store: Store, age: Age) -> None:
        start(store)

        for generation in range(3):
            age("session", IDLE - MARGIN)
            assert outcome(store, generation) is Outcome.SWAPPED

        found = store.find_session("session")
        assert found is not None
        assert found.idle_expires_at == found.expires_at

    @pytest.mark.parametrize(("left", "live"), [(MARGIN, True), (timedelta(0), False), (-MARGIN, False)])
    def test_a_session_in_use_ends_with_its_lifetime(
        self, store: Store, age: Age, *, left: timedelta, live: bool
    ) -> None:
        start(store, idle_lifetime=LIFETIME)
        age("session", LIFETIME - timedelta(days=1))
        redeem(store)

        age("session", timedelta(days=1) - left)

        assert is_live(store) is live
        assert outcome(store, 1) is (Outcome.SWAPPED if live else Outcome.GONE)

    def test_the_sessions_of_a_user_are_listed_the_newest_sign_in_first(self, store: Store, age: Age) -> None:
        for session_id, hours in ("b", 2), ("c", 1), ("a", 3):
            start(store, session_id)
            age(session_id, timedelta(hours=hours))
        start(store, "other", user_id="bob")
        redeem(store, session_id="a")

        assert [session.session_id for session in list_all(store, "alice")] == ["c", "b", "a"]
        assert [session.session_id for session in list_all(store, "bob")] == ["other"]
        assert list_all(store, "stranger") == []

    def test_a_listed_session_equals_the_found_one(self, store: Store) -> None:
        start(store, grant=Grant(scopes=("a",), claims=CLAIMS), label="phone")
        redeem(store)

        assert list_all(store, "alice") == [store.find_session("session")]

    def test_create_may_be_called_at_any_time(self, store: Store) -> None:
        start(store)

        at_once(4, lambda _: store.create())

        assert is_live(store)

    def test_a_closed_store_opens_again(self, store: Store) -> None:
        start(store)

        store.close()
        store.close()

        assert is_live(store)
