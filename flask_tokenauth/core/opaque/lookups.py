"""Look up the tokens that only a store can explain: reference tokens and API keys.

What the store has said about one is remembered for a minute at most, and only while this process knows the revocations.
So the look-up is paid once a minute, and not with each request. It is a minute by the wall clock too: a clock that goes
ahead lets this process forget revocations, but none that is younger than a minute by the same clock. Each use asks the
revocations: a token that was revoked is refused, even if it was looked up before and remembered afterwards.
"""

import math
import time
from collections.abc import Callable
from types import MappingProxyType

import msgspec

from ..claim_errors import TokenExpired, WrongAudience
from ..encoding.digests import digest_of
from ..encoding.prefixes import REFERENCE_PREFIX
from ..errors import StoreUnavailable
from ..form_errors import MalformedToken
from ..lookup_errors import TokenDamaged, TokenUnknown
from ..records.reference_token import ReferenceToken
from ..store import Store
from ..token_errors import TokenError, TokenRevoked
from ..tokens.claims import ClaimsPolicy, decode_claims
from ..tokens.scopes import parse_scope
from ..tokens.token import Token
from ..tokens.token_cache import TokenCache
from .checksummed_text import is_well_formed
from .looked_up_tokens import ApiKeyToken, LookedUpToken

LONGEST_MEMORY = 60.0  # seconds for which a record is remembered, from before it was read
_UNKNOWN_FOR = 10.0  # seconds for which a string is remembered that the store does not know
_MOST_UNKNOWN = 1024  # such strings
_UNREADABLE = (
    "a reference token in the store cannot be read: another program or another release has changed its row of "
    "tokenauth_reference_token. Delete this row: the user has to log in again"
)


class _Found(msgspec.Struct, frozen=True):
    """A token that the store has explained, and the conditions under which it can be used again."""

    token: LookedUpToken | ApiKeyToken
    read_at: float  # before the store was asked, by the monotonic clock
    wall_read_at: float  # the same by the wall clock, seconds since 1970-01-01T00:00:00Z
    since: float  # seconds since 1970-01-01T00:00:00Z, as ClaimsPolicy.span returns them
    until: float


