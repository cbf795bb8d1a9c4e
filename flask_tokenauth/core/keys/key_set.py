"""Keys by their ID. The set can be exchanged for another while it is in use (RFC 7517 section 5)."""

from collections.abc import Iterable, Iterator, Mapping

from ..errors import InvalidKey
from .key import Key

_LONGEST_HEADER = 1024  # bytes, of those that are remembered


_MOST_HEADERS = 64


class KeySet:
    """Keys by their ID, in order; the first that can sign is the one that does. They may be exchanged for others.

    Args:
        keys: at least one. Secrets and public keys do not mix: a set with public keys is there to be published, and an
            HMAC secret beside them is one slip away from being published too.

    Raises:
        InvalidKey: no key, two with the same ``kid``, or secrets mixed with public keys.
    """

    __slots__ = ("_by_kid", "_headers", "generation")

    generation: (
        int  #: How often the keys were exchanged; to be read before a key is looked for, by who keeps what it said.
    )

    def __init__(self, keys: Iterable[Key]) -> None:
        self._by_kid = _index(keys)
        self.generation = 0
        self._headers: dict[bytes, Mapping[str, object]] = {}

    def exchange(self, keys: Iterable[Key]) -> None:
        """Replace all keys by *keys*. Tokens that a removed key has verified must be verified again.

        For sets that verify. A ``TokenIssuer`` signs with the key that it was given.

        Raises:
            InvalidKey: as for a new set; this one stays as it was.
        """
        self._by_kid = _index(keys)
        self._headers = {}
        self.generation += 1  # last: who reads the new one finds the new keys

    def find_header(self, text: bytes) -> Mapping[str, object] | None:
        """Return the JOSE header that *text* stands for, if it is remembered; what it says is to be judged as ever."""
        return self._headers.get(text)

    def remember_header(self, text: bytes, header: Mapping[str, object]) -> None:
        """Remember what the header segment *text* says, once a key of this set has signed it, so that nobody else can.

        Args:
            text: base64url, as it came.
            header: what was read of it, deeply immutable.
        """
        if len(text) > _LONGEST_HEADER:
            return
        if len(self._headers) >= _MOST_HEADERS:
            self._headers = {}
        self._headers[text] = header

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, object], *, alg: str | None = None) -> "KeySet":
        """Load a JWK Set (RFC 7517 section 5), strictly: one bad key and there is no set.

        Args:
            jwks: the object with the array ``keys``.
            alg: the algorithm of those that name none.

        Raises:
            InvalidKey: this is no JWK Set, or one of its keys cannot be used; the message counts from 1.
        """
        members = jwks.get("keys") if isinstance(jwks, Mapping) else None
        if not isinstance(members, (list, tuple)):
            raise InvalidKey('a JWK Set is an object with an array "keys"')
        keys = []
        for position, jwk in enumerate(members, 1):
            try:
                keys.append(Key.from_jwk(jwk, alg=alg))
            except InvalidKey as error:
                raise InvalidKey(f"key {position} of {len(members)}: {error}") from error
        return cls(keys)

    @property
    def signing_key(self) -> Key | None:
        """The first key that can sign, or None in a set of public keys."""
        return next((key for key in self if key.can_sign), None)

    def find(self, kid: str | None) -> Key | None:
        """Return the key with this ID, or None. No ID means the only key, where there is just one."""
        if kid is None:
            return next(iter(self)) if len(self) == 1 else None
        return self._by_kid.get(kid)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._by_kid.values())

    def __len__(self) -> int:
        return len(self._by_kid)

    def __repr__(self) -> str:
        return f"KeySet({list(self)!r})"


def _index(keys: Iterable[Key]) -> dict[str, Key]:
    by_kid: dict[str, Key] = {}
    for key in keys:
        if key.kid in by_kid:
            raise InvalidKey("two keys have the same kid")
        by_kid[key.kid] = key
    if len({key.key_type == "oct" for key in by_kid.values()}) != 1:
        raise InvalidKey("a key set holds secrets or public keys, at least one, and never both kinds")
    return by_kid
