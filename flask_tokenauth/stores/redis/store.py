"""The store on Redis or Valkey: one server, Sentinel, or a cluster.

The values on the server are not trusted: a hash that cannot be a session is an outage, never a session.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from secrets import token_hex
from typing import Any, ParamSpec, TypeVar

from ...core.encoding.limits import check_identifier, is_identifier
from ...core.encoding.prefixes import DEFAULT_STORE_PREFIX
from ...core.records.api_key import ApiKey, ApiKeyToKeep
from ...core.records.reference_token import ReferenceToken
from ...core.records.revocation import LAST, Revocation, RevocationKind, RevocationPage
from ...core.records.ring_use import RingUse, check_fingerprint
from ...core.records.session import (
    NewSession,
    Outcome,
    Redemption,
    Session,
    SessionPage,
    StartedSession,
    Terms,
    check_generation,
)
from ...core.store import LONGEST_SILENCE
from ...core.time_limit import time_limit
from ..rows import in_milliseconds, parse_session_cursor
from . import record_scripts, shared_scripts
from .api_keys import StoredApiKeys
from .feed import read_revocations
from .hashes import to_number
from .inspection import StoreInspection
from .layout import LETTERS, Layout, member_of
from .prepared_keys import PreparedKeys
from .purging import purge
from .reference_tokens import StoredReferenceTokens
from .rings import list_rings, report_ring
from .servers import Servers
from .sessions import StoredSessions

P = ParamSpec("P")
R = TypeVar("R")


def _limited(limit_of: Callable[[Servers], float]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for methods of the store: all that a call waits for shares one time limit."""

    def limited(method: Callable[P, R]) -> Callable[P, R]:
        @wraps(method)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            store: Any = args[0]
            with time_limit(limit_of(store._keys.servers)):
                return method(*args, **kwargs)

        return call

    return limited


_read = _limited(lambda servers: servers.limit_of_reads())
_write = _limited(lambda servers: servers.limit_of_writes())


