"""API keys, as a store keeps them. The key itself is in no record, only its digest."""

from datetime import datetime, timedelta

from ..encoding.digests import check_digest, id_of
from ..encoding.limits import GREATEST, check_identifier, is_clean, is_whole
from .grant import Grant, check_duration
from .record import Record

MOST_API_KEYS = 100  # live ones of one user
MAX_HINT = 32  # characters: a prefix and the last characters of a key


class ApiKeyToKeep(Record, frozen=True, kw_only=True):
    """An API key that a store shall keep.

    Raises:
        TypeError: *grant* is no ``Grant``, or *lifetime* is no ``timedelta``.
        ValueError: *digest* is no digest, *user_id* is not an identifier, *name* does not have 1 to 255 characters or
            has control characters, or *lifetime* is not above zero or is longer than a hundred years.
    """

    digest: str  # SHA-256 of the key, in base64url: 43 characters
    user_id: str  # "sub"
    name: str  # that people gave the key
    hint: str  # the prefix and the last characters of the key, by which people know it again
    grant: Grant  # its scopes and its audience
    lifetime: timedelta | None = None  # None: it does not expire

    def __post_init__(self) -> None:
        check_digest(self.digest)
        _check_facts(self.user_id, self.name, self.hint, self.grant)
        if self.lifetime is not None:
            check_duration("lifetime", self.lifetime)

    @property
    def id(self) -> str:
        """The ID of the key: the beginning of its digest. It is not a secret."""
        return id_of(self.digest)


class ApiKey(Record, frozen=True, kw_only=True):
    """An API key of a user. Times are aware, in UTC, by the clock of the store.

    Raises:
        TypeError: *grant* is no ``Grant``.
        ValueError: an ID is not an identifier, a string is too long or has control characters, or *key_epoch* is out of
            range.
    """

    id: str  # not a secret
    user_id: str  # "sub"
    name: str  # that people gave the key
    hint: str  # the prefix and the last 4 characters of the key
    grant: Grant
    created_at: datetime
    last_used_at: datetime | None  # None: not yet; later uses within a minute do not count
    expires_at: datetime | None  # None: it does not expire
    key_epoch: int  # of the user when the key was made; 0: no API keys of the user were revoked before

    def __post_init__(self) -> None:
        check_identifier("id", self.id)
        _check_facts(self.user_id, self.name, self.hint, self.grant)
        if not is_whole(self.key_epoch):
            raise ValueError(f"key_epoch must be a whole number from 0 to {GREATEST}")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the key (RFC 6749 section 3.3)."""
        return self.grant.scopes


def _check_facts(user_id: str, name: str, hint: str, grant: Grant) -> None:
    check_identifier("user_id", user_id)
    check_identifier("name", name)
    if not isinstance(grant, Grant):
        raise TypeError(f"grant must be a Grant, got {type(grant).__name__}")
    if not (isinstance(hint, str) and len(hint) <= MAX_HINT and is_clean(hint)):
        raise ValueError(f"hint must be a string of at most {MAX_HINT} characters without control characters")
