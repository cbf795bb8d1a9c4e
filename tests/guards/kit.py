"""The parts of the guard matrix: positions of a guard, kinds of route, and the expected results.

A placement is the position of the guard: below or above the route decorator, and the decorator between the two. A
shape builds one route, with Flask or with one of its extensions. A cell is one placement on one shape, with its
expected result. If a placement cannot be written on a shape, the shape leaves it out and a comment says why.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial, reduce
from inspect import iscoroutinefunction
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from flask_tokenauth import TokenAuth, require_scope

from ..conftest import CONFIG, NOW, Mint, bearer

Decorator = Callable[[Any], Any]
Headers = Callable[[Mint], dict[str, str]]
Hook = Callable[[], Any]

GUARD = require_scope("reports:read")
CLOSED = {"TOKENAUTH_DEFAULT_GUARD": "login_required"}
CREDENTIALS = [
    pytest.param(lambda mint: {}, 401, id="no token"),
    pytest.param(lambda mint: bearer(mint()[:-8] + "AAAAAAAA"), 401, id="bad token"),
    pytest.param(lambda mint: bearer(mint(scope="other")), 403, id="missing scope"),
    pytest.param(lambda mint: bearer(mint()), 200, id="good"),
]
_numbers = count()


def open_app(app: Flask, **config: object) -> Flask:
    """Set up *app*, of any class, as the fixture ``make_app`` does. Keyword arguments are settings."""
    app.config |= CONFIG | config
    TokenAuth(app)
    app.extensions["tokenauth"].clock = lambda: NOW
    return app


def report_routes(app: Flask) -> dict[str, Any]:
    """Return the output of ``flask tokenauth routes --json``."""
    result = app.test_cli_runner().invoke(args=["tokenauth", "routes", "--json"])
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.output)
    return report


def check_routes(app: Flask) -> int:
    """Return the exit status of ``flask tokenauth routes --check``."""
    return app.test_cli_runner().invoke(args=["tokenauth", "routes", "--check"]).exit_code


def make_view() -> Any:
    """Return a new view with a new name. A guard marks its view, and a report identifies the view by its name."""
    return _named(lambda *args, **kwargs: "served")


def make_async_view() -> Any:
    async def view(*args: object, **kwargs: object) -> str:
        return "served"

    return _named(view)


def make_partial() -> Any:
    return partial(make_view(), greeting="hello")


def _named(view: Any) -> Any:
    view.__name__ = view.__qualname__ = f"view_{next(_numbers):05}"
    return view


def name_of(view: Any) -> str:
    """Return the name of a view. If the view is a partial, return the name of its function."""
    return str(getattr(view, "func", view).__name__)


def class_of(base: Any, view: Any, **attributes: object) -> Any:
    """Return a new class of views. It is made with ``type()``, since mypy allows no subclass of an untyped class."""
    return type(f"Class_of_{view.__name__}", (base,), {"get": view, **attributes})


def leave(view: Any) -> Any:
    """Return *view* as it is: no decorator stands between guard and route."""
    return view


def hide(view: Any) -> Any:
    """Wrap *view* without ``functools.wraps``, as some decorators do. The wrapper's name is for the report only."""

    def hidden(*args: object, **kwargs: object) -> Any:
        return view(*args, **kwargs)

    async def hidden_coroutine(*args: object, **kwargs: object) -> Any:
        return await view(*args, **kwargs)

    wrapper: Any = hidden_coroutine if iscoroutinefunction(view) else hidden
    wrapper.__name__ = wrapper.__qualname__ = f"hidden_{name_of(view)}"
    return wrapper


def hide_class(cls: Any) -> Any:
    """Return a subclass: the guard marks the class, the route gets the subclass."""
    return type(f"Hidden_{cls.__name__}", (cls,), {})


def make_limit(app: Flask) -> Decorator:
    """Return ``@limiter.limit`` of a real Flask-Limiter. It counts in memory, and the limit is never reached."""
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    limit: Decorator = limiter.limit("1000/minute")
    return limit


def write_style(folder: Path) -> str:
    (folder / "style.css").write_text("served")
    return str(folder)


class Fate(Enum):
    """The expected result of a placement on a shape."""

    GUARDS = "every request without a good token is refused"
    NAMED = "it cannot guard, and ``routes --check`` names the open route"
    EITHER = "one of the two"


@dataclass(frozen=True)
class Placement:
    """The position of the guard, and the decorator between the guard and the route decorator."""

    name: str
    above: bool
    between: str
    fate: Fate = Fate.GUARDS


BELOW = Placement("below", above=False, between="nothing")
ABOVE = Placement("above", above=True, between="nothing")
BELOW_LIMIT = Placement("below, limit between", above=False, between="limit")
ABOVE_LIMIT = Placement("above, limit between", above=True, between="limit")
BELOW_HIDE = Placement("below, no wraps between", above=False, between="hide")
ABOVE_HIDE = Placement("above, no wraps between", above=True, between="hide", fate=Fate.NAMED)  # marks the wrapper

