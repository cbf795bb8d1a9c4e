"""Identifiers: two that differ in one code point are different everywhere."""

import unicodedata
from typing import Any

import pytest

from ...core.records.revocation import Revocation
from ...core.records.session import Outcome
from ...core.store import Store
from .kit import RETENTION, is_live, is_revoked, list_all, outcome, start
from .revocation import LATER, has

ALIKE = [
    ("alice", "Alice"),
    ("alice", "alice "),
    ("alice", " alice"),
    (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
    ("e", "é"),
    ("ß", "ss"),
    ("\u0131", "i"),
    ("1", "01"),
    ("1", "1.0"),
    ("a%", "ab"),
    ("a_", "ab"),
    ("a*", "ab"),
    ("a:b", "a"),
    ("x" * 255, "x" * 254),
    ("\U0001f511" * 255, "\U0001f511" * 254 + "\U0001f512"),
    ("{a}", "a"),
    ("a\\", "a"),
    ("'; --", "'"),
]
NO_IDENTIFIERS = ["", "x" * 256, "a\x00", "a\n", "\ud800"]


alike = pytest.mark.parametrize(("one", "other"), ALIKE + [(other, one) for one, other in ALIKE])


class IdentifierContract:
    """Tests the promises about identifiers."""

    @alike
    def test_sessions_with_similar_ids_are_different(self, store: Store, one: str, other: str) -> None:
        start(store, one, user_id="user of one")
        assert not is_live(store, other)
        assert store.end_session(other, retention=RETENTION) is None
        assert outcome(store, session_id=other) is Outcome.GONE

        start(store, other, user_id="user of other")
        store.end_session(one, retention=RETENTION)

        found: Any = store.find_session(other)
        assert (found.session_id, found.user_id) == (other, "user of other")
        assert is_revoked(store, one)
        assert not is_revoked(store, other)

    @alike
    def test_users_with_similar_ids_are_different(self, store: Store, one: str, other: str) -> None:
        start(store, "user of one", user_id=one)
        start(store, "user of other", user_id=other)

        epoch = store.revoke_user(one, retention=RETENTION, api_keys=False)

        assert (store.read_epoch(one), store.read_epoch(other)) == (epoch, 0)
        assert list_all(store, one) == []
        assert [session.user_id for session in list_all(store, other)] == [other]
        assert has(store, user_id=one)
        assert not has(store, user_id=other)

    @alike
    def test_tokens_with_similar_ids_are_different(self, store: Store, one: str, other: str) -> None:
        store.revoke(Revocation(kind="token", subject=one, expires_at=LATER))

        assert has(store, token_id=one)
        assert not has(store, token_id=other)

    @pytest.mark.parametrize("value", NO_IDENTIFIERS)
    def test_a_string_that_is_no_identifier_is_not_found(self, store: Store, value: str) -> None:
        start(store)
        store.revoke_user("alice", retention=RETENTION, api_keys=False)

        assert not is_live(store, value)
        assert list_all(store, value) == []
        assert outcome(store, session_id=value) is Outcome.GONE
        assert store.end_session(value, retention=RETENTION) is None
        assert store.read_epoch(value) == 0
        assert not store.is_revoked(token_id=value, session_id=value, user_id=value, epoch=0)

    @pytest.mark.parametrize("value", NO_IDENTIFIERS)
    def test_a_string_that_is_no_identifier_is_not_stored(self, store: Store, value: str) -> None:
        with pytest.raises(ValueError, match="session_id"):
            start(store, value)
        with pytest.raises(ValueError, match="user_id"):
            start(store, user_id=value)
        with pytest.raises(ValueError, match="user_id"):
            store.revoke_user(value, retention=RETENTION, api_keys=False)

    def test_ending_a_session_returns_that_session(self, store: Store) -> None:
        for session_id in "a", "A", "a ":
            start(store, session_id)

        ended = store.end_session("A", retention=RETENTION)

        assert ended is not None
        assert ended.session_id == "A"
        assert {session.session_id for session in list_all(store, "alice")} == {"a", "a "}
