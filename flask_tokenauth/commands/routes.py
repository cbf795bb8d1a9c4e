"""``flask tokenauth routes``: every route with its requirements."""

import json
from typing import Any

import click
from click.formatting import HelpFormatter
from flask.cli import with_appcontext

from ..application.app_state import count_states, current_state, list_states
from ..application.settings import Settings
from ..guards.route_checks import check_application, find_unreached
from ..guards.route_requirements import Route, RouteRequirements, list_routes
from .output import errors_as_messages

_ACCESS = {"optional": "optional login", "public": "public", "static": "static files", "open": "OPEN"}
_ADVICE = "write it directly under the route decorator, or register the view; if it is no view, add is_view=False"
_WIDTH = 200  # columns: one line per route, for grep


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead.")
@click.option("--check", is_flag=True, help="Exit with 1 if a route is open or a guard reaches no route.")
@with_appcontext
def routes(*, as_json: bool, check: bool) -> None:
    """Show every route with its requirements, and guards that reach no route."""
    with errors_as_messages():
        state = current_state()
        check_application(state)
    found = list_routes(state.app, state.settings)
    unreached = list_unreached()
    written = _write_json(found, unreached, state.settings) if as_json else _write_lines(found, unreached)
    click.echo(written, nl=False)
    if check and (unreached or any(route.required.access == "open" for route in found)):
        raise SystemExit(1)


def list_unreached() -> list[str]:
    """Return the names of views and blueprints with a guard that reaches no route of any application here."""
    found = [route for state in list_states() for route in list_routes(state.app, state.settings)]
    return find_unreached(found, alone=count_states() == 1)


def _write_lines(found: list[Route], unreached: list[str]) -> str:
    formatter = HelpFormatter(width=_WIDTH)
    if found:
        lines = [(f"{route.method} {route.rule.rule}", _describe(route)) for route in found]
        formatter.write_dl(lines, col_max=_WIDTH // 2)
    for name in unreached:
        formatter.write(f"REACHES NO ROUTE: the guard of {name}: {_ADVICE}\n")
    return formatter.getvalue()


def _describe(route: Route) -> str:
    requirements = "; ".join(str(requirement) for requirement in route.required.requirements)
    if route.required.access == "default":
        return f"{requirements} (by default)"
    if route.required.access == "optional" and str(route.required.kinds):
        return f"{_ACCESS['optional']} ({route.required.kinds})"
    return requirements or _ACCESS[route.required.access]


def _list_accepted(required: RouteRequirements, settings: Settings) -> list[str]:
    """Return the kinds of tokens of this application with which a caller is known to the view, if all else is right."""
    known = ["jwt"] if settings.store is None else ["jwt", "reference"]
    guards = [requirement.kinds.named for requirement in required.requirements] or [required.kinds.named]
    accepted = [kind for kind in known if all(named is None or kind in named for named in guards)]
    accepted += ["api_key"] if settings.api_keys and required.accepts_api_keys else []
    return [*accepted, "ticket"] if required.accepts_tickets else accepted


def _write_json(found: list[Route], unreached: list[str], settings: Settings) -> str:
    described: list[dict[str, Any]] = [
        {
            "rule": route.rule.rule,
            "method": route.method,
            "endpoint": route.rule.endpoint,
            "requires": [str(requirement) for requirement in route.required.requirements],
            "accepts": _list_accepted(route.required, settings),
            "access": route.required.access,
            "open": route.required.access == "open",
            "public": route.required.access == "public",
        }
        for route in found
    ]
    return json.dumps({"routes": described, "unreached": unreached}, indent=2) + "\n"
