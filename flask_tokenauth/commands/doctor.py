"""``flask tokenauth doctor``: mistakes and risks in the configuration of one application, as it would run.

A wrong setting or a weak secret stops the application at start. Here are the settings that let it start and should not
stay.
"""

from collections.abc import Callable, Iterator

import click
from flask.cli import with_appcontext

from ..application.app_state import AppState
from ..application.setting_types import PREFIX
from ..core.errors import SettingsError
from ..guards.marks import name_of, read_mark
from ..guards.route_checks import check_application
from ..guards.route_requirements import list_routes
from . import cookie_findings, issuer_findings, key_findings, setting_findings, store_findings
from .findings import SEVERITIES, Finding, Severity, finding_for, name_route, name_some
from .output import open_state
from .routes import list_unreached

_EXIT_CODES: dict[Severity, int] = {"error": 2, "warning": 1, "hint": 0, "info": 0}


@click.command()
@with_appcontext
def doctor() -> None:
    """Report mistakes and risks in the configuration; exit with 2 for errors, 1 for warnings."""
    state = open_state()
    found = examine(state)
    for finding in found:
        click.echo(f"{finding.severity}: {finding.sentence}")
    if not found:
        click.echo("Nothing found.")
    raise SystemExit(max((_EXIT_CODES[finding.severity] for finding in found), default=0))


def examine(state: AppState) -> list[Finding]:
    """Return all findings for one application, the worst first."""
    found = [finding for check in CHECKS for finding in check(state)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _guards_that_cannot_work(state: AppState) -> Iterator[Finding]:
    try:
        check_application(state)
    except SettingsError as error:
        yield finding_for("error", "The first request would fail", error)


def _missing_user_loader(state: AppState) -> Iterator[Finding]:
    needing = [
        name_route(route)
        for route in list_routes(state.app, state.settings)
        if any(requirement.load_user for requirement in route.required.requirements)
    ]
    if needing and not state.authenticator.has_user_loader:
        yield Finding(
            "error",
            f"There is no user_loader, which load_user=True needs ({name_some(needing)}): "
            "decorate the function that loads users with @auth.user_loader.",
        )


def _open_routes(state: AppState) -> Iterator[Finding]:
    routes = list_routes(state.app, state.settings)
    opened = [name_route(route) for route in routes if route.required.access == "open"]
    if opened:
        yield Finding(
            "warning",
            f"These routes have no guard and are not marked as public: {name_some(opened)}; guard them, or mark them "
            f"with @public, and set {PREFIX}DEFAULT_GUARD.",
        )


def _useless_api_keys(state: AppState) -> Iterator[Finding]:
    found = [route.required for route in list_routes(state.app, state.settings)]
    accepting = [
        required
        for required in found
        if required.accepts_api_keys and not any(each.admits_clients for each in required.requirements)
    ]
    if state.settings.api_keys and not accepting:
        yield Finding(
            "hint",
            f"{PREFIX}API_KEYS is set, but no route accepts API keys: require a scope, or write api_keys=True in a "
            "guard.",
        )


def _guards_that_reach_no_route(_: AppState) -> Iterator[Finding]:
    for name in list_unreached():
        yield Finding(
            "warning",
            f"The guard of {name} reaches no route: put the decorator directly under the route decorator, or register "
            "the view; if it is no view, such as a GraphQL resolver, add is_view=False.",
        )


def _public_before_requests(state: AppState) -> Iterator[Finding]:
    hooks = [hook for functions in state.app.before_request_funcs.values() for hook in functions]
    marked = [name_of(hook) for hook in hooks if read_mark(hook).opening == "public"]
    if marked:
        yield Finding(
            "warning",
            f"@public has no effect on a before_request function ({name_some(marked)}): write it above the views that "
            "you want to open.",
        )


CHECKS: tuple[Callable[[AppState], Iterator[Finding]], ...] = (
    _guards_that_cannot_work,
    _missing_user_loader,
    _open_routes,
    _useless_api_keys,
    _guards_that_reach_no_route,
    _public_before_requests,
    *setting_findings.CHECKS,
    *key_findings.CHECKS,
    *issuer_findings.CHECKS,
    *cookie_findings.CHECKS,
    *store_findings.CHECKS,
)
