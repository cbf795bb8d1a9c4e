"""Refusals of a token: one class for each reason."""

from datetime import UTC, datetime

from .encoding.limits import YEAR_9999
from .errors import Refusal


class TokenError(Refusal):
    """A token is refused. This is the base class of every refusal of a token, and is never raised itself."""

    code = "invalid_token"
    status = 401
    hint = "The access token is not valid."
    message = "the token is refused"


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


class TokenDamaged(TokenError):
    """An API key or a reference token does not have its form, or its checksum is wrong. The store was not asked."""

    reason = "token_damaged"
    message = (
        "an API key or a reference token must be its prefix and 49 letters and digits with a good checksum, got "
        "another string: copy it again as a whole"
    )


class TokenUnknown(TokenError):
    """The store has no such API key or reference token that counts: it is unknown, was revoked, or has expired."""

    reason = "token_unknown"
    message = (
        "the store must have the API key or the reference token, and it has no such one that is still good: it was "
        "revoked, has expired, or belongs to another store. Make a new API key, or log in again"
    )


class ApiKeyRejected(TokenError):
    """The ``api_key_check`` of the application refused the API key."""

    reason = "api_key_rejected"
    message = "api_key_check of the application must return the scopes of the API key, and it returned None"


class KindNotAccepted(TokenError):
    """The token is valid, but is of a kind that the guard does not accept (RFC 6750 section 3.1).

    Attributes:
        kind: of the token: "jwt", "reference" or "api_key".
        accepted: the kinds that the guard accepts.
    """

    code = "insufficient_scope"
    status = 403
    reason = "kind_not_accepted"
    hint = "This kind of token is not accepted here."

    def __init__(self, kind: str, accepted: tuple[str, ...]) -> None:
        self.kind = kind
        self.accepted = accepted
        super().__init__(kind, accepted)

    def __str__(self) -> str:
        return f"the token must be of a kind that accept names ({', '.join(self.accepted)}), got {self.kind}"


class TokenOfDelegate(TokenError):
    """The token is valid, but its bearer acts for the user (RFC 8693 section 4.1). Only the user may do this."""

    code = "insufficient_scope"
    status = 403
    reason = "token_of_delegate"
    hint = "This access token acts for the user, and only the user may do this."
    message = (
        "the token must be from a login of the user, got one with the claim act, whose bearer acts for the user: log in"
    )


class NoApiKey(TokenError):
    """The header for API keys has something else than an API key."""

    reason = "api_key_expected"
    hint = "The header for API keys must have an API key."
    message = (
        "the header TOKENAUTH_API_KEY_HEADER must have an API key with a prefix of TOKENAUTH_API_KEY_PREFIX, got "
        "another string: send access tokens as Authorization: Bearer <token>"
    )


class RefreshTokenSent(TokenError):
    """A refresh token came in the place of an access token. Its beginning shows it; it was not checked."""

    reason = "refresh_token_sent"
    hint = "A refresh token was sent: send the access token."
    message = (
        "the token must be an access token, got a refresh token (rt1_...): send the access token, and the refresh "
        "token only in the body of the endpoints for it, which are POST /auth/refresh and POST /auth/revoke by default"
    )


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


class WrongType(TokenError):
    """``typ``, or a claim in its place, is that of another token (RFC 9068 section 4, RFC 8725 section 3.11)."""

    reason = "type_wrong"
    message = (
        "typ, or what its issuer writes in its place, must be that of an access token, got another or none: send the "
        "access token, not an ID token or a refresh token"
    )


class MissingClaim(TokenError):
    """A required claim is missing.

    Attributes:
        claim: the name of the claim.
    """

    reason = "claim_missing"

    def __init__(self, claim: str) -> None:
        self.claim = claim
        super().__init__(claim)

    def __str__(self) -> str:
        return f"the token must have the claim {self.claim}, and it is missing"


class MalformedClaim(TokenError):
    """A claim has the wrong type, form or size.

    Attributes:
        claim: the name of the claim.
        must_be: the type, form and size that it must have, in words; None if they are not known.
    """

    reason = "claim_malformed"

    def __init__(self, claim: str, must_be: str | None = None) -> None:
        self.claim = claim
        self.must_be = must_be
        super().__init__(claim, must_be)

    def __str__(self) -> str:
        rule = "is malformed" if self.must_be is None else f"must be {self.must_be}, got another value"
        return f"claim {self.claim} {rule}"


class WrongIssuer(TokenError):
    """``iss`` is not the issuer of this application (RFC 7519 section 4.1.1)."""

    reason = "issuer_wrong"
    message = (
        "claim iss must be the issuer that is accepted here, got another or none: compare it with TOKENAUTH_ISSUER and "
        "TOKENAUTH_TRUSTED_ISSUERS, where a slash at the end counts"
    )


class IssuerNotAsked(WrongIssuer):
    """``issuer_loader`` was not asked about the issuer: too many unknown names came in this second."""

    reason = "issuer_not_asked"
    message = (
        "issuer_loader must be asked about the issuer, but was not: more unknown issuers came in this second than "
        "TOKENAUTH_UNKNOWN_ISSUERS_PER_SECOND allows"
    )


