"""The findings of the doctor about settings, and about settings that have no effect."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

from ..application.app_state import AppState
from ..application.jwt_extended import JWT_PREFIX, PAGE, find_counterpart
from ..application.setting_types import PREFIX
from ..application.settings import FIELDS
from .findings import Finding, name_some

LONG_ACCESS = timedelta(hours=1)
LONG_MAX = timedelta(hours=24)
LONG_LEEWAY = timedelta(seconds=60)
_MOST_WRAPPED = 16  # middleware around one application; some lead back to themselves
_KEYS = tuple(f"{PREFIX}{field.name.upper()}" for field in FIELDS)


def _debug(state: AppState) -> Iterator[Finding]:
    if state.app.debug:
        yield Finding(
            "warning", "DEBUG is on, which shows code to strangers and lets them run their own: turn it off to deploy."
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
    if state.settings.has_own_keys and state.app.config.get(f"{PREFIX}AUDIENCE") is None:
        yield Finding(
            "hint",
            f"{PREFIX}AUDIENCE is not set, so it is the issuer: set a name for this application as soon as the issuer "
            "signs for others too.",
        )


def _public_endpoints(state: AppState) -> Iterator[Finding]:
    if state.settings.public_endpoints and state.settings.default_guard is None:
        yield Finding(
            "hint",
            f"{PREFIX}PUBLIC_ENDPOINTS opens no route, since no default guard closes the routes: set "
            f'{PREFIX}DEFAULT_GUARD to "login_required".',
        )


def _enforce_https(state: AppState) -> Iterator[Finding]:
    key = f"{PREFIX}ENFORCE_HTTPS"
    by_debug = state.app.debug and state.app.config.get(key) is None  # there is a finding about debug already
    if state.settings.enforce_https == "off" and not by_debug:
        yield Finding("warning", f'{key} is "off", so tokens may come over plain HTTP unnoticed: set "refuse".')


def _api_keys(state: AppState) -> Iterator[Finding]:
    """Report API keys over plain HTTP. With "off" there is a finding about all tokens."""
    if state.settings.api_keys and state.settings.enforce_https == "warn":
        yield Finding(
            "hint",
            f'{PREFIX}ENFORCE_HTTPS is "warn", and an API key that comes over plain HTTP can be read on the way and '
            'used for as long as it lives: set "refuse".',
        )


def _plain_tokens(state: AppState) -> Iterator[Finding]:
    until = state.settings.accept_plain_until
    if until is not None and state.clock() >= until.timestamp():
        yield Finding(
            "hint", f"{PREFIX}ACCEPT_PLAIN_UNTIL has passed, so no plain token is accepted any more: remove it."
        )


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


def _settings_of_jwt_extended(state: AppState) -> Iterator[Finding]:
    names = sorted(key for key in state.app.config if key.startswith(JWT_PREFIX))
    if names and "flask-jwt-extended" not in state.app.extensions:  # as long as both are installed, they are in use
        yield Finding(
            "hint",
            f"TokenAuth does not read {name_some([_with_counterpart(name) for name in names])}: see {PAGE}, and remove "
            "settings that you no longer need.",
        )


def _with_counterpart(name: str) -> str:
    counterpart = find_counterpart(name.removeprefix(JWT_PREFIX))
    return name if counterpart is None else f"{name} (here {counterpart or 'no counterpart'})"


def _environment(state: AppState) -> Iterator[Finding]:
    """Report variables that are meant for ``TokenAuth``, and did not reach the configuration."""
    unread = sorted(name for name in os.environ if _is_meant(name) and _key_of(name) not in state.app.config)
    if unread:
        yield Finding(
            "warning",
            f"These environment variables have no effect: {name_some(unread)}; call app.config.from_prefixed_env() "
            f"before TokenAuth(app), which reads those that begin with FLASK_{PREFIX}.",
        )


def _is_meant(variable: str) -> bool:
    return variable.startswith(f"FLASK_{PREFIX}") or variable in _KEYS


def _key_of(variable: str) -> str:
    return variable.removeprefix("FLASK_").partition("__")[0]  # FLASK_TOKENAUTH_SCOPES__admin is a part of the dict


CHECKS = (
    _debug,
    _lifetimes,
    _leeway,
    _issuer,
    _audience,
    _public_endpoints,
    _enforce_https,
    _api_keys,
    _plain_tokens,
    _https,
    _settings_of_jwt_extended,
    _environment,
)
