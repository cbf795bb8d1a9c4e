"""The keys that encrypt and decrypt tokens, found by key ID. They can be exchanged while they are in use."""

from collections.abc import Iterable, Iterator, Mapping

from ..errors import InvalidKey
from .encryption_key import EncryptionKey
from .jwk import members_of_set, read_status_since
from .known_headers import KnownHeaders
from .statuses import digest_of_ring, find_active


class EncryptionKeys(KnownHeaders):
    """A set of encryption keys. One of them encrypts; all that can decrypt do, with any status.

    Args:
        keys: at least one key, each with a key ID of its own.
        active: the one of *keys* that encrypts. Default: the first that can encrypt.

    Attributes:
        active: the key that encrypts, or None if no key can.
        generation: how often the keys were exchanged. Code that keeps the result of a key reads it before it looks for
            the key, and drops the result when it has changed.
        ring: for keys with a ``status``, a digest of their IDs and statuses, which is the same in every process with
            the same ring; None for keys without.

    Raises:
        InvalidKey: there is no key, two have the same ``kid``, or *active* is none of *keys* or
            cannot encrypt.
    """

    __slots__ = ("_by_kid", "active", "generation", "ring")

    active: EncryptionKey | None
    generation: int
    ring: str | None

    def __init__(self, keys: Iterable[EncryptionKey], *, active: EncryptionKey | None = None) -> None:
        self._by_kid = _index_by_kid(keys)
        self.active = _check_active(active, self._by_kid)
        self.generation = 0
        self.ring = None
        super().__init__()

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, object]) -> "EncryptionKeys":
        """Load a JWK Set (RFC 7517 section 5). No key is skipped.

        If the keys have a ``status``, the one that is "active" encrypts.

        Args:
            jwks: the object with the array ``keys``.

        Returns:
            The keys, in their order.

        Raises:
            InvalidKey: *jwks* is not a JWK Set, one of its keys cannot be used, there is no key, two have the same
                ``kid``, some keys have no ``status``, or not exactly one is "active". The message
                has the number of the bad key, from 1.
            SettingsError: joserfc is not installed.
        """
        members = members_of_set(jwks)
        keys = [_load_key(jwk, f"key {position} of {len(members)}") for position, jwk in enumerate(members, 1)]
        loaded = cls(keys)
        statuses = [read_status_since(jwk)[0] for jwk in members]
        if any(status is not None for status in statuses):
            active = keys[find_active(statuses)]
            if not active.can_encrypt:
                raise InvalidKey("key_ops of the active key of a set must allow it to encrypt, got another key")
            loaded.active = active
            loaded.ring = digest_of_ring((key.kid for key in keys), statuses)
        return loaded

    def exchange(self, keys: "EncryptionKeys") -> None:
        """Replace all keys. Tokens that were encrypted for a removed key are refused from then on.

        Other threads may use the set meanwhile. They can decrypt with the new keys before one of these encrypts.

        Args:
            keys: the new ones, with their active key and their ``ring``.
        """
        self._by_kid = dict(keys._by_kid)
        self.forget_headers()
        self.active = keys.active
        self.ring = keys.ring
        self.generation += 1  # last, so that a thread that reads the new number finds the new keys

    def find(self, kid: str) -> EncryptionKey | None:
        """Return the key with this ID, or None."""
        return self._by_kid.get(kid)

    def __iter__(self) -> Iterator[EncryptionKey]:
        return iter(self._by_kid.values())

    def __len__(self) -> int:
        return len(self._by_kid)

    def __repr__(self) -> str:
        return f"EncryptionKeys({list(self)!r})"


def _load_key(jwk: Mapping[str, object], position: str) -> EncryptionKey:
    try:
        return EncryptionKey.from_jwk(jwk)
    except InvalidKey as error:
        raise InvalidKey(f"{position}: {error}") from error


def _check_active(key: EncryptionKey | None, by_kid: Mapping[str, EncryptionKey]) -> EncryptionKey | None:
    """Return *key*, or the first key that can encrypt if it is None."""
    if key is None:
        return next((key for key in by_kid.values() if key.can_encrypt), None)
    if by_kid.get(key.kid) is not key or not key.can_encrypt:
        raise InvalidKey("the active key must be a key of the set that can encrypt, got another key")
    return key


def _index_by_kid(keys: Iterable[EncryptionKey]) -> dict[str, EncryptionKey]:
    by_kid: dict[str, EncryptionKey] = {}
    for key in keys:
        if key.kid in by_kid:
            raise InvalidKey("each encryption key must have a kid of its own, got two with the same: remove one")
        by_kid[key.kid] = key
    if not by_kid:
        raise InvalidKey("a set of encryption keys must have at least one key, got none")
    return by_kid
