"""Refusals of encrypted tokens (JWE), and of tokens that must be encrypted: one class for each reason.

All of them look alike to the client, so an answer says nothing about the keys.
"""

from .token_errors import TokenError


class NotEncrypted(TokenError):
    """The token is a plain JWS of our own issuer, and such tokens must be encrypted here."""

    reason = "token_not_encrypted"
    message = (
        "a token of our own issuer must be encrypted, since TOKENAUTH_ENCRYPTION_KEYS is set, got a plain one: log in "
        "again, or accept plain tokens for some time with TOKENAUTH_ACCEPT_PLAIN_UNTIL"
    )


class MalformedEncryptedToken(TokenError):
    """The token is not a JWE in compact serialisation (RFC 7516 section 7.1), or a part of it cannot be read.

    Attributes:
        part: "token", "header", "encrypted key", "initialization vector", "ciphertext" or "tag".
        must_be: words for the form that it must have. No value is repeated.
    """

    reason = "encryption_malformed"

    def __init__(self, part: str, must_be: str) -> None:
        self.part = part
        self.must_be = must_be
        super().__init__(part, must_be)

    def __str__(self) -> str:
        return f"the {self.part} of an encrypted token must be {self.must_be}, got something else"


class UnknownEncryptionKey(TokenError):
    """No key that can decrypt has this ``kid``, or ``kid`` is missing. No other key is tried."""

    reason = "encryption_key_unknown"
    message = (
        "kid of an encrypted token must name a key of TOKENAUTH_ENCRYPTION_KEYS that can decrypt, got another or none: "
        "the token was encrypted with an older key, or for another service"
    )


class WrongEncryption(TokenError):
    """``alg`` or ``enc`` is not that of the key (RFC 8725 section 3.1).

    Attributes:
        algorithm: ``alg`` of the key.
        encryption: ``enc`` of the key.
    """

    reason = "encryption_wrong"

    def __init__(self, algorithm: str, encryption: str) -> None:
        self.algorithm = algorithm
        self.encryption = encryption
        super().__init__(algorithm, encryption)

    def __str__(self) -> str:
        return (
            f"alg and enc of an encrypted token must be {self.algorithm} and {self.encryption}, those of its key, got "
            "another alg or enc: encrypt it as the key says"
        )


class NotDecrypted(TokenError):
    """The key of the token does not decrypt it: it was changed on its way, or made with another key."""

    reason = "token_not_decrypted"
    message = (
        "the key that kid names must decrypt the token, and it does not: the token was changed on its way, or "
        "encrypted with another key of the same kid"
    )


class NoTokenInside(TokenError):
    """The content of the JWE is not declared as a JWT (``cty``, RFC 7519 section 5.2), or is not a signed token.

    A JWE within a JWE is refused as well, so that decryption ends.
    """

    reason = "content_not_token"
    message = (
        'an encrypted token must have a signed token (JWS) inside and say so with cty "JWT" or "at+jwt", got other '
        "content: sign the claims first, then encrypt the token"
    )


class HeaderClaimDiffers(TokenError):
    """A claim that the header of the JWE repeats is another one inside (RFC 7519 section 5.3).

    Attributes:
        claim: "iss", "sub" or "aud".
    """

    reason = "header_claim_differs"

    def __init__(self, claim: str) -> None:
        self.claim = claim
        super().__init__(claim)

    def __str__(self) -> str:
        return f"{self.claim} in the header of an encrypted token must be that of its claims, got another value"
