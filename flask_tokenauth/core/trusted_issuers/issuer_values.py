"""Read and check the values of a ``TrustedIssuer``."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ..encoding.immutable_json import freeze
from ..encoding.limits import MAX_IDENTIFIER, is_identifier
from ..errors import InvalidKey, SettingsError
from ..keys.key_strength import check_secret
from ..tokens.scopes import check_scope_token
from .provider_profiles import ACCESS, REFRESH, Evidence, Path, Profile

_OUR_SCOPES = "tokenauth:"  # scopes that this library gives a meaning


def read_names(name: str, given: object, *, may_be_missing: bool) -> Any:
    """Return issuers in their order, or audiences as a set.

    Raises:
        SettingsError: *given* is no string and no list of them, or is missing where it must not be.
    """
    if may_be_missing and not given and not isinstance(given, str):
        return () if name == "issuer" else frozenset()
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, (list, tuple, set, frozenset)) or not found or not all(_is_name(item) for item in found):
        raise SettingsError(
            f"{name} must be a string of 1 to {MAX_IDENTIFIER} printable characters, or a list of them, got another"
        )
    if name == "audience":
        return frozenset(found)
    if len(set(found)) != len(found):
        raise SettingsError("issuer must have each name once, got one twice")
    return tuple(found)


def _is_name(value: object) -> bool:
    return is_identifier(value) and isinstance(value, str) and value == value.strip() and value.isprintable()


def read_strings(name: str, given: object) -> frozenset[str]:
    """Return one string or several as a set.

    Raises:
        SettingsError: *given* is something else.
    """
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, (list, tuple, set, frozenset)) or not all(isinstance(one, str) and one for one in found):
        raise SettingsError(f"{name} must be a list of strings, got something else")
    return frozenset(found)


def read_claims(name: str, given: object) -> tuple[str, ...]:
    """Return the names of claims.

    Raises:
        SettingsError: *given* is something else, or empty.
    """
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, (list, tuple)) or not found or not all(isinstance(item, str) and item for item in found):
        raise SettingsError(f"{name} must be the name of a claim, or a list of names, got something else")
    return tuple(found)


def read_paths(given: object) -> tuple[Path, ...]:
    """Return the paths of claims: "a.b" leads from the claim a to its member b.

    Raises:
        SettingsError: *given* is something else.
    """
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, (list, tuple)):
        raise SettingsError('scope_claims must be a list such as ["scope", "realm_access.roles"], got something else')
    return tuple(
        tuple(item.split(".")) if isinstance(item, str) else read_claims("scope_claims", item) for item in found
    )


def read_expected(given: object) -> Mapping[str, frozenset[str]]:
    """Return the values of each expected claim.

    Raises:
        SettingsError: *given* is no mapping of claims to values.
    """
    if not isinstance(given, Mapping):
        raise SettingsError(f"expected must be a mapping of claims to their values, got {type(given).__name__}")
    return {name: read_strings("the values of expected", values) for name, values in given.items()}


def with_expected(layout: Profile, expected: Mapping[str, frozenset[str]]) -> tuple[Evidence, ...]:
    """Return what proves an access token if it must have the expected claims as well.

    The proof of the profile stays: with "only of this client" no ID token may pass. Only a library of yesterday may
    have another claim for the kind of its tokens, which then takes the place of its usual one.

    Args:
        layout: the profile.
        expected: the values of each claim.

    Raises:
        SettingsError: refresh tokens would count as access tokens.
    """
    kinds = [values for values in expected.values() if layout.is_for_migration and ACCESS in values]
    usual = [expected[name] for one in layout.evidence for name in one.equal if name in expected]
    if any(REFRESH in values for values in [*kinds, *usual]):
        raise SettingsError(
            'expected must not have the value "refresh" for the kind of a token, since refresh tokens would count as '
            "access tokens: leave it out"
        )
    if expected and (kinds or not layout.evidence):
        return (Evidence(equal=MappingProxyType(dict(expected))),)
    return tuple(replace(one, equal=MappingProxyType({**one.equal, **expected})) for one in layout.evidence)


def read_keys(given: object) -> object:
    """Return a copy of keys that nobody can change.

    Raises:
        SettingsError: they are nested too deeply.
    """
    try:
        return freeze(given)
    except ValueError as error:
        raise SettingsError(f"keys: {error}") from error


def read_scopes(given: object) -> Mapping[str, frozenset[str]]:
    """Return our scopes for each of theirs.

    Raises:
        SettingsError: *given* is something else, or a scope of ours is malformed.
    """
    if isinstance(given, Mapping):
        mapped = {str(name): _read_ours(read_strings("the values of scopes", ours)) for name, ours in given.items()}
        return MappingProxyType(mapped)
    listed = _read_ours(read_strings("scopes", given))
    if any(scope.startswith(_OUR_SCOPES) for scope in listed):
        raise SettingsError(
            f"scopes that begin with {_OUR_SCOPES} have a meaning of their own, so they must be mapped by name, got "
            'one in a list: write {"their scope": "tokenauth:…"}'
        )
    return MappingProxyType({scope: frozenset({scope}) for scope in listed})


def _read_ours(scopes: frozenset[str]) -> frozenset[str]:
    """Return our scopes, if they are well-formed."""
    try:
        for scope in scopes:
            check_scope_token(scope)
    except ValueError as error:
        raise SettingsError(f"scopes: {error}") from error
    return scopes


def read_duration(name: str, given: object, *, most: timedelta) -> timedelta | None:
    """Return a duration, or None if there is none.

    Raises:
        SettingsError: *given* is something else, negative, or longer than *most*.
    """
    if given is None:
        return None
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    try:
        found = given if isinstance(given, timedelta) else timedelta(seconds=given) if is_number else None  # type: ignore[arg-type]
    except (OverflowError, ValueError):
        found = None
    if found is None or not timedelta(0) <= found <= most or (name == "max_lifetime" and not found):
        raise SettingsError(f"{name} must be a timedelta or seconds, at most {most}, got something else")
    return found


def read_until(given: object) -> datetime | None:
    """Return an instant, aware, or None if there is none.

    Raises:
        SettingsError: *given* is something else.
    """
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        found = None
    if isinstance(found, datetime) and found.tzinfo is None and isinstance(given, str):
        found = found.replace(tzinfo=UTC)
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise SettingsError('until must be an aware datetime or a date such as "2027-01-31" (UTC), got something else')
    return found


def check_strength(secret: object, *, is_for_migration: bool) -> None:
    """Refuse a secret that can be guessed. The message does not show it.

    Raises:
        SettingsError: it can, or is no secret at all.
    """
    if not isinstance(secret, (str, bytes)):
        raise SettingsError(f"secret must be a string or bytes, got {type(secret).__name__}")
    try:
        check_secret(secret.encode() if isinstance(secret, str) else secret)
    except UnicodeEncodeError:  # this error would hold the secret
        raise SettingsError("secret must be a string that UTF-8 can encode, got one with surrogates") from None
    except InvalidKey as error:
        advice = (
            ": an attacker who guesses it can sign tokens for this application. Give the old library a strong secret "
            "first, and wait until the tokens of the weak one have expired. A shorter lifetime of its tokens, set some "
            "days before, shortens the wait"
            if is_for_migration
            else ": give the issuer a strong secret, or better a key pair"
        )
        raise SettingsError(f"secret {error}{advice}") from error


def check_url(name: str, given: object) -> None:
    """Refuse something that is no URL of a server.

    Raises:
        SettingsError: it is none.
    """
    parts = urlsplit(given) if isinstance(given, str) else None
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        raise SettingsError(f"{name} must be an https URL, got something else")
