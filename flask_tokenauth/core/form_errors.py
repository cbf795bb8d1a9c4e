"""Refusals of the form of a token, which are its length, its parts and its header: one class for each reason."""

from .token_errors import TokenError


class TokenTooLarge(TokenError):
    """The token is longer than the limit. This is checked before anything else.

    Attributes:
        size: the length of the token, in bytes.
        limit: the greatest length, in bytes.
    """

    reason = "token_too_large"

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(size, limit)

    def __str__(self) -> str:
        return f"a token must have at most {self.limit} bytes, got {self.size}: put fewer claims into it"


class MalformedToken(TokenError):
    """The token is not a JWS in compact serialisation (RFC 7515 section 7.1), or a part of it cannot be read.

    Attributes:
        part: "token", "header", "payload" or "signature".
        got: words for the value that came instead, and advice; None if the part says enough. No value is repeated.
    """

    reason = "token_malformed"

    def __init__(self, part: str, got: str | None = None) -> None:
        self.part = part
        self.got = got
        super().__init__(part, got)

    def __str__(self) -> str:
        rest = f": the {self.part} cannot be read" if self.got is None else f", got {self.got}"
        return f"a token must be three parts of base64url with dots between them{rest}"


class UnsupportedHeader(TokenError):
    """The header needs an extension that is not supported: ``crit`` (RFC 7515 section 4.1.11) or ``b64`` (RFC 7797).

    Attributes:
        parameter: the name of the header parameter.
    """

    reason = "header_unsupported"

    def __init__(self, parameter: str) -> None:
        self.parameter = parameter
        super().__init__(parameter)

    def __str__(self) -> str:
        return f"the header must not have {self.parameter}, which is not supported"
