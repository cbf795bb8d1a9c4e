"""Refusals of a token: their base class, and those about its kind, its session, its revocation, or ``token_check``."""

from .errors import Refusal


class TokenError(Refusal):
    """A token is refused. This is the base class of every refusal of a token, and is never raised itself."""

    code = "invalid_token"
    status = 401
    hint = "The access token is not valid."
    message = "the token is refused"


class WrongType(TokenError):
    """``typ``, or a claim in its place, is that of another token (RFC 9068 section 4, RFC 8725 section 3.11)."""

    reason = "type_wrong"
    message = (
        "typ, or what its issuer writes in its place, must be that of an access token, got another or none: send the "
        "access token, not an ID token or a refresh token"
    )


class RefreshTokenSent(TokenError):
    """A refresh token came in the place of an access token. Its beginning shows it; it was not checked."""

    reason = "refresh_token_sent"
    hint = "A refresh token was sent: send the access token."
    message = (
        "the token must be an access token, got a refresh token (rt1_...): send the access token, and the refresh "
        "token only in the body of the endpoints for it, which are POST /auth/refresh and POST /auth/revoke by default"
    )


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


class TokenRevoked(TokenError):
    """The token, its session or all tokens of its user were revoked."""

    reason = "token_revoked"
    message = "the token must not be revoked, but it, its session or all tokens of its user were: log in again"


class TokenRejected(TokenError):
    """The ``token_check`` of the application refused the token."""

    reason = "token_rejected"
    message = "token_check of the application must accept the token, and it did not"


class MissingSession(TokenError):
    """The token is valid, but does not belong to a session that still exists. Endpoints of sessions raise it."""

    reason = "session_missing"
    message = "the token must belong to a session that still exists, and it does not: log in again"
