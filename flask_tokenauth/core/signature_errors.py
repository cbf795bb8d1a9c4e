"""Refusals of the signature of a token, and of the key for it: one class for each reason."""

from .token_errors import TokenError


class UnknownKey(TokenError):
    """No key has this ``kid``, or ``kid`` is missing. No other key is tried."""

    reason = "key_unknown"
    message = (
        "kid must name a key that is known here, got another or none: the token was made with another secret or key, "
        "for another issuer, or by another program"
    )


class WrongAlgorithm(TokenError):
    """``alg`` is not the algorithm of the key (RFC 8725 section 3.1).

    Attributes:
        expected: the algorithm of the key.
    """

    reason = "algorithm_wrong"

    def __init__(self, expected: str) -> None:
        self.expected = expected
        super().__init__(expected)

    def __str__(self) -> str:
        return f"alg must be {self.expected}, the algorithm of the key, got another"


class InvalidSignature(TokenError):
    """The key did not make this signature over this header and payload."""

    reason = "signature_invalid"
    message = (
        "the signature must be made with a key of this application, or of its trusted issuer, got another: the token "
        "was changed, or made with another secret or by another program"
    )
