"""A set of keys, found by key ID (RFC 7517 section 5). Its keys can be exchanged while it is in use."""

import logging
from collections.abc import Iterable, Iterator, Mapping

from ..errors import InvalidKey
from .jwk import algorithm_in_set, find_other_use, is_private
from .key import Key

_log = logging.getLogger("flask_tokenauth")
_MAX_HEADER = 1024  # bytes of a header that is remembered
_MAX_HEADERS = 64  # headers that are remembered
_NOT_SKIPPED = "a set with a private key or a secret must have keys for signatures only: remove or correct this key"
_MAX_LISTED = 10  # keys of a set that an error or the log lists


class KeySet:
    """A set of keys, found by key ID. The first key that can sign is the signing key.

    Args:
        keys: at least one key, each with a key ID of its own: either secrets, or private and public keys. They must not
            be mixed, since a set of public keys is made to be published, and a secret in it could be published too.

    Attributes:
        generation: how often the keys were exchanged. Code that keeps the result of a key reads it before it looks for
            the key, and drops the result when it has changed.

    Raises:
        InvalidKey: there is no key, two have the same ``kid``, or secrets are mixed with other keys.
    """

    __slots__ = ("_by_kid", "_headers", "generation")

    generation: int

    def __init__(self, keys: Iterable[Key]) -> None:
        self._by_kid = _index_by_kid(keys)
        self.generation = 0
        self._headers: dict[bytes, Mapping[str, object]] = {}

    def exchange(self, keys: Iterable[Key]) -> None:
        """Replace all keys. Tokens that a removed key has signed are refused from then on.

        A ``TokenIssuer`` still signs with the key that it was made with.

        Args:
            keys: at least one key, each with a key ID of its own: either secrets, or private and public keys.

        Raises:
            InvalidKey: there is no key, two have the same ``kid``, or secrets are mixed with other keys. The set is not
                changed then.
        """
        self._by_kid = _index_by_kid(keys)
        self._headers = {}
        self.generation += 1  # last, so that a thread that reads the new number finds the new keys

    def find_header(self, text: bytes) -> Mapping[str, object] | None:
        """Return the JOSE header that the header segment *text* encodes, if it is remembered, else None.

        Args:
            text: base64url, untrusted. The header must be checked as if it had just been read.
        """
        return self._headers.get(text)

    def remember_header(self, text: bytes, header: Mapping[str, object]) -> None:
        """Remember a JOSE header. Only headers that a key of this set has signed may be remembered.

        Otherwise any client could fill the memory. At most 64 headers of up to 1024 bytes are remembered.

        Args:
            text: the header segment in base64url, as it came.
            header: the header that it encodes, immutable on every level.
        """
        if len(text) > _MAX_HEADER:
            return
        if len(self._headers) >= _MAX_HEADERS:
            self._headers = {}
        self._headers[text] = header

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, object], *, alg: str | None = None) -> "KeySet":
        """Load a JWK Set (RFC 7517 section 5).

        In a set of public keys, those that are not for signatures (``use`` is "enc", for example) or are of a kind that
        is not supported are skipped, and one line in the log names them. Each other key must be usable. In a set with a
        private key or a secret no key is skipped, so that no other key than you think signs.

        Args:
            jwks: the object with the array ``keys``.
            alg: the algorithm of the keys that name none. For a key on a curve of another algorithm the curve decides.

        Returns:
            The keys, in their order.

        Raises:
            InvalidKey: *jwks* is not a JWK Set, one of its keys cannot be used, there is no key, two have the same
                ``kid``, or secrets are mixed with other keys. The message has the number of the bad key, from 1.
        """
        members = jwks.get("keys") if isinstance(jwks, Mapping) else None
        if not isinstance(members, (list, tuple)):
            is_jwk = isinstance(jwks, Mapping) and "kty" in jwks
            got = 'one JWK: put it into {"keys": […]}' if is_jwk else "something else"
            raise InvalidKey(f'a JWK Set must be an object with an array "keys", got {got}')
        skipped = {} if any(is_private(jwk) for jwk in members) else _find_skipped(members)
        listed = "; ".join(f"key {position}: {reason}" for position, reason in list(skipped.items())[:_MAX_LISTED])
        if skipped and len(skipped) == len(members):
            raise InvalidKey(f"a JWK Set must have a key for signatures that is supported here, got none ({listed})")
        keys = []
        for position, jwk in enumerate(members, 1):
            if position not in skipped:
                keys.append(_load_key(jwk, alg, f"key {position} of {len(members)}"))
        loaded = cls(keys)
        if skipped:
            _log.info(
                "%d of the %d keys of a JWK Set were skipped: they are not for signatures, or of a kind that is not "
                "supported (%s)",
                len(skipped),
                len(members),
                listed,
            )
        return loaded

    @property
    def signing_key(self) -> Key | None:
        """The first key that can sign, or None if no key can."""
        return next((key for key in self if key.can_sign), None)

    def find(self, kid: str | None) -> Key | None:
        """Return the key with this ID, or None. If *kid* is None and the set has one key, return that key."""
        if kid is None:
            return next(iter(self)) if len(self) == 1 else None
        return self._by_kid.get(kid)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._by_kid.values())

    def __len__(self) -> int:
        return len(self._by_kid)

    def __repr__(self) -> str:
        return f"KeySet({list(self)!r})"


def _find_skipped(members: Iterable[object]) -> dict[int, str]:
    """Return the numbers of the keys that are not for us, and why."""
    reasons = {position: find_other_use(jwk) for position, jwk in enumerate(members, 1)}
    return {position: reason for position, reason in reasons.items() if reason is not None}


def _load_key(jwk: Mapping[str, object], alg: str | None, position: str) -> Key:
    try:
        return Key.from_jwk(jwk, alg=algorithm_in_set(jwk, alg))
    except InvalidKey as error:
        reason = find_other_use(jwk)
        raise InvalidKey(f"{position}: {error if reason is None else f'{reason}; {_NOT_SKIPPED}'}") from error


def _index_by_kid(keys: Iterable[Key]) -> dict[str, Key]:
    by_kid: dict[str, Key] = {}
    for key in keys:
        if key.kid in by_kid:
            raise InvalidKey(
                "each key of a key set must have a kid of its own, got two with the same kid: remove one of them; a "
                "private key needs no public half and no certificate beside it"
            )
        by_kid[key.kid] = key
    if not by_kid:
        raise InvalidKey("a key set must have at least one key, got none")
    if len({key.key_type == "oct" for key in by_kid.values()}) != 1:
        raise InvalidKey("a key set must have secrets only, or private and public keys only, got both kinds")
    return by_kid
