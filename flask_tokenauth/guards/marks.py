"""Marks that guards leave on views, classes and blueprints, and how a mark is found again.

A guard wraps the view that it decorates, and marks it as well. So a guard above the route decorator guards too: the
mark is found on the registered view, or on a function that this view wraps.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial, partialmethod
from types import MethodType
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary, ref

from flask import has_request_context
from flask.views import MethodView

from ..core.errors import SettingsError
from .accepted_kinds import ANY_KIND, AcceptedKinds
from .requirement import Requirement

Opening = Literal["public", "optional"]

_MARK = "__tokenauth__"
_GIVES = "__tokenauth_gives__"  # on a decorator: the requirement of each view that it decorates, or None


class GuardUse(NamedTuple):
    """One use of a guard, for reports. It does not keep the view alive."""

    name: str  # of the view, class or blueprint
    requirement: Requirement | None  # None for an optional login
    layers: tuple[ref[Any], ...]  # the objects that carry its mark

    def is_lost(self) -> bool:
        """Return whether no object with its mark is left."""
        return all(layer() is None for layer in self.layers)


guard_uses: list[GuardUse] = []  # all uses of guards outside of requests, in this process
# The functions that guards have made, with the requirement of each; None for an optional login.
wrappers: WeakKeyDictionary[Any, Requirement | None] = WeakKeyDictionary()


class Mark(NamedTuple):
    """The mark on one object."""

    requirements: tuple[Requirement, ...] = ()
    opening: Opening | None = None
    kinds: AcceptedKinds = ANY_KIND  # of an optional login


_NO_MARK = Mark()
_HIDING = (property, cached_property, partialmethod)  # descriptors that the class returns without their function


class MarkCounter:
    """Counts the marks of this process. Requirements that were resolved at a lower count are resolved again."""

    value = 0


def mark(target: Any, requirement: Requirement, *, is_view: bool = True) -> None:
    """Mark *target*, and everything that it wraps, with *requirement*. Objects that cannot carry a mark are left out.

    Args:
        target: a view, a class of views or a blueprint, or another function that is guarded.
        requirement: of the guard.
        is_view: whether reports expect that the guard counts on a route.

    Raises:
        SettingsError: the same object is marked as public or as optional.
    """
    for layer in unwrap(target):
        found = read_mark(layer)
        if requirement not in found.requirements:
            _set_mark(layer, found._replace(requirements=(*found.requirements, requirement)))
    if is_view:
        _register(target, requirement, unwrap(target))


def mark_open(target: Any, opening: Opening, kinds: AcceptedKinds = ANY_KIND) -> None:
    """Mark *target* as public, or as open to anonymous callers; only itself, since others may wrap the same function.

    Args:
        target: a view or a class of views, or another function.
        opening: as which it is marked.
        kinds: the kinds of tokens that an optional login accepts.

    Raises:
        SettingsError: *target* has a guard, or is marked with the other opening.
    """
    found = read_mark(target)
    if found.opening not in (None, opening):
        raise SettingsError(f"{name_of(target)} is marked as public and as login_optional: remove one of the two")
    _set_mark(target, found._replace(opening=opening, kinds=kinds))
    if opening == "optional":
        _register(target, None, (target,))


def _register(target: Any, requirement: Requirement | None, layers: Iterable[Any]) -> None:
    if not has_request_context():  # some frameworks decorate at each request
        guard_uses.append(GuardUse(name_of(target), requirement, tuple(_refer(layer) for layer in layers)))


def _refer(layer: Any) -> ref[Any]:
    try:
        return ref(layer)
    except TypeError:
        return ref(type(layer))  # an object with slots, which cannot carry a mark: it is reported as unreached


def list_guard_uses() -> list[GuardUse]:
    """Return all uses of guards outside of requests, in this process."""
    return list(guard_uses)


def mark_giver(decorator: Any, requirement: Requirement | None) -> None:
    """Note on a decorator that it gives *requirement*: some lists of decorators are applied at each request only.

    Args:
        decorator: a guard, or another decorator of the package.
        requirement: of each view that it decorates; None if it gives none, or has to be called first.
    """
    setattr(decorator, _GIVES, requirement)


def describe_guard(target: Any) -> str | None:
    """Return words for *target* if it is a decorator of the package itself; None if it is another object."""
    attributes = getattr(target, "__dict__", {})
    if _GIVES not in attributes:
        return None
    requirement = attributes[_GIVES]
    return f"the decorator {target.__name__}" if requirement is None else f"a guard ({requirement})"


def read_mark(target: Any) -> Mark:
    """Return the mark on this very object: not on its class, its base classes or the function that it wraps."""
    mark: Mark = getattr(target, "__dict__", {}).get(_MARK, _NO_MARK)
    return mark


def _set_mark(target: Any, mark: Mark) -> None:
    """Set the mark if *target* can carry one. Otherwise the wrapper still enforces its requirement."""
    if mark.requirements and mark.opening:
        raise SettingsError(
            f"{name_of(target)} is marked as {mark.opening} and has a guard as well: remove one of the two"
        )
    try:
        setattr(target, _MARK, mark)
    except (AttributeError, TypeError):
        return  # bound methods, builtins and objects with slots
    # A function that is decorated during a request is new: no requirements were resolved for it.
    MarkCounter.value += not (inspect.isfunction(target) and has_request_context())


def unwrap(target: Any) -> Iterator[Any]:
    """Yield *target* and what it wraps, along ``__wrapped__`` and into partial functions, to the innermost function."""
    seen: set[int] = set()
    while target is not None and id(target) not in seen:
        seen.add(id(target))
        yield target
        target = target.func if isinstance(target, partial) else getattr(target, "__wrapped__", None)


class FoundMarks(NamedTuple):
    """The marks of one view for one method."""

    requirements: tuple[Requirement, ...]
    opening: Opening | None
    kinds: AcceptedKinds  # of an optional login
    visited: tuple[Any, ...]  # the objects that were searched
    inside: frozenset[Requirement]  # requirements that wrappers inside the view enforce, if it calls them


def find_marks(view: Any, method: str) -> FoundMarks:
    """Return the marks for *view* when it is called with *method*.

    Searched are the view and everything that it wraps; its class, the bases of this class and their decorators; the
    functions of the method in all of these classes, and everything that these wrap. Openings count only on the view,
    its class, and the method that the class dispatches to.
    """
    chain = list(unwrap(view))
    cls = class_of(view)
    classes = list(inspect.getmro(cls))[:-1] if cls is not None else []
    functions = [*_functions_of(classes, _name_of_method(cls, method)), *_functions_of(classes, "dispatch_request")]
    functions += [function for layer in chain for function in _functions_of_object(layer)]
    visited = [*chain, *classes, *(layer for function in functions for layer in layers_of(function))]
    requirements = [requirement for target in visited for requirement in read_mark(target).requirements]
    requirements += [requirement for base in classes for requirement in _given_for_method(cls, base, method)]
    if read_mark(view).opening is None:  # a derived class opens its views with decorators = [public]
        requirements += [requirement for base in classes[1:] for requirement in _given_by(vars(base).get("decorators"))]
    marks = (read_mark(target) for target in list_own(view, method))
    opened = next((mark for mark in marks if mark.opening is not None), _NO_MARK)
    return FoundMarks(
        requirements=tuple(dict.fromkeys(requirements)),
        opening=opened.opening,
        kinds=opened.kinds,
        visited=tuple(visited),
        inside=frozenset(_find_wrapped_requirements(chain)),
    )


def list_own(view: Any, method: str) -> tuple[Any, ...]:
    """Return the view itself, its class, and the method that the class dispatches to, without what these wrap.

    Openings and :func:`shareable` count only there.
    """
    cls = class_of(view)
    if cls is None or not issubclass(cls, MethodView):
        return view, cls
    return view, cls, getattr(cls, _name_of_method(cls, method), None)


def class_of(view: Any) -> Any:
    """Return the class of views that *view* was made of, or None."""
    layers = unwrap(view)
    return next((layer.view_class for layer in layers if inspect.isclass(getattr(layer, "view_class", None))), None)


def _find_wrapped_requirements(layers: Iterable[Any]) -> Iterator[Requirement]:
    for layer in layers:
        requirement = wrappers.get(layer) if inspect.isfunction(layer) else None
        if requirement is not None:
            yield requirement


def _name_of_method(cls: Any, method: str) -> str:
    """Return the name of the function that *cls* calls for *method*: ``get`` for HEAD if it has no ``head``."""
    return "get" if method == "HEAD" and getattr(cls, "head", None) is None else method.lower()


def _functions_of(classes: Iterable[Any], name: str) -> list[Any]:
    """Return the function with this name that is called, and those that it overrides in the classes that follow.

    A guard on a function that is overridden counts, unless the function that overrides it is opened on purpose.
    """
    functions = [attribute_of(cls, name) for cls in classes if name in vars(cls)]
    return functions[:1] if functions and read_mark(functions[0]).opening is not None else functions


def attribute_of(cls: Any, name: str) -> Any:
    """Return the attribute that *cls* itself has under this name, and the descriptor if that hides its function."""
    raw = vars(cls)[name]
    return raw if isinstance(raw, _HIDING) else getattr(cls, name, raw)


def layers_of(attribute: Any) -> Iterator[Any]:
    """Yield what :func:`unwrap` does for an attribute of a class, and the functions that are called instead of it.

    They are in a property or a ``partialmethod``, or are the methods ``__call__`` of an object.
    """
    for layer in unwrap(attribute):
        yield layer
        functions = [getattr(layer, "fget", None) or getattr(layer, "func", None)] if isinstance(layer, _HIDING) else []
        for function in functions or _functions_of_object(layer):
            yield from unwrap(function)


def _functions_of_object(layer: Any) -> list[Any]:
    """Return the functions that are called with an object: of a bound method, or of an object that can be called.

    Those come first that are called, and then those that they override.
    """
    if inspect.ismethod(layer):
        return _functions_of_bound(layer)
    if inspect.isroutine(layer) or inspect.isclass(layer):
        return []
    return _functions_of(inspect.getmro(type(layer)), "__call__")


def _functions_of_bound(method: MethodType) -> list[Any]:
    """Return the functions of a bound method: its own, and those that this overrides.

    The attribute of the class may have another name than the function, if a decorator has made it.
    """
    owner, function = method.__self__, method.__func__
    classes = inspect.getmro(owner if inspect.isclass(owner) else type(owner))
    names = {name for cls in classes for name, value in vars(cls).items() if _function_in(value) is function}
    names.add(getattr(function, "__name__", ""))
    return [function for name in sorted(names) for function in _functions_of(classes, name)]


def _function_in(value: Any) -> Any:
    # A proxy among the attributes answers isinstance() for an object that may not be there.
    return value.__func__ if issubclass(type(value), (classmethod, staticmethod)) else value


def _given_for_method(cls: Any, base: Any, method: str) -> Iterator[Requirement]:
    """Yield the requirements of guards in ``method_decorators``: a list in Flask-RESTX, or a dict by method.

    Args:
        cls: the class of the view.
        base: the class with the decorators: *cls* or one of its bases.
        method: of the request. Flask-RESTful finds no decorators for HEAD if there are only some for ``get``.
    """
    decorators = vars(base).get("method_decorators")
    if isinstance(decorators, Mapping):
        names = {method.lower(), _name_of_method(cls, method)}
        decorators = [decorator for name in sorted(names) for decorator in decorators.get(name, ())]
    yield from _given_by(decorators)


def _given_by(decorators: Any) -> Iterator[Requirement]:
    for decorator in decorators if isinstance(decorators, (list, tuple)) else ():
        given = getattr(decorator, _GIVES, None)
        if given is not None:
            yield given


def name_of(target: Any) -> str:
    """Return a name by which people find *target*: its module and qualified name, or the name of the blueprint."""
    qualified = getattr(target, "__qualname__", None)
    if qualified is None:
        return f"blueprint {target.name}" if hasattr(target, "name") else repr(type(target))
    return f"{target.__module__}.{qualified}"


def check_class(view: Any, advice: str = "put the guard on its methods instead") -> None:
    """Refuse a class that is not a class of Flask views: a guard on it would never be found.

    Args:
        view: a class or another object.
        advice: what to do instead.

    Raises:
        SettingsError: *view* is such a class.
    """
    if inspect.isclass(view) and not callable(getattr(view, "dispatch_request", None)):
        raise SettingsError(f"{view.__qualname__} is not a class of Flask views: {advice}")


def check_view(decorator: str, view: Any) -> None:
    """Refuse an object on which a decorator that only marks has no effect.

    Args:
        decorator: its name.
        view: the object.

    Raises:
        TypeError: *view* cannot be called.
        SettingsError: *view* is a class, but not a class of Flask views.
    """
    if not callable(view):
        raise TypeError(f"{decorator} must decorate a view or a class of views, got {type(view).__name__}")
    check_class(view, f"put @{decorator} on the function that Flask registers instead")
