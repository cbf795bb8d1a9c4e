"""Every statement of the SQL store, built once for a dialect. Values are parameters, never parts of a statement."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Subquery,
    and_,
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

from ...core.records.revocation import LAST, RevocationKind
from ...core.store import LONGEST_SILENCE
from ..rows import in_milliseconds
from .dead_rows import PAGE, DeadRows
from .dialect import Dialect
from .expressions import epoch_of, longest_retention, number, several, string
from .lookup_statements import ApiKeyStatements, ReferenceTokenStatements, SpentStatements
from .primary_reads import PrimaryRead
from .tables import KIND_CODES, api_keys, epochs, facts, reference_tokens, revocations, sessions

_LONGEST_SILENCE = in_milliseconds(LONGEST_SILENCE)
_CODES_OF_USERS = (KIND_CODES["user"], KIND_CODES["api_keys"])


class Statements:
    """The statements, by what they do. Durations among their parameters are in milliseconds.

    Args:
        dialect: of the server.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._now = dialect.now
        self._asked = sessions.c.session_id == string("asked_session")
        self._live = and_(
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > self._now,
            sessions.c.idle_expires_at > self._now,
            sessions.c.epoch >= epoch_of(sessions.c.user_id),
        )
        self.api_keys = ApiKeyStatements(dialect)
        self.reference_tokens = ReferenceTokenStatements(dialect)
        self.spent = SpentStatements(dialect, kept_for=_LONGEST_SILENCE)
        self._build_facts()
        self._build_sessions()
        self._build_redemption()
        self._build_epochs()
        self._build_revocations()
        self._build_purge()
        self._build_restoring()

    def _build_facts(self) -> None:
        self.read_facts = self._read(select(facts.c.name, facts.c.value, facts.c.number))
        fact = {"name": string("fact"), "value": string("string"), "number": number("number")}
        self.add_fact = self._dialect.upsert(facts, fact, lambda _: {"name": facts.c.name})  # leaves an old one
        self.drop_fact = delete(facts).where(facts.c.name == string("fact"))
        self.set_fact = self._dialect.upsert(facts, fact, lambda new: {"number": new.number})
        self.read_now = self._read(select(self._now.label("now")))

    def _read(self, statement: Select[Any], *order: str) -> PrimaryRead:
        return PrimaryRead(self._dialect, statement, *order)

    def _build_sessions(self) -> None:
        until = self._now + number("lifetime")
        self.start_session = insert(sessions).values(
            started_at=self._now,
            idle_expires_at=self._dialect.least(until, self._now + number("idle_lifetime")),
            expires_at=until,
            generation=literal(0),
            epoch=epoch_of(string("asked_user")),
        )
        self.find_session = self._read(select(sessions).where(self._asked, self._live))
        position = (sessions.c.started_at, sessions.c.session_id)
        listed = (
            select(sessions)
            .where(sessions.c.user_id == string("asked_user"), self._live)
            .order_by(*(column.desc() for column in position))
            .limit(number("most"))
        )
        after = tuple_(number("started_before"), string("session_before"))
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
            .where(self._live, sessions.c.session_id != string("started"))
            .order_by(func.coalesce(sessions.c.rotated_at, sessions.c.started_at), sessions.c.session_id)
            .limit(number("surplus"))
        )
        self.end_session = update(sessions).where(self._asked, sessions.c.ended_at.is_(None)).values(ended_at=self._now)
        self.end_all_sessions = update(sessions).where(sessions.c.ended_at.is_(None)).values(ended_at=self._now)

    def _end_of_list(self, *, newest: bool) -> Select[tuple[str]]:
        """Select the sessions of a user with the newest or the oldest sign-ins, up to a number of rows."""
        order = [column.desc() if newest else column for column in (sessions.c.started_at, sessions.c.session_id)]
        rows = (
            select(sessions.c.session_id)
            .where(sessions.c.user_id == string("asked_user"), sessions.c.ended_at.is_(None))
            .order_by(*order)
            .limit(number("rows"))
        )
        return select(rows.subquery().c.session_id)

    def _build_redemption(self) -> None:
        idle_until = self._now + number("idle_lifetime")
        # This atomic step decides which redemption is the first.
        change = update(sessions).values(
            generation=number("redeemed") + 1,
            rotated_at=self._now,
            idle_expires_at=self._dialect.least(sessions.c.expires_at, idle_until),
        )
        self.read_session = select(sessions).where(self._asked)
        # "<=" and not "=": the token proves that its generation was issued, so a lower number here means that the store
        # has lost writes. The higher number repairs it.
        known = change.where(self._asked, sessions.c.generation <= number("redeemed"), self._live)
        self.swap = self._dialect.update_and_select(known, self.read_session)
        # The usual case, without reading the row before. It would hide garbage in the columns that it changes.
        usual = change.where(self._asked, sessions.c.generation == number("redeemed"), self._live)
        unread = self._dialect.update_and_select(usual, self.read_session)
        self.swap_unread = unread if self._dialect.has_typed_columns else ()
        self.lock_session = self.read_session.with_for_update()  # without effect on SQLite, which needs no such lock
        self.read_present = select(self._now.label("now"), epoch_of(string("asked_user")).label("epoch"))

    def _build_epochs(self) -> None:
        now, greatest = self._now, self._dialect.greatest
        self.read_epoch = self._read(select(epoch_of(string("asked_user")).label("epoch")))
        self.raise_epoch = self._dialect.upsert(
            epochs,
            {"user_id": string("of_user"), "epoch": now, "key_epoch": literal(0)},
            lambda _: {"epoch": greatest(epochs.c.epoch + 1, epochs.c.key_epoch + 1, now)},
        )
        # A statement of its own: MariaDB would take the old epoch or the new one, as the columns are sorted.
        self.raise_key_epoch = (
            update(epochs).where(epochs.c.user_id == string("of_user")).values(key_epoch=epochs.c.epoch)
        )
        self.raise_epoch_to = self._raise_to(epochs.c.epoch)
        self.raise_key_epoch_to = self._raise_to(epochs.c.key_epoch)

    def _raise_to(self, column: Column[int]) -> Executable:
        """Raise the epoch or the key epoch of a user to a number, if it is lower."""
        none = {"epoch": literal(0), "key_epoch": literal(0)}
        return self._dialect.upsert(
            epochs,
            {"user_id": string("of_user"), **none, column.name: number("least_epoch")},
            lambda new: {column.name: self._dialect.greatest(column, new[column.name])},
        )

    def _build_revocations(self) -> None:
        retention = self._dialect.greatest(number("retention"), longest_retention())
        self.insert_revocation = self._insert_revocation(self._now + retention)
        self.insert_revocation_until = self._insert_revocation(number("until"))
        longer = revocations.c.expires_at + 2 * number("leeway")  # as core.records.revocation.prolong
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
                    _is_about("token", string("asked_token")),
                    _is_about("session", string("asked_session")),
                    and_(_is_about("user", string("asked_user")), revocations.c.value > number("known_epoch")),
                ),
            )
            .limit(1)
        )

    def _insert_revocation(self, expires_at: ColumnElement[int]) -> Sequence[Executable]:
        """Insert a revocation unless the table has it: clients repeat themselves, and every worker reads each row."""
        kind, subject, value = string("of_kind"), string("of_subject"), number("of_value")
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
        fact = select(facts.c.number).where(facts.c.name == string("fact"), purged_at)
        created = select(func.max(api_keys.c.created_at)).where(api_keys.c.created_at.between(0, self._now))
        self.read_times = self._read(
            select(
                self._now.label("now"),
                started.scalar_subquery().label("started_at"),
                created.scalar_subquery().label("created_at"),
                newest_epoch.scalar_subquery().label("epoch"),
                fact.scalar_subquery().label("purged_at"),
            )
        )
        self.dead_sessions = DeadRows(sessions.c.session_id, not_(self._live))
        expired = revocations.c.expires_at <= number("now") - _LONGEST_SILENCE
        self.page_revocations = (
            select(revocations.c.id).where(expired).order_by(revocations.c.expires_at, revocations.c.id).limit(PAGE)
        )
        self.drop_revocations = delete(revocations).where(revocations.c.id.in_(several("keys")), expired)

    def _build_restoring(self) -> None:
        """Build the statements that write to a table that was lost what the other tables know."""
        ended = self._revocations_of("session", sessions.c.session_id, literal(0), since=sessions.c.ended_at)
        self.restore_session_revocations = self._dialect.copy_revocations(ended)
        # An epoch is the time of the revocation, or later.
        known = (
            self._revocations_of("user", epochs.c.user_id, epochs.c.epoch, since=epochs.c.epoch),
            self._revocations_of("api_keys", epochs.c.user_id, epochs.c.key_epoch, since=epochs.c.key_epoch),
            self._revocations_of("token", api_keys.c.key_id, literal(0), since=api_keys.c.revoked_at),
            self._revocations_of("token", reference_tokens.c.token_id, literal(0), since=reference_tokens.c.revoked_at),
        )
        self.restore_other_revocations = [step for rows in known for step in self._dialect.copy_revocations(rows)]
        # Other processes may already use the new table.
        subjects = select(revocations.c.subject).where(revocations.c.kind.in_(_CODES_OF_USERS)).distinct()
        new_rows = subjects.add_columns(literal(0), literal(0)).where(
            ~exists().where(epochs.c.user_id == revocations.c.subject)
        )
        self.restore_epochs = (
            insert(epochs).from_select(["user_id", "epoch", "key_epoch"], new_rows),
            update(epochs).values(
                epoch=self._dialect.greatest(epochs.c.epoch, _newest_in_feed("user")),
                key_epoch=self._dialect.greatest(epochs.c.key_epoch, _newest_in_feed("api_keys")),
            ),
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
        until = since + longest_retention()
        columns: dict[str, ColumnElement[Any]] = {
            "kind": literal(KIND_CODES[kind]),
            "subject": subject,
            "value": value,
            "expires_at": until,
        }
        labelled = [column.label(name) for name, column in columns.items()]
        return select(*labelled).where(until > self._now).subquery()


def _is_about(kind: RevocationKind, subject: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(revocations.c.subject == subject, revocations.c.kind == KIND_CODES[kind])


def _newest_in_feed(kind: RevocationKind) -> ColumnElement[int]:
    """Return the greatest epoch that the revocations of a user have, for the user of a row; 0 if there is none."""
    of_user = select(func.max(revocations.c.value)).where(_is_about(kind, epochs.c.user_id)).correlate(epochs)
    return func.coalesce(of_user.scalar_subquery(), 0)
