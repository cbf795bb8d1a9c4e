"""Read the key in one block of PEM text, and explain why it cannot be read."""

from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)
from cryptography.x509.oid import PublicKeyAlgorithmOID

from ..errors import InvalidKey
from .key_material import split_key
from .pem_blocks import OPENSSH_PUBLIC, Block
from .rsa_pss import find_pss_algorithms

CERTIFICATE = "CERTIFICATE"
_OPENSSH_PRIVATE = "OPENSSH PRIVATE KEY"
_TROUBLES = (ValueError, TypeError, UnsupportedAlgorithm, InternalError)
_OPENSSH = (
    "a key in the format of OpenSSH must be RSA, ECDSA or Ed25519 and complete, got one that cannot be read: convert a "
    "copy of the private key with: ssh-keygen -p -m PEM -f COPY, or a public key with: ssh-keygen -e -m PKCS8 -f FILE "
    "(RSA and EC keys), or make another key with: openssl genpkey -algorithm ED25519"
)
_BCRYPT = (
    "an encrypted key in the format of OpenSSH needs the package bcrypt, which is not installed: pip install bcrypt, "
    "or convert a copy of the file with: ssh-keygen -p -m PEM -f COPY (RSA and EC keys)"
)
_NO_CERTIFICATE = "a certificate must be X.509 in PEM, got one that cannot be read: check that it is complete"
_NO_KEY = (
    "PEM text must hold a private key in PKCS #8, PKCS #1, SEC 1 or the format of OpenSSH, a public key in "
    "SubjectPublicKeyInfo or PKCS #1, or a certificate, got no key that can be read: check that it is complete"
)
_LABELS_WITHOUT_KEY = frozenset({
    "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "PKCS7", "PGP PUBLIC KEY BLOCK", "PGP PRIVATE KEY BLOCK",
    "TRUSTED CERTIFICATE", "X509 CRL",
})  # fmt: skip
_ENCRYPTED = (
    "an encrypted private key needs its passphrase, got none: set TOKENAUTH_KEYS_PASSPHRASE, or load the key with "
    "Key.from_pem(pem, passphrase=…), and set TOKENAUTH_KEYS to a list with it"
)
_NOT_OPENED = "passphrase must be the one that the private key is encrypted with, got one that does not open it: "
_CHECK = "check it, and that the PEM text is complete"
_LINE_END = "remove the line end after it"


@dataclass(slots=True)
class Passphrase:
    """A passphrase, or None, and whether it has opened a key."""

    value: bytes | None = field(repr=False)
    used: bool = False

    @property
    def is_left_over(self) -> bool:
        """Whether there is a passphrase that has opened no key."""
        return self.value is not None and not self.used


@dataclass(frozen=True, slots=True, eq=False)
class PemKey:
    """The key of one block.

    Attributes:
        block: the block.
        private: the private key, or None.
        public: the public key; None in a certificate whose key cannot be read.
        pss_algorithms: the algorithms of an RSA-PSS key; empty for other keys, and for encrypted keys, which hide it.
        certificate: the certificate, if the block is one.
    """

    block: Block
    private: Any = field(repr=False)
    public: Any
    pss_algorithms: tuple[str, ...] = ()
    certificate: x509.Certificate | None = None


def read_block(block: Block, passphrase: Passphrase) -> PemKey:
    """Read the key of a block.

    Args:
        block: the block.
        passphrase: opens the key if it is encrypted. It is not an error if it is not needed.

    Raises:
        InvalidKey: there is no key that can be read, or the passphrase is missing or wrong. The message has no part of
            the block.
    """
    try:
        if block.label == CERTIFICATE:
            return _read_certificate(block)
        if block.label == OPENSSH_PUBLIC:
            return PemKey(block, None, load_ssh_public_key(block.pem))
        if not block.label.endswith("PRIVATE KEY"):
            public = load_pem_public_key(block.pem)
            return PemKey(block, None, public, find_pss_algorithms(block.der, public))
        if _is_encrypted(block):
            return PemKey(block, *split_key(_open(block, passphrase)))
        private, public = split_key(_load_private(block, None))
        is_pkcs8 = block.label == "PRIVATE KEY"
        return PemKey(block, private, public, find_pss_algorithms(block.der, public) if is_pkcs8 else ())
    except InvalidKey as error:
        raise block.refuse(error) from None
    except _TROUBLES as error:
        raise block.refuse(_explain(block)) from error


def _read_certificate(block: Block) -> PemKey:
    certificate = x509.load_pem_x509_certificate(block.pem)
    try:
        public: Any = certificate.public_key()
    except _TROUBLES:
        public = None
    is_pss = certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS
    algorithms = find_pss_algorithms(block.der, public) if is_pss else ()
    return PemKey(block, None, public, algorithms, certificate)


def _is_encrypted(block: Block) -> bool:
    if block.label != _OPENSSH_PRIVATE:
        return block.label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block.pem
    try:
        load_ssh_private_key(block.pem, None)
    except TypeError:
        return True
    return False


def _load_private(block: Block, passphrase: bytes | None) -> Any:
    load = load_ssh_private_key if block.label == _OPENSSH_PRIVATE else load_pem_private_key
    return load(block.pem, passphrase)


def _open(block: Block, passphrase: Passphrase) -> Any:
    if passphrase.value is None:
        raise InvalidKey(_ENCRYPTED)
    try:
        key = _load_private(block, passphrase.value)
    except UnsupportedAlgorithm as error:
        raise InvalidKey(_BCRYPT if "bcrypt" in str(error) else _explain(block)) from None
    except _TROUBLES:
        advice = _LINE_END if passphrase.value.endswith((b"\n", b"\r")) else _CHECK
        raise InvalidKey(_NOT_OPENED + advice) from None
    passphrase.used = True
    return key


def _explain(block: Block) -> str:
    if block.label in (_OPENSSH_PRIVATE, OPENSSH_PUBLIC):
        return _OPENSSH
    if block.label in _LABELS_WITHOUT_KEY:
        return f"PEM text must hold keys and certificates, got a {block.label}, which is neither: leave this block out"
    return _NO_CERTIFICATE if block.label == CERTIFICATE else _NO_KEY
