"""The statuses of the keys of one ring: which key is active, and a digest by which rings are compared."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from ..errors import InvalidKey
from .jwk import KeyStatus


def find_active(statuses: Sequence[KeyStatus | None]) -> int:
    """Return the place of the active key of a ring, from 0.

    Args:
        statuses: of its keys.

    Raises:
        InvalidKey: a key has none, or not exactly one is active.
    """
    if None in statuses:
        raise InvalidKey(
            f"all keys of a set must have a status, or none, got {statuses.count(None)} without it: write "
            '"status": "retired" for a key that is only believed'
        )
    if (count := statuses.count("active")) != 1:
        raise InvalidKey(f'exactly one key of a set must have the status "active", got {count}')
    return statuses.index("active")


def digest_of_ring(kids: Iterable[str], statuses: Iterable[KeyStatus | None]) -> str:
    """Return a digest of the IDs of keys and their statuses, in any order: it is the same in every process."""
    lines = sorted(f"{status} {kid}\n" for kid, status in zip(kids, statuses, strict=True))
    return sha256("".join(lines).encode()).hexdigest()[:32]
