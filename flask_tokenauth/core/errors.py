"""Every refusal of a token, one class each; what endpoints refuse is in :mod:`.grant_errors`.

Trees that never meet: a :class:`Refusal` is the client's trouble and becomes its answer, :class:`SettingsError` and
:class:`InvalidKey` are the programmer's, :class:`StoreUnavailable` is the machine room's. No error carries a token, a
secret or a value that nobody has verified.
"""

from typing import ClassVar


class SettingsError(Exception):
    """The application is set up wrongly. Stops it at start, and names the setting."""


class InvalidKey(ValueError):
    """A key cannot be used: malformed, too weak, or meant for something else. Its material is never in the message."""


class StoreUnavailable(Exception):
    """The store cannot be asked: out of reach, too slow, locked for too long, or answering what we never wrote.

    Neither a yes nor a no: who needs the answer refuses for now, and says so (503). The message has no password.
    """


class Refusal(Exception):
    """A request gets no further. Base of every refusal; never raised itself."""

    code: ClassVar[str]  # RFC 6750 section 3.1; sent to the client
    status: ClassVar[int]  # of the HTTP response
    reason: ClassVar[str]  # ours, stable; for logs, signals and tests
    hint: ClassVar[str]  # all that the client is told beside the code


class MissingCredential(Refusal):
    """No bearer token came with the request (RFC 6750 section 3.1: a challenge without an error code)."""

    code = "unauthorized"
    status = 401
    reason = "credential_missing"
    hint = "Authentication is required."


class MalformedCredential(Refusal):
    """The ``Authorization`` header names the Bearer scheme and breaks its grammar (RFC 6750 section 2.1)."""

    code = "invalid_request"
    status = 400
    reason = "credential_malformed"
    hint = "The Authorization header is malformed."


class InsecureTransport(Refusal):
    """A token came over plain HTTP, where anyone on the way could read it (RFC 6750 section 5.3)."""

    code = "invalid_request"
    status = 400
    reason = "transport_insecure"
    hint = "Access tokens are taken over HTTPS only."


class InsufficientScope(Refusal):
    """The token is good and does not reach this far (RFC 6750 section 3.1)."""

    code = "insufficient_scope"
    status = 403
    reason = "scope_insufficient"
    hint = "The access token lacks a scope that is needed here."

    def __init__(self, needed: tuple[str, ...] = ()) -> None:
        super().__init__(f"needs {' '.join(needed)}".rstrip())
        self.needed = needed  # scope tokens for the challenge, in the order of the guard


class LoginTooOld(Refusal):
    """The token is good, and the user signed in too long ago for this (RFC 9470 section 3)."""

    code = "insufficient_user_authentication"
    status = 401
    reason = "login_too_old"
    hint = "A more recent login is required."

    def __init__(self, max_age: int) -> None:
        super().__init__(f"the login may be {max_age} s old")
        self.max_age = max_age  # seconds


class TokenError(Refusal):
    """The presented token is refused. Base of every refusal of a token; never raised itself."""

    code = "invalid_token"
    status = 401
    hint = "The access token is not valid."


class TokenTooLarge(TokenError):
    """The token is longer than we read; judged before anything else."""

    reason = "token_too_large"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes, the limit is {limit}")
        self.size = size  # bytes
        self.limit = limit  # bytes


class MalformedToken(TokenError):
    """The text is no JWS in compact serialisation (RFC 7515 section 7.1), or a part of it cannot be read."""

    reason = "token_malformed"

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} cannot be read")
        self.part = part  # "token", "header", "payload" or "signature"


class UnsupportedHeader(TokenError):
    """The header asks for what we do not do: ``crit`` (RFC 7515 section 4.1.11) or ``b64`` (RFC 7797)."""

    reason = "header_unsupported"

    def __init__(self, parameter: str) -> None:
        super().__init__(f"header parameter {parameter} is not supported")
        self.parameter = parameter


class UnknownKey(TokenError):
    """``kid`` names no key of ours, or is missing where several could be meant. No other key is tried."""

    reason = "key_unknown"


