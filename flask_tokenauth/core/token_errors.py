"""Refusals of a token: one class for each reason."""

from .errors import Refusal


class TokenError(Refusal):
    """A token is refused. This is the base class of every refusal of a token, and is never raised itself."""

    code = "invalid_token"
    status = 401
    hint = "The access token is not valid."


class TokenTooLarge(TokenError):
    """The token is longer than the limit. This is checked before anything else.

    Attributes:
        size: the length of the token, in bytes.
        limit: the greatest length, in bytes.
    """

    reason = "token_too_large"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a token must have at most {limit} bytes, got {size}")
        self.size = size
        self.limit = limit


class MalformedToken(TokenError):
    """The token is not a JWS in compact serialisation (RFC 7515 section 7.1), or a part of it cannot be read.

    Attributes:
        part: "token", "header", "payload" or "signature".
    """

    reason = "token_malformed"

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} cannot be read")
        self.part = part


class UnsupportedHeader(TokenError):
    """The header needs an extension that is not supported: ``crit`` (RFC 7515 section 4.1.11) or ``b64`` (RFC 7797).

    Attributes:
        parameter: the name of the header parameter.
    """

    reason = "header_unsupported"

    def __init__(self, parameter: str) -> None:
        super().__init__(f"header parameter {parameter} is not supported")
        self.parameter = parameter


class UnknownKey(TokenError):
    """No key has this ``kid``, or ``kid`` is missing and there are several keys. No other key is tried."""

    reason = "key_unknown"


class WrongAlgorithm(TokenError):
    """``alg`` is not the algorithm of the key (RFC 8725 section 3.1).

    Attributes:
        expected: the algorithm of the key.
    """

    reason = "algorithm_wrong"

    def __init__(self, expected: str) -> None:
        super().__init__(f"alg must be {expected}, the algorithm of the key, got another")
        self.expected = expected


class InvalidSignature(TokenError):
    """The key did not make this signature over this header and payload."""

    reason = "signature_invalid"


class WrongType(TokenError):
    """``typ`` is the type of another kind of token (RFC 9068 section 4, RFC 8725 section 3.11)."""

    reason = "type_wrong"


class MissingClaim(TokenError):
    """A required claim is missing.

    Attributes:
        claim: the name of the claim.
    """

    reason = "claim_missing"

    def __init__(self, claim: str) -> None:
        super().__init__(f"claim {claim} is missing")
        self.claim = claim


class MalformedClaim(TokenError):
    """A claim has the wrong type, form or size.

    Attributes:
        claim: the name of the claim.
    """

    reason = "claim_malformed"

    def __init__(self, claim: str) -> None:
        super().__init__(f"claim {claim} is malformed")
        self.claim = claim


class WrongIssuer(TokenError):
    """``iss`` is not the issuer of this application (RFC 7519 section 4.1.1)."""

    reason = "issuer_wrong"


class WrongAudience(TokenError):
    """``aud`` does not name this application (RFC 7519 section 4.1.3)."""

    reason = "audience_wrong"


class TokenExpired(TokenError):
    """``exp`` has passed (RFC 7519 section 4.1.4). It is raised only if the signature is good.

    Attributes:
        expired_at: ``exp``, in seconds since 1970-01-01T00:00:00Z.
    """

    reason = "token_expired"
    hint = "The access token has expired."

    def __init__(self, expired_at: float) -> None:
        super().__init__(f"expired at {expired_at}")
        self.expired_at = expired_at


class TokenNotYetValid(TokenError):
    """``nbf`` is in the future (RFC 7519 section 4.1.5).

    Attributes:
        not_before: ``nbf``, in seconds since 1970-01-01T00:00:00Z.
    """

    reason = "token_not_yet_valid"

    def __init__(self, not_before: float) -> None:
        super().__init__(f"not valid before {not_before}")
        self.not_before = not_before


class IssuedInFuture(TokenError):
    """``iat`` is in the future: the clock of the issuer or of this machine is wrong.

    Attributes:
        issued_at: ``iat``, in seconds since 1970-01-01T00:00:00Z.
    """

    reason = "token_issued_in_future"

    def __init__(self, issued_at: float) -> None:
        super().__init__(f"issued at {issued_at}")
        self.issued_at = issued_at


class LifetimeTooLong(TokenError):
    """The lifetime, from ``iat`` to ``exp``, is longer than allowed.

    Revocations are forgotten after the longest lifetime, so such a token could outlive its revocation.

    Attributes:
        lifetime: the lifetime of the token, in seconds.
        limit: the longest lifetime, in seconds.
    """

    reason = "lifetime_too_long"

    def __init__(self, lifetime: float, limit: float) -> None:
        super().__init__(f"the lifetime must be at most {limit} s, got {lifetime} s")
        self.lifetime = lifetime
        self.limit = limit


class UnprovenBinding(TokenError):
    """``cnf`` binds the token to a key (RFC 7800), and the client did not prove that it has the key."""

    reason = "binding_unproven"


class TokenRevoked(TokenError):
    """The token, its session or all tokens of its user were revoked."""

    reason = "token_revoked"


class TokenRejected(TokenError):
    """The ``token_check`` of the application refused the token."""

    reason = "token_rejected"


class UnknownUser(TokenError):
    """The ``user_loader`` of the application does not find the user."""

    reason = "user_unknown"


class WrongUserID(TokenError):
    """``sub`` is not a user ID of this application: converted to a user ID and back, it is not the same string."""

    reason = "user_id_wrong"


class MissingSession(TokenError):
    """The token is valid, but does not belong to a session that still exists. Endpoints of sessions raise it."""

    reason = "session_missing"
