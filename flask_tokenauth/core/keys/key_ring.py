"""A ring of keys in a JWK Set: one signs, the next one is published before it does, and old ones are still believed.

Each key has two members of its own in its JWK (RFC 7517 section 4 allows them): ``status``, and ``status_since`` in
seconds. The time is passed in. Files are read and written elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from ..errors import InvalidKey
from .jwk import KeyStatus, read_status_since
from .key import Key
from .key_set import KeySet

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
        status: "next" (published, signs nothing yet), "active" (signs) or "retired" (still believed).
        since: the time at which it got this status, in seconds since 1970-01-01T00:00:00Z.
        members: of the JWK with the private key or the secret, as it was read or made.
    """

    key: Key
    status: KeyStatus
    since: float
    members: Mapping[str, object] = field(repr=False, compare=False)

    @classmethod
    def of(cls, key: Key, status: KeyStatus, since: float) -> "RingKey":
        """Return a key that comes from no file."""
        return cls(key, status, since, key.to_jwk(private=key.can_sign))

    def to_jwk(self) -> dict[str, object]:
        """Return the JWK with the private key or the secret, the status and its time."""
        return {**self.members, "status": self.status, "status_since": int(self.since)}

    def removable_at(self, times: RingTimes) -> float | None:
        """Return the time from which no token of this key can be accepted, or None while it signs."""
        if self.status == "active":
            return None
        return self.since if self.status == "next" else self.since + times.retention_seconds


def make_key(alg: str) -> Key:
    """Return a new key for a ring. Its ID can be an argument of a command: it does not begin like an option."""
    return next(key for key in iter(lambda: Key.generate(alg), None) if not key.kid.startswith("-"))


class KeyRing:
    """The keys of a ring, in their order.

    Args:
        keys: each with a status. Exactly one is active. The active one and the next ones can sign and verify.
        others: members of the JWK Set beside ``keys``.

    Attributes:
        ahead: the IDs of the keys whose ``status_since`` was in the future. It counts as the present.

    Raises:
        InvalidKey: that is not so, two keys have the same ``kid``, or secrets are mixed with other keys.
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
            if ring_key.status != "retired" and not (ring_key.key.can_sign and ring_key.key.can_verify):
                raise InvalidKey(
                    f"the {ring_key.status} key of a ring must be a private key or a secret, and its key_ops, if any, "
                    'must have "sign" and "verify", got another key'
                )
        self.key_set()  # checks the rest

    @classmethod
    def start(cls, alg: str, *, now: float) -> "KeyRing":
        """Return a new ring, with an active key and the next one.

        Args:
            alg: the algorithm of both.
            now: seconds since 1970-01-01T00:00:00Z.

        Raises:
            InvalidKey: *alg* is not supported.
        """
        return cls([RingKey.of(make_key(alg), "active", now), RingKey.of(make_key(alg), "next", now)])

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, object], *, written_at: float, now: float) -> "KeyRing | None":
        """Read a ring from a JWK Set.

        Args:
            jwks: with the private keys or the secrets.
            written_at: the time of keys without ``status_since``, in seconds since 1970-01-01T00:00:00Z.
            now: the same, of the present. A time after it counts as the present.

        Returns:
            The ring, or None if no key has a ``status``.

        Raises:
            InvalidKey: *jwks* is not a JWK Set, a key cannot be used, some keys have no status, or not exactly one is
                active.
        """
        keys = KeySet.from_jwks(jwks)
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
    def of_plain_jwks(cls, jwks: Mapping[str, object], *, since: float) -> "KeyRing":
        """Return a ring that means what a set without statuses means: its signing key is active, others are retired.

        Args:
            jwks: a JWK Set without statuses, with a key that can sign.
            since: seconds since 1970-01-01T00:00:00Z.

        Raises:
            InvalidKey: no key can sign.
        """
        keys = KeySet.from_jwks(jwks)
        if keys.signing_key is None:
            raise InvalidKey("a ring of keys must have a private key or a secret that signs, got public keys only")
        members: Sequence[Any] = jwks["keys"]  # type: ignore[assignment]  # as from_jwks has checked
        found = zip(keys, members, strict=True)
        return cls(
            (RingKey(key, "active" if key is keys.signing_key else "retired", since, jwk) for key, jwk in found),
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

    def key_set(self) -> KeySet:
        """Return the keys as a set, in which the active one signs."""
        return KeySet([ring_key.key for ring_key in self], signing_key=self.active.key)

    def to_jwks(self) -> dict[str, object]:
        """Return the JWK Set with the private keys or the secrets."""
        return {**self._others, "keys": [ring_key.to_jwk() for ring_key in self]}

    def _with(self, keys: Iterable[RingKey]) -> "KeyRing":
        return KeyRing(keys, others=self._others)

    def add_next(self, key: Key, *, now: float) -> "KeyRing":
        """Return the ring with one more key that is next."""
        return self._with([*self, RingKey.of(key, "next", now)])

    def rotatable_at(self, times: RingTimes) -> float | None:
        """Return the time from which all services know the upcoming key, or None if there is none."""
        return None if self.upcoming is None else self.upcoming.since + times.publication_seconds

    def promote(self, key: Key, *, now: float) -> "KeyRing":
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


def _others_of(jwks: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in jwks.items() if name != "keys"}
