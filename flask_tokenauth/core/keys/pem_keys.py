"""Read the keys of PEM text, and pair private keys with their public halves and their certificates."""

from collections.abc import Sequence
from dataclasses import replace

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import InvalidKey
from .pem import Passphrase, PemKey, read_block
from .pem_blocks import split

_WITHOUT_KEY = frozenset({"EC PARAMETERS", "DH PARAMETERS", "X9.42 DH PARAMETERS"})  # beside keys in files of servers


def read_pem_keys(text: str, passphrase: Passphrase) -> list[PemKey]:
    """Read the keys of PEM text.

    A private key, its public half and its certificate are one key, the private one. A certificate that has issued
    another one belongs to its chain, and its key is left out: it does not sign tokens.

    Args:
        text: the PEM text.
        passphrase: opens the encrypted private keys.

    Returns:
        The keys in the order of their blocks, at least one.

    Raises:
        InvalidKey: a block cannot be read, or there is a certificate that is not for the private key beside it.
    """
    blocks = [block for block in split(text) if block.label not in _WITHOUT_KEY]
    found = [read_block(block, passphrase) for block in blocks]
    groups: dict[bytes, list[PemKey]] = {}
    for key in _leave_out_issuers(found):
        groups.setdefault(_identify(key), []).append(key)
    is_private = any(key.private is not None for key in found)
    keys = [_choose(group, needs_private=is_private) for group in groups.values()]
    if not keys:
        raise InvalidKey("PEM text must hold a key, got none: check that it is complete")
    return sorted(keys, key=lambda key: key.block.position)


def _leave_out_issuers(found: Sequence[PemKey]) -> list[PemKey]:
    return [key for key in found if not any(_has_issued(key, other) for other in found)]


def _has_issued(one: PemKey, another: PemKey) -> bool:
    """Return whether *one* has issued *another*, for another key. If that cannot be checked, the names decide.

    A certificate that was renewed for its own key has the name and the key of an issuer too, and is none.
    """
    issuer, other = one.certificate, another.certificate
    if issuer is None or other is None or one.public == another.public or other.issuer != issuer.subject:
        return False
    try:
        other.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError):  # the second: a key of another kind
        return False
    except (TypeError, UnsupportedAlgorithm):
        return True
    return True


def _identify(key: PemKey) -> bytes:
    if key.public is None:
        raise key.block.refuse(
            "a certificate must be for an RSA key, an EC key or an Ed25519 key, got one for a key that cannot be read"
        )
    der: bytes = key.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der


def _choose(group: list[PemKey], *, needs_private: bool) -> PemKey:
    """Return the one key of blocks with the same key."""
    private = next((key for key in group if key.private is not None), None)
    certificate = next((key for key in group if key.certificate is not None), None)
    if needs_private and private is None and certificate is not None:
        raise certificate.block.refuse(
            "a certificate in PEM text with a private key must be for that key or belong to its chain, got one for "
            "another key: check that the files belong together; to verify with another certificate, set TOKENAUTH_KEYS "
            "to a list with the private key and the certificate as items of their own"
        )
    # If one block says that the key is for RSA-PSS, it is: the others may not show it.
    algorithms = min((key.pss_algorithms for key in group if key.pss_algorithms), key=len, default=())
    return replace(private or group[0], pss_algorithms=algorithms)
