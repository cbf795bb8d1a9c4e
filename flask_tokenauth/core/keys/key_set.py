"""A set of keys, found by key ID (RFC 7517 section 5). Its keys can be exchanged while it is in use."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..errors import InvalidKey
from ..signature_errors import UnknownKey, WrongAlgorithm
from .jwk import KeyStatus, algorithm_in_set, find_other_use, is_private, members_of_set, read_status_since
from .key import Key
from .known_headers import KnownHeaders
from .statuses import digest_of_ring, find_active

_log = logging.getLogger("flask_tokenauth")
_NOT_SKIPPED = "a set with a private key or a secret must have keys for signatures only: remove or correct this key"
_MAX_LISTED = 10  # keys of a set that an error or the log lists


class KeySet(KnownHeaders):
    """A set of keys, found by key ID. One of them signs.

    Args:
        keys: at least one key, each with a key ID of its own: either secrets, or private and public keys. They must not
            be mixed, since a set of public keys is made to be published, and a secret in it could be published too.
        signing_key: the one of *keys* that signs. Default: the first that can sign.

    Attributes:
        signing_key: the key that signs, or None if no key can.
        generation: how often the keys were exchanged. Code that keeps the result of a key reads it before it looks for
            the key, and drops the result when it has changed.
        ring: for keys with a ``status``, a digest of their IDs and statuses, which is the same in every process with
            the same ring; None for keys without.

    Raises:
        InvalidKey: there is no key, two have the same ``kid``, secrets are mixed with other keys, or *signing_key* is
            none of *keys* or cannot sign.
    """

    __slots__ = ("_by_kid", "generation", "ring", "signing_key")

    generation: int
    ring: str | None
    signing_key: Key | None

    def __init__(self, keys: Iterable[Key], *, signing_key: Key | None = None) -> None:
        self._by_kid = _index_by_kid(keys)
        self.signing_key = _check_signing_key(signing_key, self._by_kid)
        self.generation = 0
        self.ring = None
        super().__init__()

    def exchange(self, keys: Iterable[Key], *, signing_key: Key | None = None) -> None:
        """Replace all keys. Tokens that a removed key has signed are refused from then on.

        Other threads may use the set meanwhile. They verify with the new keys before one of these signs.

        Args:
            keys: at least one key, each with a key ID of its own: either secrets, or private and public keys. The
                ``ring`` of a set is taken too.
            signing_key: the one of *keys* that signs. Default: the first that can sign.

        Raises:
            InvalidKey: there is no key, two have the same ``kid``, secrets are mixed with other keys, or *signing_key*
                is none of *keys* or cannot sign. The set is not changed then.
        """
        by_kid = _index_by_kid(keys)
        signing_key = _check_signing_key(signing_key, by_kid)
        self._by_kid = by_kid
        self.forget_headers()
        self.signing_key = signing_key
        self.ring = keys.ring if isinstance(keys, KeySet) else None
        self.generation += 1  # last, so that a thread that reads the new number finds the new keys

    def expire_results(self) -> None:
        """Let code that keeps results of these keys drop them, as after an exchange. The keys stay."""
        self.generation += 1

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, object], *, alg: str | None = None) -> "KeySet":
        """Load a JWK Set (RFC 7517 section 5).

        If the keys have a ``status``, the one that is "active" signs.

        In a set of public keys, those that are not for signatures (``use`` is "enc", for example) or are of a kind that
        is not supported are skipped, and one line in the log names them. Each other key must be usable. In a set with a
        private key or a secret no key is skipped, so that no other key than you think signs.

        Args:
            jwks: the object with the array ``keys``.
            alg: the algorithm of the keys that name none. For a key on a curve of another algorithm the curve decides.

        Returns:
            The keys, in their order.

        Raises:
            InvalidKey: *jwks* is not a JWK Set, one of its keys cannot be used, there is no key, two have the same
                ``kid``, secrets are mixed with other keys, or some keys have no ``status``, or not exactly one is
                "active". The message has the number of the bad key, from 1.
        """
        members = members_of_set(jwks)
        skipped = {} if any(is_private(jwk) for jwk in members) else _find_skipped(members)
        listed = "; ".join(f"key {position}: {reason}" for position, reason in list(skipped.items())[:_MAX_LISTED])
        if skipped and len(skipped) == len(members):
            raise InvalidKey(f"a JWK Set must have a key for signatures that is supported here, got none ({listed})")
        used = [(position, jwk) for position, jwk in enumerate(members, 1) if position not in skipped]
        keys = [_load_key(jwk, alg, f"key {position} of {len(members)}") for position, jwk in used]
        loaded = cls(keys)
        statuses = [read_status_since(jwk)[0] for _, jwk in used]
        if any(status is not None for status in statuses):
            loaded.signing_key = _find_active(keys, statuses, has_private=loaded.signing_key is not None)
            loaded.ring = digest_of_ring((key.kid for key in keys), statuses)
        if skipped:
            _log.info(
                "%d of the %d keys of a JWK Set were skipped: they are not for signatures, or of a kind that is not "
                "supported (%s)",
                len(skipped),
                len(members),
                listed,
            )
        return loaded

    def find(self, kid: str | None) -> Key | None:
        """Return the key with this ID, or None. If *kid* is None and the set has one key, return that key."""
        if kid is None:
            return next(iter(self)) if len(self) == 1 else None
        return self._by_kid.get(kid)

    def select(self, header: Mapping[str, object]) -> Key:
        """Return the key that the header of a token names, or the only one if it names none.

        Args:
            header: the JOSE header, well-formed and untrusted.

        Raises:
            TokenError: the set has no such key, the header names none and there are several, or the key has another
                algorithm than the header.
        """
        key = self.find(header.get("kid"))  # type: ignore[arg-type]  # a string or missing, as checked
        if key is None:
            raise UnknownKey
        if header["alg"] != key.algorithm:
            raise WrongAlgorithm(key.algorithm)
        return key

    def __iter__(self) -> Iterator[Key]:
        return iter(self._by_kid.values())

    def __len__(self) -> int:
        return len(self._by_kid)

    def __repr__(self) -> str:
        return f"KeySet({list(self)!r})"


def _find_skipped(members: Iterable[object]) -> dict[int, str]:
    """Return the numbers of the keys that are not for us, and why."""
    reasons = {position: find_other_use(jwk) for position, jwk in enumerate(members, 1)}
    return {position: reason for position, reason in reasons.items() if reason is not None}


def _load_key(jwk: Mapping[str, object], alg: str | None, position: str) -> Key:
    try:
        return Key.from_jwk(jwk, alg=algorithm_in_set(jwk, alg))
    except InvalidKey as error:
        reason = find_other_use(jwk)
        raise InvalidKey(f"{position}: {error if reason is None else f'{reason}; {_NOT_SKIPPED}'}") from error


def _find_active(keys: Sequence[Key], statuses: Sequence[KeyStatus | None], *, has_private: bool) -> Key | None:
    """Return the signing key of a ring: the active one. A set of public keys has none, whatever their status."""
    active = keys[find_active(statuses)]
    if has_private and not active.can_sign:
        raise InvalidKey("the active key of a set must be a private key or a secret that can sign, got another one")
    return active if active.can_sign else None


def _check_signing_key(key: Key | None, by_kid: Mapping[str, Key]) -> Key | None:
    """Return *key*, or the first key that can sign if it is None."""
    if key is None:
        return next((key for key in by_kid.values() if key.can_sign), None)
    if by_kid.get(key.kid) is not key or not key.can_sign:
        raise InvalidKey(
            "the signing key must be a private key or a secret of the set, got another key, or one that can only verify"
        )
    return key


def _index_by_kid(keys: Iterable[Key]) -> dict[str, Key]:
    by_kid: dict[str, Key] = {}
    for key in keys:
        if key.kid in by_kid:
            raise InvalidKey(
                "each key of a key set must have a kid of its own, got two with the same kid: remove one of them; a "
                "private key needs no public half and no certificate beside it"
            )
        by_kid[key.kid] = key
    if not by_kid:
        raise InvalidKey("a key set must have at least one key, got none")
    if len({key.key_type == "oct" for key in by_kid.values()}) != 1:
        raise InvalidKey("a key set must have secrets only, or private and public keys only, got both kinds")
    return by_kid
