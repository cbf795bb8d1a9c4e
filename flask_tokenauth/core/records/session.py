"""Sessions, and the results of redeeming a refresh token."""

from datetime import datetime, timedelta
from enum import Enum

from ..encoding.limits import GREATEST, MAX_IDENTIFIER, check_identifier, is_clean, is_whole
from .grant import Grant, check_duration
from .record import Record

MAX_USER_AGENT = 500  # characters
MOST_DISPLACED = 20  # sessions that one sign-in ends, so that it stays short
MAX_GENERATION = 2**32 - 1  # four bytes of a refresh token


class NewSession(Record, frozen=True, kw_only=True):
    """A session that a store shall keep: one sign-in of one user on one device.

    Raises:
        TypeError: a duration is not a ``timedelta``.
        ValueError: an ID is not an identifier, a string is too long or has control characters, or a duration is not
            above zero or is longer than a hundred years.
    """

    session_id: str  # new: no other session has or had it
    user_id: str  # "sub"
    grant: Grant
    label: str | None = None  # the name that people gave the device, at most 255 characters
    user_agent: str | None = None  # the name that the client gave itself, at most 500 characters
    idle_lifetime: timedelta  # the session ends if it is not refreshed for so long
    lifetime: timedelta  # the session ends after so long in any case

    def __post_init__(self) -> None:
        _check_facts(self)
        check_duration("idle_lifetime", self.idle_lifetime)
        check_duration("lifetime", self.lifetime)


class Session(Record, frozen=True, kw_only=True):
    """A session that a store keeps. Times are aware, in UTC, by the clock of the store.

    Raises:
        ValueError: an ID is not an identifier, a string is too long or has control characters, or a number is out of
            range.
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
    epoch: int  # of the user when the session began; 0: nothing was revoked before

    def __post_init__(self) -> None:
        _check_facts(self)
        if not is_whole(self.generation, MAX_GENERATION + 1):
            raise ValueError(f"generation must be a whole number from 0 to {MAX_GENERATION + 1}")
        if not is_whole(self.epoch):
            raise ValueError(f"epoch must be a whole number from 0 to {GREATEST}")


class StartedSession(Record, frozen=True, kw_only=True):
    """A session that has just begun, and the sessions that ended for it.

    Raises:
        ValueError: an ID is not an identifier.
    """

    session: Session
    displaced: tuple[str, ...] = ()  # the IDs of sessions of the same user, which had more than it may have

    def __post_init__(self) -> None:
        for session_id in self.displaced:
            check_identifier("displaced", session_id)


class SessionPage(Record, frozen=True, kw_only=True):
    """One page of the sessions of a user."""

    sessions: tuple[Session, ...] = ()
    cursor: str | None = None  # for the next call; None: this is the last page


class Terms(Record, frozen=True, kw_only=True):
    """The durations that apply when a refresh token is redeemed."""

    idle_lifetime: timedelta  # starts again with the swap
    retry_window: timedelta  # so long after the swap, a repeat gets the same successor; zero: never
    retention: timedelta  # a session that ends here stays revoked for so long, until its last access token has expired


class Outcome(Enum):
    """The result of redeeming a refresh token."""

    SWAPPED = "swapped"  # the token is spent, and its successor is good
    RETRIED = "retried"  # the token was spent a moment ago, and its successor is still good
    REUSED = "reused"  # the token was spent before that, so there is a copy of it: the session has ended
    GONE = "gone"  # there is no live session; this is no sign of theft


class Redemption(Record, frozen=True, kw_only=True):
    """The result of redeeming a refresh token, with its session."""

    outcome: Outcome
    session: Session | None = None  # swapped, retried: as it is now; reused: the one that ended; gone: None
    rolled_back: bool = False  # the store had a lower generation than that of the token, so it has lost writes


def check_generation(generation: int) -> None:
    """Refuse a number that cannot be the generation of a refresh token.

    Args:
        generation: the number.

    Raises:
        ValueError: it is not a whole number from 0 to ``MAX_GENERATION``.
    """
    if not is_whole(generation, MAX_GENERATION):
        raise ValueError(f"generation must be a whole number from 0 to {MAX_GENERATION}")


def _check_facts(session: NewSession | Session) -> None:
    check_identifier("session_id", session.session_id)
    check_identifier("user_id", session.user_id)
    if not isinstance(session.grant, Grant):
        raise TypeError(f"grant must be a Grant, got {type(session.grant).__name__}")
    for name, text, most in (
        ("label", session.label, MAX_IDENTIFIER),
        ("user_agent", session.user_agent, MAX_USER_AGENT),
    ):
        if text is None:
            continue
        if not (isinstance(text, str) and len(text) <= most and is_clean(text)):
            came = f"{len(text)} characters" if isinstance(text, str) else type(text).__name__
            raise ValueError(
                f"{name} must be a string of at most {most} characters without control characters, got {came}"
            )
