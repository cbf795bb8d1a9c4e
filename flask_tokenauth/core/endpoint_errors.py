"""What the endpoints refuse that is no matter of the access token, one class each (RFC 6749 section 5.2)."""

from .errors import Refusal


class EndpointError(Refusal):
    """A client gets nothing of an endpoint (RFC 6749 section 5.2). Base of all that says why; never raised itself.

    Whoever holds the token learns as little as whoever guesses: one text for all of them.
    """

    code = "invalid_grant"
    status = 400
    hint = "The refresh token is not valid."


class InvalidRefreshToken(EndpointError):
    """We never made this refresh token; no store was asked."""

    reason = "refresh_token_invalid"


class SessionOver(EndpointError):
    """The session has ended or expired, or no store of ours knows it."""

    reason = "session_over"


class RefreshTokenReused(EndpointError):
    """The refresh token was spent before: somebody has a copy, and the session has ended (RFC 9700 section 4.14.2)."""

    reason = "refresh_token_reused"

    def __init__(self, session_id: str, user_id: str) -> None:
        super().__init__(f"session {session_id} has ended")
        self.session_id = session_id
        self.user_id = user_id  # "sub"


class RefreshRefused(EndpointError):
    """The application's ``before_refresh`` lets this session go on no more."""

    reason = "refresh_refused"


class ScopeNotGranted(EndpointError):
    """A refresh asks for a scope that the session does not have, or for something that is none."""

    code = "invalid_scope"
    reason = "scope_not_granted"
    hint = "A scope is asked for that the session does not have."


class MalformedRequest(EndpointError):
    """The body of a request to an endpoint cannot be read, or has a parameter twice (RFC 6749 section 3.2)."""

    code = "invalid_request"
    reason = "request_malformed"
    hint = "The body must be a form or a JSON object, with each parameter once."


class MissingParameter(EndpointError):
    """The body of a request to an endpoint lacks a parameter, or has it without a value."""

    code = "invalid_request"
    reason = "parameter_missing"

    def __init__(self, name: str) -> None:
        super().__init__(f"parameter {name} is missing")
        self.name = name  # a constant of ours, never a string of the client
        self.hint = f"The parameter {name} is missing."  # type: ignore[misc]  # as of the class, for all others


class RequestTooLarge(EndpointError):
    """The body of a request to an endpoint is larger than 16 KiB."""

    code = "invalid_request"
    status = 413
    reason = "request_too_large"
    hint = "The request is too large."


class UnsupportedTokenType(EndpointError):
    """A token of this type cannot be revoked by whoever holds it (RFC 7009 section 2.2.1)."""

    code = "unsupported_token_type"
    reason = "token_type_unsupported"
    hint = "Tokens of this type cannot be revoked here."


class UnsupportedGrantType(EndpointError):
    """The ``grant_type`` is not ``refresh_token``."""

    code = "unsupported_grant_type"
    reason = "grant_type_unsupported"
    hint = "The grant type is not supported."
