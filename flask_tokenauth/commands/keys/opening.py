"""Common parts of the commands for keys: they read and lock the file, and print warnings about it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from ...core.errors import InvalidKey
from ...core.keys.key_ring import KeyRing
from ..output import errors_as_messages
from .context import KeysContext
from .file_rights import find_weak_rights
from .ring_file import StoredKeys

_WAITING = "Waiting for another command that changes the keys."


def warn(sentences: Iterable[str]) -> None:
    """Print warnings."""
    for sentence in sentences:
        click.echo(f"Warning: {sentence}.", err=True)


def refuse_unknown(context: KeysContext, kid: str | None) -> InvalidKey:
    """Return the error for a key that is not in the file."""
    return InvalidKey(f"{context.file.path} must have a key with the ID {kid}, got other keys: see keys list")


def require_ring(context: KeysContext, stored: StoredKeys, *, now: float) -> KeyRing:
    """Return the ring in the file, and print warnings about it.

    Raises:
        InvalidKey: its keys have no status.
    """
    ring = stored.read_ring(now=now)
    if ring is None:
        kind = context.kind
        raise InvalidKey(
            f"the keys in {context.file.path} must have a status to be rotated, got none: keys {kind.option}generate "
            f"makes a ring of them, in which the key that {kind.signs} now is active"
        )
    warn(find_weak_rights(context.file.target))
    warn(_find_future(ring))
    return ring


@contextmanager
def locked(context: KeysContext) -> Iterator[float]:
    """Lock the file, and yield the present: other commands may have been waited for."""
    with errors_as_messages(), context.file.locked(on_wait=lambda: click.echo(_WAITING, err=True)):
        yield context.clock()


@contextmanager
def changing(context: KeysContext) -> Iterator[tuple[StoredKeys, KeyRing, float]]:
    """Lock the file, and yield what it has, which must be a ring, and the present."""
    with errors_as_messages():
        context.file.check_exists()
    with locked(context) as now:
        stored = context.file.read()
        yield stored, require_ring(context, stored, now=now), now


def _find_future(ring: KeyRing) -> Iterator[str]:
    for kid in ring.ahead:
        yield f"status_since of the key {kid} is in the future, and counts as now: check the clock of this machine"
