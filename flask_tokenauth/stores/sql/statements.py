"""Every statement of the SQL store, built once for a dialect. Values are parameters, never parts of a statement."""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Insert,
    Select,
    String,
    and_,
    bindparam,
    cast,
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

from ...core.records.revocation import LAST, MARGIN, RevocationKind
from ...core.store import LONGEST_SILENCE
from ..rows import in_milliseconds
from .dialect import Dialect
from .tables import KIND_CODES, epochs, facts, revocations, sessions

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
        self.read_facts = select(facts.c.name, facts.c.value)
        self.add_fact = dialect.insert(facts).on_conflict_do_nothing()
        upsert = dialect.insert(facts)
        self.set_fact = upsert.on_conflict_do_update(
            index_elements=[facts.c.name], set_={"value": upsert.excluded.value}
        )
        self._build_sessions()
        self._build_redemption()
        self._build_epochs()
        self._build_revocations()
        self._build_purge()
        self._build_restoring()

    def _build_sessions(self) -> None:
        until = self._now + _number("lifetime")
        self.start_session = (
            self._dialect.insert(sessions)
            .values(
                started_at=self._now,
                idle_expires_at=self._dialect.least(until, self._now + _number("idle_lifetime")),
                expires_at=until,
                generation=literal(0),
                epoch=_epoch_of(_string("asked_user")),
            )
            .on_conflict_do_nothing()
        )
        self.find_session = select(sessions).where(self._asked, self._live)
        position = (sessions.c.started_at, sessions.c.session_id)
        self.list_sessions = (
            select(sessions)
            .where(sessions.c.user_id == _string("asked_user"), self._live)
            .order_by(*(column.desc() for column in position))
            .limit(_number("most"))
        )
        after = tuple_(_number("started_before"), _string("session_before"))
        self.list_more_sessions = self.list_sessions.where(tuple_(*position) < after)
        at_an_end = sessions.c.session_id.in_(union(self._end_of_list(newest=True), self._end_of_list(newest=False)))
        self.count_sessions = select(func.count()).select_from(sessions).where(at_an_end, self._live)
        self.find_displaced = (
            select(sessions.c.session_id)
            .where(at_an_end, self._live, sessions.c.session_id != _string("started"))
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
        # This atomic step decides which redemption is the first. "<=" and not "=": the token proves that its generation
        # was issued, so a lower number here means that the store has lost writes. The higher number repairs it.
        self.swap = (
            update(sessions)
            .where(self._asked, sessions.c.generation <= _number("redeemed"), self._live)
            .values(
                generation=_number("redeemed") + 1,
                rotated_at=self._now,
                idle_expires_at=self._dialect.least(sessions.c.expires_at, idle_until),
            )
        )
        self.read_session = select(sessions).where(self._asked)
        self.lock_session = self.read_session.with_for_update()  # without effect on SQLite, which needs no such lock
        self.read_present = select(self._now.label("now"), _epoch_of(_string("asked_user")).label("epoch"))

    def _build_epochs(self) -> None:
        upsert, greatest = self._dialect.insert(epochs), self._dialect.greatest
        key = [epochs.c.user_id]
        self.read_epoch = select(_epoch_of(_string("asked_user")))
        self.raise_epoch = upsert.values(epoch=self._now).on_conflict_do_update(
            index_elements=key, set_={"epoch": greatest(epochs.c.epoch + 1, self._now)}
        )
        self.raise_epoch_to = upsert.on_conflict_do_update(
            index_elements=key, set_={"epoch": greatest(epochs.c.epoch, upsert.excluded.epoch)}
        )

    def _build_revocations(self) -> None:
        retention = self._dialect.greatest(_number("retention"), _longest_retention())
        self.insert_revocation = _insert_revocation(self._now + retention, self._dialect.mark)
        self.insert_revocation_until = _insert_revocation(_number("until"), self._dialect.mark)
        longer = revocations.c.expires_at + 2 * _number("leeway")  # as core.records.revocation.prolong
        self.prolong_revocations = (
            update(revocations)
            .where(revocations.c.expires_at.between(0, LAST))  # a value of another program counts as it is
            .values(expires_at=self._dialect.least(longer, literal(LAST)))
        )
        self.is_revoked = (
            select(literal(1))
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

    def _build_purge(self) -> None:
        # Times after the present were written while the clock was ahead, and show nothing.
        started = select(func.max(sessions.c.started_at)).where(sessions.c.started_at.between(0, self._now))
        newest_epoch = select(func.max(epochs.c.epoch)).where(epochs.c.epoch.between(0, self._now))
        fact = select(facts.c.value).where(facts.c.name == _string("fact"))
        self.read_times = select(
            self._now, started.scalar_subquery(), newest_epoch.scalar_subquery(), fact.scalar_subquery()
        )
        over, expired = not_(self._live), revocations.c.expires_at <= self._now - _LONGEST_SILENCE
        self.page_sessions = (
            select(sessions.c.session_id)
            .where(sessions.c.session_id > _string("after"), over)
            .order_by(sessions.c.session_id)
            .limit(PAGE)
        )
        self.drop_sessions = delete(sessions).where(sessions.c.session_id.in_(_several("keys")), over)
        self.page_revocations = (
            select(revocations.c.id)
            .where(revocations.c.id > _number("after"), expired)
            .order_by(revocations.c.id)
            .limit(PAGE)
        )
        self.drop_revocations = delete(revocations).where(revocations.c.id.in_(_several("keys")), expired)

    def _build_restoring(self) -> None:
        """Build the statements that write to a table that was lost what the other tables know."""
        retention, mark = _longest_retention(), self._dialect.mark
        columns = ["kind", "subject", "value", "expires_at", "mark"]
        until = sessions.c.ended_at + retention
        ended = select(literal(KIND_CODES["session"]), sessions.c.session_id, literal(0), until, mark)
        self.restore_session_revocations = insert(revocations).from_select(columns, ended.where(until > self._now))
        until = epochs.c.epoch + retention  # an epoch is the time of the revocation, or later
        raised = select(literal(KIND_CODES["user"]), epochs.c.user_id, epochs.c.epoch, until, mark)
        self.restore_user_revocations = insert(revocations).from_select(columns, raised.where(until > self._now))
        newest = select(revocations.c.subject, func.max(revocations.c.value)).group_by(revocations.c.subject)
        self.restore_epochs = insert(epochs).from_select(
            ["user_id", "epoch"], newest.where(revocations.c.kind == KIND_CODES["user"])
        )


def _epoch_of(user_id: ColumnElement[str]) -> ColumnElement[int]:
    found = select(epochs.c.epoch).where(epochs.c.user_id == user_id).correlate_except(epochs).scalar_subquery()
    return func.coalesce(found, 0)


def _insert_revocation(expires_at: ColumnElement[int], mark: ColumnElement[int]) -> Insert:
    """Insert a revocation unless the table has it: clients repeat themselves, and every worker reads each row."""
    given = (_string("kind"), _string("subject"), _number("value"))
    known = exists().where(
        revocations.c.subject == given[1],
        revocations.c.kind == given[0],
        revocations.c.value >= given[2],
        revocations.c.expires_at >= expires_at,
    )
    return insert(revocations).from_select(
        ["kind", "subject", "value", "expires_at", "mark"], select(*given, expires_at, mark).where(~known)
    )


def _is_about(kind: RevocationKind, subject: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(revocations.c.subject == subject, revocations.c.kind == KIND_CODES[kind])


def _longest(name: str) -> ColumnElement[int]:
    """Select a duration among the facts; 0 if there is none, or if no setting allows it."""
    duration = _integer(facts.c.value)
    known = select(duration).where(facts.c.name == name, duration.between(0, LONGEST_DURATION))
    return func.coalesce(known.scalar_subquery(), 0)


def _longest_retention() -> ColumnElement[int]:
    """Return the longest retention of any application, as ``retention_of`` in core.records.revocation."""
    return _longest("lifetime") + 2 * _longest("leeway") + _MARGIN


def _integer(digits: ColumnElement[str]) -> ColumnElement[int]:
    return cast(digits, BigInteger())


def _string(name: str) -> BindParameter[str]:
    return bindparam(name, type_=String())


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger())


def _several(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)
