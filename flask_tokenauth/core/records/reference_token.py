"""Reference tokens, as a store keeps them. The token itself is not in the record, only its digest."""

from ..encoding.digests import check_digest, id_of
from ..encoding.limits import GREATEST, check_identifier, is_whole
from .record import Record
from .revocation import LAST


class ReferenceToken(Record, frozen=True, kw_only=True):
    """The claims set that a reference token stands for.

    Raises:
        TypeError: *claims* is no string.
        ValueError: *digest* is no digest, *user_id* is not an identifier, or a number is out of range.
    """

    digest: str  # SHA-256 of the token, in base64url: 43 characters
    user_id: str  # "sub"
    epoch: int  # of the user when the token was issued
    claims: str  # the claims set as JSON, as a JWT would have it
    expires_at: int  # from then on the record may be forgotten, milliseconds since 1970-01-01T00:00:00Z

    def __post_init__(self) -> None:
        check_digest(self.digest)
        check_identifier("user_id", self.user_id)
        if not isinstance(self.claims, str):
            raise TypeError(f"claims must be a string of JSON, got {type(self.claims).__name__}")
        if not is_whole(self.epoch):
            raise ValueError(f"epoch must be a whole number from 0 to {GREATEST}")
        if not is_whole(self.expires_at, LAST):
            raise ValueError(f"expires_at must be a whole number from 0 to {LAST}")

    @property
    def token_id(self) -> str:
        """``jti``: the beginning of the digest. It is not a secret."""
        return id_of(self.digest)