class WrongAlgorithm(TokenError):
    """``alg`` is not the one algorithm of the key (RFC 8725 section 3.1)."""

    reason = "algorithm_wrong"

    def __init__(self, expected: str) -> None:
        super().__init__(f"the key is for {expected}")
        self.expected = expected


class InvalidSignature(TokenError):
    """The signature is not this key's over this text."""

    reason = "signature_invalid"


class WrongType(TokenError):
    """``typ`` says that this is some other kind of token (RFC 9068 section 4, RFC 8725 section 3.11)."""

    reason = "type_wrong"


class MissingClaim(TokenError):
    """A required claim is not there."""

    reason = "claim_missing"

    def __init__(self, claim: str) -> None:
        super().__init__(f"claim {claim} is missing")
        self.claim = claim


class MalformedClaim(TokenError):
    """A claim is not of the type, form or size that it has to be."""

    reason = "claim_malformed"

    def __init__(self, claim: str) -> None:
        super().__init__(f"claim {claim} is malformed")
        self.claim = claim


class WrongIssuer(TokenError):
    """``iss`` is not the issuer that we believe (RFC 7519 section 4.1.1)."""

    reason = "issuer_wrong"


class WrongAudience(TokenError):
    """``aud`` does not name us (RFC 7519 section 4.1.3)."""

    reason = "audience_wrong"


class TokenExpired(TokenError):
    """``exp`` has passed (RFC 7519 section 4.1.4). Only ever said after a good signature."""

    reason = "token_expired"
    hint = "The access token has expired."

    def __init__(self, expired_at: float) -> None:
        super().__init__(f"expired at {expired_at}")
        self.expired_at = expired_at  # seconds since 1970-01-01T00:00:00Z


class TokenNotYetValid(TokenError):
    """``nbf`` lies ahead (RFC 7519 section 4.1.5)."""

    reason = "token_not_yet_valid"

    def __init__(self, not_before: float) -> None:
        super().__init__(f"not valid before {not_before}")
        self.not_before = not_before  # seconds since 1970-01-01T00:00:00Z


class IssuedInFuture(TokenError):
    """``iat`` lies ahead: the issuer's clock or ours is wrong."""

    reason = "token_issued_in_future"

    def __init__(self, issued_at: float) -> None:
        super().__init__(f"issued at {issued_at}")
        self.issued_at = issued_at  # seconds since 1970-01-01T00:00:00Z


class LifetimeTooLong(TokenError):
    """``exp`` lies further from ``iat`` than any token may live, so no memory of a revocation would outlive it."""

    reason = "lifetime_too_long"

    def __init__(self, lifetime: float, limit: float) -> None:
        super().__init__(f"lifetime of {lifetime} s, the limit is {limit} s")
        self.lifetime = lifetime  # seconds
        self.limit = limit  # seconds


class UnprovenBinding(TokenError):
    """``cnf`` binds the token to a key whose possession was not shown (RFC 7800); as a bearer token it is refused."""

    reason = "binding_unproven"


class TokenRevoked(TokenError):
    """The token was good and has been taken back."""

    reason = "token_revoked"


class TokenRejected(TokenError):
    """The application's own ``token_check`` refused the token."""

    reason = "token_rejected"


class UnknownUser(TokenError):
    """The application's ``user_loader`` knows no such user any more."""

    reason = "user_unknown"


class WrongUserID(TokenError):
    """``sub`` is no user ID of this application: it does not survive conversion there and back."""

    reason = "user_id_wrong"


class MissingSession(TokenError):
    """The token is good, and belongs to no session that is still there; asked by what is about sessions."""

    reason = "session_missing"


class StoreOutage(Refusal):
    """What has to be asked of the store cannot be asked for now (RFC 9110 section 15.6.4)."""

    code = "temporarily_unavailable"
    status = 503
    reason = "store_unavailable"
    hint = "The request cannot be authorized for now. Try again later."
