"""Find classes of views that override a guarded method without a guard, where nothing shows whether it is needed.

The guards of an overridden ``get`` count for ``GET``. A method with another name is called by the view itself, and the
class that overrides it leaves its guard out.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property, partial, partialmethod
from types import FunctionType
from typing import Any

from flask import Flask
from flask.views import http_method_funcs

from .marks import attribute_of, class_of, layers_of, name_of, read_mark, wrappers
from .requirement import Requirement
from .route_requirements import Route

_DISPATCHED = {*http_method_funcs, "dispatch_request"}  # their guards add up
_METHODS = (FunctionType, staticmethod, classmethod, property, cached_property, partial, partialmethod)


def find_unguarded_overrides(app: Flask, routes: Iterable[Route]) -> Iterator[str]:
    """Yield a mistake for each method that overrides a guarded one, and has neither a guard nor an opening.

    Args:
        app: the application.
        routes: all of its routes. The guards of methods that these call add up.
    """
    routes = list(routes)
    visited = {id(target) for route in routes for target in route.required.visited}
    for route in routes:
        cls = class_of(app.view_functions[route.rule.endpoint])
        for name in _list_methods(cls):
            mistake = _find_mistake(cls, name, visited)
            if mistake is not None:
                yield f"{route.rule.rule}: {mistake}"


def _list_methods(cls: Any) -> list[str]:
    """Return the names of the methods and properties of *cls* and its bases that Flask does not call."""
    bases = cls.__mro__ if cls is not None else ()
    found = {name for base in bases for name, value in vars(base).items() if issubclass(type(value), _METHODS)}
    return sorted(found - _DISPATCHED)


def _find_mistake(cls: Any, name: str, visited: set[int]) -> str | None:
    """Return words for the method of *cls* with this name if it leaves the guard of an overridden one out."""
    first, *others = [base for base in cls.__mro__ if name in vars(base)]
    overriding = list(layers_of(attribute_of(first, name)))
    if any(_is_marked(layer) or id(layer) in visited for layer in overriding):
        return None
    for other in others:
        for requirement in _find_requirements(attribute_of(other, name)):
            return (
                f"{name_of(first)}.{name} overrides {name_of(other)}.{name}, which has a guard ({requirement}), and "
                "has none: put a guard on it as well, or @public if it needs none"
            )
    return None


def _is_marked(layer: Any) -> bool:
    found = read_mark(layer)
    is_wrapper = isinstance(layer, FunctionType) and layer in wrappers
    return bool(found.requirements) or found.opening is not None or is_wrapper


def _find_requirements(attribute: Any) -> Iterator[Requirement]:
    for layer in layers_of(attribute):
        yield from read_mark(layer).requirements
