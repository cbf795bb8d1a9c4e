"""The rings of keys that processes use, in one hash: the first and the last report of each, by its fingerprint."""

from ...core.errors import StoreUnavailable
from ...core.records.ring_use import RingUse, report, select_live
from . import shared_scripts
from .hashes import to_hash, to_number, to_text
from .prepared_keys import PreparedKeys


def list_rings(keys: PreparedKeys) -> tuple[int, tuple[RingUse, ...], list[str]]:
    """Return the present of the server, the rings that are in use, and the fingerprints of the others.

    Raises:
        StoreUnavailable: the server cannot be asked, or a ring cannot be read.
    """
    present, found = keys.run(shared_scripts.READ_RINGS, keys.layout.rings)
    now = to_number(present)
    uses = [_read_use(to_text(name), to_text(value)) for name, value in to_hash(found).items()]
    live = select_live(uses, now)
    return now, live, [use.fingerprint for use in uses if use not in live]


def report_ring(keys: PreparedKeys, fingerprint: str) -> tuple[RingUse, ...]:
    """Keep that a process uses a ring, as :meth:`flask_tokenauth.core.store.Store.report_ring` describes."""
    now, live, others = list_rings(keys)
    if any(use.fingerprint == fingerprint and not use.has_to_be_renewed(now) for use in live):
        return live
    new = report(live, fingerprint, now)
    dead = [name for name in others if name != fingerprint]
    keys.run(shared_scripts.WRITE_RING, keys.layout.rings, (fingerprint, f"{new.since} {new.until}", *dead))
    return (*(use for use in live if use.fingerprint != fingerprint), new)


def _read_use(fingerprint: str, value: str) -> RingUse:
    try:
        since, until = map(int, value.split(" "))
        return RingUse(fingerprint=fingerprint, since=since, until=until)
    except ValueError:
        raise StoreUnavailable(
            "a ring of keys in the store cannot be read: another program or another release has changed it"
        ) from None
