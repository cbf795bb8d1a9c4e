"""Sessions, and what a store answers when a refresh token is redeemed."""

from datetime import datetime, timedelta
from enum import Enum

from ..encoding.limits import MAX_IDENTIFIER, check_identifier, is_clean, is_whole
from .grant import Grant, check_duration
from .record import Record

MAX_USER_AGENT = 500  # characters


MAX_GENERATION = 2**32 - 1  # four bytes of a refresh token


class NewSession(Record, frozen=True, kw_only=True):
    """One sign-in of one user on one device, about to be kept.

    Raises:
        ValueError, TypeError: an ID is no identifier, a text is too long or has control characters, or a duration is
            not above zero or over a hundred years.
    """

    session_id: str  # fresh: nobody has had it
    user_id: str  # "sub"
    grant: Grant
    label: str | None = None  # what people call the device, at most 255 characters
    user_agent: str | None = None  # at most 500 characters
    idle_lifetime: timedelta  # ends without a refresh for so long
    lifetime: timedelta  # ends in any case

    def __post_init__(self) -> None:
        _check_facts(self)
        check_duration("idle_lifetime", self.idle_lifetime)
        check_duration("lifetime", self.lifetime)


class Session(Record, frozen=True, kw_only=True):
    """A session as a store has it. Instants are aware, in UTC, by the store's clock.

    Raises:
        ValueError, TypeError: it cannot be one.
    """

    session_id: str
    user_id: str
    grant: Grant
    label: str | None
    user_agent: str | None
    started_at: datetime
    refreshed_at: datetime | None  # None before the first refresh
    idle_expires_at: datetime
    expires_at: datetime
    generation: int  # of the one refresh token that is good now; the first is 0
    epoch: int  # of the user when it began; 0: nothing was revoked before

    def __post_init__(self) -> None:
        _check_facts(self)
        if not is_whole(self.generation, MAX_GENERATION + 1) or not is_whole(self.epoch):
            raise ValueError("generation and epoch are whole numbers, not below 0")


class Terms(Record, frozen=True, kw_only=True):
    """On which a refresh token is redeemed."""

    idle_lifetime: timedelta  # begins anew with the swap
    retry_window: timedelta  # for so long after the swap a repeat gets the same successor; zero: never
    retention: timedelta  # a session that ends here is remembered as revoked for so long: past its last access token


class Outcome(Enum):
    """What became of a redemption."""

    SWAPPED = "swapped"  # the token is spent, its successor is good
    RETRIED = "retried"  # the token was spent a moment ago, and its successor is still good
    REUSED = "reused"  # the token was spent before that: it is in two hands, and the session has ended
    GONE = "gone"  # there is no such session, or no more; says nothing of theft


class Redemption(Record, frozen=True, kw_only=True):
    """What became of a redemption, and of its session."""

    outcome: Outcome
    session: Session | None = None  # swapped, retried: as it is now; reused: the one that ended; gone: none
    rolled_back: bool = False  # the store had a lower generation than the one we once issued: it has lost writes


def check_generation(generation: int) -> None:
    """Raise ValueError for what is no generation of a refresh token."""
    if not is_whole(generation, MAX_GENERATION):
        raise ValueError("generation is a whole number, from 0 to 2**32 - 1")


def _check_facts(session: NewSession | Session) -> None:
    check_identifier("session_id", session.session_id)
    check_identifier("user_id", session.user_id)
    for name, text, most in (
        ("label", session.label, MAX_IDENTIFIER),
        ("user_agent", session.user_agent, MAX_USER_AGENT),
    ):
        if text is not None and not (isinstance(text, str) and len(text) <= most and is_clean(text)):
            raise ValueError(f"{name} is a text of at most {most} characters, without control characters")
