"""Every statement of the SQL store, built once for a dialect. Values are parameters, never parts of a statement."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    Subquery,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
    union,
    update,
)
from sqlalchemy.sql.base import Executable

from ...core.records.revocation import LAST, MARGIN, RevocationKind
from ...core.store import LONGEST_SILENCE
from ..rows import in_milliseconds
from .dialect import Dialect
from .primary_reads import PrimaryRead
from .tables import IDENTIFIER, KIND_CODES, epochs, facts, revocations, sessions

_MARGIN, _LONGEST_SILENCE = in_milliseconds(MARGIN), in_milliseconds(LONGEST_SILENCE)
LONGEST_DURATION = in_milliseconds(timedelta(days=36525))  # a century: no setting allows more
PAGE = 500  # rows that one transaction deletes, so that others can write in between


class Statements:
    """The statements, by what they do. Durations among their parameters are in milliseconds.

    Args:
        dialect: of the server.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._now = dialect.now
        self._asked = sessions.c.session_id == _string("asked_session")
        self._live = and_(
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > self._now,
            sessions.c.idle_expires_at > self._now,
            sessions.c.epoch >= _epoch_of(sessions.c.user_id),
        )
        self._build_facts()
        self._build_sessions()
        self._build_redemption()
        self._build_epochs()
        self._build_revocations()
        self._build_purge()
        self._build_restoring()

    def _build_facts(self) -> None:
        self.read_facts = self._read(select(facts.c.name, facts.c.value, facts.c.number))
        fact = {"name": _string("fact"), "value": _string("string"), "number": _number("number")}
        self.add_fact = self._dialect.upsert(facts, fact, lambda _: {"name": facts.c.name})  # leaves an old one
        self.drop_fact = delete(facts).where(facts.c.name == _string("fact"))
        self.set_fact = self._dialect.upsert(facts, fact, lambda new: {"number": new.number})
        self.read_now = self._read(select(self._now.label("now")))

    def _read(self, statement: Select[Any], *order: str) -> PrimaryRead:
        return PrimaryRead(self._dialect, statement, *order)

    def _build_sessions(self) -> None:
        until = self._now + _number("lifetime")
        self.start_session = insert(sessions).values(
            started_at=self._now,
            idle_expires_at=self._dialect.least(until, self._now + _number("idle_lifetime")),
            expires_at=until,
            generation=literal(0),
            epoch=_epoch_of(_string("asked_user")),
        )
        self.find_session = self._read(select(sessions).where(self._asked, self._live))
        position = (sessions.c.started_at, sessions.c.session_id)
        listed = (
            select(sessions)
            .where(sessions.c.user_id == _string("asked_user"), self._live)
            .order_by(*(column.desc() for column in position))
            .limit(_number("most"))
        )
        after = tuple_(_number("started_before"), _string("session_before"))
        order = [column.name for column in position]
        self.list_sessions = self._read(listed, *order)
        self.list_more_sessions = self._read(listed.where(tuple_(*position) < after), *order)
        ends = union(self._end_of_list(newest=True), self._end_of_list(newest=False)).subquery()
        # With IN, MariaDB would read the sessions of all users.
        at_an_end = sessions.join(ends, sessions.c.session_id == ends.c.session_id)
        self.count_sessions = select(func.count()).select_from(at_an_end).where(self._live)
        self.find_displaced = (
            select(sessions.c.session_id)
            .select_from(at_an_end)
            .where(self._live, sessions.c.session_id != _string("started"))
            .order_by(func.coalesce(sessions.c.rotated_at, sessions.c.started_at), sessions.c.session_id)
            .limit(_number("surplus"))
        )
        self.end_session = update(sessions).where(self._asked, sessions.c.ended_at.is_(None)).values(ended_at=self._now)
        self.end_all_sessions = update(sessions).where(sessions.c.ended_at.is_(None)).values(ended_at=self._now)

    def _end_of_list(self, *, newest: bool) -> Select[tuple[str]]:
        """Select the sessions of a user with the newest or the oldest sign-ins, up to a number of rows."""
        order = [column.desc() if newest else column for column in (sessions.c.started_at, sessions.c.session_id)]
        rows = (
            select(sessions.c.session_id)
            .where(sessions.c.user_id == _string("asked_user"), sessions.c.ended_at.is_(None))
            .order_by(*order)
            .limit(_number("rows"))
        )
        return select(rows.subquery().c.session_id)

    def _build_redemption(self) -> None:
        idle_until = self._now + _number("idle_lifetime")
        # This atomic step decides which redemption is the first.
        change = update(sessions).values(
            generation=_number("redeemed") + 1,
            rotated_at=self._now,
            idle_expires_at=self._dialect.least(sessions.c.expires_at, idle_until),
        )
        self.read_session = select(sessions).where(self._asked)
        # "<=" and not "=": the token proves that its generation was issued, so a lower number here means that the store
        # has lost writes. The higher number repairs it.
        known = change.where(self._asked, sessions.c.generation <= _number("redeemed"), self._live)
        self.swap = self._dialect.update_and_select(known, self.read_session)
        # The usual case, without reading the row before. It would hide garbage in the columns that it changes.
        usual = change.where(self._asked, sessions.c.generation == _number("redeemed"), self._live)
        unread = self._dialect.update_and_select(usual, self.read_session)
        self.swap_unread = unread if self._dialect.has_typed_columns else ()
        self.lock_session = self.read_session.with_for_update()  # without effect on SQLite, which needs no such lock
        self.read_present = select(self._now.label("now"), _epoch_of(_string("asked_user")).label("epoch"))

    def _build_epochs(self) -> None:
        now, greatest = self._now, self._dialect.greatest
        new = {"user_id": _string("of_user"), "key_epoch": literal(0)}
        self.read_epoch = self._read(select(_epoch_of(_string("asked_user")).label("epoch")))
        self.raise_epoch = self._dialect.upsert(
            epochs, {**new, "epoch": now}, lambda _: {"epoch": greatest(epochs.c.epoch + 1, now)}
        )
        self.raise_epoch_to = self._dialect.upsert(
            epochs,
            {**new, "epoch": _number("least_epoch")},
            lambda new: {"epoch": greatest(epochs.c.epoch, new.epoch)},
        )

    def _build_revocations(self) -> None:
        retention = self._dialect.greatest(_number("retention"), _longest_retention())
        self.insert_revocation = self._insert_revocation(self._now + retention)
        self.insert_revocation_until = self._insert_revocation(_number("until"))
        longer = revocations.c.expires_at + 2 * _number("leeway")  # as core.records.revocation.prolong
        self.prolong_revocations = (
            update(revocations)
            .where(
                revocations.c.expires_at.between(0, LAST),  # a value of another program counts as it is
                longer > self._now,  # others stay expired
            )
            .values(expires_at=self._dialect.least(longer, literal(LAST)))
        )
        self.is_revoked = self._read(
            select(revocations.c.id)
            .where(
                revocations.c.expires_at > self._now,
                or_(
                    _is_about("token", _string("asked_token")),
                    _is_about("session", _string("asked_session")),
                    and_(_is_about("user", _string("asked_user")), revocations.c.value > _number("known_epoch")),
                ),
            )
            .limit(1)
        )

    def _insert_revocation(self, expires_at: ColumnElement[int]) -> Sequence[Executable]:
        """Insert a revocation unless the table has it: clients repeat themselves, and every worker reads each row."""
        kind, subject, value = _string("of_kind"), _string("of_subject"), _number("of_value")
        known = exists().where(
            revocations.c.subject == subject,
            revocations.c.kind == kind,
            revocations.c.value >= value,
            revocations.c.expires_at >= expires_at,
        )
        row: dict[str, ColumnElement[Any]] = {
            "kind": kind,
            "subject": subject,
            "value": value,
            "expires_at": expires_at,
        }
        return self._dialect.insert_revocation(row, unless=known)

    def _build_purge(self) -> None:
        # Times after the present were written while the clock was ahead, and show nothing.
        started = select(func.max(sessions.c.started_at)).where(sessions.c.started_at.between(0, self._now))
        newest_epoch = select(func.max(epochs.c.epoch)).where(epochs.c.epoch.between(0, self._now))
        purged_at = facts.c.number.between(0, self._now)
        fact = select(facts.c.number).where(facts.c.name == _string("fact"), purged_at)
        self.read_times = self._read(
            select(
                self._now.label("now"),
                started.scalar_subquery().label("started_at"),
                newest_epoch.scalar_subquery().label("epoch"),
                fact.scalar_subquery().label("purged_at"),
            )
        )
        over, expired = not_(self._live), revocations.c.expires_at <= _number("now") - _LONGEST_SILENCE
        # A page ends after a number of rows, however many of them are over.
        after = sessions.c.session_id > _string("after")
        self.end_of_page = (
            select(sessions.c.session_id).where(after).order_by(sessions.c.session_id).offset(PAGE - 1).limit(1)
        )
        self.page_sessions = select(sessions.c.session_id).where(after, over)
        self.page_sessions_until = self.page_sessions.where(sessions.c.session_id <= _string("last"))
        self.drop_sessions = delete(sessions).where(sessions.c.session_id.in_(_several("keys")), over)
        self.page_revocations = (
            select(revocations.c.id).where(expired).order_by(revocations.c.expires_at, revocations.c.id).limit(PAGE)
        )
        self.drop_revocations = delete(revocations).where(revocations.c.id.in_(_several("keys")), expired)

    def _build_restoring(self) -> None:
        """Build the statements that write to a table that was lost what the other tables know."""
        ended = self._revocations_of("session", sessions.c.session_id, literal(0), since=sessions.c.ended_at)
        self.restore_session_revocations = self._dialect.copy_revocations(ended)
        # An epoch is the time of the revocation, or later.
        raised = self._revocations_of("user", epochs.c.user_id, epochs.c.epoch, since=epochs.c.epoch)
        self.restore_user_revocations = self._dialect.copy_revocations(raised)
        of_users = revocations.c.kind == KIND_CODES["user"]
        newest = select(func.max(revocations.c.value)).where(of_users)
        # Other processes may already use the new table.
        of_user = newest.where(revocations.c.subject == epochs.c.user_id).scalar_subquery()
        higher = self._dialect.greatest(epochs.c.epoch, func.coalesce(of_user, 0))
        others = newest.add_columns(revocations.c.subject).group_by(revocations.c.subject)
        others = others.where(~exists().where(epochs.c.user_id == revocations.c.subject))
        self.restore_epochs = (
            update(epochs).values(epoch=higher),
            insert(epochs).from_select(["epoch", "user_id"], others),
        )

    def _revocations_of(
        self,
        kind: RevocationKind,
        subject: ColumnElement[str],
        value: ColumnElement[int],
        *,
        since: ColumnElement[int],
    ) -> Subquery:
        """Select the revocations that other tables know, unless they are over."""
        until = since + _longest_retention()
        columns: dict[str, ColumnElement[Any]] = {
            "kind": literal(KIND_CODES[kind]),
            "subject": subject,
            "value": value,
            "expires_at": until,
        }
        labelled = [column.label(name) for name, column in columns.items()]
        return select(*labelled).where(until > self._now).subquery()


def _epoch_of(user_id: ColumnElement[str]) -> ColumnElement[int]:
    found = select(epochs.c.epoch).where(epochs.c.user_id == user_id).correlate_except(epochs).scalar_subquery()
    return func.coalesce(found, 0)


def _is_about(kind: RevocationKind, subject: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(revocations.c.subject == subject, revocations.c.kind == KIND_CODES[kind])


def _longest(name: str) -> ColumnElement[int]:
    """Select a duration among the facts; 0 if there is none, or if no setting allows it."""
    known = select(facts.c.number).where(facts.c.name == name, facts.c.number.between(0, LONGEST_DURATION))
    return func.coalesce(known.scalar_subquery(), 0)


def _longest_retention() -> ColumnElement[int]:
    """Return the longest retention of any application, as ``retention_of`` in core.records.revocation."""
    return _longest("lifetime") + 2 * _longest("leeway") + _MARGIN


def _string(name: str) -> BindParameter[str]:
    return bindparam(name, type_=IDENTIFIER)


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger())


def _several(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)
