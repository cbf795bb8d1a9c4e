"""Read keys in PEM (RFC 7468), and explain why one cannot be read."""

from typing import Any

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from ..errors import InvalidKey
from .key_material import split_key

_NO_PEM = (
    "PEM text must have a line -----BEGIN …-----, got none: pass the content of the file, such as Path(…).read_text(), "
    "not its path; convert a file in DER with: openssl pkey -inform DER -in FILE"
)
_OPENSSH = (
    "PEM text must be in PKCS #8, PKCS #1 or SEC 1, got a private key in the format of OpenSSH: convert a copy of the "
    "file with: ssh-keygen -p -m PEM -f COPY (RSA and EC keys), or make a new key with: openssl genpkey -algorithm "
    "ED25519"
)
_NO_KEY = (
    "PEM text must hold a private key in PKCS #8, PKCS #1 or SEC 1, or a public key in SubjectPublicKeyInfo or PKCS "
    "#1, got no key that can be read: check that it is complete, and not a certificate"
)
_ENCRYPTED = (
    "an encrypted private key needs its passphrase, got none: load it with Key.from_pem(pem, passphrase=…), and set "
    "TOKENAUTH_KEYS to a list with that key"
)
_NOT_OPENED = (
    "passphrase must be the one that the private key is encrypted with, got one that does not open it: check it, and "
    "that the PEM text is complete"
)
_NOT_ENCRYPTED = (
    "passphrase is for encrypted private keys, got one for a key that is not encrypted or cannot be read: leave it out"
)


def read_pem(pem: bytes, passphrase: bytes | None) -> tuple[Any, Any]:
    """Read the key material of PEM text.

    Args:
        pem: the PEM text.
        passphrase: the passphrase of an encrypted private key, or None.

    Returns:
        The private material (None for a public key) and the public material.

    Raises:
        InvalidKey: *pem* holds no key that can be read, or the passphrase is missing, wrong or not needed. The message
            has no part of *pem*.
    """
    try:
        if b"PRIVATE KEY-----" in pem:
            return split_key(load_pem_private_key(pem, passphrase))
        return None, load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise InvalidKey(_explain(pem, passphrase)) from error


def _explain(pem: bytes, passphrase: bytes | None) -> str:
    if b"-----BEGIN " not in pem:
        return _NO_PEM
    if b"BEGIN OPENSSH PRIVATE KEY-----" in pem:
        return _OPENSSH
    if b"PRIVATE KEY-----" not in pem:
        return _NO_KEY
    if b"BEGIN ENCRYPTED PRIVATE KEY-----" in pem or b"Proc-Type: 4,ENCRYPTED" in pem:
        return _ENCRYPTED if passphrase is None else _NOT_OPENED
    return _NO_KEY if passphrase is None else _NOT_ENCRYPTED
