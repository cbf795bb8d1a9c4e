"""``flask tokenauth doctor``: mistakes and risks in the configuration of one application, as it would run.

A wrong setting or a weak secret stops the application at start. Here are the settings that let it start and should not
stay.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import click
from flask.cli import with_appcontext
from werkzeug.middleware.proxy_fix import ProxyFix

from ..application.app_state import AppState, current_state
from ..application.setting_types import PREFIX
from ..core.errors import SettingsError, StoreUnavailable
from ..guards.route_checks import check_application
from ..guards.route_requirements import Route, list_routes
from ..stores.memory import MemoryStore
from .routes import list_unreached

Severity = Literal["error", "warning", "hint", "info"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint", "info")  # the worst first
LONG_ACCESS = timedelta(hours=1)
LONG_MAX = timedelta(hours=24)
LONG_LEEWAY = timedelta(seconds=60)
LONG_INTERVAL = timedelta(seconds=10)
LONG_STALENESS = timedelta(minutes=5)
MANY_REVOKED = 1_000_000
_EXIT_CODES: dict[Severity, int] = {"error": 2, "warning": 1, "hint": 0, "info": 0}
_ENDPOINTS = "flask_tokenauth.endpoints.blueprint"  # import name of the blueprint: neither room imports the other
_MOST_NAMED = 3  # routes in one sentence
_MOST_WRAPPED = 16  # middleware around one application; some lead back to themselves


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake (``error``), a risk (``warning``), something to look at (``hint``), or a plain fact (``info``)."""

    severity: Severity
    sentence: str  # names the setting, and what to do


@click.command()
@with_appcontext
def doctor() -> None:
    """Report mistakes and risks in the configuration; exit with 2 for errors, 1 for warnings."""
    found = examine(current_state())
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
        yield Finding("error", f"The first request would fail: {error}.")


def _missing_user_loader(state: AppState) -> Iterator[Finding]:
    needing = [
        _name(route)
        for route in list_routes(state.app, state.settings)
        if any(requirement.load_user for requirement in route.required.requirements)
    ]
    if needing and not state.authenticator.has_user_loader:
        yield Finding(
            "error",
            f"There is no user_loader, which load_user=True needs ({_name_some(needing)}): "
            "decorate the function that loads users with @auth.user_loader.",
        )


def _debug(state: AppState) -> Iterator[Finding]:
    if state.app.debug:
        yield Finding(
            "warning", "DEBUG is on, which shows code to strangers and lets them run their own: turn it off to deploy."
        )


def _open_routes(state: AppState) -> Iterator[Finding]:
    routes = list_routes(state.app, state.settings)
    opened = [_name(route) for route in routes if route.required.access == "open"]
    if opened:
        yield Finding(
            "warning",
            f"These routes have no guard and are not marked as public: {_name_some(opened)}; guard them, or mark them "
            f"with @public, and set {PREFIX}DEFAULT_GUARD.",
        )


def _guards_that_reach_no_route(_: AppState) -> Iterator[Finding]:
    for name in list_unreached():
        yield Finding(
            "warning",
            f"The guard of {name} reaches no route: put the decorator directly under the route decorator, or register "
            "the view.",
        )


def _lifetimes(state: AppState) -> Iterator[Finding]:
    if state.settings.access_lifetime > LONG_ACCESS:
        yield Finding(
            "warning",
            f"{PREFIX}ACCESS_LIFETIME is {state.settings.access_lifetime}, and a stolen token can be used for so long: "
            "set an hour or less.",
        )
    if state.settings.max_lifetime > LONG_MAX:
        yield Finding("warning", f"{PREFIX}MAX_LIFETIME is {state.settings.max_lifetime}: set a day or less.")


def _leeway(state: AppState) -> Iterator[Finding]:
    if state.settings.leeway > LONG_LEEWAY:
        yield Finding(
            "warning",
            f"{PREFIX}LEEWAY is {state.settings.leeway}, and every token lives so much longer: set a minute or less, "
            "and synchronize the clocks.",
        )


def _issuer(state: AppState) -> Iterator[Finding]:
    if state.settings.has_default_issuer:
        yield Finding(
            "warning",
            f"{PREFIX}ISSUER is not set, so the issuer is the name of the application, which depends on how it is "
            "launched: set the URL of the application.",
        )


def _audience(state: AppState) -> Iterator[Finding]:
    if state.app.config.get(f"{PREFIX}AUDIENCE") is None:
        yield Finding(
            "hint",
            f"{PREFIX}AUDIENCE is not set, so it is the issuer: set a name for this application as soon as the issuer "
            "signs for others too.",
        )


def _enforce_https(state: AppState) -> Iterator[Finding]:
    key = f"{PREFIX}ENFORCE_HTTPS"
    by_debug = state.app.debug and state.app.config.get(key) is None  # there is a finding about debug already
    if state.settings.enforce_https == "off" and not by_debug:
        yield Finding("warning", f'{key} is "off", so tokens may come over plain HTTP unnoticed: set "refuse".')


