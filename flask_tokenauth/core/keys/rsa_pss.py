"""Find the algorithms that an RSA-PSS key is for (RFC 4055 section 3.1, RFC 7518 section 3.5).

``cryptography`` reads such a key as any RSA key and does not show that it is for RSA-PSS. So the object identifiers are
looked for in the header of the DER, which ``cryptography`` has parsed before: there is no other parser here.
"""

import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from ..errors import InvalidKey

_RSASSA_PSS = bytes.fromhex("06092a864886f70d01010a")
_HASHES = {  # the object identifier of the hash, the algorithm, and the length of its salt in bytes
    bytes.fromhex("0609608648016503040201"): ("PS256", 32),
    bytes.fromhex("0609608648016503040202"): ("PS384", 48),
    bytes.fromhex("0609608648016503040203"): ("PS512", 64),
}
_SALT = rb"(?s)\xa2\x03\x02\x01(.)"  # the field saltLength, with a number of one byte
_DEFAULT_SALT = 20  # bytes
_SEQUENCE = 0x30
_HASHES_IN_PARAMETERS = 2  # the hash, and that of MGF1


def find_pss_algorithms(der: bytes, public: Any) -> tuple[str, ...]:
    """Return the algorithms that an RSA-PSS key may be used for. Return none for any other key.

    Args:
        der: the key or certificate, which ``cryptography`` has parsed.
        public: its public key.

    Raises:
        InvalidKey: the key is for RSA-PSS with parameters that no algorithm of JWS has.
    """
    if not isinstance(public, rsa.RSAPublicKey):
        return ()
    modulus = public.public_numbers().n
    before_key = der.partition(modulus.to_bytes((modulus.bit_length() + 7) // 8, "big"))[0]
    _, identifier, rest = before_key.rpartition(_RSASSA_PSS)
    if not identifier:
        return ()
    if rest[0] != _SEQUENCE:  # no parameters: the key is for all hashes
        return tuple(name for name, _ in _HASHES.values())
    parameters = rest[: rest[1] + 2]
    salt = re.search(_SALT, parameters)
    least_salt = salt[1][0] if salt else _DEFAULT_SALT
    for hash_identifier, (name, length) in _HASHES.items():
        if parameters.count(hash_identifier) == _HASHES_IN_PARAMETERS and least_salt <= length:
            return (name,)
    raise InvalidKey(
        "an RSA-PSS key must be for SHA-256, SHA-384 or SHA-512, with the same hash in MGF1 and a salt that is not "
        "longer than the hash, got other parameters: make another key, with: openssl genpkey -algorithm RSA-PSS "
        "-pkeyopt rsa_keygen_bits:3072"
    )
