"""The scopes that an application declares in ``TOKENAUTH_SCOPES``, and what they imply."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..core.errors import SettingsError
from ..core.tokens.scopes import check_scope_token, expand_implied
from .setting_types import SettingType

INTROSPECT = "tokenauth:introspect"  # the scope that POST /auth/introspect requires
_OWN_SCOPES = {INTROSPECT: "Introspect tokens"}


class DeclaredScopes(NamedTuple):
    """The scopes of an application."""

    descriptions: Mapping[str, str]  # of each scope, for people
    granted_by: Mapping[str, tuple[str, ...]]  # for each scope: itself, and all scopes that imply it


def _read_scopes(value: object) -> DeclaredScopes:
    """Read ``{"reports:read": "Read reports"}``, or ``{"description": …, "implies": […]}`` for a scope."""
    if not isinstance(value, Mapping):
        raise TypeError
    descriptions: dict[str, str] = {}
    implies: dict[str, tuple[str, ...]] = {}
    for scope, declared in (_OWN_SCOPES | dict(value)).items():
        given = {"description": declared} if isinstance(declared, str) else declared
        if not isinstance(given, Mapping) or not given.keys() <= {"description", "implies"}:
            raise SettingsError(
                f"scope {scope!r} must have a description, or a dict with description and implies, "
                f"got {type(given).__name__}"
            )
        implied = given.get("implies", ())
        if not isinstance(implied, (list, tuple)) or not isinstance(given.get("description", ""), str):
            raise SettingsError(f"scope {scope!r}: description must be a string, and implies a list of scopes")
        descriptions[scope], implies[scope] = given.get("description", ""), tuple(implied)
    try:
        for scope in implies:
            check_scope_token(scope)
        return DeclaredScopes(MappingProxyType(descriptions), MappingProxyType(expand_implied(implies)))
    except (TypeError, ValueError) as error:
        raise SettingsError(str(error)) from error


SCOPES = SettingType("a dict from scopes to descriptions", _read_scopes)
