"""Applications with ``before_request`` functions of their own, which run after the authentication and before the guard.

A guarding is a way to guard the view on /x. A position is where the function of the application is registered, and
whether it is a coroutine function.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_tokenauth import TokenAuth

from ..conftest import MakeApp
from .kit import CLOSED, GUARD, Decorator, Hook, leave

Place = dict[str, Any]  # arguments of ``serve``: a guarding and a position
Case = tuple[Hook, int]  # a hook, and the status of its answer

GUARDINGS = ["decorator", "decorator above the route", "blueprint", "default guard"]
POSITIONS = ["app", "app, async", "blueprint", "blueprint, async"]


def _places() -> Iterator[Any]:
    """Yield each guarding in each position. The fast run has only two of these places."""
    for guarding, position in product(GUARDINGS, POSITIONS):
        fast = (guarding, position) in (("decorator", "app"), ("blueprint", "blueprint, async"))
        place = {"guarding": guarding, "position": position}
        yield pytest.param(place, id=f"{guarding}, {position}", marks=() if fast else pytest.mark.slow)


everywhere = pytest.mark.parametrize("place", list(_places()))
each_guarding = pytest.mark.parametrize("guarding", GUARDINGS)
each_position = pytest.mark.parametrize("position", POSITIONS)


class ClosingBody(list[bytes]):
    """A body that counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


@dataclass
class Served:
    """An application with a guarded view on /x and an open view on /open, and the events of its requests."""

    app: Flask
    auth: TokenAuth[Any]
    events: list[str] = field(default_factory=list)

    def note(self, event: str, value: Any) -> Any:
        """Add an event, and return *value*."""
        self.events.append(event)
        return value

    def get(self, token: str | None = None, path: str = "/x", method: str = "GET") -> Any:
        """Return the answer to a request."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.app.test_client().open(path, method=method, headers=headers)


def serve(
    make_app: MakeApp,
    *hooks: Hook,
    guarding: str = "decorator",
    position: str = "app",
    guard: Decorator = GUARD,
    hook_guard: Decorator = leave,
    methods: tuple[str, ...] = ("GET",),
    **config: object,
) -> Served:
    """Return an application with *hooks*. Keyword arguments are settings.

    Args:
        hooks: ``before_request`` functions.
        guarding: one of ``GUARDINGS``.
        position: one of ``POSITIONS``.
        guard: the guard of the view, if a decorator guards it.
        hook_guard: the guard of each hook.
        methods: the methods that the view answers itself.
    """
    auth, blueprint = TokenAuth(), Blueprint("bp", __name__)
    app = make_app(auth=auth, **(CLOSED if guarding == "default guard" else {}), **config)
    served = Served(app, auth)

    def view(**values: object) -> str:
        served.events.append("view")
        return "served"

    route = blueprint.route("/x", methods=methods, endpoint="x")
    if guarding == "decorator":
        route(guard(view))
    elif guarding == "decorator above the route":
        guard(route(view))
    else:
        route(view)
    if guarding == "blueprint":
        auth.protect(blueprint, "reports:read")
    for hook in hooks:
        owner: Any = blueprint if position.startswith("blueprint") else app
        owner.before_request(hook_guard(_as_coroutine_function(hook) if position.endswith("async") else hook))
    app.register_blueprint(blueprint)
    app.add_url_rule("/open", view_func=lambda: "open", endpoint="open")
    return served


def _as_coroutine_function(hook: Hook) -> Hook:
    async def coroutine() -> Any:
        return hook()

    return coroutine


def shows(answer: Any, word: str) -> bool:
    """Return whether the body or a header of *answer* contains *word*."""
    return word in answer.get_data(as_text=True) or word in str(answer.headers)
