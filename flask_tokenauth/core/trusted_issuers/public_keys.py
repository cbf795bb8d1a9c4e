"""Read the public keys of other issuers: from a JWK Set that they publish, or from the settings."""

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import InvalidKey
from ..keys import pyjwt  # noqa: F401  # keys are fetched in a request, which must not wait for an import too
from ..keys.algorithms import ALGORITHMS, IMPLIED
from ..keys.jwk import find_other_use, is_private
from ..keys.key import Key
from ..keys.loading import load_keys
from .trusted_keys import NamedKey

RSA_DEFAULT = "RS256"  # of RSA keys that name no algorithm

_LONGEST_MODULUS, _LONGEST_EXPONENT = 1366, 6  # characters of base64url: 8192 and 32 bits
_NO_KID = (
    "each key must have a kid if several are for the same algorithm, got keys without: pass a mapping of kid to PEM"
)


class ReadSet(NamedTuple):
    """The keys of a JWK Set that can be used, and why the others are skipped, each by its number from 1."""

    keys: list[NamedKey]
    skipped: dict[int, str]


def read_public_jwks(jwks: Mapping[str, object], algorithms: frozenset[str] | None) -> ReadSet:
    """Read the public keys of a JWK Set that another issuer has published (RFC 7517 section 5).

    Keys that cannot be used are skipped: those for encryption, of an unknown kind, too weak, malformed, private, and
    secrets. Keys with the same ``kid`` and the same algorithm are all skipped.

    Args:
        jwks: the object, untrusted.
        algorithms: the algorithms that may be used; None for those that the keys say. A key of RSA that says none is
            for RS256, or for each of *algorithms* for RSA.

    Raises:
        InvalidKey: *jwks* has no array ``keys``.
    """
    members = jwks.get("keys")
    if not isinstance(members, (list, tuple)):
        raise InvalidKey('a JWK Set must be an object with an array "keys", got something else')
    found: dict[tuple[str, str], tuple[int, Key]] = {}
    skipped: dict[int, str] = {}
    for position, jwk in enumerate(members, 1):
        try:
            keys = _read_jwk(jwk, algorithms)
        except InvalidKey as error:
            skipped[position] = str(error)
            continue
        for key in keys:
            other, _ = found.setdefault((key.kid, key.algorithm), (position, key))
            if other != position:
                skipped[position] = skipped[other] = "another key has the same kid and alg"
    kept = [NamedKey(key.kid, key) for position, key in found.values() if position not in skipped]
    return ReadSet(kept, dict(sorted(skipped.items())))


def _read_jwk(jwk: object, algorithms: frozenset[str] | None) -> list[Key]:
    """Return the key of a JWK, once for each algorithm that it serves.

    Raises:
        InvalidKey: it cannot be used.
    """
    if not isinstance(jwk, Mapping):
        raise InvalidKey(f"a JWK must be an object, got {type(jwk).__name__}")
    if is_private(jwk):
        raise InvalidKey("it is a secret or a private key, which must not be published")
    if (reason := find_other_use(jwk)) is not None:
        raise InvalidKey(reason)
    if jwk.get("kty") == "RSA":
        _check_size(jwk)
    return [Key.from_jwk(jwk, alg=name) for name in _find_algorithms(jwk, algorithms)]


def _check_size(jwk: Mapping[str, object]) -> None:
    """Refuse an RSA key with which each verification, also of a forged token, takes milliseconds."""
    modulus, exponent = jwk.get("n"), jwk.get("e")
    if len(str(modulus)) > _LONGEST_MODULUS or len(str(exponent)) > _LONGEST_EXPONENT:
        raise InvalidKey("an RSA key of another issuer must have at most 8192 bits, and its exponent 32 bits, got more")


def _find_algorithms(jwk: Mapping[str, object], algorithms: frozenset[str] | None) -> list[str | None]:
    """Return the algorithms that a public key serves. None stands for one that ``Key.from_jwk`` finds or refuses.

    Raises:
        InvalidKey: it serves none of *algorithms*.
    """
    named, curve = jwk.get("alg"), jwk.get("crv")
    served: list[str | None]
    if named is None and algorithms is not None:
        fitting = (name for name in algorithms if ALGORITHMS[name].key_type == jwk.get("kty"))
        served = [*sorted(name for name in fitting if ALGORITHMS[name].curve == curve)]
    elif named is None:
        served = [RSA_DEFAULT if jwk.get("kty") == "RSA" else IMPLIED.get(curve) if isinstance(curve, str) else None]
    else:
        served = [named if isinstance(named, str) and (algorithms is None or named in algorithms) else None]
        if algorithms is not None and served == [None]:
            served = []
    if not served:
        raise InvalidKey("its algorithm must be one of the algorithms of this issuer, got another")
    return served


def load_public_keys(source: object, algorithms: frozenset[str] | None) -> ReadSet:
    """Load the public keys of an issuer from the settings.

    Args:
        source: as for :func:`load_keys`, but not a path.
        algorithms: the algorithms that may be used; None for the usual ones.

    Raises:
        InvalidKey: *source* cannot be read, has no key that can be used, a private key or a secret, or two keys that a
            token cannot tell apart.
    """
    if isinstance(source, (list, tuple)) and source and all(isinstance(item, Mapping) for item in source):
        source = {"keys": source}
    if isinstance(source, Mapping) and isinstance(source.get("keys"), (list, tuple)):
        read = read_public_jwks(source, algorithms)
        if not read.keys:
            reasons = "; ".join(f"key {number}: {reason}" for number, reason in read.skipped.items()) or "it is empty"
            raise InvalidKey(f"a JWK Set must have a public key that can be used here, got none ({reasons})")
        return read
    loaded = [named for key in load_keys(source) for named in _serve(key, algorithms)]
    nameless = [named.key.algorithm for named in loaded if named.kid is None]
    if len(set(nameless)) != len(nameless):
        raise InvalidKey(_NO_KID)
    return ReadSet(loaded, {})


def _serve(key: Key, algorithms: frozenset[str] | None) -> list[NamedKey]:
    """Return a key of the settings, once for each algorithm that it serves."""
    if key.key_type == "oct" or key.can_sign:
        raise InvalidKey("keys of another issuer must be public, got a private key or a secret: pass the public half")
    kid = None if key.kid == key.thumbprint() else key.kid  # PEM has no key ID
    if algorithms is None:
        return [NamedKey(kid, key)]
    jwk = {name: value for name, value in key.to_jwk().items() if name != "alg"}
    return [NamedKey(kid, Key.from_jwk(jwk, alg=name)) for name in _find_algorithms(jwk, algorithms)]
