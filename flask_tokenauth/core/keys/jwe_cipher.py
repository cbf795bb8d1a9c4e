"""Encryption and decryption with one key, by joserfc. No other module of the package imports it.

joserfc takes much from a header: by default it inflates ``zip``, derives keys from passwords, and accepts RSA-OAEP with
SHA-1. Here its registry has exactly the pair of the key, and its callers have checked the header before.
"""

from collections.abc import Mapping
from typing import Any

from ..encryption_errors import NotDecrypted
from ..errors import SettingsError

_UNBOUNDED = 2**31  # bytes: callers limit the length of the whole token, before this module sees it


class Cipher:
    """Encrypts and decrypts with one key.

    Args:
        key_type: ``kty``.
        material: the secret, or a key object of ``cryptography``, checked. With a private key it decrypts too.
        algorithm: ``alg``.
        encryption: ``enc``.

    Raises:
        SettingsError: joserfc is not installed.
    """

    __slots__ = ("_jwe", "_key", "_made_of", "_registry", "_troubles")

    def __init__(self, key_type: str, material: Any, algorithm: str, encryption: str) -> None:
        try:
            from joserfc import errors, jwe, jwk  # noqa: PLC0415
        except ImportError:
            raise SettingsError(
                "encrypted tokens need joserfc, which is not installed: pip install 'flask-tokenauth-jwt[jwe]'"
            ) from None
        self._made_of = (key_type, material, algorithm, encryption)
        self._jwe = jwe
        self._key = jwk.JWKRegistry.key_types[key_type](material, material)  # without use, alg and key_ops
        self._registry = _make_registry(jwe, algorithm, encryption)
        # The second are those of cryptography, for a point off its curve and for one of small order.
        self._troubles = (errors.JoseError, ValueError)

    def encrypt(self, header: Mapping[str, object], plaintext: bytes) -> str:
        """Return a JWE in compact serialisation.

        Args:
            header: with ``alg`` and ``enc`` of the key. An ephemeral key (``epk``) is added if it needs one.
            plaintext: any bytes.
        """
        return self._jwe.encrypt_compact(dict(header), plaintext, self._key, registry=self._registry)

    def decrypt(self, token: str) -> bytes:
        """Return the plaintext of a JWE.

        Args:
            token: five base64url parts, untrusted; the header and the sizes of the parts are checked.

        Raises:
            NotDecrypted: this key does not decrypt it.
        """
        try:
            plaintext = self._jwe.decrypt_compact(token, self._key, registry=self._registry).plaintext
        except self._troubles:
            raise NotDecrypted from None  # the error would have parts of the token
        return plaintext  # type: ignore[return-value]  # bytes, after a decryption

    def __reduce__(self) -> tuple[type["Cipher"], tuple[str, Any, str, str]]:
        return Cipher, self._made_of  # pickle cannot copy modules


def _make_registry(jwe: Any, algorithm: str, encryption: str) -> Any:
    registry = jwe.JWERegistry(algorithms=[algorithm, encryption], strict_check_header=False)
    registry.max_protected_header_length = _UNBOUNDED  # its own limits are for other tokens than ours
    registry.max_encrypted_key_length = _UNBOUNDED
    registry.max_ciphertext_length = _UNBOUNDED
    return registry
