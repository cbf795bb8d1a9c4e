"""Reference tokens as stores keep them, and the messages that all stores share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import StoreUnavailable
from ..core.records.reference_token import ReferenceToken
from .rows import check_whole

REFERENCE_EXISTS = "digest must be new, but a reference token with the ID of this digest exists"


@dataclass(slots=True, kw_only=True)
class ReferenceTokenRow:
    """One reference token in a store. Times are milliseconds since 1970-01-01T00:00:00Z."""

    token_id: str
    digest: str
    user_id: str
    epoch: int
    claims: str
    expires_at: int
    revoked_at: int | None = None

    @classmethod
    def of(cls, token: ReferenceToken) -> "ReferenceTokenRow":
        """Return the row for a new reference token."""
        return cls(
            token_id=token.token_id,
            digest=token.digest,
            user_id=token.user_id,
            epoch=token.epoch,
            claims=token.claims,
            expires_at=token.expires_at,
        )

    @classmethod
    def read(cls, columns: Mapping[str, Any]) -> "ReferenceTokenRow":
        """Return the reference token in a row of a database. The types of the columns are not trusted.

        Args:
            columns: the values by the names of the fields.

        Raises:
            StoreUnavailable: a time or the epoch is no whole number.
        """
        for name in "epoch", "expires_at":
            check_whole(name, columns[name])
        return cls(**columns)

    def counts(self, now: int, epoch: int) -> bool:
        """Return whether this token counts at *now*, in milliseconds, for a user with this *epoch*."""
        return self.revoked_at is None and now < self.expires_at and self.epoch >= epoch

    def to_reference_token(self) -> ReferenceToken:
        """Return the record for the core.

        Raises:
            StoreUnavailable: a column has a value that no reference token can have.
        """
        try:
            return ReferenceToken(
                digest=self.digest,
                user_id=self.user_id,
                epoch=self.epoch,
                claims=self.claims,
                expires_at=self.expires_at,
            )
        except (TypeError, ValueError) as error:
            raise StoreUnavailable(
                "a reference token in the store cannot be read: another program or another release has changed it"
            ) from error
