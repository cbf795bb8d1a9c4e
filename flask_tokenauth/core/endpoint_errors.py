"""Refusals of the endpoints, apart from those of the access token: one class for each reason (RFC 6749 section 5.2)."""

from typing import ClassVar

from .errors import Refusal

MAX_PARAMETERS = 32  # in a form


class EndpointError(Refusal):
    """An endpoint refuses a request (RFC 6749 section 5.2). This is the base class, and is never raised itself.

    All refusals of a refresh token have the same hint, so a client that guesses tokens learns nothing from it.
    """

    code = "invalid_grant"
    status = 400
    hint = "The refresh token is not valid."
    message = "the request to the endpoint is refused"


class InvalidRefreshToken(EndpointError):
    """This server did not make the refresh token. The store was not asked."""

    reason = "refresh_token_invalid"
    message = "the refresh token must be one that this application made, got another"


class SessionOver(EndpointError):
    """The session has ended or expired, or is not in the store."""

    reason = "session_over"
    message = "the session of the refresh token must exist, and it has ended or expired: log in again"


class RefreshTokenReused(EndpointError):
    """The refresh token was used before, so it was stolen. The session has ended (RFC 9700 section 4.14.2).

    Attributes:
        session_id: the session.
        user_id: its user, as in ``sub``.
    """

    reason = "refresh_token_reused"

    def __init__(self, session_id: str, user_id: str) -> None:
        self.session_id = session_id
        self.user_id = user_id
        super().__init__(session_id, user_id)

    def __str__(self) -> str:
        return f"a refresh token must be used once, got it a second time: session {self.session_id} has ended"


class NotTradable(EndpointError):
    """``auth.trade`` takes refresh tokens of the library that the application used before, and no other tokens."""

    reason = "token_not_tradable"
    message = (
        "the token must be a refresh token of an issuer in TOKENAUTH_TRUSTED_ISSUERS whose profile is for migration, "
        "got another: redeem refresh tokens of this application at POST /auth/refresh"
    )


class AlreadyTraded(EndpointError):
    """The refresh token was traded before, so the client did not keep the answer, or there is a copy of the token."""

    reason = "token_already_traded"
    message = (
        "a refresh token must be traded once, got it again after TOKENAUTH_REFRESH_RETRY_WINDOW or after its session "
        "was refreshed: redeem the refresh token of the answer"
    )


class RefreshRefused(EndpointError):
    """The ``before_refresh`` of the application ended the session."""

    reason = "refresh_refused"
    message = "before_refresh of the application must return a grant to go on, and it returned None"


class ScopeNotGranted(EndpointError):
    """A refresh asks for a scope that the session does not have, or for a scope that breaks the grammar."""

    code = "invalid_scope"
    reason = "scope_not_granted"
    hint = "A scope is asked for that the session does not have."
    message = "a refresh must ask for scopes of the session only, got another scope or a malformed one"


class KeyScopeNotGranted(ScopeNotGranted):
    """A client asks for an API key with a scope that its own token does not imply, or that breaks the grammar."""

    hint = "A scope is asked for that the access token does not grant."
    message = (
        "an API key must have scopes that the access token has, or that these imply, got another scope or a malformed "
        "one: ask for fewer, separated by one space each, or give the token more scopes at login"
    )


class UndeclaredScope(ScopeNotGranted):
    """A client asks for an API key with a scope that the application does not declare."""

    hint = "A scope is asked for that does not exist."
    message = (
        "an API key must have scopes that TOKENAUTH_SCOPES declares, with values in the place of placeholders, got "
        "another scope: declare it, or correct its name"
    )


class MalformedRequest(EndpointError):
    """The body of a request to an endpoint cannot be read, or is a form with too many parameters."""

    code = "invalid_request"
    reason = "request_malformed"
    hint = (
        f"The body must be a complete form of at most {MAX_PARAMETERS} parameters, or a complete JSON object with each "
        "name once."
    )
    message = (
        f"the body must be a complete form of at most {MAX_PARAMETERS} parameters, encoded with %, or a complete JSON "
        "object in UTF-8 with each name once, got something else: compare the body with its Content-Type"
    )


class UnsupportedContentType(EndpointError):
    """The ``Content-Type`` of a request to an endpoint is not that of a form or of JSON (RFC 6749 section 3.2)."""

    code = "invalid_request"
    reason = "content_type_unsupported"
    hint = "The Content-Type must be application/x-www-form-urlencoded or application/json."
    message = (
        "the Content-Type must be application/x-www-form-urlencoded or application/json, got another or none: send the "
        "parameters as a form (not multipart/form-data) or as a JSON object"
    )


