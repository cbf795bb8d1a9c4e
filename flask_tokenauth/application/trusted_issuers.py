"""The setting ``TOKENAUTH_TRUSTED_ISSUERS``: a list of issuers, as ``TrustedIssuer`` objects or as mappings."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..core.encoding.limits import is_identifier
from ..core.errors import SettingsError
from ..core.trusted_issuers.issuer import TrustedIssuer
from .declared_scopes import DeclaredScopes, explain_undeclared
from .setting_types import parse_duration

_MEMBERS = tuple(entry.name for entry in fields(TrustedIssuer) if entry.init)
_REQUIRED = ("issuer", "audience", "users")
_DURATIONS = ("max_lifetime", "leeway")
_MOST_SHOWN = 40  # characters of a name that is not known


def read_issuers(value: object) -> tuple[TrustedIssuer, ...]:
    """Read the value of ``TOKENAUTH_TRUSTED_ISSUERS``.

    Raises:
        TypeError: it is no list.
        SettingsError: an issuer is wrong. The message has its number.
    """
    if isinstance(value, str):
        raise SettingsError("it must be a list, got a string that is not JSON: correct it, without a path or variables")
    if isinstance(value, (Mapping, TrustedIssuer)):
        raise SettingsError("it must be a list of issuers, got one issuer: put it into [ ]")
    if not isinstance(value, (list, tuple)):
        raise TypeError
    found = []
    for number, given in enumerate(value, 1):
        try:
            found.append(given if isinstance(given, TrustedIssuer) else _read_mapping(given))
        except SettingsError as error:
            raise SettingsError(f"issuer {number}{_name_of(given)}: {error}") from error
    return tuple(found)


def _name_of(given: object) -> str:
    """Return the issuer in parentheses, if it is clearly one: a secret may stand in the wrong place."""
    name = given.get("issuer") if isinstance(given, Mapping) else None
    is_url = isinstance(name, str) and name.startswith("https://") and is_identifier(name)
    return f" ({name})" if is_url else ""


def _read_mapping(given: object) -> TrustedIssuer:
    if not isinstance(given, Mapping):
        raise SettingsError(f"it must be a TrustedIssuer or a mapping, got {type(given).__name__}")
    if unknown := [name for name in given if name not in _MEMBERS]:
        raise SettingsError(_describe_unknown(str(unknown[0])))
    if missing := [name for name in _REQUIRED if name not in given]:
        raise SettingsError(f"it must have {', '.join(_REQUIRED)}, and lacks {', '.join(missing)}")
    read: dict[str, Any] = dict(given)
    for name in _DURATIONS:
        if isinstance(read.get(name), str):
            read[name] = _read_duration(name, read[name])
    return TrustedIssuer(**read)


def _describe_unknown(name: str) -> str:
    close = difflib.get_close_matches(name, _MEMBERS, n=1)
    got = repr(name) if len(name) <= _MOST_SHOWN else "another name"
    return f"its members must be {', '.join(_MEMBERS)}, got {got}" + (f": did you mean {close[0]}?" if close else "")


def _read_duration(name: str, given: str) -> Any:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def check_issuer(issuer: TrustedIssuer, *, own: str, declared: DeclaredScopes | None) -> None:
    """Check an issuer against the settings of the application.

    Args:
        issuer: the trusted issuer.
        own: the issuer of the application.
        declared: its scopes, if it declares them.

    Raises:
        SettingsError: it is our own issuer, or a scope of ours is not declared.
    """
    if own in issuer.issuer:
        raise SettingsError(
            f"a trusted issuer must not be the issuer of this application, got {own} for both: set TOKENAUTH_ISSUER to "
            "the URL of this application"
        )
    for scope in sorted({scope for scopes in issuer.scope_map.values() for scope in scopes}):
        if declared is not None and not declared.has(scope):
            raise SettingsError(f"scopes of {issuer.name}: {explain_undeclared(scope, declared.granted_by)}")


def check_issuers(issuers: tuple[TrustedIssuer, ...], *, own: str, declared: DeclaredScopes | None) -> None:
    """Check the issuers of the settings against each other and against the application.

    Raises:
        SettingsError: one is our own issuer or is listed twice, or a scope of ours is not declared.
    """
    names: set[str | None] = set()
    for issuer in issuers:
        check_issuer(issuer, own=own, declared=declared)
        for name in issuer.issuer or (None,):
            if name in names:
                raise SettingsError(f"each trusted issuer must be listed once, got {issuer.name} twice: remove one")
            names.add(name)
