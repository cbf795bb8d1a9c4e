"""What is wrong or risky in one application's configuration, as it would run: a function for each concern.

What a setting must not be stops the application at start, weak secrets too; here is what starts and should not stay.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import click
from flask.cli import with_appcontext
from werkzeug.middleware.proxy_fix import ProxyFix

from ..application.app_state import AppState, count_states, current_state, list_states
from ..application.setting_types import PREFIX
from ..core.errors import SettingsError, StoreUnavailable
from ..guards.route_checks import find_unreached
from ..stores.memory import MemoryStore

Severity = Literal["error", "warning", "hint", "info"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint", "info")  # the worst first
LONG_ACCESS = timedelta(hours=1)
LONG_MAX = timedelta(hours=24)
LONG_LEEWAY = timedelta(seconds=60)
LONG_INTERVAL = timedelta(seconds=10)
LONG_STALENESS = timedelta(minutes=5)
MANY_REVOKED = 1_000_000
_ENDPOINTS = "flask_tokenauth.endpoints.blueprint"  # its import name; that module is beside this one, not below
_MOST_NAMED = 3  # routes in one sentence
_EXIT_CODES = {"error": 2, "warning": 1, "hint": 0, "info": 0}
_MOST_WRAPPED = 16  # middleware around one application; some lead back to themselves


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong (``error``), risky (``warning``) or worth a look (``hint``), and how things are (``info``)."""

    severity: Severity
    sentence: str  # names the setting, or what stands for one, and says what to do


