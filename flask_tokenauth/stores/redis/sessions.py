"""The sessions of a store on Redis.

A session has a key of its own, and a user has a list of sessions in another slot of a cluster. So a session is written
first, and added to the list afterwards; a session that ends is marked first, and its revocation is written afterwards.
If a process ends in between, the next call that finds the session completes the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from heapq import nsmallest
from secrets import token_hex

from ...core.errors import StoreUnavailable
from ...core.records.grant import write_grant
from ...core.records.session import (
    MOST_DISPLACED,
    NewSession,
    Outcome,
    Redemption,
    Session,
    SessionPage,
    StartedSession,
    Terms,
)
from ..rows import MORE_ROWS, SESSION_EXISTS, SessionRow, in_milliseconds, parse_session_cursor, session_page
from . import record_scripts
from .hashes import Hash, fields_of, session_row, to_hash, to_number, to_text
from .layout import member_of
from .prepared_keys import Numbers, PreparedKeys

_REPAIRED = 500  # sessions of a list that are looked at together
_MORE = 20  # sessions of one look at a list, beside those of the page: some of them may be over


class StoredSessions:
    """Starts, redeems, lists and ends sessions.

    Args:
        keys: of the store.
    """

    def __init__(self, keys: PreparedKeys) -> None:
        self._keys = keys

    def start(self, new: NewSession, *, most: int, retention: timedelta) -> StartedSession:
        """Start a session, as :meth:`flask_tokenauth.core.store.Store.start_session` describes."""
        granted = write_grant(new.grant)
        layout, kept = self._keys.layout, self._keys.kept_for(retention)
        fields: dict[str, str | int | None] = {
            "user_id": new.user_id,
            "granted": granted,
            "label": new.label,
            "user_agent": new.user_agent,
            "epoch": self._keys.look(new.user_id).epoch,
        }
        lifetime = in_milliseconds(new.lifetime)
        answer = self._keys.run(
            record_scripts.START,
            layout.session(new.session_id),
            (token_hex(8), in_milliseconds(new.idle_lifetime), lifetime, kept, *fields_of(fields)),
        )
        if answer is None:
            raise ValueError(SESSION_EXISTS)
        row = session_row(new.session_id, to_hash(answer))
        added = (new.session_id, row.started_at, lifetime + kept)
        number, size = self._keys.run(record_scripts.ADD_TO_LIST, layout.sessions_of(new.user_id), added)
        displaced: tuple[str, ...] = ()
        if to_number(size) > most:
            displaced = self._displace(row, most=most, number=to_text(number), retention=retention)
        return StartedSession(session=row.to_session(), displaced=displaced)

    def find(self, session_id: str) -> Session | None:
        """Return the live session with this ID, or None."""
        found, numbers = self._keys.find(self._keys.layout.session(session_id), member_of("session", session_id))
        if numbers is None:
            return None
        row = session_row(session_id, found)
        self._has_lost_its_end(row, numbers, self._keys.kept_for(timedelta(0)))
        return row.to_session() if _is_live(row, numbers) else None

    def list_of(self, user_id: str, *, cursor: str | None, limit: int) -> SessionPage:
        """Return a page of sessions, as :meth:`flask_tokenauth.core.store.Store.list_sessions` describes.

        The position of a session in the list is a number that rises with each sign-in, and its ID.
        """
        position = None if cursor is None else parse_session_cursor(cursor)
        found: list[tuple[int, SessionRow]] = []
        size = limit + 1 + _MORE
        while len(found) <= limit:
            names = self._read_list(user_id, position, size)
            if not names:
                break
            position = names[-1]
            found += self._select_live(user_id, {name: number for number, name in names})
        page = session_page([row for _, row in found], limit)
        if page.cursor is None:
            return page
        number, row = found[limit - 1]
        return page.replace(cursor=f"{number}.{row.session_id}")

    def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
        """Redeem a refresh token, as :meth:`flask_tokenauth.core.store.Store.redeem` describes."""
        gone = Redemption(outcome=Outcome.GONE)
        kept = self._keys.kept_for(terms.retention)
        arguments = (generation, in_milliseconds(terms.idle_lifetime), kept, token_hex(8))
        key, member = self._keys.layout.session(session_id), member_of("session", session_id)
        answer, numbers = self._keys.run_and_look(
            record_scripts.SWAP, record_scripts.SWAP_WITH_NUMBERS, key, member, arguments
        )
        if answer is None:
            return gone
        now, swapped, rolled_back, found = answer
        row = session_row(session_id, to_hash(found))
        numbers = numbers or self._keys.look(row.user_id, member)
        if row.epoch < numbers.epoch or self._has_lost_its_end(row, numbers, kept):
            return gone
        if swapped:
            return Redemption(outcome=Outcome.SWAPPED, session=row.to_session(), rolled_back=bool(rolled_back))
        outcome = row.classify_repeat(generation, now=to_number(now), epoch=numbers.epoch, terms=terms)
        if outcome is Outcome.RETRIED:
            return Redemption(outcome=outcome, session=row.to_session())
        if outcome is Outcome.REUSED and self._end(session_id, terms.retention) is not None:
            return Redemption(outcome=outcome, session=row.to_session())
        self._complete_ends([row], numbers.stored, terms.retention)
        return gone

    def end(self, session_id: str, retention: timedelta) -> Session | None:
        """End a session, as :meth:`flask_tokenauth.core.store.Store.end_session` describes."""
        ended = self._end(session_id, retention)
        return None if ended is None else session_row(session_id, ended).to_session()

    def repair(self, user_id: str) -> int:
        """Take the sessions that are over out of the list of a user, and return how many these were."""
        removed, position = 0, None
        while names := self._read_list(user_id, position, _REPAIRED):
            live = self._select_live(user_id, {name: number for number, name in names})
            removed, position = removed + len(names) - len(live), names[-1]
        return removed

    def mark_as_ended(self, session_id: str) -> None:
        """Mark a session as ended, if it is there. The caller writes the revocation."""
        self._mark_as_ended(session_id, self._keys.kept_for(timedelta(0)))

    def _end(self, session_id: str, retention: timedelta) -> Hash | None:
        """End a session and write its revocation; return the session if it was this call that ended it."""
        ended, found = self._mark_as_ended(session_id, self._keys.kept_for(retention)) or (False, {})
        since = 0 if ended else to_number(found.get(b"ended_at", b"0"))
        if found:
            self._keys.revoke_for(retention, {member_of("session", session_id): since})
        return found if ended else None

    def _mark_as_ended(self, session_id: str, kept: int) -> tuple[bool, Hash] | None:
        """Mark a session as ended. Return whether this call did it, and the session; None if there is none."""
        answer = self._keys.run(record_scripts.END, self._keys.layout.session(session_id), (kept, token_hex(8)))
        return None if answer is None else (bool(answer[0]), to_hash(answer[1]))

    def _has_lost_its_end(self, row: SessionRow, numbers: Numbers, kept: int) -> bool:
        """Return whether a session was revoked, but its server has lost that, and complete the end.

        Another call may also have ended the session since it was read here.
        """
        if row.ended_at is not None or not any(numbers.revoked):
            return False
        marked = self._mark_as_ended(row.session_id, kept)
        return marked is None or marked[0]

    def _fetch(self, session_ids: Iterable[str]) -> Sequence[Hash]:
        return self._keys.fetch([self._keys.layout.session(session_id) for session_id in session_ids])

    def _read_list(self, user_id: str, after: tuple[int, str] | None, size: int) -> list[tuple[int, str]]:
        """Return the next positions of the list of a user, the newest first, and only those after a position."""
        start, key = "+inf" if after is None else str(after[0]), self._keys.layout.sessions_of(user_id)
        while True:
            names = self._keys.read_list(key, start, size)
            following = names if after is None else [position for position in names if position < after]
            if following or len(names) < size:
                return following
            size *= 2  # all of them have the number of the position

    def _select_live(self, user_id: str, numbers: Mapping[str, int]) -> list[tuple[int, SessionRow]]:
        """Return the live sessions of a list with their numbers, and take the others out of the list."""
        found = zip(numbers, self._fetch(numbers), strict=True)
        found_rows = (session_row(session_id, values) for session_id, values in found if values)
        rows = {row.session_id: row for row in found_rows if row.user_id == user_id}
        known = self._keys.look(user_id, *(member_of("session", session_id) for session_id in rows))
        live = _select_live(rows.values(), known)
        self._remove(user_id, [name for name in numbers if name not in live], rows, known)
        return [(numbers[session_id], row) for session_id, row in live.items()]

    def _remove(self, user_id: str, names: Sequence[str], rows: Mapping[str, SessionRow], known: Numbers) -> None:
        """Take sessions that are over out of the list of a user, after their revocations are complete."""
        if names:
            for row, revoked in zip(rows.values(), known.revoked, strict=True):
                if revoked and row.ended_at is None:  # its server has lost that
                    self.mark_as_ended(row.session_id)
            ended = [rows[name] for name in names if name in rows]
            flags = dict(zip(rows, known.stored, strict=True))
            stored = tuple(flags[row.session_id] for row in ended)
            self._complete_ends(ended, stored, timedelta(0))
            self._keys.remove(self._keys.layout.sessions_of(user_id), names)

    def _complete_ends(self, rows: Sequence[SessionRow], stored: Sequence[bool], retention: timedelta) -> None:
        """Write the revocations of sessions that were marked as ended, where these are missing."""
        missing = {
            member_of("session", row.session_id): row.ended_at
            for row, is_stored in zip(rows, stored, strict=True)
            if row.ended_at is not None and not is_stored
        }
        if missing:
            self._keys.revoke_for(retention, missing)

    def _displace(self, new: SessionRow, *, most: int, number: str, retention: timedelta) -> tuple[str, ...]:
        """End the sessions that the user of a new session has too many, and return their IDs.

        If several sign-ins come at once, each looks at the sessions before it in the list alone. So none ends a later
        one, and together they leave no more than there may be.
        """
        key = self._keys.layout.sessions_of(new.user_id)
        ends = (record_scripts.READ_OLDEST, record_scripts.READ_NEWEST)
        entries = [entry for end in ends for entry in self._keys.read_list(key, number, most + MORE_ROWS, script=end)]
        names = list(dict.fromkeys(name for _, name in entries))
        found = dict(zip(names, self._fetch(names), strict=True))
        rows, unreadable = _read_rows(new.user_id, found)
        known = self._keys.look(new.user_id, *(member_of("session", session_id) for session_id in rows))
        live = _select_live(rows.values(), known)
        self._remove(new.user_id, [name for name in found if name not in live and name not in unreadable], rows, known)
        surplus = min(max(0, len(live) + len(unreadable) - most), MOST_DISPLACED)
        others = [(row.last_used_at, session_id) for session_id, row in live.items() if session_id != new.session_id]
        chosen = nsmallest(surplus, [(0, session_id) for session_id in unreadable] + others)
        ended = []
        for _, session_id in chosen:
            marked = self._mark_as_ended(session_id, self._keys.kept_for(retention))
            if marked is not None and (marked[0] or session_id in unreadable):  # its end may be what cannot be read
                ended.append(session_id)
        if ended:
            self._keys.revoke_for(retention, {member_of("session", session_id): 0 for session_id in ended})
            self._keys.remove(key, ended)
        return tuple(ended)


def _read_rows(user_id: str, found: Mapping[str, Hash]) -> tuple[dict[str, SessionRow], list[str]]:
    """Return the sessions of a user among some hashes, by their IDs, and the IDs of those that cannot be read."""
    rows, unreadable = {}, []
    for session_id, values in found.items():
        try:
            if values and (row := session_row(session_id, values)).user_id == user_id:
                rows[session_id] = row
        except StoreUnavailable:
            unreadable.append(session_id)
    return rows, unreadable


def _is_live(row: SessionRow, numbers: Numbers) -> bool:
    return row.is_live(numbers.now, numbers.epoch) and not any(numbers.revoked)


def _select_live(rows: Iterable[SessionRow], known: Numbers) -> dict[str, SessionRow]:
    """Return the live sessions by their IDs. *known* has a flag for each of them, in their order."""
    return {
        row.session_id: row
        for row, revoked in zip(rows, known.revoked, strict=True)
        if row.is_live(known.now, known.epoch) and not revoked
    }
