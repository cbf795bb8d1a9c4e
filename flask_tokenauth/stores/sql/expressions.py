"""Parts of statements: parameters, the epochs of users, and the longest retention."""

from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, BindParameter, ColumnElement, bindparam, func, select

from ...core.records.revocation import MARGIN
from ..rows import in_milliseconds
from .tables import IDENTIFIER, epochs, facts

_MARGIN = in_milliseconds(MARGIN)
LONGEST_DURATION = in_milliseconds(timedelta(days=36525))  # a century: no setting allows more


def string(name: str) -> BindParameter[str]:
    """Return a parameter for an identifier, by its name."""
    return bindparam(name, type_=IDENTIFIER)


def number(name: str) -> BindParameter[int]:
    """Return a parameter for a number, by its name."""
    return bindparam(name, type_=BigInteger())


def several(name: str) -> BindParameter[Any]:
    """Return a parameter for a list of values, by its name."""
    return bindparam(name, expanding=True)


def epoch_of(user_id: ColumnElement[str]) -> ColumnElement[int]:
    """Return the epoch of a user, 0 if there is none."""
    return _number_of_user(epochs.c.epoch, user_id)


def key_epoch_of(user_id: ColumnElement[str]) -> ColumnElement[int]:
    """Return the key epoch of a user, 0 if there is none."""
    return _number_of_user(epochs.c.key_epoch, user_id)


def _number_of_user(column: ColumnElement[int], user_id: ColumnElement[str]) -> ColumnElement[int]:
    found = select(column).where(epochs.c.user_id == user_id).correlate_except(epochs).scalar_subquery()
    return func.coalesce(found, 0)


def longest_retention() -> ColumnElement[int]:
    """Return the longest retention of any application, as ``retention_of`` in core.records.revocation."""
    return _longest("lifetime") + 2 * _longest("leeway") + _MARGIN


def _longest(name: str) -> ColumnElement[int]:
    """Select a duration among the facts; 0 if there is none, or if no setting allows it."""
    known = select(facts.c.number).where(facts.c.name == name, facts.c.number.between(0, LONGEST_DURATION))
    return func.coalesce(known.scalar_subquery(), 0)