class TrustOver(TokenError):
    """The issuer was trusted until a date that has passed (``until`` of its :class:`TrustedIssuer`)."""

    reason = "trust_over"
    message = (
        "the issuer of the token must still be trusted, but until of its TrustedIssuer has passed: log in again, or "
        "set a later date"
    )


class WrongAudience(TokenError):
    """``aud`` does not name this application (RFC 7519 section 4.1.3)."""

    reason = "audience_wrong"
    message = (
        "claim aud must name the audience that is accepted here, got another or none: compare aud with "
        "TOKENAUTH_AUDIENCE or audience=, and get a token for this application"
    )


class TokenExpired(TokenError):
    """``exp`` has passed (RFC 7519 section 4.1.4). It is raised only if the signature is good.

    Attributes:
        expired_at: ``exp``, in seconds since 1970-01-01T00:00:00Z.
    """

    reason = "token_expired"
    hint = "The access token has expired."

    def __init__(self, expired_at: float) -> None:
        self.expired_at = expired_at
        super().__init__(expired_at)

    def __str__(self) -> str:
        return f"claim exp must be later than now, got {_format_time(self.expired_at)}: refresh, or log in again"


class TokenNotYetValid(TokenError):
    """``nbf`` is in the future (RFC 7519 section 4.1.5).

    Attributes:
        not_before: ``nbf``, in seconds since 1970-01-01T00:00:00Z.
    """

    reason = "token_not_yet_valid"

    def __init__(self, not_before: float) -> None:
        self.not_before = not_before
        super().__init__(not_before)

    def __str__(self) -> str:
        return f"claim nbf must not be later than now, got {_format_time(self.not_before)}: compare the clocks"


class IssuedInFuture(TokenError):
    """``iat`` is in the future: the clock of the issuer or of this machine is wrong.

    Attributes:
        issued_at: ``iat``, in seconds since 1970-01-01T00:00:00Z.
    """

    reason = "token_issued_in_future"

    def __init__(self, issued_at: float) -> None:
        self.issued_at = issued_at
        super().__init__(issued_at)

    def __str__(self) -> str:
        return f"claim iat must not be later than now, got {_format_time(self.issued_at)}: compare the clocks"


class LifetimeTooLong(TokenError):
    """The lifetime, from ``iat`` to ``exp``, is longer than allowed.

    Revocations are forgotten after the longest lifetime, so such a token could outlive its revocation.

    Attributes:
        lifetime: the lifetime of the token, in seconds.
        limit: the longest lifetime, in seconds.
    """

    reason = "lifetime_too_long"

    def __init__(self, lifetime: float, limit: float) -> None:
        self.lifetime = lifetime
        self.limit = limit
        super().__init__(lifetime, limit)

    def __str__(self) -> str:
        return (
            f"the lifetime must be at most {self.limit:g} s, got {self.lifetime:g} s: shorten it, or raise the limit: "
            "TOKENAUTH_MAX_LIFETIME, or max_lifetime of the trusted issuer"
        )


class UnprovenBinding(TokenError):
    """``cnf`` binds the token to a key (RFC 7800), and the client did not prove that it has the key."""

    reason = "binding_unproven"
    message = "a bearer token must not have the claim cnf, which binds it to a key: get a token without it"


class TokenRevoked(TokenError):
    """The token, its session or all tokens of its user were revoked."""

    reason = "token_revoked"
    message = "the token must not be revoked, but it, its session or all tokens of its user were: log in again"


class TokenRejected(TokenError):
    """The ``token_check`` of the application refused the token."""

    reason = "token_rejected"
    message = "token_check of the application must accept the token, and it did not"


class UnknownUser(TokenError):
    """The ``user_loader`` of the application does not find the user."""

    reason = "user_unknown"
    message = (
        "user_loader must return the user of the token, and it returned None: the user was deleted, or user_loader "
        "looks for an ID of another type"
    )


class UnknownUserOfIssuer(UnknownUser):
    """The user of a token of a trusted issuer is none of ours."""

    message = "users of the trusted issuer must return a user ID for the token, and it returned None"


class NoUserInToken(UnknownUser):
    """The users of a trusted issuer are ours, and its token has none: an application acts for itself."""

    message = (
        "the token must have a user, but an application acts for itself with it: give it a user ID with a function as "
        "users of the trusted issuer"
    )


class WrongUserID(TokenError):
    """``sub`` is not a user ID of this application: converted to a user ID and back, it is not the same string."""

    reason = "user_id_wrong"
    message = "claim sub must be a user ID that user_id_type converts and str() converts back, got another value"


class MissingSession(TokenError):
    """The token is valid, but does not belong to a session that still exists. Endpoints of sessions raise it."""

    reason = "session_missing"
    message = "the token must belong to a session that still exists, and it does not: log in again"


def _format_time(seconds: float) -> str:
    if not 0 <= seconds <= YEAR_9999:  # a clock may return such a value; it is not from the token
        return str(seconds)
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
