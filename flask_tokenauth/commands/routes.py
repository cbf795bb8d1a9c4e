"""``flask tokenauth routes``: every route with what it requires."""

import json
from typing import Any

import click
from click.formatting import HelpFormatter
from flask.cli import with_appcontext

from ..application.app_state import current_state
from ..guards.route_requirements import Route
from .doctor import list_unreached

_TELLS = {"optional": "optional login", "public": "public", "static": "static files", "open": "OPEN"}


_WIDTH = 200  # columns; lines are for grep as much as for people


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead.")
@click.option("--check", is_flag=True, help="Exit with 1 if a route is open or a guard reaches no route.")
@with_appcontext
def routes(*, as_json: bool, check: bool) -> None:
    """Show every route with what it needs, and guards that reach no route."""
    state = current_state()
    state.check()
    found = state.list_routes()
    unreached = list_unreached()
    click.echo(_write_json(found, unreached) if as_json else _write_text(found, unreached), nl=False)
    if check and (unreached or any(route.resolved.access == "open" for route in found)):
        raise SystemExit(1)


def _write_text(found: list[Route], unreached: list[str]) -> str:
    formatter = HelpFormatter(width=_WIDTH)
    if found:
        formatter.write_dl(
            [(f"{route.method} {route.rule.rule}", _tell(route)) for route in found], col_max=_WIDTH // 2
        )
    for name in unreached:
        formatter.write_text(f"REACHES NO ROUTE: the guard of {name}")
    return formatter.getvalue()


def _tell(route: Route) -> str:
    needs = "; ".join(str(requirement) for requirement in route.resolved.requirements)
    if route.resolved.access == "default":
        return f"{needs} (by default)"
    return needs or _TELLS[route.resolved.access]


def _write_json(found: list[Route], unreached: list[str]) -> str:
    described: list[dict[str, Any]] = [
        {
            "rule": route.rule.rule,
            "method": route.method,
            "endpoint": route.rule.endpoint,
            "requires": [str(requirement) for requirement in route.resolved.requirements],
            "access": route.resolved.access,
            "open": route.resolved.access == "open",
            "public": route.resolved.access == "public",
        }
        for route in found
    ]
    return json.dumps({"routes": described, "unreached": unreached}, indent=2) + "\n"
