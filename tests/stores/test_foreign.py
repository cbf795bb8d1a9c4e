"""Stores that people write themselves: no error leaves them that nobody expects."""

from typing import Any

import pytest

from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.foreign import Guarded, guard
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import SQLStore

METHODS = [name for name in vars(Store) if callable(vars(Store)[name]) and not name.startswith("_")]
DONE = object()
REFUSES = ["start_session", "redeem", "revoke_user"]  # what makes no sense, with ValueError


class Theirs:
    """Does the same for whatever it is asked."""

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
    getattr(guard(theirs), method)()


def test_the_stores_of_this_package_are_taken_as_they_are(store: SQLStore) -> None:
    memory = MemoryStore()

    assert guard(memory) is memory
    assert guard(store) is store


def test_a_guarded_store_is_one_and_is_not_guarded_again() -> None:
    class Own(MemoryStore):
        pass

    own = Own()
    guarded = guard(own)

    assert isinstance(guarded, Guarded)
    assert isinstance(guarded, Store)
    assert guarded.store is own
    assert guard(guarded) is guarded


@pytest.mark.parametrize("method", [each for each in METHODS if each != "is_revoked"])
def test_every_question_and_every_answer_is_passed_on(method: str) -> None:
    theirs: Any = Theirs()

    assert getattr(guard(theirs), method)(1, two=3) is DONE

    assert theirs.asked == [(method, (1,), {"two": 3})]


@pytest.mark.parametrize("answer", [True, False])
def test_whether_something_is_revoked_is_yes_or_no(*, answer: bool) -> None:
    theirs: Any = Theirs(answer=answer)

    assert guard(theirs).is_revoked(token_id="t", session_id=None, user_id="u", epoch=0) is answer

    assert theirs.asked == [
        ("is_revoked", (), {"token_id": "t", "session_id": None, "user_id": "u", "epoch": 0}),
    ]


@pytest.mark.parametrize("answer", [None, 0, 1, "", "no"])
def test_any_other_answer_to_that_is_an_outage_and_no_pass(answer: object) -> None:
    theirs: Any = Theirs(answer=answer)

    with pytest.raises(StoreUnavailable, match=f"answered is_revoked with {type(answer).__name__}$"):
        guard(theirs).is_revoked(token_id="t", session_id=None, user_id="u", epoch=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [ConnectionError("redis://:hunter2@host"), LookupError(), AttributeError("hunter2")])
def test_a_foreign_error_is_an_outage_and_its_text_is_not_told(method: str, error: Exception) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        ask(error, method)

    assert str(caught.value) == f"the store failed with {type(error).__name__}"
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [SettingsError("another issuer"), StoreUnavailable("locked")])
def test_what_any_method_may_raise_is_left_as_it_is(method: str, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        ask(error, method)

    assert caught.value is error


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [ValueError("no identifier"), TypeError("no grant")])
def test_a_mistake_of_the_caller_is_told_by_those_that_look_for_one(method: str, error: Exception) -> None:
    """Where nothing can be a mistake of the caller it is one of the store: JSON that it cannot read, say."""
    with pytest.raises(type(error) if method in REFUSES else StoreUnavailable):
        ask(error, method)


def test_an_interruption_is_no_outage() -> None:
    class Interrupted(MemoryStore):
        def purge(self) -> int:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guard(Interrupted()).purge()