EVERYWHERE = (BELOW, ABOVE, BELOW_LIMIT, ABOVE_LIMIT, BELOW_HIDE, ABOVE_HIDE)
# In a list of decorators, and on a method in its class, a guard cannot stand above the route decorator.
INSIDE = (BELOW, BELOW_LIMIT, BELOW_HIDE)
# Flask-Limiter replaces a class with a function, which no extension registers as a class.
ON_CLASS = (BELOW, ABOVE, BELOW_HIDE, ABOVE_HIDE)


@dataclass(frozen=True)
class Placing:
    """A placement with its real decorators."""

    above: bool
    between: Decorator
    guard: Decorator = GUARD
    kept: list[Any] = field(default_factory=list)  # the decorated views, which a module would keep as global names

    def put(self, view: Any, *, route: Decorator) -> None:
        """Register *view* with *route*, with the guard in its position."""
        decorators = [route, self.between, self.guard] if self.above else [self.guard, self.between, route]
        self.kept.append(reduce(lambda decorated, decorator: decorator(decorated), decorators, view))

    def decorate(self, method: Any) -> Any:
        """Return *method* with its decorators, as it stands in its class."""
        return self.between(self.guard(method))

    @property
    def stack(self) -> list[Decorator]:
        """The decorators for a list of decorators, the innermost first."""
        return [self.guard, self.between]


Build = Callable[[Any, Any, Placing], None]


@dataclass(frozen=True)
class Shape:
    """One way to make a route.

    Attributes:
        build: registers a view, guarded as the placing says, under the routes *urls* of an application.
        fates: the placements whose result differs from the usual one.
        blind: the placements where the guard refuses requests, but the registered view shows no mark of it.
    """

    name: str
    build: Build
    urls: tuple[str, ...] = ("/x",)
    placements: tuple[Placement, ...] = EVERYWHERE
    make_app: Callable[[], Flask] = lambda: Flask("tests")
    make_view: Callable[[], Any] = make_view
    fates: Mapping[Placement, Fate] = field(default_factory=dict)
    blind: tuple[Placement, ...] = (BELOW_HIDE,)


@dataclass(frozen=True)
class Cell:
    """One placement on one shape, for one of its routes."""

    shape: Shape
    placement: Placement
    url: str

    def __str__(self) -> str:
        return f"{self.shape.name} {self.url}: {self.placement.name}"

    @property
    def fate(self) -> Fate:
        return self.shape.fates.get(self.placement, self.placement.fate)

    @property
    def is_visible(self) -> bool:
        """Whether the registered view shows the guard, so that ``flask tokenauth routes`` can list it."""
        return self.fate is Fate.GUARDS and self.placement not in self.shape.blind

    def build(
        self, guard: Decorator = GUARD, /, *, before: Hook | None = None, after: Hook | None = None, **config: object
    ) -> "Built":
        """Return the application with its one guard. Other keyword arguments are settings.

        Args:
            guard: the guard.
            before: a ``before_request`` function that the application has before ``TokenAuth`` is set up.
            after: one that it gets afterwards.
        """
        app = self.shape.make_app()
        if before is not None:
            app.before_request(before)
        open_app(app, **config)
        if after is not None:
            app.before_request(after)
        view = self.shape.make_view()
        between: dict[str, Callable[[], Decorator]] = {
            "nothing": lambda: leave,
            "limit": lambda: make_limit(app),
            "hide": lambda: hide_class if self.shape.placements is ON_CLASS else hide,
        }
        placing = Placing(self.placement.above, between[self.placement.between](), guard)
        self.shape.build(app, view, placing)
        return Built(app, self.url, name_of(view), placing.kept)


@dataclass(frozen=True)
class Built:
    """The application of a cell; *guarded* is part of the name of the guarded function or class."""

    app: Flask
    url: str
    guarded: str
    kept: list[Any] = field(default_factory=list)

    def get(self, headers: dict[str, str]) -> int:
        """Return the status of a request, and check that the view answered if, and only if, it is 200."""
        response = self.app.test_client().get(self.url, headers=headers)
        assert ("served" in response.text) == (response.status_code == 200)
        return response.status_code

    def route(self, method: str) -> dict[str, Any]:
        """Return the entry of the report for one method of the route."""
        routes = report_routes(self.app)["routes"]
        [route] = [entry for entry in routes if (entry["rule"], entry["method"]) == (self.url, method)]
        return dict(route)

    def is_called_open(self) -> bool:
        return any(entry["open"] for entry in report_routes(self.app)["routes"] if entry["rule"] == self.url)

    def is_called_unreached(self) -> bool:
        return any(self.guarded in name for name in report_routes(self.app)["unreached"])

    def is_named(self) -> bool:
        """Whether ``routes --check`` fails, and the report calls the route open or its guard unreached."""
        return (self.is_called_open() or self.is_called_unreached()) and check_routes(self.app) == 1
