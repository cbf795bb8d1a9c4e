"""The scopes that an application declares, and what they imply."""

from collections.abc import Mapping

import msgspec

from ..core.errors import SettingsError
from ..core.tokens.scopes import check_scope_token, expand_implied

INTROSPECT = "tokenauth:introspect"  # of callers of POST /auth/introspect


_OWN_SCOPES = {INTROSPECT: "Ask whether tokens are good"}


class DeclaredScopes(msgspec.Struct, frozen=True):
    """The scopes that an application knows."""

    descriptions: Mapping[str, str]  # what each means, for people
    enough: Mapping[str, tuple[str, ...]]  # for each scope those of which one is enough for it, itself among them


def _scopes(value: object) -> DeclaredScopes:
    """Read ``{"reports:read": "Read reports"}``, or with ``{"description": …, "implies": […]}`` instead of the text."""
    if not isinstance(value, Mapping):
        raise TypeError
    descriptions: dict[str, str] = {}
    implies: dict[str, tuple[str, ...]] = {}
    for scope, declared in (_OWN_SCOPES | dict(value)).items():
        given = {"description": declared} if isinstance(declared, str) else declared
        if not isinstance(given, Mapping) or not given.keys() <= {"description", "implies"}:
            raise SettingsError(f"scope {scope!r} is neither a text nor a description with implies")
        implied = given.get("implies", ())
        if not isinstance(implied, (list, tuple)) or not isinstance(given.get("description", ""), str):
            raise SettingsError(f"scope {scope!r}: description is a text, implies a list of scopes")
        descriptions[scope], implies[scope] = given.get("description", ""), tuple(implied)
    try:
        for scope in implies:
            check_scope_token(scope)
        return DeclaredScopes(descriptions, expand_implied(implies))
    except (TypeError, ValueError) as error:
        raise SettingsError(str(error)) from error
