"""The statements about rows that are found by a digest: API keys, reference tokens, and what was used once."""

from collections.abc import Mapping

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Update,
    and_,
    case,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)

from ..api_key_rows import BETWEEN_USES
from .dead_rows import DeadRows
from .dialect import Dialect
from .expressions import epoch_of, key_epoch_of, number, several, string
from .primary_reads import PrimaryRead
from .tables import IDENTIFIER, api_keys, reference_tokens, spent


class ApiKeyStatements:
    """The statements about API keys, by what they do. Durations among their parameters are in milliseconds.

    Args:
        dialect: of the server.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect, now = dialect, dialect.now
        is_asked = api_keys.c.key_id == string("asked_key")
        is_live = and_(
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
            api_keys.c.key_epoch >= key_epoch_of(api_keys.c.user_id),
        )
        of_user = and_(api_keys.c.user_id == string("asked_user"), is_live)
        self.count = select(func.count()).select_from(api_keys).where(of_user)
        self.add = insert(api_keys).values(
            created_at=now,
            expires_at=now + number("lifetime"),  # NULL if there is no lifetime
            key_epoch=key_epoch_of(string("asked_user")),
        )
        self.read = select(api_keys).where(is_asked)
        self.find = PrimaryRead(
            dialect, select(api_keys).where(is_asked, api_keys.c.digest == string("asked_digest"), is_live)
        )
        self.list = PrimaryRead(dialect, select(api_keys).where(of_user), "created_at", "key_id")
        self.revoke = update(api_keys).where(is_asked, is_live).values(revoked_at=now)
        # Also a key that is not live now: it must stay refused if the key epoch of its user is lost.
        self.mark_as_revoked = update(api_keys).where(is_asked, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
        self.revoke_all = update(api_keys).where(api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
        # In the order of their IDs, so that no two calls wait for each other's rows.
        self.lock_due = (
            select(api_keys.c.key_id)
            .where(api_keys.c.key_id.in_(several("keys")), _was_not_used_since(now))
            .order_by(api_keys.c.key_id)
            .with_for_update()
        )
        self.dead = DeadRows(api_keys.c.key_id, not_(is_live))

    def note_uses(self, ages: Mapping[str, int]) -> Update:
        """Return a statement that notes the uses of several keys at once: a statement for each takes too long.

        Args:
            ages: how long ago each key was used, in milliseconds, by its ID; not empty.
        """
        age = case(
            *(
                (api_keys.c.key_id == literal(key_id, IDENTIFIER), literal(milliseconds, BigInteger()))
                for key_id, milliseconds in ages.items()
            )
        )
        used_at = self._dialect.greatest(self._dialect.now - age, 0)
        is_due = and_(api_keys.c.key_id.in_(list(ages)), _was_not_used_since(used_at))
        return update(api_keys).where(is_due).values(last_used_at=used_at)


def _was_not_used_since(used_at: ColumnElement[int]) -> ColumnElement[bool]:
    """Return whether the last use of a key, if it has one, is more than a minute before *used_at*."""
    return or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < used_at - BETWEEN_USES)


class ReferenceTokenStatements:
    """The statements about reference tokens, by what they do.

    Args:
        dialect: of the server.
    """

    def __init__(self, dialect: Dialect) -> None:
        now = dialect.now
        is_asked = reference_tokens.c.token_id == string("asked_token")
        counts = and_(
            reference_tokens.c.revoked_at.is_(None),
            reference_tokens.c.expires_at > now,
            reference_tokens.c.epoch >= epoch_of(reference_tokens.c.user_id),
        )
        self.add = insert(reference_tokens)
        self.find = PrimaryRead(
            dialect,
            select(reference_tokens).where(is_asked, reference_tokens.c.digest == string("asked_digest"), counts),
        )
        is_not_revoked = reference_tokens.c.revoked_at.is_(None)
        self.mark_as_revoked = update(reference_tokens).where(is_asked, is_not_revoked).values(revoked_at=now)
        self.revoke_all = update(reference_tokens).where(is_not_revoked).values(revoked_at=now)
        self.dead = DeadRows(reference_tokens.c.token_id, not_(counts))


class SpentStatements:
    """The statements about the IDs of what was used once, by what they do.

    Args:
        dialect: of the server.
        kept_for: how long they are kept after they have expired, in milliseconds.
    """

    def __init__(self, dialect: Dialect, *, kept_for: int) -> None:
        row = {
            "spent_id": string("of_spent"),
            "spent_by": number("call"),
            "expires_at": number("until"),
        }
        self.add = dialect.upsert(spent, row, lambda _: {"spent_id": spent.c.spent_id})  # leaves an old one
        self.read_first = select(spent.c.spent_by).where(spent.c.spent_id == string("of_spent"))
        self.dead = DeadRows(spent.c.spent_id, spent.c.expires_at <= number("now") - kept_for)
