"""The marks that guards leave on views, and how they are found."""

import gc
from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View

from flask_tokenauth import SettingsError
from flask_tokenauth.guards.decorators import require_scope
from flask_tokenauth.guards.marks import (
    MarkCounter,
    find_marks,
    list_guard_uses,
    mark,
    mark_giver,
    mark_open,
    name_of,
    read_mark,
    unwrap,
)
from flask_tokenauth.guards.requirement import Requirement

LOGIN = Requirement()
READ = Requirement(all_of=("read",))


def find_requirements(target: Any, method: str = "GET") -> tuple[Requirement, ...]:
    return find_marks(target, method).requirements


def wrapped(view: Callable[[], None]) -> Callable[[], None]:
    @wraps(view)
    def wrapper() -> None:
        """Stand between a guard and a view; never called here."""

    return wrapper


def view() -> Callable[[], None]:
    def inner() -> None:
        """Stand for a view; never called here."""

    return inner


def test_a_mark_is_found_on_the_view_and_through_its_wrappers() -> None:
    one = view()
    mark(one, READ)

    assert find_requirements(one) == (READ,)
    assert find_requirements(wrapped(wrapped(one))) == (READ,)


def test_a_mark_on_a_wrapper_is_found_on_the_wrapped_view() -> None:
    """Flask registered the inner function; the guard was added later, above the route decorator."""
    one = view()

    mark(wrapped(wrapped(one)), READ)

    assert find_requirements(one) == (READ,)


def test_requirements_add_up_and_each_counts_once() -> None:
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
    """A callable that cannot carry a mark."""

    __slots__ = ()

    def __call__(self) -> None:
        """Stand for a view; never called here."""

    def method(self) -> None:
        """Stand for a view; never called here."""


class Frozen:
    """A callable whose attributes cannot be set."""

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError(name)


@pytest.mark.parametrize("bare", [Slotted(), Slotted().method, len, Frozen()])
def test_mark_skips_objects_that_cannot_carry_a_mark(bare: Any) -> None:
    """The wrapper enforces the requirement; it carries the mark itself."""
    mark(bare, READ)

    assert find_requirements(bare) == ()


def test_wrappers_in_a_circle_do_not_hang() -> None:
    one, other = view(), view()
    one.__wrapped__, other.__wrapped__ = other, one  # type: ignore[attr-defined]  # as a wrong decorator may do

    mark(one, READ)

    assert find_requirements(other) == (READ,)


def test_a_mark_is_found_through_a_partial_function() -> None:
    one = view()
    mark(one, READ)

    assert find_requirements(partial(one)) == (READ,)


def make_class(**attributes: object) -> Any:
    return type("Views", (MethodView,), {"get": lambda self: "get", "post": lambda self: "post", **attributes})


def test_a_mark_on_a_class_holds_for_its_methods_and_its_subclasses() -> None:
    cls = make_class()
    mark(cls, READ)
    derived: Any = type("Derived", (cls,), {})

    assert find_requirements(cls.as_view("x"), "GET") == (READ,)
    assert find_requirements(derived.as_view("x"), "POST") == (READ,)


def test_a_mark_on_a_method_holds_for_that_method_only() -> None:
    cls = make_class()
    mark(cls.get, READ)

    assert find_requirements(cls.as_view("x"), "GET") == (READ,)
    assert find_requirements(cls.as_view("x"), "HEAD") == (READ,)
    assert find_requirements(cls.as_view("x"), "POST") == ()
    assert find_requirements(cls.as_view("x"), "DELETE") == ()


def test_a_mark_on_get_does_not_hold_for_a_separate_head_method() -> None:
    cls = make_class(head=lambda self: "head")
    mark(cls.get, READ)

    assert find_requirements(cls.as_view("x"), "HEAD") == ()


def add_guard(target: Any) -> Any:
    """Stand for a guard in a list of decorators; never called here."""


mark_giver(add_guard, READ)


@pytest.mark.parametrize(
    ("decorators", "method", "found"),
    [
        ([add_guard], "GET", (READ,)),
        ((add_guard, len), "POST", (READ,)),
        ({"get": [add_guard]}, "GET", (READ,)),
        ({"get": [add_guard]}, "POST", ()),
        ([], "GET", ()),
        (None, "GET", ()),
        ("text", "GET", ()),
    ],
)
def test_guards_are_found_in_lists_of_method_decorators(
    decorators: object, method: str, found: tuple[Requirement, ...]
) -> None:
    """Flask-RESTX applies these decorators at each request."""
    assert find_requirements(make_class(method_decorators=decorators).as_view("x"), method) == found


