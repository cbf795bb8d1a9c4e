"""The rows of revocations, as all feeds read them."""

from typing import Any

from ...core.errors import StoreUnavailable
from ...core.records.revocation import Revocation
from .tables import KIND_CODES

_KINDS = {code: kind for kind, code in KIND_CODES.items()}


def check_store_id(store_id: object) -> None:
    """Check that the store has an ID: readers know by it that another database has taken its place.

    Args:
        store_id: in the table of facts; None if it is missing there.

    Raises:
        StoreUnavailable: it has none.
    """
    if not isinstance(store_id, str):
        raise StoreUnavailable(
            "the table tokenauth_store must have a row store_id, but has lost its ID: insert it with a new random value"
        )


def to_revocation(code: Any, subject: Any, value: Any, expires_at: Any) -> Revocation:
    """Return the revocation in a row of the table. The types of the columns are not trusted.

    Raises:
        StoreUnavailable: the row cannot be a revocation. If it were skipped, a revoked token would be accepted.
    """
    try:
        return Revocation(kind=_KINDS[code], subject=subject, value=value, expires_at=expires_at)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreUnavailable(
            "a revocation in the store cannot be read: another program or another release has changed it"
        ) from error
