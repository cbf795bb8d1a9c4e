"""Custom stores: their exceptions and wrong answers become ``StoreUnavailable``."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_tokenauth.core.errors import PurgeRefused, SettingsError, StoreUnavailable
from flask_tokenauth.core.records.session import Outcome, Redemption, SessionPage
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.custom import CustomStore, translate_errors
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import add_key, token_of

from .sqlite_kit import new_session

METHODS = [name for name in vars(Store) if callable(vars(Store)[name]) and not name.startswith("_")]
DONE = object()
RETENTION = timedelta(hours=1)
STARTED = MemoryStore().start_session(new_session(), most=1, retention=RETENTION)
SESSION = STARTED.session
API_KEY = add_key(MemoryStore())
OPTIONS: dict[str, dict[str, object]] = {"revoke_user": {"retention": RETENTION, "api_keys": True}}
ANSWERS: dict[str, list[object]] = {
    "start_session": [STARTED],
    "find_session": [SESSION, None],
    "list_sessions": [SessionPage()],
    "redeem": [Redemption(outcome=Outcome.GONE)],
    "end_session": [SESSION, None],
    "longest_lifetime": [RETENTION],
    "longest_leeway": [RETENTION],
    "read_epoch": [7],
    "revoke_user": [7],
    "add_api_key": [API_KEY, None],
    "find_api_key": [API_KEY, None],
    "list_api_keys": [(), (API_KEY,)],
    "revoke_api_key": [API_KEY, None],
    "find_reference_token": [token_of(), None],
    "spend": [True, False],
    "is_revoked": [True, False],
    "purge": [7],
    "report_ring": [()],
    "list_rings": [()],
}
GOOD = [(method, answer) for method in METHODS for answer in ANSWERS.get(method, [DONE])]
BAD = [
    (method, answer)
    for method, good in ANSWERS.items()
    for answer in (DONE, 1.5, "no", {}, None, True, 0)
    if type(answer) not in map(type, good)
]


class Theirs:
    """Gives the same answer, or raises the same error, in every method."""

    def __init__(self, error: Exception | None = None, *, answer: object = DONE) -> None:
        self.asked: list[object] = []
        self._error = error
        self._answer = answer

    def __getattr__(self, name: str) -> Any:
        def call(*args: object, **options: object) -> object:
            self.asked.append((name, args, options))
            if self._error is not None:
                raise self._error
            return self._answer

        return call


def ask(error: Exception, method: str) -> None:
    theirs: Any = Theirs(error)
    call(theirs, method)


def call(theirs: Any, method: str) -> object:
    """Call a method of the wrapped store, with the options that it needs."""
    return getattr(translate_errors(theirs), method)("alice", **OPTIONS.get(method, {"retention": RETENTION}))


def test_the_stores_of_this_package_are_taken_as_they_are(store: SQLStore) -> None:
    memory = MemoryStore()

    assert translate_errors(memory) is memory
    assert translate_errors(store) is store


def test_a_custom_store_is_wrapped_once() -> None:
    class Own(MemoryStore):
        pass

    own = Own()
    wrapped = translate_errors(own)

    assert isinstance(wrapped, CustomStore)
    assert isinstance(wrapped, Store)
    assert wrapped.store is own
    assert translate_errors(wrapped) is wrapped


@pytest.mark.parametrize(("method", "answer"), GOOD)
def test_every_call_and_every_answer_is_forwarded(method: str, answer: object) -> None:
    theirs: Any = Theirs(answer=answer)

    assert call(theirs, method) is answer

    assert theirs.asked == [(method, ("alice",), OPTIONS.get(method, {"retention": RETENTION}))]


@pytest.mark.parametrize(("method", "answer"), BAD)
def test_an_answer_of_another_type_is_an_outage_and_accepts_no_token(method: str, answer: object) -> None:
    theirs: Any = Theirs(answer=answer)

    with pytest.raises(StoreUnavailable, match=f"^{method} of the store must return .*, got {type(answer).__name__}$"):
        call(theirs, method)


@pytest.mark.parametrize("other", [None, "ta_x", {"id": "x"}, SESSION])
def test_a_list_with_something_else_than_api_keys_is_an_outage(other: object) -> None:
    theirs: Any = Theirs(answer=(API_KEY, other))

    with pytest.raises(StoreUnavailable, match=f"must return a tuple of ApiKey, got one with {type(other).__name__}"):
        translate_errors(theirs).list_api_keys("alice")


def test_a_cursor_that_the_store_refuses_is_an_error_of_the_caller() -> None:
    theirs: Any = Theirs(ValueError("hunter2"))

    with pytest.raises(ValueError, match="cursor must be the cursor of the last page") as caught:
        translate_errors(theirs).list_sessions("alice", cursor="x", limit=10)

    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_list_that_would_never_end_is_an_outage() -> None:
    theirs: Any = Theirs(answer=SessionPage(cursor="x"))

    assert translate_errors(theirs).list_sessions("alice", cursor=None, limit=10).cursor == "x"
    with pytest.raises(StoreUnavailable, match="must return the next cursor, got the same one: return None for"):
        translate_errors(theirs).list_sessions("alice", cursor="x", limit=10)


def test_a_later_page_of_a_list_is_forwarded() -> None:
    page = SessionPage(cursor="y")
    theirs: Any = Theirs(answer=page)

    assert translate_errors(theirs).list_sessions("alice", cursor="x", limit=10) is page


@pytest.mark.parametrize(("error", "cursor"), [(ValueError("hunter2"), None), (TypeError("hunter2"), "x")])
def test_another_error_of_a_list_is_an_outage(error: Exception, cursor: str | None) -> None:
    theirs: Any = Theirs(error)

    with pytest.raises(StoreUnavailable):
        translate_errors(theirs).list_sessions("alice", cursor=cursor, limit=10)


@pytest.mark.parametrize("user_id", ["", "a" * 256, "a\0"])
def test_a_wrong_user_id_is_an_error_of_the_caller_and_not_forwarded(user_id: str) -> None:
    theirs: Any = Theirs(answer=1)

    with pytest.raises(ValueError, match="user_id"):
        translate_errors(theirs).revoke_user(user_id, retention=RETENTION, api_keys=False)

    assert theirs.asked == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [ConnectionError("redis://:hunter2@host"), ValueError("hunter2"), TypeError()])
def test_an_exception_is_an_outage_and_its_message_is_not_repeated(method: str, error: Exception) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        ask(error, method)

    assert str(caught.value) == f"the store failed with {type(error).__name__}"
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [SettingsError("another issuer"), StoreUnavailable("locked")])
def test_errors_that_any_method_may_raise_are_left_unchanged(method: str, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        ask(error, method)

    assert caught.value is error


def test_a_store_may_refuse_a_purge() -> None:
    present = datetime.now(UTC)
    theirs: Any = Theirs(PurgeRefused(now=present, newest=present))

    with pytest.raises(PurgeRefused):
        translate_errors(theirs).purge()


@pytest.mark.parametrize("method", [method for method in METHODS if method != "purge"])
def test_no_other_method_may_refuse_a_purge(method: str) -> None:
    present = datetime.now(UTC)

    with pytest.raises(StoreUnavailable):
        ask(PurgeRefused(now=present, newest=present), method)


def test_an_interruption_is_no_outage() -> None:
    class Interrupted(MemoryStore):
        def purge(self, *, force: bool = False) -> int:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        translate_errors(Interrupted()).purge()