def _https(state: AppState) -> Iterator[Finding]:
    if state.app.config.get("PREFERRED_URL_SCHEME") != "https" and not _has_proxy_fix(state.app.wsgi_app):
        yield Finding(
            "hint",
            "The application cannot see whether a request came over HTTPS to a proxy: behind a proxy put werkzeug's "
            'ProxyFix around app.wsgi_app, and set PREFERRED_URL_SCHEME to "https".',
        )


def _has_proxy_fix(wsgi_app: Any) -> bool:
    """Search for ``ProxyFix`` along the attributes that middleware usually has for the application inside."""
    for _ in range(_MOST_WRAPPED):
        if isinstance(wsgi_app, ProxyFix):
            return True
        wsgi_app = getattr(wsgi_app, "app", None) or getattr(wsgi_app, "wsgi_app", None)
    return False


def _store(state: AppState) -> Iterator[Finding]:
    if state.stored.opened is None:
        return
    if isinstance(state.stored.opened, MemoryStore) and not (state.app.debug or state.app.testing):
        yield Finding(
            "warning",
            f"{PREFIX}STORE is memory://, which is empty after each restart and is not shared between processes: set a "
            "database.",
        )
    url = state.app.config.get(f"{PREFIX}STORE")
    if isinstance(url, str) and url.startswith("sqlite") and not url.partition(":///")[2].startswith(("/", "file:/")):
        yield Finding(
            "warning",
            f"{PREFIX}STORE is a relative path, so each working directory has its own file, also for commands: set an "
            "absolute path, with four slashes.",
        )
    try:
        state.store.read_epoch("doctor")
    except (SettingsError, StoreUnavailable) as error:
        yield Finding("error", f"{PREFIX}STORE cannot be asked: {error}.")


def _revocation(state: AppState) -> Iterator[Finding]:
    settings = state.settings
    if settings.store is None:
        return
    if settings.revocation == "off":
        yield Finding(
            "warning",
            f'{PREFIX}REVOCATION is "off", so a stolen token is accepted until it expires, even after a logout: set '
            '"feed".',
        )
    if settings.revocation == "feed" and settings.revocation_interval > LONG_INTERVAL:
        yield Finding(
            "warning",
            f"{PREFIX}REVOCATION_INTERVAL is {settings.revocation_interval}, and other processes accept a revoked "
            "token for so long: set ten seconds or less.",
        )
    if settings.revocation == "feed" and settings.revocation_max_staleness > LONG_STALENESS:
        yield Finding(
            "warning",
            f"{PREFIX}REVOCATION_MAX_STALENESS is {settings.revocation_max_staleness}, and during an outage of the "
            "store revoked tokens are accepted for so long: set five minutes or less.",
        )


def _revoked(state: AppState) -> Iterator[Finding]:
    """Report the revocations in the store, as a worker that starts now would load them."""
    settings, feed = state.settings, state.stored.feed
    if state.stored.opened is None:
        return
    kind = type(state.stored.opened).__name__
    if feed is None:
        yield Finding("info", f"{PREFIX}STORE is a {kind}, {PREFIX}REVOCATION is {settings.revocation}.")
        return
    try:
        feed.warm()
    except (SettingsError, StoreUnavailable) as error:
        yield Finding("error", f"The revocations in {PREFIX}STORE cannot be loaded: {error}.")
        return
    known = feed.describe()
    revoked = known.tokens + known.sessions + known.users
    yield Finding(
        "info",
        f"{PREFIX}STORE is a {kind}, {PREFIX}REVOCATION is feed, fetched {known.age or 0:.1f} s ago: "
        f"{known.tokens} tokens, {known.sessions} sessions and {known.users} users are revoked.",
    )
    if revoked > MANY_REVOKED:
        yield Finding(
            "hint",
            f"Every process holds {revoked} revocations: shorten {PREFIX}ACCESS_LIFETIME and {PREFIX}MAX_LIFETIME, or "
            f'set {PREFIX}REVOCATION to "strict".',
        )


def _keys(state: AppState) -> Iterator[Finding]:
    """Report endpoints that have to sign, in an application that cannot."""
    registered = [name for name, blueprint in state.app.blueprints.items() if blueprint.import_name == _ENDPOINTS]
    if registered and state.settings.keys.signing_key is None:
        yield Finding(
            "error",
            f"{PREFIX}KEYS has no key that can sign, so {registered[0]}.refresh fails, and every login too: add a "
            "private key, or leave auth.endpoints to the application that has one.",
        )


def _refresh(state: AppState) -> Iterator[Finding]:
    if state.settings.store is not None and state.settings.refresh_idle_lifetime > state.settings.session_lifetime:
        yield Finding(
            "hint",
            f"{PREFIX}REFRESH_IDLE_LIFETIME is longer than {PREFIX}SESSION_LIFETIME, so it has no effect: every "
            "session ends before.",
        )


def _name(route: Route) -> str:
    return f"{route.method} {route.rule.rule}"


def _name_some(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


CHECKS: tuple[Callable[[AppState], Iterator[Finding]], ...] = (
    _guards_that_cannot_work,
    _missing_user_loader,
    _debug,
    _open_routes,
    _guards_that_reach_no_route,
    _lifetimes,
    _leeway,
    _issuer,
    _audience,
    _enforce_https,
    _https,
    _store,
    _keys,
    _refresh,
    _revocation,
    _revoked,
)
