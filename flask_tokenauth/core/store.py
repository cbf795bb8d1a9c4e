"""The contract that every store keeps.

A store keeps sessions, the epochs of users, revocations, the IDs of what was used once, and what API keys and reference
tokens stand for. It never sees a token: for a refresh token it has the session ID, which is a digest, and a generation
number, for an API key, a reference token or a ticket it has a digest. Its answers are checked: a record that cannot be
read raises ``StoreUnavailable`` and never becomes a session or a token.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol, runtime_checkable

from .errors import SettingsError, StoreUnavailable
from .records.api_key import ApiKey, ApiKeyToKeep
from .records.reference_token import ReferenceToken
from .records.revocation import Revocation, RevocationPage
from .records.ring_use import RingUse
from .records.session import NewSession, Redemption, Session, SessionPage, StartedSession, Terms

# A purge once a day, as the documentation asks for, leaves a trace that is one day old at the next purge, even
# without a sign-in. The second day lets one purge fail or run late. A clock that is ahead by less is not noticed, so a
# purge leaves revocations for as long after they have expired.
LONGEST_SILENCE = timedelta(days=2)


@runtime_checkable
class Store(Protocol):
    """The promises of a store. ``flask_tokenauth.testing.store_contract`` tests each of them.

    - Every method can be called from any thread, and after a fork.
    - All times are those of the store. The clock of a worker does not matter.
    - Identifiers are compared by the code points of their characters: ``alice``, ``Alice`` and ``"alice "`` are three
      users. A method that looks something up finds nothing for a string that cannot be an identifier, and raises no
      error: such strings come from clients.
    - A session is *live* until it is ended, until its lifetime or its idle lifetime is over (from that very millisecond
      on it is not live), or until the epoch of its user is above its own.
    - An API key is *live* until it is revoked, until its lifetime is over (from that very millisecond on it is not
      live), or until the key epoch of its user is above its own.
    - When a method returns, its changes are kept, as safely as the store keeps anything. After an error, the call can
      be repeated.

    Raises:
        StoreUnavailable: each method raises it if the store cannot be asked, or if its answer cannot be read. No method
            raises an exception of a database driver or another library.
    """

    def bind(self, issuer: str, *, timeout: timedelta, lifetime: timedelta, leeway: timedelta) -> None:
        """Bind the store to one issuer: the user IDs in it are the users of this issuer and no other.

        It is the first call, at each start of an application. A store that is bound already accepts the same issuer
        again.

        Args:
            issuer: the issuer.
            timeout: the longest time that one question may take; requests wait for the answer. After that the store is
                unavailable. A write may take longer if many write at once.
            lifetime: the longest for which an access token of the application lives.
            leeway: by how much the clocks of the application and of the store may differ.

        The store keeps the longest lifetime and the longest leeway that it was ever bound with: another application, or
        this one before its settings changed, may have issued a token that lives longer, or may accept it for longer.
        If the longest leeway grows, all revocations that the store has are kept for longer by twice the difference,
        also those that have expired and were not purged.

        Raises:
            SettingsError: the store belongs to another issuer. This call or the next one raises it.
        """

    def create(self) -> None:
        """Create what the store needs, such as tables, and leave everything that exists as it is.

        Several processes may call it at once.
        """

    def close(self) -> None:
        """Close all connections. The next call opens new ones."""

    def start_session(self, new: NewSession, *, most: int, retention: timedelta) -> StartedSession:
        """Keep a new session and return it. It has generation 0, and the epoch that its user has in that same step.

        If the user has more than *most* live sessions then, others end in the same step and are revoked, as in
        ``end_session``: those that were idle longest, that is, whose last refresh, or else their start, is the oldest.
        The new session is never among them. Several calls at once leave no more than *most*.

        One call ends at most ``MOST_DISPLACED`` sessions. If there are many more than that, for example since *most*
        was lowered, it chooses among those with the oldest sign-ins, and the next calls end the rest. A session that
        cannot be read ends like any other, and is no error.

        Args:
            new: the session.
            most: the number of live sessions that its user may have, from 1.
            retention: the time for which the revocations are kept.

        Raises:
            ValueError: there is a session with this ID, which does not change; or a claim of the grant is not a JSON
                value.
        """

    def find_session(self, session_id: str) -> Session | None:
        """Return the live session with this ID, or None."""

    def list_sessions(self, user_id: str, *, cursor: str | None, limit: int) -> SessionPage:
        """Return a page of the live sessions of a user, the newest sign-in first.

        A reader that starts with None and follows the cursors gets each session that is live all the time exactly once,
        even if others start and end sessions meanwhile. One call fetches one page, however many sessions there are.

        Args:
            user_id: the user.
            cursor: the cursor of the last page, from a client, so untrusted; None for the first page. It belongs to a
                position in the list and not to a user: the sessions of another user do not appear.
            limit: the number of sessions on a page, from 1. Only the last page may have fewer.

        Raises:
            ValueError: *cursor* cannot be one that this method returned.
        """

    def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
        """Redeem a refresh token in one atomic step. If many calls redeem it at once, only one of them is the first.

        Args:
            session_id: the session of the token.
            generation: the generation of the token, 0 to 2**32 - 1. The caller has verified that the token was issued.
            terms: the durations that apply.

        Returns:
            The outcome. For a live session, it depends on the stored generation.

            - *swapped*: the stored generation was not above *generation*. Now it is *generation* + 1.
            - *retried*: the stored generation is *generation* + 1, and has been for less than the retry window. Nothing
              changes.
            - *reused*: the stored generation is *generation* + 1 for longer, or is higher. The session has ended and is
              revoked. After this call has returned, every reader sees both or neither. If the call fails halfway, a
              repeated call or ``end_session`` completes the rest.

            In every other case the outcome is *gone*.

        Raises:
            ValueError: *generation* is out of range.
        """

    def end_session(self, session_id: str, *, retention: timedelta) -> Session | None:
        """End a session and revoke its access tokens; return the session, or None if there is none to end.

        After this call has returned, every reader sees both the end and the revocation, or neither. If the call fails
        halfway, a repeated call completes the rest.

        A session that has expired, or is below the epoch of its user, is ended too until it is purged: one of its
        access tokens may still be good. A session that was ended before is not there to end.

        Args:
            session_id: the session.
            retention: the time for which the revocation is kept. Here and in every other method, ``retention_of`` for
                the longest lifetime and the longest leeway of ``bind`` counts if it is longer, and a revocation that
                was to be kept for longer is kept for longer.
        """

    def longest_lifetime(self) -> timedelta:
        """Return the longest lifetime that the store was ever bound with, also by others; zero without any."""

    def longest_leeway(self) -> timedelta:
        """Return the longest leeway that the store was ever bound with, also by others; zero without any."""

    def read_epoch(self, user_id: str) -> int:
        """Return the epoch of a user, or 0 if nothing of this user was ever revoked.

        All sessions and tokens of the user with a lower epoch are refused.
        """

    def revoke_user(self, user_id: str, *, retention: timedelta, api_keys: bool) -> int:
        """Refuse all sessions and tokens that a user has now: raise the epoch and keep the revocation, in one step.

        The new epoch is the current time in milliseconds since 1970-01-01T00:00:00Z, or the higher one of the old epoch
        and the old key epoch + 1 if that is more.

        Args:
            user_id: the user.
            retention: the time for which the revocation is kept.
            api_keys: whether the API keys of the user are refused too. Then the key epoch becomes the new epoch, and a
                second revocation is kept, of the kind "api_keys", in the same step.

        Returns:
            The new epoch.

        Raises:
            ValueError: *user_id* is not an identifier.
        """

    def revoke(self, revocation: Revocation) -> None:
        """Keep a revocation until it expires.

        Several revocations of one subject count until each of them has expired, or longer. The revocation of a session
        ends the session too. That of a token with the ID of a reference token or an API key ends this one too. The
        revocation of a user raises the epoch of the user to its *value*, if the epoch is lower, and one of the kind
        "api_keys" the key epoch. So a store that has lost writes can be given them again.

        Clients repeat themselves: a revocation that is neither longer nor higher than one that the store has of the
        same subject takes no further place.

        Args:
            revocation: the revocation.
        """

    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        """Return whether an access token is revoked: by itself, with its session, or with everything of its user.

        Args:
            token_id: ``jti`` of the token, or None if it has none.
            session_id: ``sid`` of the token, or None if it belongs to no session.
            user_id: ``sub`` of the token.
            epoch: ``epoch`` of the token. It is revoked if the user was revoked with a higher epoch.
        """

    def add_api_key(self, new: ApiKeyToKeep, *, most: int) -> ApiKey | None:
        """Keep a new API key and return it. It has the key epoch that its user has in that same step.

        If the user has *most* live API keys or more, nothing is kept, and the answer is None. Several calls at once
        leave no more than *most*.

        Args:
            new: the key.
            most: the number of live API keys that its user may have, from 1.

        Raises:
            ValueError: there is an API key with this ID, which does not change.
        """

    def find_api_key(self, digest: str) -> ApiKey | None:
        """Return the live API key with this digest, or None.

        The key epoch of the user is that of the same moment as the key, or of a later one.

        Args:
            digest: SHA-256 of the key, in base64url.
        """

    def list_api_keys(self, user_id: str) -> tuple[ApiKey, ...]:
        """Return the live API keys of a user, the newest first."""

    def revoke_api_key(self, key_id: str, *, retention: timedelta) -> ApiKey | None:
        """Revoke an API key, and return it as it was before, or None if there is no live one with this ID.

        After this call has returned, every reader sees both that the key is no longer live and the revocation of the
        kind "token" with its ID, or neither. If the call fails halfway, a repeated call completes the rest.

        Args:
            key_id: the ID of the key.
            retention: the time for which the revocation is kept.
        """

    def note_uses_of_api_keys(self, ages: Mapping[str, timedelta]) -> None:
        """Keep when API keys were used last. An earlier use than the one that is kept, or one within a minute after it,
        changes nothing. IDs of keys that are not there are ignored.

        Args:
            ages: how long ago each key was used, by its ID.
        """

    def add_reference_token(self, token: ReferenceToken) -> None:
        """Keep a new reference token.

        Raises:
            ValueError: there is a reference token with this ID, which does not change.
        """

    def find_reference_token(self, digest: str) -> ReferenceToken | None:
        """Return the reference token with this digest, or None if there is none that counts.

        It counts until it is revoked by its ID, until ``expires_at`` (from that very millisecond on it does not count),
        or until the epoch of its user is above its own. The epoch of the user is that of the same moment as the token,
        or of a later one. Its session is not looked at.

        Args:
            digest: SHA-256 of the token, in base64url.
        """

    def spend(self, spent_id: str, *, expires_at: int) -> bool:
        """Spend something that can be used once, such as a ticket, in one atomic step.

        If many calls spend one ID at once, exactly one of them is the first.

        Args:
            spent_id: an ID that no two things have, 1 to 255 characters. The caller has verified that it was issued.
            expires_at: from then on it may be forgotten, in milliseconds since 1970-01-01T00:00:00Z. Only ``purge``
                forgets, or a store that deletes by itself: ``LONGEST_SILENCE`` after that time.

        Returns:
            Whether this was the first call with *spent_id*. After an error it may be spent or not.

        Raises:
            ValueError: *spent_id* is not an identifier.
        """

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        """Return a page of the revocations that a reader has not read yet. The reader calls it again and again.

        Args:
            cursor: the cursor of the last page that this reader got, an opaque string; None for the first call. A
                string that cannot be a cursor of this store is answered like a cursor of another store, or with an
                error, and never with entries.

        Returns:
            A page of entries. A reader that starts with None and follows the cursors until a page has no *more* gets
            all revocations that have not expired. From a later cursor it gets the new ones. At a page without *more*,
            the reader has got every revocation that was kept before the reader asked for the first of these pages,
            even if others wrote meanwhile. To keep this promise, a store with pages writes into each cursor the
            position at which it stood when the first page was asked for. An entry may come twice, alone or merged with
            other entries of its subject. A revocation that is repeated and changes nothing need not come again.

            The cursor is None, and there are no entries, if the given cursor is from another store, or if this store no
            longer has everything that it had: it was restarted without its memory, erased, or restored from an older
            copy. Then the reader starts with None again, and gives the lost revocations back with ``revoke``.
        """

    def purge(self, *, force: bool = False) -> int:
        """Delete sessions and API keys that are no longer live, reference tokens that no longer count, and revocations
        and spent IDs that expired ``LONGEST_SILENCE`` ago. Epochs stay.

        A clock that is ahead makes revocations seem expired while their tokens are good. So a purge is refused if the
        clock of the store is more than ``LONGEST_SILENCE`` after the newest time that the store knows: the newest
        ``started_at`` of a session, ended or not, the newest ``created_at`` of an API key, revoked or not, the newest
        epoch, and the last purge. A clock that is ahead by less
        deletes no revocation that is needed. Times after the present do not count: they were written while the clock
        was ahead. A store that knows no such time is purged.

        The time of each purge that is not refused is kept as that of the last purge, also if it is earlier.

        Args:
            force: purge in every case, since the caller knows that the clock is right.

        Returns:
            The number of records that this call deleted. It is lower, or 0, for a store that also deletes by itself.

        Raises:
            PurgeRefused: the clock of the store seems to be ahead. Nothing has changed.
        """

    def report_ring(self, fingerprint: str) -> tuple[RingUse, ...]:
        """Keep that a process uses a ring of keys now, and return what ``list_rings`` returns.

        Each process calls it when its ring changes, and every ``REPORT_INTERVAL`` while it gets requests. A store need
        not write a report that comes less than half of that after the last one of the same ring.

        Args:
            fingerprint: of the ring, 1 to 64 printable ASCII characters without spaces.

        Raises:
            ValueError: *fingerprint* is something else.
        """

    def list_rings(self) -> tuple[RingUse, ...]:
        """Return the rings that processes use: those whose last report is not longer ago than ``USE_LASTS``.

        Reports of one ring that follow each other within that time are one use, which began with the first of them.
        """


@contextmanager
def translated(*, allowed: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Return a context that turns every exception of a store into ``StoreUnavailable``, except ``SettingsError``.

    Args:
        allowed: further exceptions that the method may raise.

    Raises:
        StoreUnavailable: the store raised another exception than the contract allows. The message names only the type
            of that exception, since its own message may have a password.
    """
    unchanged: tuple[type[Exception], ...] = (SettingsError, StoreUnavailable, *allowed)
    try:
        yield
    except unchanged:
        raise
    except Exception as error:
        raise StoreUnavailable(f"the store failed with {type(error).__name__}") from error
