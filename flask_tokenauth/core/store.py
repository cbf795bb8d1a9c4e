"""The contract that every store keeps.

A store knows sessions, the epochs of users, and what is revoked. It never sees a token: of a refresh token it has the
session's ID, a digest, and the number of its generation. What it says is not believed blindly either: a record that
cannot be read is :class:`~.errors.StoreUnavailable`, never a session.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol, runtime_checkable

from .errors import SettingsError, StoreUnavailable
from .records.revocation import Revocation, RevocationPage
from .records.session import NewSession, Redemption, Session, Terms


@runtime_checkable
class Store(Protocol):
    """What a store promises; :mod:`flask_tokenauth.testing.store_contract` holds it to each word.

    Every method may be called from any thread, and after a fork. Every time is the store's own: no clock of a worker
    counts. Identifiers compare by their characters' code points, so ``alice``, ``Alice`` and ``"alice "`` are three.
    What no identifier can be is asked for in vain, not refused: it comes from clients.

    A session is *live* until it is ended, its lifetime or idle lifetime is over (from that very millisecond on), or it
    is below its user's epoch.

    What a method did is kept when it returns, as far as the store keeps anything. After an error it may be repeated.

    Raises:
        StoreUnavailable: any method, where the store cannot be asked or answers what cannot be read. Nothing foreign.
    """

    def bind(self, issuer: str, *, timeout: timedelta, retention: timedelta) -> None:
        """Belong to one issuer from now on: user IDs are its users, and another's would be others of the same name.

        Called first of all, each time that an application starts. A store that was bound before goes on with the same.

        Args:
            issuer: whose it is.
            timeout: how long one question may take before it is an outage: requests wait for the answer. What is
                written may take longer, where many write.
            memory: how long what ends is remembered at the least, whoever ends it. The longest that anybody ever said
                counts: an access token that was issued then may be as old.

        Raises:
            SettingsError: it belongs to another issuer; raised here, or by what is called next.
        """

    def create(self) -> None:
        """Make what the store needs, tables for one, and leave alone what is there. Many may do it at once."""

    def close(self) -> None:
        """Let go of connections. The next call takes new ones."""

    def start_session(self, new: NewSession) -> Session:
        """Keep a session, in generation 0, with the epoch that its user has in that same step.

        Raises:
            ValueError: there is a session with this ID, which is left as it is, or the grant is no JSON.
        """

    def find_session(self, session_id: str) -> Session | None:
        """Return a live session."""

    def list_sessions(self, user_id: str) -> list[Session]:
        """Return the live sessions of a user, the newest sign-in first."""

    def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
        """Spend a refresh token: in one atomic step, so that of many at once only one is the first.

        Args:
            session_id: of the session it belongs to.
            generation: its own, 0 to 2**32 - 1. We issued it, as the caller has verified.
            terms: see there.

        Returns:
            In a live session: *swapped* where the stored generation is not above this one; it is one above it then.
            *Retried* where it is one above, and has been for less than the retry window; nothing changes then.
            *Reused* where it is one above for longer, or further above: the session has ended, and is revoked, both or
            neither as far as anyone can see who asks once the call has returned; a call that fails between leaves
            what a repeat, or :meth:`end_session`, completes. *Gone* in every other case.

        Raises:
            ValueError: *generation* is out of range.
        """

    def end_session(self, session_id: str, *, retention: timedelta) -> Session | None:
        """End a session and revoke it for *memory*, both as :meth:`redeem` does; None where there is none to end.

        One that has expired, or is below its user's epoch, is ended all the same until it is purged: an access token of
        it may live on. None is there to end where it was ended before.

        Here and wherever else a *memory* is given, the one that the store was bound with counts where it is longer, and
        what was to be remembered for longer before is so.
        """

    def longest_retention(self) -> timedelta:
        """Return the longest memory that anybody bound the store with; zero where nobody did."""

    def read_epoch(self, user_id: str) -> int:
        """Return the epoch of a user: what is below it is refused. 0 where nothing was ever revoked."""

    def revoke_user(self, user_id: str, *, retention: timedelta) -> int:
        """Refuse all that a user has: raise the epoch, and remember it for *memory*, in one step.

        Returns:
            The new epoch: the present in milliseconds, or one above the old one where that is more.

        Raises:
            ValueError: *user_id* is no identifier.
        """

    def revoke(self, revocation: Revocation) -> None:
        """Remember a revocation until it expires. Several for one subject count until each expires, at the least.

        A session is ended with it, and a user's epoch raised to *value* where it is lower: a store that lost writes may
        be told again.
        """

    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        """Ask for one access token: is it, its session, or what its user had at its *epoch*, revoked?"""

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        """Tell what is revoked, to a reader who asks again and again.

        Args:
            cursor: of the last answer to this reader, opaque text; None to begin with. What no cursor of this store can
                be is answered like one of another store, or with an error; never with news.

        Returns:
            A page of entries. From None on, page by page until there is no *more*, come all that have not expired, and
            from each later cursor those that are new. Once there is no more, the reader has heard of everything that
            was kept before it asked for the first of these pages, however others wrote meanwhile: a store that pages
            puts into the cursors where it stood when that page was asked for. Entries may come twice, as one or merged
            with others of their subject, and what was said again and changes nothing need not come again.

            A cursor of None, and no entries, where the store is not the one that the given cursor is from, or does not
            have any more all that it had: it was restarted without its memory, wiped, or restored from an older copy.
            The reader begins anew then, and tells the store by :meth:`revoke` what that has forgotten.
        """

    def purge(self) -> int:
        """Forget what is over: sessions that are live no more, and revocations that have expired. Epochs stay.

        Returns:
            How many were forgotten now; stores that forget by themselves have fewer, or none.
        """


@contextmanager
def translated() -> Iterator[None]:
    """Let a store that does not keep what stores promise be out of reach.

    Raises:
        StoreUnavailable: for any other but SettingsError. It says the type alone: there may be a password in the text.
    """
    try:
        yield
    except (SettingsError, StoreUnavailable):
        raise
    except Exception as error:
        raise StoreUnavailable(f"the store failed with {type(error).__name__}") from error