class _ParameterError(EndpointError):
    """A parameter of a request to an endpoint is wrong. This is a base class, and is never raised itself.

    Attributes:
        name: the name of the parameter.
    """

    code = "invalid_request"
    _advice: ClassVar[str]  # the hint, with a place for the name, and for further facts

    def __init__(self, name: str, *facts: str) -> None:
        self.name = name  # a constant of this package, never a string from the client
        self.hint = self._advice.format(name, *facts)  # type: ignore[misc]  # other refusals have one for the class
        super().__init__(name, *facts)


class MissingParameter(_ParameterError):
    """The body of a request to an endpoint lacks a parameter, or has it without a value.

    Attributes:
        name: the name of the parameter.
    """

    reason = "parameter_missing"
    _advice = "The parameter {} is missing in the body."

    def __str__(self) -> str:
        return (
            f"the body must have the parameter {self.name} with a value, got none: send it there, not in "
            "the URL, in the format that Content-Type names"
        )


class RepeatedParameter(_ParameterError):
    """A form has a parameter twice that the endpoint uses (RFC 6749 section 3.2).

    Attributes:
        name: the name of the parameter.
    """

    reason = "parameter_repeated"
    _advice = "The parameter {} must come once."

    def __str__(self) -> str:
        return f"the parameter {self.name} must come once, got it more than once: send it once"


class WrongParameterType(_ParameterError):
    """A parameter that the endpoint uses is neither a string nor null in JSON.

    Attributes:
        name: the name of the parameter.
    """

    reason = "parameter_type_wrong"
    _advice = "The parameter {} must be a string."

    def __str__(self) -> str:
        return f"the parameter {self.name} must be a string in JSON, got another type: send a string"


class WrongNumberType(WrongParameterType):
    """A parameter that is a number is neither a whole number nor a string nor null in JSON.

    Attributes:
        name: the name of the parameter.
    """

    _advice = "The parameter {} must be a whole number, or a string of digits."

    def __str__(self) -> str:
        return (
            f"the parameter {self.name} must be a whole number or a string in JSON, got another type: send a number "
            "without a fraction"
        )


class WrongParameterValue(_ParameterError):
    """A parameter that the endpoint uses has a value that it cannot have.

    Attributes:
        name: the name of the parameter.
        must_be: the form that the value must have, in words of this package.
    """

    reason = "parameter_value_wrong"
    _advice = "The parameter {} must be {}."

    def __init__(self, name: str, must_be: str) -> None:
        self.must_be = must_be
        super().__init__(name, must_be)

    def __str__(self) -> str:
        return f"the parameter {self.name} must be {self.must_be}, got another value"


class RequestTooLarge(EndpointError):
    """The body of a request to an endpoint is larger than 16 KiB (RFC 9110 section 15.5.14)."""

    code = "invalid_request"
    status = 413
    reason = "request_too_large"
    hint = "The request is too large."
    message = "the body must be smaller: send only the parameters that the endpoint reads"


class NoApiKeyLeft(EndpointError):
    """The user has as many live API keys as a user may have."""

    code = "too_many_api_keys"
    status = 409
    reason = "api_keys_too_many"
    hint = "You have as many API keys as you may have: revoke one that you do not need any more."
    message = (
        "a user may have a limited number of live API keys, and this user has as many: let the user revoke one at "
        "DELETE /auth/api-keys/<id>"
    )


class UnsupportedTokenType(EndpointError):
    """A client cannot revoke tokens of this type (RFC 7009 section 2.2.1)."""

    code = "unsupported_token_type"
    reason = "token_type_unsupported"
    hint = "Tokens of this type cannot be revoked here."
    message = "the token must be a refresh token, got an access token while TOKENAUTH_REVOCATION is off"


class UnsupportedGrantType(EndpointError):
    """The ``grant_type`` is not ``refresh_token`` (RFC 6749 section 5.2)."""

    code = "unsupported_grant_type"
    reason = "grant_type_unsupported"
    hint = "The grant type is not supported."
    message = "grant_type must be refresh_token, got another value"


class InvalidCursor(EndpointError):
    """The ``cursor`` of a list is not one that the server returned, or comes twice."""

    code = "invalid_request"
    reason = "cursor_invalid"
    hint = "The parameter cursor must be the next_cursor of the last answer, once. Leave it out to begin again."
    message = (
        "the parameter cursor must be next_cursor of an earlier answer, got another value or several: "
        "leave it out to begin again"
    )
