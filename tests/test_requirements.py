"""What a route requires: marked, found, checked."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any

import pytest

from flask_tokenauth.core.errors import InsufficientScope, MissingCredential
from flask_tokenauth.core.verifier import Token
from flask_tokenauth.requirements import Requirement, find_requirements, mark

LOGIN = Requirement()
READ = Requirement(all_of=("read",))


def token(*scopes: str) -> Token:
    return Token(
        subject="alice",
        scopes=frozenset(scopes),
        issuer=None,
        audience=frozenset(),
        expires_at=datetime.now(UTC),
        issued_at=None,
        token_id=None,
        session_id=None,
        client_id=None,
        auth_time=None,
        claims={},
    )


def wrapped(view: Callable[[], None]) -> Callable[[], None]:
    @wraps(view)
    def wrapper() -> None:
        """Stand between a guard and a view; never called here."""

    return wrapper


def view() -> Callable[[], None]:
    def inner() -> None:
        """Stand for a view; never called here."""

    return inner


@pytest.mark.parametrize(
    ("requirement", "scopes"),
    [
        (LOGIN, []),
        (READ, ["read"]),
        (READ, ["read", "more"]),
        (Requirement(("a", "b")), ["b", "a"]),
        (Requirement((), ("a", "b")), ["b"]),
        (Requirement(("a",), ("b", "c")), ["a", "c"]),
    ],
)
def test_a_token_that_has_what_is_required_passes(requirement: Requirement, scopes: list[str]) -> None:
    requirement.check(token(*scopes))


@pytest.mark.parametrize(
    ("requirement", "scopes", "needed"),
    [
        (READ, [], ("read",)),
        (READ, ["Read", "read:all", "rea"], ("read",)),
        (Requirement(("a", "b")), ["a"], ("a", "b")),
        (Requirement((), ("a", "b")), ["c"], ("a", "b")),
        (Requirement(("a",), ("b", "c")), ["b"], ("a",)),
        (Requirement(("a",), ("b", "c")), ["a"], ("b", "c")),
    ],
)
def test_a_token_that_lacks_a_scope_is_told_which(
    requirement: Requirement, scopes: list[str], needed: tuple[str, ...]
) -> None:
    with pytest.raises(InsufficientScope) as caught:
        requirement.check(token(*scopes))

    assert caught.value.needed == needed


@pytest.mark.parametrize("requirement", [LOGIN, READ])
def test_without_a_token_nobody_passes(requirement: Requirement) -> None:
    with pytest.raises(MissingCredential):
        requirement.check(None)


def test_a_mark_is_found_on_the_view_and_through_its_wrappers() -> None:
    one = view()
    mark(one, READ)

    assert find_requirements(one) == (READ,)
    assert find_requirements(wrapped(wrapped(one))) == (READ,)


def test_a_mark_on_a_wrapper_is_found_on_what_it_wraps() -> None:
    """Flask registered the inner function; the guard came later, above the route decorator."""
    one = view()

    mark(wrapped(wrapped(one)), READ)

    assert find_requirements(one) == (READ,)


def test_requirements_add_up_and_count_once() -> None:
    one = view()
    mark(one, READ)
    mark(wrapped(one), READ)
    mark(wrapped(one), LOGIN)

    assert set(find_requirements(wrapped(one))) == {READ, LOGIN}


def test_an_unmarked_view_requires_nothing() -> None:
    assert find_requirements(wrapped(view())) == ()


def test_marks_do_not_leak_to_other_views() -> None:
    one, other = view(), view()

    mark(one, READ)

    assert find_requirements(other) == ()


def test_a_partial_function_carries_a_mark() -> None:
    one = partial(view())

    mark(one, READ)

    assert find_requirements(one) == (READ,)


class Slotted:
    """A callable that can carry no mark."""

    __slots__ = ()

    def __call__(self) -> None:
        """Stand for a view; never called here."""

    def method(self) -> None:
        """Stand for a view; never called here."""


class Frozen:
    """A callable that lets nobody set anything."""

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError(name)


@pytest.mark.parametrize("bare", [Slotted(), Slotted().method, len, Frozen()])
def test_what_can_carry_no_mark_is_left_without(bare: Any) -> None:
    """The wrapper around it enforces; it carries the mark itself."""
    mark(bare, READ)

    assert find_requirements(bare) == ()


def test_a_ring_of_wrappers_ends() -> None:
    one, other = view(), view()
    one.__wrapped__, other.__wrapped__ = other, one  # type: ignore[attr-defined]  # as a careless decorator may

    mark(one, READ)

    assert find_requirements(other) == (READ,)
