"""Refusals of a claim of a token: one class for each reason."""

from datetime import UTC, datetime

from .encoding.limits import YEAR_9999
from .token_errors import TokenError


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


def _format_time(seconds: float) -> str:
    if not 0 <= seconds <= YEAR_9999:  # a clock may return such a value; it is not from the token
        return str(seconds)
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
