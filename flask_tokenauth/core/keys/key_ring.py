"""A ring of keys in a JWK Set: one signs, the next one is published before it does, and old ones are still believed.

Keys that encrypt can be a ring too: one encrypts, and all of them decrypt.

Each key has two members of its own in its JWK (RFC 7517 section 4 allows them): ``status``, and ``status_since`` in
seconds. The time is passed in. Files are read and written elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import repeat
from types import MappingProxyType
from typing import Any

from ..errors import InvalidKey
from .encryption_algorithms import ENCRYPTION_ALGORITHMS
from .encryption_key import EncryptionKey
from .encryption_keys import EncryptionKeys
from .jwk import KeyStatus, read_status_since
from .key import Key
from .key_set import KeySet

AnyKey = Key | EncryptionKey  # of a ring: all of one kind
AnyKeySet = KeySet | EncryptionKeys
_NEEDED: Mapping[type[AnyKeySet], tuple[str, str]] = {
    KeySet: ("signs", "public keys only"),
    EncryptionKeys: ("encrypts", "keys that only decrypt"),
}
_MOMENT = 60.0  # seconds: so much may the clock of another machine be ahead
_RESERVE = timedelta(seconds=60)  # for clocks that differ, and for requests on their way


@dataclass(frozen=True, slots=True, kw_only=True)
class RingTimes:
    """The times that the rotation of a ring waits for.

    Attributes:
        publication: from when a key is published until all services know it, and it may sign.
        retention: from when a key has stopped signing until the last of its tokens has expired, and it may go.
    """

    publication: timedelta
    retention: timedelta

    @property
    def publication_seconds(self) -> float:
        return self.publication.total_seconds()

    @property
    def retention_seconds(self) -> float:
        return self.retention.total_seconds()

    @classmethod
    def of(
        cls, *, max_age: timedelta, interval: timedelta, rollout: timedelta, max_lifetime: timedelta, leeway: timedelta
    ) -> "RingTimes":
        """Compute the times.

        Args:
            max_age: for how long other services keep the published key set.
            interval: how often a process looks at the file.
            rollout: how long the file takes to reach all machines.
            max_lifetime: the longest lifetime of a token.
            leeway: by how much clocks may differ.
        """
        return cls(
            publication=max_age + 2 * interval + rollout + _RESERVE,
            retention=max_lifetime + 2 * leeway + rollout + 2 * interval + _RESERVE,  # it signs until it is looked at
        )


@dataclass(frozen=True, slots=True)
class RingKey:
    """A key of a ring.

    Attributes:
        key: the key.
        status: "next" (published, signs nothing yet), "active" (signs) or "retired" (still believed). A key that
            encrypts is not published; the active one encrypts, and all of them decrypt.
        since: the time at which it got this status, in seconds since 1970-01-01T00:00:00Z.
        members: of the JWK with the private key or the secret, as it was read or made.
    """

    key: AnyKey
    status: KeyStatus
    since: float
    members: Mapping[str, object] = field(repr=False, compare=False)

    @classmethod
    def of(cls, key: AnyKey, status: KeyStatus, since: float) -> "RingKey":
        """Return a key that comes from no file."""
        is_private = key.can_sign if isinstance(key, Key) else key.can_decrypt
        return cls(key, status, since, key.to_jwk(private=is_private))

    def to_jwk(self) -> dict[str, object]:
        """Return the JWK with the private key or the secret, the status and its time."""
        return {**self.members, "status": self.status, "status_since": int(self.since)}

    def removable_at(self, times: RingTimes) -> float | None:
        """Return the time from which no token of this key can be accepted, or None while it signs."""
        if self.status == "active":
            return None
        return self.since if self.status == "next" else self.since + times.retention_seconds


def make_key(alg: str, *, curve: str | None = None) -> AnyKey:
    """Return a new key for a ring. Its ID can be an argument of a command: it does not begin like an option.

    Args:
        alg: an algorithm of signatures, or of encrypted tokens.
        curve: for "ECDH-ES+A256KW": "P-256" or "X25519". Default: "P-256".

    Raises:
        InvalidKey: there is no such *alg*, or no such *curve* for it.
        SettingsError: the key encrypts, and joserfc is not installed.
    """
    return next(key for key in (_generate(alg, curve) for _ in repeat(None)) if not key.kid.startswith("-"))


def make_successor(key: AnyKey) -> AnyKey:
    """Return a new key for a ring, of the same algorithm as *key* and on the same curve."""
    return make_key(key.algorithm, curve=None if isinstance(key, Key) else key.curve)


def _generate(alg: str, curve: str | None) -> AnyKey:
    if alg in ENCRYPTION_ALGORITHMS:
        return EncryptionKey.generate(alg, curve=curve)
    if curve is not None:
        raise InvalidKey(f"a curve must be given for encryption keys only, got one for {alg}")
    return Key.generate(alg)


class KeyRing:
    """The keys of a ring, in their order.

    Args:
        keys: each with a status. Exactly one is active. The active one and the next ones can sign and verify, or, in a
            ring of encryption keys, encrypt and decrypt.
        others: members of the JWK Set beside ``keys``.

    Attributes:
        ahead: the IDs of the keys whose ``status_since`` was in the future. It counts as the present.

    Raises:
        InvalidKey: that is not so, two keys have the same ``kid``, secrets are mixed with other keys that sign, or keys
            that sign with keys that encrypt.
    """

    def __init__(self, keys: Iterable[RingKey], *, others: Mapping[str, object] = MappingProxyType({})) -> None:
        self._keys = tuple(keys)
        self._others = others
        self.ahead: tuple[str, ...] = ()
        found = [ring_key for ring_key in self._keys if ring_key.status == "active"]
        if len(found) != 1:
            raise InvalidKey(f"a ring of keys must have exactly one active key, got {len(found)}")
        [self.active] = found
        for ring_key in self._keys:
            if ring_key.status != "retired" and (missing := _find_missing(ring_key.key)) is not None:
                raise InvalidKey(
                    f"the {ring_key.status} key of a ring must be a private key or a secret, and its key_ops, if any, "
                    f"must {missing}, got another key"
                )
        self.key_set()  # checks the rest

    @classmethod
    def start(cls, alg: str, *, now: float, curve: str | None = None) -> "KeyRing":
        """Return a new ring, with an active key and the next one.

        Args:
            alg: the algorithm of both, of signatures or of encrypted tokens.
            now: seconds since 1970-01-01T00:00:00Z.
            curve: for "ECDH-ES+A256KW": "P-256" or "X25519". Default: "P-256".

        Raises:
            InvalidKey: *alg* is not supported, or has no such *curve*.
            SettingsError: the keys encrypt, and joserfc is not installed.
        """
        statuses: tuple[KeyStatus, ...] = ("active", "next")
        return cls([RingKey.of(make_key(alg, curve=curve), status, now) for status in statuses])

    @classmethod
    def from_jwks(
        cls,
        jwks: Mapping[str, object],
        *,
        written_at: float,
        now: float,
        kind: type[KeySet] | type[EncryptionKeys] = KeySet,
    ) -> "KeyRing | None":
        """Read a ring from a JWK Set.

        Args:
            jwks: with the private keys or the secrets.
            written_at: the time of keys without ``status_since``, in seconds since 1970-01-01T00:00:00Z.
            now: the same, of the present. A time after it counts as the present.
            kind: of the set: its keys sign, or encrypt.

        Returns:
            The ring, or None if no key has a ``status``.

        Raises:
            InvalidKey: *jwks* is not a JWK Set, a key cannot be used, some keys have no status, or not exactly one is
                active.
        """
        keys: Sequence[AnyKey] = tuple(kind.from_jwks(jwks))
        members: Sequence[Any] = jwks["keys"]  # type: ignore[assignment]  # as from_jwks has checked
        statuses = [read_status_since(jwk) for jwk in members]
        if all(status is None for status, _ in statuses):
            return None
        if len(keys) != len(members):
            raise InvalidKey("a ring of keys must have keys for signatures only: remove the others")
        times = [written_at if since is None else since for _, since in statuses]
        ring = cls(
            (
                RingKey(key, status, min(now, time), jwk)
                for key, jwk, (status, _), time in zip(keys, members, statuses, times, strict=True)
                if status is not None
            ),
            others=_others_of(jwks),
        )
        ring.ahead = tuple(key.kid for key, time in zip(keys, times, strict=True) if time > now + _MOMENT)
        return ring

    @classmethod
    def of_plain_jwks(
        cls,
        jwks: Mapping[str, object],
        *,
        since: float,
        kind: type[KeySet] | type[EncryptionKeys] = KeySet,
    ) -> "KeyRing":
        """Return a ring that means what a set without statuses means: one key is active, the others are retired.

        Args:
            jwks: a JWK Set without statuses, with a key that can sign, or encrypt.
            since: seconds since 1970-01-01T00:00:00Z.
            kind: of the set: its keys sign, or encrypt.

        Raises:
            InvalidKey: no key can sign, or no key can encrypt.
        """
        keys = kind.from_jwks(jwks)
        active = keys.signing_key if isinstance(keys, KeySet) else keys.active
        if active is None:
            needed, got = _NEEDED[kind]
            raise InvalidKey(f"a ring of keys must have a private key or a secret that {needed}, got {got}")
        members: Sequence[Any] = jwks["keys"]  # type: ignore[assignment]  # as from_jwks has checked
        found = zip(tuple[AnyKey, ...](keys), members, strict=True)
        return cls(
            (RingKey(key, "active" if key is active else "retired", since, jwk) for key, jwk in found),
            others=_others_of(jwks),
        )

    def __iter__(self) -> Iterator[RingKey]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def upcoming(self) -> RingKey | None:
        """The key that signs after the next rotation: of those that are next, the one that was published first."""
        return min((found for found in self if found.status == "next"), key=lambda found: found.since, default=None)

    def find(self, kid: str) -> RingKey | None:
        """Return the key with this ID, or None."""
        return next((ring_key for ring_key in self if ring_key.key.kid == kid), None)

    def key_set(self) -> AnyKeySet:
        """Return the keys as a set, in which the active one signs or encrypts."""
        keys, active = [ring_key.key for ring_key in self], self.active.key
        signing = [key for key in keys if isinstance(key, Key)]
        encrypting = [key for key in keys if isinstance(key, EncryptionKey)]
        if signing and encrypting:
            raise InvalidKey("a ring must have keys that sign only, or keys that encrypt only, got both kinds")
        if isinstance(active, Key):
            return KeySet(signing, signing_key=active)
        return EncryptionKeys(encrypting, active=active)

    def to_jwks(self) -> dict[str, object]:
        """Return the JWK Set with the private keys or the secrets."""
        return {**self._others, "keys": [ring_key.to_jwk() for ring_key in self]}

    def _with(self, keys: Iterable[RingKey]) -> "KeyRing":
        return KeyRing(keys, others=self._others)

    def add_next(self, key: AnyKey, *, now: float) -> "KeyRing":
        """Return the ring with one more key that is next."""
        return self._with([*self, RingKey.of(key, "next", now)])

    def rotatable_at(self, times: RingTimes) -> float | None:
        """Return the time from which all services know the upcoming key, or None if there is none."""
        return None if self.upcoming is None else self.upcoming.since + times.publication_seconds

    def promote(self, key: AnyKey, *, now: float) -> "KeyRing":
        """Return the ring after one step: active becomes retired, next becomes active, and *key* is next.

        Args:
            key: the new key that is next.
            now: seconds since 1970-01-01T00:00:00Z.

        Raises:
            InvalidKey: no key is next.
        """
        upcoming = self.upcoming
        if upcoming is None:
            raise InvalidKey("a ring must have a key that is next to be rotated, got none: add one with keys generate")
        steps: dict[str, KeyStatus] = {self.active.key.kid: "retired", upcoming.key.kid: "active"}
        stepped = [
            replace(found, status=steps[found.key.kid], since=now) if found.key.kid in steps else found
            for found in self
        ]
        return self._with([*stepped, RingKey.of(key, "next", now)])

    def without_expired(self, *, now: float, times: RingTimes) -> "KeyRing":
        """Return the ring without the retired keys of which no token can be accepted any more.

        Args:
            now: seconds since 1970-01-01T00:00:00Z.
            times: of the application.
        """
        kept = [found for found in self if found.status != "retired" or now < found.since + times.retention_seconds]
        return self._with(kept)

    def remove(self, kid: str) -> "KeyRing":
        """Return the ring without a key.

        Raises:
            InvalidKey: it is the active key, or there is no such key.
        """
        if self.find(kid) is None:
            raise InvalidKey("the ring must have a key with this kid, got another kid: list them with keys list")
        return self._with(ring_key for ring_key in self if ring_key.key.kid != kid)


def _find_missing(key: AnyKey) -> str | None:
    """Return what a key would have to do so that it can be active, or None if it can be."""
    if isinstance(key, Key):
        return None if key.can_sign and key.can_verify else 'have "sign" and "verify"'
    return None if key.can_encrypt and key.can_decrypt else "allow it to encrypt and to decrypt"


def _others_of(jwks: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in jwks.items() if name != "keys"}
