"""Opens the encrypted tokens of one application. The token inside is judged as if it had come alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from ..encryption_errors import NotEncrypted, UnknownEncryptionKey
from ..keys.encryption_keys import EncryptionKeys
from .delegation import ACT
from .jwe import Opened, is_encrypted, open_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Decryption:
    """The encryption keys of one application, and its rule for tokens of its own that came signed only.

    Attributes:
        keys: the keys that decrypt.
        plain_until: until when these tokens are accepted, in seconds since 1970-01-01T00:00:00Z.
        accepts_exchanged: whether exchanged tokens are accepted. They are made for other services, which have no key.
        look_for_keys: called with the generation of *keys* in which the key of a token is not known; returns whether
            they were exchanged since. None: they are not looked for.
    """

    keys: EncryptionKeys
    plain_until: float = -inf
    accepts_exchanged: bool = False
    look_for_keys: Callable[[int], bool] | None = None

    def open(self, token: str, *, max_bytes: int) -> Opened | None:
        """Return the token inside an encrypted token, or None if *token* is not encrypted.

        Args:
            token: untrusted; a value of another type is not encrypted.
            max_bytes: the length of the longest token that is read, in bytes.

        Raises:
            TokenError: it cannot be decrypted, or has no signed token inside.
        """
        if not is_encrypted(token):
            return None
        generation = self.keys.generation
        try:
            return open_token(token, self.keys, max_bytes=max_bytes)
        except UnknownEncryptionKey:
            if self.look_for_keys is None or not self.look_for_keys(generation):
                raise
            return open_token(token, self.keys, max_bytes=max_bytes)

    def check_plain(self, claims: Mapping[str, object], *, now: float) -> float:
        """Return until when a token of our own that is not encrypted is accepted.

        Args:
            claims: of the token, whose signature is good.
            now: the current time, seconds since 1970-01-01T00:00:00Z.

        Raises:
            NotEncrypted: it is not accepted.
        """
        if self.accepts_exchanged and ACT in claims:
            return inf
        if not now < self.plain_until:
            raise NotEncrypted
        return self.plain_until

    def for_introspection(self) -> "Decryption":
        """Return the rules for tokens that other services ask about: exchanged tokens were made for these."""
        return replace(self, accepts_exchanged=True)

    def for_revocation(self) -> "Decryption":
        """Return the rules for tokens to be revoked: another process may still accept those that are signed only."""
        return replace(self, plain_until=inf)
