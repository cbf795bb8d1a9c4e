"""Which tokens an application accepts, however they reach it."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import Flask

from ..core.keys.key_set import KeySet
from ..core.lookup_errors import NoApiKey
from ..core.opaque.looked_up_tokens import ApiKeyToken
from ..core.ticket_errors import TicketExpected, TicketWrongPath
from ..core.token_errors import KindNotAccepted, TokenError, TokenRejected, WrongType
from ..core.tokens.audience import parse_audience
from ..core.tokens.claims import LONGEST_LEEWAY, ClaimsPolicy
from ..core.tokens.jws import LARGEST_LIMIT
from ..core.tokens.tickets import TicketToken
from ..core.tokens.token import Token, TokenKind
from ..core.tokens.verifier import Verifier
from ..core.trusted_issuers.trusted_token import TrustedToken
from .api_key_checks import ApiKeyChecks
from .callbacks import Callbacks
from .calling import call_function
from .credentials import find_token, judge_refused_token
from .trusted_users import find_user_id
from .user_ids import UserIDs

if TYPE_CHECKING:  # for applications with a store, trusted issuers or keys that encrypt
    from ..core.opaque.lookups import Lookups
    from ..core.tokens.decryption import Decryption
    from ..core.trusted_issuers.registry import TrustedIssuers

Clock = Callable[[], float]  # seconds since 1970-01-01T00:00:00Z

_SHORTEST_PREFIX = 3  # characters, of tokens that are looked up
_MOST_AUDIENCES = 8  # with a verifier of their own, which remembers tokens


class AcceptedTokens:
    """Verifies tokens, and asks the application whether it accepts them.

    Args:
        app: the application.
        callbacks: its functions: ``token_check`` and ``api_key_check``.
        keys: the keys that its tokens are verified with.
        policy: the rules for the claims of its tokens.
        verifier: verifies its tokens, by the same keys and rules.
        clock: returns seconds since 1970-01-01T00:00:00Z.
        max_bytes: a longer token is refused unread.
        api_key_checks: asks the application about API keys.
        lookups: looks up tokens that only a store can explain. None: there is no store.
        note_use: called with the ID of each API key that is used.
        look_at_keys: called at the start of each request: the keys may have to be exchanged. None: they do not change.
        look_for_keys: as for ``Verifier``.
        decryption: opens encrypted tokens, as for *verifier*. None: encrypted tokens are refused.

    Attributes:
        clock: as given. Tests replace it.
        user_ids: converts user IDs.
        lookups: as given.
        trusted: the issuers whose tokens are accepted besides our own, or None.
        asks_about_issuers: whether functions of the application decide about the tokens of these issuers.
    """

    def __init__(
        self,
        app: Flask,
        callbacks: Callbacks,
        *,
        keys: KeySet,
        policy: ClaimsPolicy,
        verifier: Verifier,
        clock: Clock,
        max_bytes: int,
        api_key_checks: ApiKeyChecks,
        lookups: "Lookups | None" = None,
        note_use: Callable[[str], None] = lambda _: None,
        look_at_keys: Callable[[], None] | None = None,
        look_for_keys: Callable[[int], bool] | None = None,
        decryption: "Decryption | None" = None,
    ) -> None:
        self.clock = clock
        self.user_ids = UserIDs(callbacks.user_id_type)
        self.lookups = lookups
        prefixes = () if lookups is None else lookups.prefixes
        self._beginnings = frozenset(prefix[:_SHORTEST_PREFIX] for prefix in prefixes)
        self.trusted: TrustedIssuers | None = None
        self.asks_about_issuers = False
        self._api_key_checks = api_key_checks
        self._note_use = note_use
        self._app = app
        self._callbacks = callbacks
        self._keys = keys
        self._policy = policy
        self._verifier = verifier
        # Without a store nothing has to be looked up, and each request saves a call.
        self._find_or_verify = verifier.verify if lookups is None else self._look_up_or_verify
        self._ticket_verifier = verifier.for_tickets()
        self._verifier_for = lru_cache(maxsize=_MOST_AUDIENCES)(verifier.for_audience)
        self._max_bytes = max_bytes
        self._look_at_keys, self._look_for_keys = look_at_keys, look_for_keys
        self._decryption = decryption

    def find_token(self, header: str) -> Token | None:
        """Return the verified token in an ``Authorization`` header, or None if the header has another scheme.

        Raises:
            Refusal: the scheme is Bearer, and no good token follows.
        """
        text = find_token(header, max_bytes=self._max_bytes)
        try:
            return None if text is None else self._find_or_verify(text, now=self.clock())
        except TokenError as error:
            raise judge_refused_token(error, header) from None

    def _look_up_or_verify(self, text: str, *, now: float) -> Token:
        """Return the verified token in *text*, after looking it up in the store if only the store can explain it."""
        lookups = self.lookups
        # The first condition needs no call, and few JWTs pass it.
        if lookups is not None and text[:_SHORTEST_PREFIX] in self._beginnings and text.startswith(lookups.prefixes):
            return lookups.find(text, now=now)
        return self._verifier.verify(text, now=now)

    def find_api_key(self, text: str) -> Token:
        """Return the verified token of the API key in *text*, which came in the header for API keys.

        Raises:
            TokenError: it is no API key, or is refused.
            StoreUnavailable: the store cannot be asked.
        """
        lookups = self.lookups
        if lookups is None or not text.startswith(lookups.api_key_prefixes):
            raise NoApiKey
        return lookups.find(text, now=self.clock())

    def verify_ticket(self, text: str, path: bytes) -> tuple[Token, Any]:
        """Return the verified ticket in *text* with its user ID. Whether it was used before is not checked.

        Args:
            text: untrusted.
            path: of the request, not percent-encoded any more; untrusted.

        Raises:
            TokenError: it is no ticket, is refused, or opens another path.
            StoreUnavailable: it is not known whether the ticket was revoked.
        """
        try:
            token = self._ticket_verifier.verify(text, now=self.clock())
        except WrongType:
            raise TicketExpected from None
        ticket = TicketToken.of(token)
        if not ticket.opens(path):
            raise TicketWrongPath
        return self.accept(ticket)

    def accept(self, token: Token) -> tuple[Token, Any]:
        """Return a verified token with its user ID, if the application accepts the token.

        The token of an API key has the scopes that ``api_key_check`` leaves to it.

        Raises:
            TokenError: the subject is no user ID, ``token_check`` or ``api_key_check`` refuses it, or the token of a
                trusted issuer was revoked or has no user here.
        """
        if isinstance(token, TrustedToken):
            user_id = find_user_id(self._app, token, self.trusted, self.user_ids)
        else:
            user_id = self.user_ids.from_subject(token.subject)
            if isinstance(token, ApiKeyToken):
                token = self._api_key_checks.narrow(token, user_id)
        check = self._callbacks.check_token
        if check is not None and not call_function(self._app, "token_check", check, token):
            raise TokenRejected
        return token, user_id

    def verify(
        self, text: str, audience: str | Iterable[str] | None, accept: Collection[TokenKind]
    ) -> tuple[Token, Any]:
        """Return the verified token and its user ID.

        Args:
            text: untrusted.
            audience: the token must be for one of these; None for the audience of this application.
            accept: the token must be of one of these kinds.

        Raises:
            TypeError: *audience* is neither one string nor several.
            ValueError: *audience* is empty, or has an empty string.
            TokenError: the token is refused, by its signature, its claims or a function of the application, or is of
                another kind.
            StoreUnavailable: it is not known whether the token was revoked.
        """
        self._look_at_file()
        names = None if audience is None else parse_audience(audience)
        if names is not None and (not names or "" in names):
            raise ValueError("audience must have at least one string, and none that is empty")
        lookups = self.find_lookups(text)
        if lookups is not None:
            policy = None if names is None else replace(self._policy, audience=names)
            token = lookups.find(text, now=self.clock(), policy=policy)
        else:
            verifier = self._verifier if names is None else self._verifier_for(names)
            token = verifier.verify(text, now=self.clock())
        if token.kind not in accept:
            raise KindNotAccepted(token.kind, tuple(accept))
        token, user_id = self.accept(token)
        if isinstance(token, ApiKeyToken):
            self._note_use(token.api_key.id)
        return token, user_id

    def find_lookups(self, text: object) -> "Lookups | None":
        """Return the look-ups if only the store can explain *text*: such a string never reaches the verifier of JWTs.

        Args:
            text: untrusted; of any type.
        """
        lookups = self.lookups
        is_theirs = lookups is not None and isinstance(text, str) and text.startswith(lookups.prefixes)
        return lookups if is_theirs else None

    def verify_for(self, text: str, audience: frozenset[str]) -> Token:
        """Return the token of this issuer, whether it was revoked or not. One that is looked up was not, by itself.

        Args:
            text: untrusted.
            audience: the token must be for one of these, whether or not it is for this application.

        Raises:
            TokenError: the token is refused.
            StoreUnavailable: the token has to be looked up, and the store cannot be asked.
        """
        decryption = None if self._decryption is None else self._decryption.for_introspection()
        return self._verify(text, replace(self._policy, audience=audience), decryption)

    def verify_issued(self, text: str) -> Token:
        """Return a token of this issuer that a server may still accept, so that it can be revoked.

        Its audience, its length, its lifetime and the beginning of its validity (``iat``, ``nbf``) do not matter:
        another service, or this one at a later time, may accept it. The clock of another server may be behind by its
        own leeway.

        Args:
            text: untrusted.

        Raises:
            TokenError: the signature is bad, a claim is malformed, or the token has expired for every server, or the
                store does not know it.
            StoreUnavailable: the token has to be looked up, and the store cannot be asked.
        """
        leeway = 2 * LONGEST_LEEWAY
        policy = replace(self._policy, audience=None, max_lifetime=None, may_start_later=True, leeway=leeway)
        decryption = None if self._decryption is None else self._decryption.for_revocation()
        return self._verify(text, policy, decryption, max_bytes=LARGEST_LIMIT)

    def _look_at_file(self) -> None:
        """Let keys that have changed be exchanged, where no request has done it."""
        if self._look_at_keys is not None:
            self._look_at_keys()

    def _verify(
        self, text: str, policy: ClaimsPolicy, decryption: "Decryption | None", *, max_bytes: int | None = None
    ) -> Token:
        self._look_at_file()
        lookups = self.find_lookups(text)
        if lookups is not None:
            return lookups.find_in_store(text, now=self.clock(), policy=policy)
        verifier = Verifier(
            self._keys,
            policy,
            max_bytes=max_bytes or self._max_bytes,
            look_for_keys=self._look_for_keys,
            decryption=decryption,
        )
        return verifier.verify(text, now=self.clock())
