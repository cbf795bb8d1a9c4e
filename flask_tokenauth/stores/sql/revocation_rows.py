"""The rows of revocations, as all feeds read them.

The server packs many rows into one JSON array: most drivers need more time for the rows of a page than the server does.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ...core.errors import StoreUnavailable
from ...core.records.revocation import Revocation
from .tables import KIND_CODES

_KINDS = {code: kind for kind, code in KIND_CODES.items()}
_decode = msgspec.json.Decoder(list[tuple[str, str, int, int]]).decode


def check_store_id(store_id: object) -> None:
    """Check that the store has an ID: readers know by it that another database has taken its place.

    Args:
        store_id: in the table of facts; None if it is missing there.

    Raises:
        StoreUnavailable: it has none.
    """
    if not isinstance(store_id, str):
        raise StoreUnavailable(
            "the table tokenauth_store must have a row store_id, but has lost its ID. Insert it with a random value: "
            "INSERT INTO tokenauth_store (name, value) VALUES ('store_id', 'RANDOM')"
        )


def read_packed(packed: Any, read_subject: Callable[[str], str] = str) -> Iterator[Revocation]:
    """Yield the revocations of rows that the server has packed. The types of the columns are not trusted.

    Args:
        packed: a JSON array of arrays, each with ``kind``, ``subject``, ``value`` and ``expires_at``.
        read_subject: returns the subject for its string in JSON.

    Raises:
        StoreUnavailable: a row cannot be a revocation. If it were skipped, a revoked token would be accepted.
    """
    try:
        for code, subject, value, expires_at in _decode(packed):
            yield Revocation(kind=_KINDS[code], subject=read_subject(subject), value=value, expires_at=expires_at)
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError):  # without the cause, which may have a user ID in it
        pass  # the errors of msgspec 0.19 are no ValueError
    else:
        return
    raise StoreUnavailable(
        "each row of tokenauth_revocation must be a revocation, but one cannot be read: another program or another "
        "release has changed it. Correct this row, or restore a backup. If you delete it, its token is accepted again"
    )
