"""Marks that guards leave on views, classes and blueprints, and how they are found again.

Guards mark what they decorate as well as wrap it, so that a guard above the route decorator guards just the same: the
mark is found on the registered view, whichever of its wrappers Flask holds.
"""

import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Literal
from weakref import WeakKeyDictionary, ref

import msgspec
from flask import has_request_context
from flask.views import MethodView

from ..core.errors import SettingsError
from .requirement import Requirement

Opening = Literal["public", "optional"]

_MARK = "__tokenauth__"
_GIVES = "__tokenauth_gives__"  # on a decorator: the requirement of whatever it decorates


class Guard(msgspec.Struct, frozen=True):
    """One use of a guard, for reports: it outlives what it decorated, and holds none of that."""

    name: str  # of what it decorated
    requirement: Requirement | None  # None with an optional login
    targets: tuple[ref[Any], ...]  # what carries its mark

    def is_lost(self) -> bool:
        """Tell whether nothing that carries its mark is left."""
        return all(target() is None for target in self.targets)


guards: list[Guard] = []  # every guard that was used outside of requests, in this process
enforcers: WeakKeyDictionary[Any, Requirement] = WeakKeyDictionary()  # the wrappers, with what each enforces


class Mark(msgspec.Struct, frozen=True):
    """What is noted on one object."""

    requirements: tuple[Requirement, ...] = ()
    opening: Opening | None = None


_NOTHING = Mark()


class Notes:
    """How many notes were made so far: what was resolved before the last of them is resolved again."""

    made = 0


def mark(target: Any, requirement: Requirement) -> None:
    """Note that *requirement* holds for *target* and for all that it wraps, as far as these can carry a note.

    Raises:
        SettingsError: the same object is marked as public or as optional.
    """
    for each in unwrap(target):
        noted = read_mark(each)
        if requirement not in noted.requirements:
            _note(each, msgspec.structs.replace(noted, requirements=(*noted.requirements, requirement)))
    _report(target, requirement, tuple(unwrap(target)))


def mark_open(target: Any, opening: Opening) -> None:
    """Note that *target* is open on purpose: to all, or to the anonymous. Only on itself: what it wraps may be shared.

    Raises:
        SettingsError: it has a guard, or is open in the other way.
    """
    noted = read_mark(target)
    if noted.opening not in (None, opening):
        raise SettingsError(f"{name_of(target)} is marked as public and as login_optional")
    _note(target, msgspec.structs.replace(noted, opening=opening))
    if opening == "optional":
        _report(target, None, (target,))


def _report(target: Any, requirement: Requirement | None, chain: tuple[Any, ...]) -> None:
    if not has_request_context():  # some frameworks decorate at each request
        guards.append(Guard(name_of(target), requirement, tuple(_refer(each) for each in chain)))


def _refer(target: Any) -> ref[Any]:
    try:
        return ref(target)
    except TypeError:
        return ref(type(target))  # slots; it is not found by this, and so told as unreached


def mark_giver(decorator: Any, requirement: Requirement) -> None:
    """Note on a guard that it gives *requirement*, for lists of decorators that are applied at each request only."""
    setattr(decorator, _GIVES, requirement)


def read_mark(target: Any) -> Mark:
    """Return what is noted on this very object: not on its class, its base classes or what it wraps."""
    mark: Mark = getattr(target, "__dict__", {}).get(_MARK, _NOTHING)
    return mark


def _note(target: Any, noted: Mark) -> None:
    """Leave a note where one can be left; elsewhere the wrapper enforces regardless."""
    if noted.requirements and noted.opening:
        raise SettingsError(f"{name_of(target)} is marked as {noted.opening} and has a guard as well")
    try:
        setattr(target, _MARK, noted)
    except (AttributeError, TypeError):
        return  # bound methods, builtins and slots carry none
    # What is decorated at each request is new, so nobody has resolved it.
    Notes.made += not (inspect.isfunction(target) and has_request_context())


def unwrap(target: Any) -> Iterator[Any]:
    """Go from *target* along ``__wrapped__``, and into partial functions, to the innermost function."""
    seen: set[int] = set()
    while target is not None and id(target) not in seen:
        seen.add(id(target))
        yield target
        target = target.func if isinstance(target, partial) else getattr(target, "__wrapped__", None)


class Found(msgspec.Struct, frozen=True):
    """All that was found for one view and method."""

    requirements: tuple[Requirement, ...]
    opening: Opening | None
    visited: tuple[Any, ...]  # the objects that were looked at
    inside: frozenset[Requirement]  # what wrappers inside the view enforce, should it call what it wraps


def find_marks(view: Any, method: str) -> Found:
    """Return what is noted for *view* when it is called with *method*.

    Looks at the view and all that it wraps; at its class, that class's bases and its ``method_decorators``; and at the
    function of the method with all that it wraps. Openings count on the view, its class and the method that this
    dispatches to, only.
    """
    chain = list(unwrap(view))
    cls = next((each.view_class for each in chain if inspect.isclass(getattr(each, "view_class", None))), None)
    classes = list(inspect.getmro(cls))[:-1] if cls is not None else []
    function = _method_of(cls, method)
    dispatched = function if cls is not None and issubclass(cls, MethodView) else None
    visited = [*chain, *classes, *unwrap(function), *unwrap(getattr(cls, "dispatch_request", None))]
    requirements = [each for target in visited for each in read_mark(target).requirements]
    requirements += [each for given in classes for each in _given_by_decorators(given, method)]
    openings = [read_mark(each).opening for each in (view, cls, dispatched)]
    return Found(
        requirements=tuple(dict.fromkeys(requirements)),
        opening=next((each for each in openings if each is not None), None),
        visited=tuple(visited),
        inside=frozenset(enforcers[each] for each in chain if inspect.isfunction(each) and each in enforcers),
    )


def _method_of(cls: Any, method: str) -> Any:
    function = getattr(cls, method.lower(), None)
    return getattr(cls, "get", None) if function is None and method == "HEAD" else function


def _given_by_decorators(cls: Any, method: str) -> Iterator[Requirement]:
    """Read the guards among ``method_decorators``, applied at each request: a list in Flask-RESTX, or by method."""
    decorators = vars(cls).get("method_decorators", ())
    if isinstance(decorators, Mapping):
        decorators = decorators.get(method.lower(), ())
    for decorator in decorators if isinstance(decorators, (list, tuple)) else ():
        given = getattr(decorator, _GIVES, None)
        if given is not None:
            yield given


def name_of(target: Any) -> str:
    """Return the name by which people find *target*: module and qualified name, or the blueprint's name."""
    qualified = getattr(target, "__qualname__", None)
    if qualified is None:
        return f"blueprint {target.name}" if hasattr(target, "name") else repr(type(target))
    return f"{target.__module__}.{qualified}"