class RedisStore:
    """Keeps everything in keys with one prefix. :class:`~flask_tokenauth.core.store.Store` describes the methods.

    Args:
        source: a URL, or a client object of redis-py or valkey-py, whose settings are used. The store has connections
            of its own.
        prefix: the beginning of all keys.

    Attributes:
        prefix: the same.
        inspection: shows the state of the store to commands.

    Raises:
        SettingsError: the URL or the client is not supported, or the prefix has another form.
    """

    def __init__(self, source: object, *, prefix: str = DEFAULT_STORE_PREFIX) -> None:
        servers, layout = Servers(source), Layout(prefix)
        self.prefix = prefix
        self.inspection = StoreInspection(servers, layout)
        self._keys = PreparedKeys(servers, layout, self.inspection)
        self._sessions = StoredSessions(self._keys)
        self._api_keys = StoredApiKeys(self._keys)
        self._reference_tokens = StoredReferenceTokens(self._keys)

    def bind(self, issuer: str, *, timeout: timedelta, lifetime: timedelta, leeway: timedelta) -> None:
        self._keys.bind(issuer, timeout=timeout, lifetime=lifetime, leeway=leeway)

    @_write
    def create(self) -> None:
        self._keys.prepare()

    def ignore_risks(self) -> None:
        """Log no warning about risks: they are known, or this process is a short command."""
        self._keys.ignore_risks()

    def close(self) -> None:
        self._keys.close()

    @_write
    def start_session(self, new: NewSession, *, most: int, retention: timedelta) -> StartedSession:
        return self._sessions.start(new, most=most, retention=retention)

    @_read
    def find_session(self, session_id: str) -> Session | None:
        return self._sessions.find(session_id) if is_identifier(session_id) else None

    @_read
    def list_sessions(self, user_id: str, *, cursor: str | None, limit: int) -> SessionPage:
        if not is_identifier(user_id):
            _ = None if cursor is None else parse_session_cursor(cursor)
            return SessionPage()
        return self._sessions.list_of(user_id, cursor=cursor, limit=limit)

    @_write
    def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
        check_generation(generation)
        if not is_identifier(session_id):
            return Redemption(outcome=Outcome.GONE)
        return self._sessions.redeem(session_id, generation=generation, terms=terms)

    @_write
    def end_session(self, session_id: str, *, retention: timedelta) -> Session | None:
        return self._sessions.end(session_id, retention) if is_identifier(session_id) else None

    @_read
    def longest_lifetime(self) -> timedelta:
        return timedelta(milliseconds=to_number(self._keys.run_shared(shared_scripts.READ_FACTS)[0]))

    @_read
    def longest_leeway(self) -> timedelta:
        return timedelta(milliseconds=to_number(self._keys.run_shared(shared_scripts.READ_FACTS)[1]))

    @_read
    def read_epoch(self, user_id: str) -> int:
        return self._keys.look(user_id).epoch if is_identifier(user_id) else 0

    @_write
    def revoke_user(self, user_id: str, *, retention: timedelta, api_keys: bool) -> int:
        check_identifier("user_id", user_id)
        arguments = (user_id, in_milliseconds(retention), int(api_keys), token_hex(8))
        return to_number(self._keys.run_shared(shared_scripts.REVOKE_USER, arguments))

    @_write
    def revoke(self, revocation: Revocation) -> None:
        kind, subject = revocation.kind, revocation.subject
        if kind == "session":
            self._sessions.mark_as_ended(subject)
        elif kind == "token":
            self._mark_records(subject)
        arguments = (LETTERS[kind], subject, revocation.value, revocation.expires_at, token_hex(8))
        self._keys.run_shared(shared_scripts.REVOKE, arguments)

    def _mark_records(self, token_id: str) -> None:
        """Mark an API key or a reference token with this ID as revoked. Most tokens are neither."""
        layout = self._keys.layout
        api_key, reference = self._keys.fetch([layout.api_key(token_id), layout.reference(token_id)])
        if api_key:
            self._api_keys.mark_as_revoked(token_id, timedelta(0))
        if reference:
            self._reference_tokens.mark_as_revoked(token_id)

    @_read
    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        known = member_of("user", user_id if is_identifier(user_id) else "")
        given: tuple[tuple[RevocationKind, str | None], ...] = (("token", token_id), ("session", session_id))
        others = [member_of(kind, subject) for kind, subject in given if subject is not None and is_identifier(subject)]
        arguments: list[str | int] = [known, max(-1, min(epoch, LAST)), *others]
        return bool(self._keys.run_shared(shared_scripts.IS_REVOKED, arguments))

    @_write
    def add_api_key(self, new: ApiKeyToKeep, *, most: int) -> ApiKey | None:
        return self._api_keys.add(new, most=most)

    @_read
    def find_api_key(self, digest: str) -> ApiKey | None:
        return self._api_keys.find(digest) if is_identifier(digest) else None

    @_read
    def list_api_keys(self, user_id: str) -> tuple[ApiKey, ...]:
        return self._api_keys.list_of(user_id) if is_identifier(user_id) else ()

    @_write
    def revoke_api_key(self, key_id: str, *, retention: timedelta) -> ApiKey | None:
        return self._api_keys.revoke(key_id, retention) if is_identifier(key_id) else None

    @_write
    def note_uses_of_api_keys(self, ages: Mapping[str, timedelta]) -> None:
        self._api_keys.note_uses({key_id: age for key_id, age in ages.items() if is_identifier(key_id)})

    @_write
    def add_reference_token(self, token: ReferenceToken) -> None:
        self._reference_tokens.add(token)

    @_read
    def find_reference_token(self, digest: str) -> ReferenceToken | None:
        return self._reference_tokens.find(digest) if is_identifier(digest) else None

    @_write
    def spend(self, spent_id: str, *, expires_at: int) -> bool:
        check_identifier("spent_id", spent_id)
        arguments = (token_hex(8), expires_at + in_milliseconds(LONGEST_SILENCE))
        return bool(self._keys.run(record_scripts.SPEND, self._keys.layout.spent(spent_id), arguments))

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        return read_revocations(self._keys, cursor)

    @_write
    def report_ring(self, fingerprint: str) -> tuple[RingUse, ...]:
        check_fingerprint(fingerprint)
        return report_ring(self._keys, fingerprint)

    @_read
    def list_rings(self) -> tuple[RingUse, ...]:
        return list_rings(self._keys)[1]

    def purge(self, *, force: bool = False) -> int:
        return purge(self._keys, self._sessions, self._api_keys, self._reference_tokens, force=force)
