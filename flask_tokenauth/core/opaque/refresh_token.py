"""Refresh tokens as strings: a random handle, a generation number, and an HMAC over both (RFC 6749 section 1.5).

Only the client keeps the handle. The store has a digest of it and the generation number. So neither the store, nor an
access token, nor the key, nor all of them together are enough to make a refresh token. The handle of a session that
began with a token of another library is not random: it is an HMAC of that token, which only the client has.
"""

import hashlib
import struct
from dataclasses import dataclass, field, replace
from secrets import token_bytes

from ..encoding import base64url
from ..encoding.prefixes import REFRESH_PREFIX
from ..endpoint_errors import InvalidRefreshToken
from ..keys.key import Key
from ..keys.key_set import KeySet
from ..records.session import MAX_GENERATION
from ..signature_errors import InvalidSignature

_PURPOSE = b"flask-tokenauth refresh token v1\0"  # the key is derived for this purpose alone as well
_PURPOSE_OF_TRADES = b"flask-tokenauth traded token v1\0"
_HANDLE_BYTES = 16
_FACTS = struct.Struct(">16sI")  # handle, generation
_HMAC_BYTES = 32  # SHA-256
_LENGTH = len(REFRESH_PREFIX) + -(-(_FACTS.size + _HMAC_BYTES) * 8 // 6)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of this server. Only the store knows whether it can still be redeemed."""

    handle: bytes = field(repr=False)  # 16 random bytes, the secret of the session
    generation: int = 0

    @classmethod
    def first(cls) -> "RefreshToken":
        """Return the first refresh token of a new session."""
        return cls(token_bytes(_HANDLE_BYTES))

    @classmethod
    def traded(cls, signed: bytes, key: Key) -> "RefreshToken":
        """Return the first refresh token of the session that begins with a token of another library.

        Args:
            signed: the header and the payload of that token, as they were signed. The signature is left out: a
                client can turn an ECDSA signature into a second one, and must not get a second session for it.
            key: as for :func:`write_refresh_token`, or an older one, which only verifies. Each gives another token.
        """
        mac = replace(key, can_sign=True).sign(_PURPOSE_OF_TRADES + signed)
        return cls(mac[:_HANDLE_BYTES])

    @property
    def session_id(self) -> str:
        """``sid``: the first 16 bytes of the handle's SHA-256, in base64url. It is not a secret."""
        return base64url.encode(hashlib.sha256(self.handle).digest()[:16]).decode()

    def successor(self) -> "RefreshToken":
        """Return the refresh token of the next generation. Every call returns the same."""
        return RefreshToken(self.handle, self.generation + 1)


def digest_traded(signed: bytes) -> str:
    """Return the ID under which a store remembers that a token of another library was traded. It is not a secret.

    Args:
        signed: as for :meth:`RefreshToken.traded`.
    """
    return base64url.encode(hashlib.sha256(_PURPOSE_OF_TRADES + signed).digest()[:_HANDLE_BYTES]).decode()


def write_refresh_token(token: RefreshToken, key: Key) -> str:
    """Return *token* as a string: ``rt1_`` and base64url, 74 characters.

    Args:
        token: the refresh token.
        key: an HMAC key with SHA-256, for refresh tokens and nothing else.
    """
    facts = _FACTS.pack(token.handle, token.generation)
    return REFRESH_PREFIX + base64url.encode(facts + key.sign(_PURPOSE + facts)).decode()


def read_refresh_token(text: str, keys: KeySet) -> RefreshToken:
    """Return the refresh token in *text*. The store is not asked.

    Args:
        text: untrusted.
        keys: the HMAC keys that refresh tokens may be made with.

    Raises:
        InvalidRefreshToken: this server did not make it, or it was changed.
    """
    if len(text) != _LENGTH or not text.isascii() or not text.startswith(REFRESH_PREFIX):
        raise InvalidRefreshToken
    try:
        data = base64url.decode(text.removeprefix(REFRESH_PREFIX).encode())
    except ValueError:
        raise InvalidRefreshToken from None
    facts, mac = data[: _FACTS.size], data[_FACTS.size :]
    # It does not name its key. There are as many as SECRET_KEY_FALLBACKS has, and an HMAC costs a microsecond.
    if not any(_is_made_by(key, facts, mac) for key in keys):
        raise InvalidRefreshToken
    handle, generation = _FACTS.unpack(facts)
    if generation == MAX_GENERATION:
        raise InvalidRefreshToken  # it would take a refresh each second for a hundred years
    return RefreshToken(handle, generation)


def _is_made_by(key: Key, facts: bytes, mac: bytes) -> bool:
    try:
        key.verify(_PURPOSE + facts, mac)
    except InvalidSignature:
        return False
    return True
