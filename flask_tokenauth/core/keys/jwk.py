"""Read the algorithm and the operations of a JWK, and find keys that are not for signatures (RFC 7517 section 4)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from ..encoding.limits import YEAR_9999
from ..errors import InvalidKey
from .algorithms import ALGORITHMS, IMPLIED, Algorithm

KeyStatus = Literal["next", "active", "retired"]  # of a key in a ring: see key_ring.py
_STATUSES = get_args(KeyStatus)

ALL_OPERATIONS = frozenset({"sign", "verify"})
_KEY_TYPES = frozenset({algorithm.key_type for algorithm in ALGORITHMS.values()})
# "priv" is that of AKP keys (RFC 9964); the others are in RFC 7518 section 6.
_MAX_KID = 255  # characters
_PRIVATE = frozenset({"k", "d", "p", "q", "dp", "dq", "qi", "oth", "priv"})
_NAME = r"[A-Za-z][A-Za-z0-9+._-]{0,19}"  # all registered names are shorter, and secrets are longer


def find_algorithm(jwk: Mapping[str, object], alg: str | None) -> Algorithm:
    """Return the algorithm of a JWK.

    Args:
        jwk: its members.
        alg: the algorithm if it names none, or None.

    Raises:
        InvalidKey: it is no object, names no algorithm or another one than *alg*, or is of another kind.
    """
    if not isinstance(jwk, Mapping):
        raise InvalidKey(f"a JWK must be an object, got {type(jwk).__name__}")
    named = jwk.get("alg", alg)
    if alg is not None and named != alg:
        raise InvalidKey(f"alg of the JWK must be {alg}, as asked for, or be left out, got another")
    curve = jwk.get("crv")
    algorithm = algorithm_named(named if named is not None else IMPLIED.get(curve) if isinstance(curve, str) else None)
    if jwk.get("kty") != algorithm.key_type or curve != algorithm.curve:
        needed = f'"{algorithm.key_type}"' + (f' and crv "{algorithm.curve}"' if algorithm.curve else " without crv")
        raise InvalidKey(f"kty of a JWK for {algorithm.name} must be {needed}, got another kty or crv")
    return algorithm


def algorithm_named(name: object) -> Algorithm:
    """Return the algorithm with this name.

    Raises:
        InvalidKey: *name* is None or no name of a supported algorithm.
    """
    if name is None:
        raise InvalidKey(
            f"alg must be one of {', '.join(ALGORITHMS)}, got none, and the crv of the key does not imply one: add "
            '"alg" to the JWK, or load it with Key.from_jwk(jwk, alg=…) or KeySet.from_jwks(jwks, alg=…)'
        )
    algorithm = ALGORITHMS.get(name) if isinstance(name, str) else None
    if algorithm is None:
        raise InvalidKey(f"alg must be one of {', '.join(ALGORITHMS)}, got another")
    return algorithm


def check_kid(kid: object) -> str:
    """Return *kid* if it can be the ID of a key.

    Raises:
        InvalidKey: it is not a string of 1 to 255 printable characters. The message does not show it.
    """
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID or not kid.isprintable():
        got = f"{len(kid)} characters" if isinstance(kid, str) else type(kid).__name__
        raise InvalidKey(f"kid must be a string of 1 to {_MAX_KID} printable characters, got {got}")
    return kid


def read_operations(jwk: Mapping[str, object]) -> frozenset[str]:
    """Return the operations that ``use`` and ``key_ops`` allow (RFC 7517 sections 4.2 and 4.3).

    Raises:
        InvalidKey: a member is malformed, or ``use`` is not "sig".
    """
    if jwk.get("use", "sig") != "sig":
        raise InvalidKey('use of a JWK must be "sig" or be left out, got another')
    operations = jwk.get("key_ops", ["sign", "verify"])
    if not isinstance(operations, (list, tuple)) or not all(isinstance(name, str) for name in operations):
        raise InvalidKey('key_ops must be an array of strings, got something else: write ["verify"], or leave it out')
    if len(set(operations)) != len(operations):
        raise InvalidKey("the operations in key_ops must be unique, got one twice")
    return ALL_OPERATIONS.intersection(operations)


def read_status_since(jwk: Mapping[str, object]) -> tuple[KeyStatus | None, float | None]:
    """Return the members ``status`` and ``status_since`` of a key in a ring; None for one that it does not have.

    Raises:
        InvalidKey: one of them is malformed, or there is ``status_since`` alone.
    """
    status, since = jwk.get("status"), jwk.get("status_since")
    if "status" in jwk and status not in _STATUSES:
        raise InvalidKey(f"status of a key must be one of {', '.join(_STATUSES)}, got another: see keys list")
    if "status_since" not in jwk:
        return status, None  # type: ignore[return-value]  # as checked
    if isinstance(since, bool) or not isinstance(since, (int, float)) or not 0 <= since <= YEAR_9999:
        raise InvalidKey("status_since of a key must be seconds since 1970-01-01T00:00:00Z, got something else")
    if status is None:
        raise InvalidKey("a key with status_since must have a status as well, got none")
    return status, float(since)  # type: ignore[return-value]  # as checked


def is_private(jwk: object) -> bool:
    """Return whether a JWK has a private key or a secret, or may have one."""
    return isinstance(jwk, Mapping) and (jwk.get("kty") == "oct" or not _PRIVATE.isdisjoint(jwk))


def find_other_use(jwk: object) -> str | None:
    """Return why a well-formed JWK is not for signatures that are supported here; None if it is, or is malformed.

    A set of public keys may have such keys (RFC 7517 section 5). The words show a value only if it is a short name.

    Args:
        jwk: the JWK, untrusted.
    """
    if not isinstance(jwk, Mapping):
        return None
    use, operations = jwk.get("use"), jwk.get("key_ops")
    if isinstance(use, str) and use != "sig":
        return f"use is {_show(use)}"
    for name, known in (("kty", _KEY_TYPES), ("alg", ALGORITHMS), ("crv", IMPLIED)):
        value = jwk.get(name)
        if isinstance(value, str) and value not in known:
            return f"{name} is {_show(value)}"
    is_list = isinstance(operations, (list, tuple)) and all(isinstance(name, str) for name in operations)
    if is_list and operations and ALL_OPERATIONS.isdisjoint(operations):
        return "key_ops has no verify"
    return None


def algorithm_in_set(jwk: object, alg: str | None) -> str | None:
    """Return *alg*, the algorithm of the keys of a set that name none, unless this JWK names one or its curve does."""
    if alg is None or not isinstance(jwk, Mapping) or "alg" in jwk:
        return None
    curve = jwk.get("crv")
    is_of_other_curve = isinstance(curve, str) and curve in IMPLIED and algorithm_named(alg).curve != curve
    return None if is_of_other_curve else alg


def _show(value: str) -> str:
    return f'"{value}"' if re.fullmatch(_NAME, value) else "not known here"


def members_of_set(jwks: Mapping[str, object]) -> Sequence[Any]:
    """Return the JWKs of a JWK Set (RFC 7517 section 5). They are not looked at.

    Raises:
        InvalidKey: *jwks* is not an object with the array ``keys``.
    """
    members = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(members, (list, tuple)):
        is_jwk = isinstance(jwks, Mapping) and "kty" in jwks
        got = 'one JWK: put it into {"keys": […]}' if is_jwk else "something else"
        raise InvalidKey(f'a JWK Set must be an object with an array "keys", got {got}')
    return members