@pytest.mark.parametrize("opening", ["public", "optional"])
def test_an_opening_counts_on_a_view_a_class_and_a_method(opening: Any) -> None:
    one, on_class, on_method = view(), make_class(), make_class()
    mark_open(one, opening)
    mark_open(on_class, opening)
    mark_open(on_method.get, opening)

    assert find_marks(one, "GET").opening == opening
    assert find_marks(on_class.as_view("x"), "GET").opening == opening
    assert find_marks(on_method.as_view("x"), "GET").opening == opening
    assert find_marks(on_method.as_view("x"), "POST").opening is None


def test_an_opening_does_not_count_on_a_wrapped_function_or_a_base_class() -> None:
    one, base = view(), make_class()
    mark_open(one, "public")
    mark_open(base, "public")
    bare = wrapped(one)
    vars(bare).pop("__tokenauth__")

    assert find_marks(bare, "GET").opening is None
    derived: Any = type("Derived", (base,), {})
    assert find_marks(derived.as_view("x"), "GET").opening is None


def test_public_together_with_a_guard_raises() -> None:
    one, other = view(), view()
    mark(one, READ)
    mark_open(other, "public")

    with pytest.raises(SettingsError, match=r"view.<locals>.inner is marked as public and has a guard as well"):
        mark_open(one, "public")
    with pytest.raises(SettingsError, match="marked as public and has a guard"):
        mark(wrapped(other), READ)


def test_public_together_with_login_optional_raises() -> None:
    one = view()
    mark_open(one, "public")
    mark_open(one, "public")

    with pytest.raises(SettingsError, match="public and as login_optional"):
        mark_open(one, "optional")


def test_read_mark_reads_only_the_object_itself() -> None:
    cls = make_class()
    mark(cls, READ)

    assert read_mark(cls).requirements == (READ,)
    assert read_mark(cls()).requirements == ()
    assert read_mark(type("Derived", (cls,), {})).requirements == ()
    assert read_mark(1).requirements == ()


def test_unwrapping_ends_at_the_innermost_function() -> None:
    one = view()

    assert list(unwrap(None)) == []
    assert list(unwrap(wrapped(one)))[-1] is one
    assert list(unwrap(partial(one)))[-1] is one


@pytest.mark.parametrize(
    ("target", "name"), [(len, "builtins.len"), (MethodView, "flask.views.MethodView"), (1, "<class 'int'>")]
)
def test_name_of_returns_a_name_that_users_can_search_for(target: Any, name: str) -> None:
    assert name_of(target) == name


def test_endless_wrappers_do_not_hang() -> None:
    endless = Mock()

    assert list(unwrap(endless)) == [endless]
    assert find_requirements(endless) == ()


def test_a_mark_made_in_a_request_is_not_counted() -> None:
    """Flask-RESTX applies ``method_decorators`` to a bound method at each request."""
    with Flask("tests").test_request_context():
        before = MarkCounter.value, len(list_guard_uses())

        mark(wrapped(make_class()().get), READ)

        assert (MarkCounter.value, len(list_guard_uses())) == before


@pytest.mark.parametrize("make", [make_class, lambda: Blueprint("api", __name__), lambda: partial(view())])
def test_a_mark_made_in_a_request_on_what_may_be_registered_already_is_counted(make: Callable[[], Any]) -> None:
    """The routes of the class or blueprint may be resolved. Only a function is new for sure."""
    with Flask("tests").test_request_context():
        before = MarkCounter.value

        mark(make(), READ)

        assert MarkCounter.value > before


def test_a_mark_made_outside_of_requests_is_counted() -> None:
    before = MarkCounter.value

    mark(view(), READ)
    mark(make_class(), READ)
    mark_open(view(), "public")

    assert MarkCounter.value == before + 3


def test_a_mark_on_dispatch_request_is_found() -> None:
    cls: Any = type("Dispatching", (View,), {"dispatch_request": view()})
    mark(cls.dispatch_request, READ)

    assert find_requirements(cls.as_view("x")) == (READ,)


def test_the_guard_of_a_callable_that_cannot_carry_a_mark_is_noted() -> None:
    mark(Slotted(), READ)

    assert list_guard_uses()[-1].requirement == READ
    assert not list_guard_uses()[-1].is_lost()


def test_a_guard_is_lost_if_nothing_with_its_mark_is_left() -> None:
    guarded = require_scope("reports:read")(view())
    use = list_guard_uses()[-1]
    assert not use.is_lost()

    del guarded
    gc.collect()

    assert use.is_lost()