class Lookups:
    """Looks up reference tokens, and API keys if there are prefixes for them.

    Args:
        store: keeps the tokens.
        policy: the rules for their claims, as for JWTs.
        is_revoked: returns whether a token that is otherwise good was revoked. It is called last, for each ``find``.
        api_key_prefixes: with which API keys begin; none: there are no API keys.
        size: the number of tokens that are remembered. It must be 0 unless *is_revoked* knows each revocation within
            a minute without the store's help.
        monotonic: returns seconds that always rise, from any start.

    Attributes:
        prefixes: each token that can be looked up begins with one of them, and no other token does.
        api_key_prefixes: those of API keys among them.
    """

    def __init__(
        self,
        store: Store,
        policy: ClaimsPolicy,
        *,
        is_revoked: Callable[[Token], bool],
        api_key_prefixes: tuple[str, ...] = (),
        size: int = 0,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.prefixes = (REFERENCE_PREFIX, *api_key_prefixes)
        self.api_key_prefixes = api_key_prefixes
        self._store = store
        self._policy = policy
        self._skew = policy.leeway.total_seconds()
        self._is_revoked = is_revoked
        self._monotonic = monotonic
        self._found: TokenCache[_Found] | None = TokenCache(size) if size else None
        self._unknown: TokenCache[float] = TokenCache(_MOST_UNKNOWN)

    def find(self, text: str, *, now: float, policy: ClaimsPolicy | None = None) -> Token:
        """Return the token that *text* stands for, which the store may have explained up to a minute ago.

        Args:
            text: begins with one of :attr:`prefixes`; untrusted.
            now: the current time, seconds since 1970-01-01T00:00:00Z.
            policy: the rules; None for those of all requests.

        Raises:
            TokenError: the token is refused.
            StoreUnavailable: the store cannot be asked, or its answer cannot be read.
        """
        found = None
        if self._found is not None and type(text) is str:
            found = self._found.find(text)
        is_new = (
            found is None
            or self._monotonic() - found.read_at >= LONGEST_MEMORY
            or now - found.wall_read_at >= LONGEST_MEMORY
        )
        if found is None or is_new:
            found = self._look_up(text, now)
        if policy is not None or not (found.since <= now + self._skew and now < found.until):
            _judge(found.token, policy or self._policy, now)
        token = found.token.copy()
        if self._is_revoked(token):
            raise TokenRevoked
        if is_new and self._monotonic() - found.read_at >= LONGEST_MEMORY:  # its revocation may be forgotten already
            raise StoreUnavailable("a token must be looked up within a minute, but the process was stopped for longer")
        return token

    def find_in_store(self, text: str, *, now: float, policy: ClaimsPolicy) -> Token:
        """Return the token that *text* stands for now. The store is asked each time.

        Whether the token was revoked with its session is not known afterwards.

        Args:
            text: begins with one of :attr:`prefixes`; untrusted.
            now: the current time, seconds since 1970-01-01T00:00:00Z.
            policy: the rules.

        Raises:
            TokenError: the token is refused.
            StoreUnavailable: the store cannot be asked, or its answer cannot be read.
        """
        token = self.read(text)
        if token is None:
            raise TokenUnknown
        _judge(token, policy, now)
        return token

    def _find_prefix(self, text: str) -> str | None:
        return next((prefix for prefix in self.prefixes if text.startswith(prefix)), None)

    def _look_up(self, text: str, now: float) -> _Found:
        read_at = self._monotonic()
        is_plain = type(text) is str  # an instance of a subclass could equal other strings
        asked_at = self._unknown.find(text) if is_plain else None
        if asked_at is not None and read_at - asked_at < _UNKNOWN_FOR:
            raise TokenUnknown
        token = self.read(text)
        if token is None:
            if is_plain:
                self._unknown.keep(text, read_at)
            raise TokenUnknown
        since, until = _span(token, self._policy, now)
        found = _Found(token, read_at, now, since, until)
        if self._found is not None and is_plain:
            self._found.keep(text, found)
        return found

    def read(self, text: str) -> LookedUpToken | ApiKeyToken | None:
        """Return what the store has for *text*, or None. Whether a policy accepts it is not checked.

        Args:
            text: begins with one of :attr:`prefixes`; untrusted.

        Raises:
            TokenDamaged: *text* has no good checksum, and the store was not asked.
            StoreUnavailable: the store cannot be asked, or its answer cannot be read.
        """
        prefix = self._find_prefix(text)
        if prefix is None or not is_well_formed(text, prefix):
            raise TokenDamaged
        digest = digest_of(text)
        if prefix != REFERENCE_PREFIX:
            api_key = self._store.find_api_key(digest)
            return None if api_key is None else ApiKeyToken.of(api_key, issuer=self._policy.issuer)
        record = self._store.find_reference_token(digest)
        return None if record is None else _read_record(record)


def _read_record(record: ReferenceToken) -> LookedUpToken:
    """Return the token of a record. Its claims are not judged yet."""
    try:
        claims = decode_claims(record.claims.encode())
        scopes = parse_scope(claims.get("scope", ""))  # type: ignore[arg-type]  # other types are errors here
    except (MalformedToken, TypeError, ValueError, AttributeError) as error:
        raise StoreUnavailable(_UNREADABLE) from error
    if claims.get("sub") != record.user_id or claims.get("jti") != record.token_id:
        raise StoreUnavailable(_UNREADABLE)
    return LookedUpToken(subject=record.user_id, scopes=scopes, claims=MappingProxyType(claims))


def _judge(token: Token, policy: ClaimsPolicy, now: float) -> None:
    """Refuse a token that breaks *policy*. An API key expires at its second, without leeway: only one clock matters."""
    if not isinstance(token, ApiKeyToken):
        policy.check(token.claims, typ=policy.typ, now=now)
        return
    if policy.audience is not None and policy.audience.isdisjoint(token.audience):
        raise WrongAudience
    if not now < _end_of(token):
        raise TokenExpired(_end_of(token))


def _span(token: Token, policy: ClaimsPolicy, now: float) -> tuple[float, float]:
    """Return the times between which *policy* accepts a token, as ``ClaimsPolicy.span``; none if it refuses it."""
    try:
        _judge(token, policy, now)
    except TokenError:
        return math.inf, -math.inf
    return (-math.inf, _end_of(token)) if isinstance(token, ApiKeyToken) else policy.span(token.claims)


def _end_of(token: ApiKeyToken) -> float:
    end: float = token.claims.get("exp", math.inf)  # type: ignore[assignment]  # we wrote it
    return end
