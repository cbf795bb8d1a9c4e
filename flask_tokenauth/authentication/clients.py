"""Authenticate a client by its ID and secret in the ``Authorization`` header: HTTP Basic (RFC 6749 section 2.3.1).

Libraries encode the ID and the secret as a form does before they join them, or join them as they are. Both give the
same result here, since neither the IDs nor the secrets have a character that a form decodes to another.
"""

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from secrets import token_bytes
from typing import TypeGuard
from urllib.parse import unquote_plus

from ..core.client_errors import MalformedClientCredential, UnknownClient, WrongClientSecret
from ..core.encoding.limits import MAX_IDENTIFIER
from ..core.opaque.client_secret import SECRET_LENGTH, digest_of, is_client_secret

MAX_HASHES = 4  # of one client: the secrets that are in use while they are changed

_SCHEME = "basic"
_ID = re.compile(rf"[!-$&-*,-9;-~]{{1,{MAX_IDENTIFIER}}}")  # printable ASCII without space, %, + and :
_MOST_ENCODED = 3 * MAX_IDENTIFIER + 1 + 3 * SECRET_LENGTH  # characters: a form encodes one as %xx at most
_MAX_HEADER = len(_SCHEME) + 1 + 4 * -(-_MOST_ENCODED // 3)  # characters


@dataclass(frozen=True, slots=True)
class Client:
    """A client that may introspect."""

    client_id: str
    hashes: tuple[bytes, ...] = field(repr=False)  # SHA-256 of its secrets
    audience: frozenset[str] = frozenset()  # it sees tokens for one of these; if empty, those for the application


class Clients:
    """The clients of one application.

    Args:
        clients: each has an ID of its own, and at most ``MAX_HASHES`` hashes.
        audience: of the clients that have none.
    """

    def __init__(self, clients: Iterable[Client], *, audience: frozenset[str]) -> None:
        self._by_id = {
            client.client_id: replace(client, hashes=_pad(client.hashes), audience=client.audience or audience)
            for client in clients
        }
        self._none = _pad(())

    def authenticate(self, header: str) -> Client:
        """Return the client whose ID and secret are in an ``Authorization`` header with the Basic scheme.

        As many hashes are compared for an ID that does not exist as for one that does, so that the time does not show
        which IDs exist.

        Args:
            header: the value as the server got it, untrusted.

        Raises:
            MalformedClientCredential: the header breaks the grammar, or is too long.
            UnknownClient: there is no client with this ID.
            WrongClientSecret: the secret is not one of those of the client.
        """
        client_id, secret = _read_credential(header)
        client = self._by_id.get(client_id)
        is_known = _has_secret(self._none if client is None else client.hashes, secret)
        if client is None:
            raise UnknownClient
        if not is_known:
            raise WrongClientSecret(client.client_id)
        return client


def is_client_id(value: object) -> TypeGuard[str]:
    """Return whether *value* can be a client ID: 1 to 255 printable ASCII characters without space, %, + and colon."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _pad(hashes: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return ``MAX_HASHES`` hashes: those given, and random ones that no secret has."""
    return hashes + tuple(token_bytes(32) for _ in range(MAX_HASHES - len(hashes)))


def _has_secret(hashes: tuple[bytes, ...], secret: str) -> bool:
    if not is_client_secret(secret):
        return False
    digest = digest_of(secret)
    matches = [compare_digest(known, digest) for known in hashes]  # all of them, also after one that matches
    return any(matches)


def _read_credential(header: str) -> tuple[str, str]:
    """Return the client ID and the secret. No error of the decoders is kept as context: it would hold the secret.

    Raises:
        MalformedClientCredential: the header breaks the grammar, or is too long.
    """
    credential = _decode(header) if len(header) <= _MAX_HEADER else None
    if credential is None:
        raise MalformedClientCredential
    return credential


def _decode(header: str) -> tuple[str, str] | None:
    if header[len(_SCHEME) : len(_SCHEME) + 1] != " ":
        return None
    encoded = header[len(_SCHEME) :].lstrip(" ")
    try:
        data = a2b_base64(encoded)
        if b2a_base64(data, newline=False).decode() != encoded:  # the decoder skips some characters and bits
            return None
        client_id, colon, secret = data.decode("ascii").partition(":")
        credential = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        return None
    return credential if colon else None
