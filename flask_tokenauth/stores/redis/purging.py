"""Deletes what does not expire by itself, unless the clock of the server seems to be ahead.

Sessions, reference tokens and spent IDs expire by themselves. The rest is read page by page: no call blocks the server.
"""

from collections.abc import Iterator

from ...core.encoding.limits import is_identifier
from ...core.store import LONGEST_SILENCE
from ..rows import check_clock, in_milliseconds, parse_number
from . import shared_scripts
from .api_keys import StoredApiKeys
from .hashes import to_number
from .prepared_keys import PreparedKeys
from .reference_tokens import StoredReferenceTokens
from .sessions import StoredSessions

_DROPPED = 1000  # revocations in one step


def purge(
    keys: PreparedKeys,
    sessions: StoredSessions,
    api_keys: StoredApiKeys,
    reference_tokens: StoredReferenceTokens,
    *,
    force: bool,
) -> int:
    """Delete records that are over, and return how many records these were.

    Args:
        keys: of the store.
        sessions: whose lists are repaired.
        api_keys: which are deleted if they are not live.
        reference_tokens: which are deleted if they do not count.
        force: do not check the clock of the server.

    Raises:
        PurgeRefused: the clock of the server seems to be ahead.
        StoreUnavailable: the server cannot be asked.
    """
    _, _, present, *known = keys.run_shared(shared_scripts.READ_FACTS)
    now = to_number(present)
    if not force:
        times = (to_number(time) for time in known if time is not None)
        check_clock(now, _find_newest(now, times, _read_times(keys)))
    keys.run_shared(shared_scripts.BEGIN_PURGE, (now,))
    dropped = sum(sessions.repair(user_id) for page in _pages(keys, "sessions") for user_id in page)
    dropped += sum(api_keys.repair(page) for page in _pages(keys, "api_key"))
    dropped += sum(reference_tokens.purge(page) for page in _pages(keys, "reference"))
    # After the API keys that they are about: if the key epochs of users are lost, the revocations restore them.
    while page := to_number(keys.run_shared(shared_scripts.DROP_REVOCATIONS, (_DROPPED,))):
        dropped += page
    return dropped


def _find_newest(now: int, *sources: Iterator[int]) -> list[int]:
    """Return the newest time up to the present, or one that is new enough: then the others need not be read."""
    newest: list[int] = []
    for source in sources:
        for time in source:
            if time <= now:
                newest = [max([time, *newest])]
            if newest and now - newest[0] <= in_milliseconds(LONGEST_SILENCE):
                return newest
    return newest


def _read_times(keys: PreparedKeys) -> Iterator[int]:
    """Yield when sessions began and API keys were created. Values that cannot be read are left out."""
    for kind, field in ("session", b"started_at"), ("api_key", b"created_at"):
        for page in keys.servers.scan(keys.layout.pattern(kind)):
            values = (found.get(field, b"") for found in keys.fetch(page))
            times = (parse_number(value.decode(errors="replace")) for value in values)
            yield from (time for time in times if time is not None)


def _pages(keys: PreparedKeys, kind: str) -> Iterator[list[str]]:
    """Yield the IDs in the keys of a kind, page by page. A key of another program may have none."""
    for page in keys.servers.scan(keys.layout.pattern(kind)):
        yield [subject for key in page if is_identifier(subject := keys.layout.subject_of(key, kind))]
