"""Pages of sessions: every session once, however many there are, even if others start and end sessions meanwhile."""

from datetime import timedelta

import pytest

from ...core.store import Store
from .kit import MARGIN, RETENTION, Age, list_all, redeem, start

NO_CURSORS = [
    "",
    " ",
    ".",
    "1",
    "1.",
    ".session",
    "-1.session",
    "1e3.session",
    "\u0661.session",
    "9" * 400 + ".session",
    "1.\x00",
    "1.\ud800",
    "1." + "x" * 256,
    "'; --",
    "x" * 100_000,
]


def start_some(store: Store, age: Age, *, number: int, user_id: str = "alice") -> list[str]:
    """Start sessions, one a minute, and return their IDs, the newest sign-in first."""
    session_ids = [f"{user_id}{index}" for index in range(number)]
    for index, session_id in enumerate(session_ids):
        start(store, session_id, user_id)
        age(session_id, index * MARGIN)
    return session_ids


class SessionPagesContract:
    """Tests the promises about lists of sessions in pages."""

    @pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 7])
    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_the_pages_together_have_every_session_once(
        self, store: Store, age: Age, *, number: int, limit: int
    ) -> None:
        session_ids = start_some(store, age, number=number)
        start(store, "other", "bob")

        assert [session.session_id for session in list_all(store, "alice", limit=limit)] == session_ids

    @pytest.mark.parametrize(("number", "more"), [(1, False), (2, False), (3, True)])
    def test_a_page_has_a_cursor_only_if_there_is_another_page(
        self, store: Store, age: Age, *, number: int, more: bool
    ) -> None:
        session_ids = start_some(store, age, number=number)

        page = store.list_sessions("alice", cursor=None, limit=2)

        assert [session.session_id for session in page.sessions] == session_ids[:2]
        assert (page.cursor is not None) is more

    @pytest.mark.parametrize("limit", [1, 2, 5])
    def test_sessions_of_one_moment_are_on_one_page_each(self, store: Store, limit: int) -> None:
        session_ids = {f"session{number}" for number in range(5)}
        for session_id in session_ids:
            start(store, session_id)

        listed = [session.session_id for session in list_all(store, limit=limit)]

        assert len(listed) == 5
        assert set(listed) == session_ids

    def test_sessions_that_start_or_end_meanwhile_hide_no_other(self, store: Store, age: Age) -> None:
        session_ids = start_some(store, age, number=6)
        first = store.list_sessions("alice", cursor=None, limit=2)

        start(store, "new")
        store.end_session(session_ids[1], retention=RETENTION)  # the cursor stands there
        store.end_session(session_ids[3], retention=RETENTION)
        redeem(store, session_id=session_ids[4])
        second = store.list_sessions("alice", cursor=first.cursor, limit=2)
        third = store.list_sessions("alice", cursor=second.cursor, limit=2)

        assert [session.session_id for session in second.sessions] == [session_ids[2], session_ids[4]]
        assert [session.session_id for session in third.sessions] == [session_ids[5]]
        assert third.cursor is None

    def test_a_purge_hides_no_session(self, store: Store, age: Age) -> None:
        session_ids = start_some(store, age, number=4)
        first = store.list_sessions("alice", cursor=None, limit=2)
        store.end_session(session_ids[1], retention=RETENTION)
        store.end_session(session_ids[2], retention=RETENTION)

        store.purge()

        assert [
            session.session_id for session in store.list_sessions("alice", cursor=first.cursor, limit=2).sessions
        ] == [session_ids[3]]

    def test_the_sessions_on_a_page_equal_the_found_ones(self, store: Store, age: Age) -> None:
        session_ids = start_some(store, age, number=3)
        redeem(store, session_id=session_ids[1])

        assert list_all(store, limit=1) == [store.find_session(session_id) for session_id in session_ids]

    def test_a_cursor_shows_no_session_of_another_user(self, store: Store, age: Age) -> None:
        start_some(store, age, number=3, user_id="bob")
        cursor = store.list_sessions("bob", cursor=None, limit=1).cursor
        start(store, "session")
        age("session", timedelta(hours=1))

        page = store.list_sessions("alice", cursor=cursor, limit=10)

        assert [session.session_id for session in page.sessions] == ["session"]

    @pytest.mark.parametrize("cursor", NO_CURSORS, ids=range(len(NO_CURSORS)))
    @pytest.mark.parametrize("user_id", ["alice", "stranger", ""])
    def test_a_string_that_is_no_cursor_of_a_list_is_refused(self, store: Store, user_id: str, cursor: str) -> None:
        start(store)

        with pytest.raises(ValueError, match="cursor"):
            store.list_sessions(user_id, cursor=cursor, limit=10)