def examine(state: AppState) -> list[Finding]:
    """Return all that is found in one application, the worst first."""
    found = [finding for look in CONCERNS for finding in look(state)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def list_unreached() -> list[str]:
    """Return the names of what has a guard that counts on no route of any application in this process."""
    everywhere = [route for each in list_states() for route in each.list_routes()]
    return find_unreached(everywhere, alone=count_states() == 1)


def _guards_that_cannot_work(state: AppState) -> Iterator[Finding]:
    try:
        state.check()
    except SettingsError as error:
        yield Finding("error", f"The first request would fail: {error}.")


def _missing_user_loader(state: AppState) -> Iterator[Finding]:
    needing = [
        f"{route.method} {route.rule.rule}"
        for route in state.list_routes()
        if any(requirement.load_user for requirement in route.resolved.requirements)
    ]
    if needing and not state.judge.has_user_loader:
        yield Finding(
            "error",
            f"There is no user_loader, which load_user=True needs ({_name_some(needing)}): "
            "decorate the function that loads users with @auth.user_loader.",
        )


def _debug(state: AppState) -> Iterator[Finding]:
    if state.app.debug:
        yield Finding(
            "warning", "DEBUG is on, which shows code to strangers and lets them run theirs: turn it off to deploy."
        )


def _open_routes(state: AppState) -> Iterator[Finding]:
    opened = [f"{route.method} {route.rule.rule}" for route in state.list_routes() if route.resolved.access == "open"]
    if opened:
        yield Finding(
            "warning",
            f"Nobody said who may call {_name_some(opened)}: guard what is open by oversight, mark the rest with "
            f"@public, and set {PREFIX}DEFAULT_GUARD.",
        )


def _guards_that_reach_no_route(_: AppState) -> Iterator[Finding]:
    for name in list_unreached():
        yield Finding(
            "warning",
            f"The guard of {name} reaches no route: put the decorator directly under the route decorator, or register "
            "what it guards.",
        )


def _lifetimes(state: AppState) -> Iterator[Finding]:
    if state.settings.access_lifetime > LONG_ACCESS:
        yield Finding(
            "warning",
            f"{PREFIX}ACCESS_LIFETIME is {state.settings.access_lifetime}, and so long a stolen token is good: "
            f"set an hour or less.",
        )
    if state.settings.max_lifetime > LONG_MAX:
        yield Finding(
            "warning", f"{PREFIX}MAX_LIFETIME is {state.settings.max_lifetime}: set a day or less, for any token."
        )


def _leeway(state: AppState) -> Iterator[Finding]:
    if state.settings.leeway > LONG_LEEWAY:
        yield Finding(
            "warning",
            f"{PREFIX}LEEWAY is {state.settings.leeway}, and so much longer every token lives: "
            "set a minute or less, and let the clocks be set.",
        )


def _issuer(state: AppState) -> Iterator[Finding]:
    if state.settings.names_itself:
        yield Finding(
            "warning",
            f"{PREFIX}ISSUER is not set, so the application's name stands for it, which depends on how it is launched: "
            "set the URL of the application.",
        )


def _audience(state: AppState) -> Iterator[Finding]:
    if state.app.config.get(f"{PREFIX}AUDIENCE") is None:
        yield Finding(
            "hint",
            f"{PREFIX}AUDIENCE is not set, so it is the issuer: name this application as soon as the issuer signs for "
            "others too.",
        )


def _enforce_https(state: AppState) -> Iterator[Finding]:
    key = f"{PREFIX}ENFORCE_HTTPS"
    by_debug = state.app.debug and state.app.config.get(key) is None  # which is told of anyway
    if state.settings.enforce_https == "off" and not by_debug:
        yield Finding("warning", f'{key} is "off", so tokens may come over plain HTTP unnoticed: set "refuse".')


def _https(state: AppState) -> Iterator[Finding]:
    if state.app.config.get("PREFERRED_URL_SCHEME") != "https" and not _has_proxy_fix(state.app.wsgi_app):
        yield Finding(
            "hint",
            "Nothing tells of HTTPS: behind a proxy put werkzeug's ProxyFix around app.wsgi_app, and set "
            'PREFERRED_URL_SCHEME to "https".',
        )


def _has_proxy_fix(wsgi_app: Any) -> bool:
    """Look for ``ProxyFix`` along what middleware usually calls that which it wraps."""
    for _ in range(_MOST_WRAPPED):
        if isinstance(wsgi_app, ProxyFix):
            return True
        wsgi_app = getattr(wsgi_app, "app", None) or getattr(wsgi_app, "wsgi_app", None)
    return False


def _store(state: AppState) -> Iterator[Finding]:
    store = state.settings.store
    if store is None:
        return
    if isinstance(store, MemoryStore) and not (state.app.debug or state.app.testing):
        yield Finding(
            "warning",
            f"{PREFIX}STORE is memory://, which every restart empties and no second process shares: name a database.",
        )
    url = state.app.config.get(f"{PREFIX}STORE")
    if isinstance(url, str) and url.startswith("sqlite") and not url.partition(":///")[2].startswith(("/", "file:/")):
        yield Finding(
            "warning",
            f"{PREFIX}STORE is a relative path, another file for each working directory, of commands for one: name an "
            "absolute one, with four slashes.",
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
            f'{PREFIX}REVOCATION is "off", so a stolen token is good until it expires, whoever logs out: set "feed".',
        )
    if settings.revocation == "feed" and settings.revocation_interval > LONG_INTERVAL:
        yield Finding(
            "warning",
            f"{PREFIX}REVOCATION_INTERVAL is {settings.revocation_interval}, and so long other processes believe what "
            "was revoked in one: set ten seconds or less.",
        )
    if settings.revocation == "feed" and settings.revocation_max_staleness > LONG_STALENESS:
        yield Finding(
            "warning",
            f"{PREFIX}REVOCATION_MAX_STALENESS is {settings.revocation_max_staleness}, and so long what was revoked is "
            "believed while the store is away: set five minutes or less.",
        )


def _revoked(state: AppState) -> Iterator[Finding]:
    """Tell what the store says is revoked, as a worker that begins now would hear it."""
    settings, feed = state.settings, state.remembered.feed
    if settings.store is None:
        return
    kind = type(settings.store).__name__
    if feed is None:
        yield Finding("info", f"{PREFIX}STORE is a {kind}, {PREFIX}REVOCATION is {settings.revocation}.")
        return
    try:
        feed.warm()
    except (SettingsError, StoreUnavailable) as error:
        yield Finding("error", f"{PREFIX}STORE does not tell what is revoked: {error}.")
        return
    known = feed.describe()
    revoked = known.tokens + known.sessions + known.users
    yield Finding(
        "info",
        f"{PREFIX}STORE is a {kind}, {PREFIX}REVOCATION is feed, heard {known.age or 0:.1f} s ago: "
        f"{known.tokens} tokens, {known.sessions} sessions and {known.users} users are revoked.",
    )
    if revoked > MANY_REVOKED:
        yield Finding(
            "hint",
            f"{revoked} revocations are held by every process: shorten {PREFIX}ACCESS_LIFETIME and "
            f'{PREFIX}MAX_LIFETIME, or set {PREFIX}REVOCATION to "strict".',
        )


def _keys(state: AppState) -> Iterator[Finding]:
    """Tell of endpoints that have to sign, and nothing to do it with."""
    registered = [name for name, each in state.app.blueprints.items() if each.import_name == _ENDPOINTS]
    if registered and state.settings.keys.signing_key is None:
        yield Finding(
            "error",
            f"{PREFIX}KEYS holds no key that can sign, so {registered[0]}.refresh fails, as every login does: add a "
            "private key, or leave auth.endpoints to the application that has one.",
        )


def _refresh(state: AppState) -> Iterator[Finding]:
    if state.settings.store is not None and state.settings.refresh_idle_lifetime > state.settings.session_lifetime:
        yield Finding(
            "hint",
            f"{PREFIX}REFRESH_IDLE_LIFETIME is longer than {PREFIX}SESSION_LIFETIME, which ends every session first.",
        )


def _name_some(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


CONCERNS: tuple[Callable[[AppState], Iterator[Finding]], ...] = (
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


@click.command()
@with_appcontext
def doctor() -> None:
    """Tell what is wrong or risky as it would run; exit with 2 for errors, 1 for warnings."""
    found = examine(current_state())
    for finding in found:
        click.echo(f"{finding.severity}: {finding.sentence}")
    if not found:
        click.echo("Nothing found.")
    raise SystemExit(max((_EXIT_CODES[finding.severity] for finding in found), default=0))
