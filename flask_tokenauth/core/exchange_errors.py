"""Refusals of exchanges of tokens: one class for each reason (RFC 8693 section 2.2.2)."""

from .endpoint_errors import EndpointError, ScopeNotGranted, UnsupportedGrantType
from .token_errors import TokenError


class NoExchangeForToken(TokenError):
    """The token is valid, but cannot be exchanged. It is an API key or a ticket."""

    code = "insufficient_scope"
    status = 403
    reason = "token_not_exchanged"
    hint = "This kind of token cannot be exchanged."
    message = (
        "a token must be exchanged for an access token of a login, got an API key or a ticket: the next service can "
        "ask POST /auth/introspect about an API key"
    )


class SubjectTokenRefused(EndpointError):
    """The parameter ``subject_token`` has no token that may be exchanged here. All reasons have the same answer.

    Attributes:
        cause: words for the refusal of the token, or for the reason why no token can be made with it.
    """

    code = "invalid_request"
    reason = "subject_token_refused"
    hint = "The subject token is not valid."

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)

    def __str__(self) -> str:
        return (
            "subject_token must be an access token of a user of this application, good now and for an audience of the "
            f"caller, got one that is refused: {self.cause}"
        )


class ExchangeExpected(UnsupportedGrantType):
    """The ``grant_type`` is not that of an exchange (RFC 8693 section 2.1)."""

    message = "grant_type must be urn:ietf:params:oauth:grant-type:token-exchange, got another value"


class CallerNotListed(EndpointError):
    """The caller is authenticated, but may exchange no tokens (RFC 6749 section 5.2)."""

    code = "unauthorized_client"
    reason = "exchange_caller_unknown"
    hint = "The caller may not exchange tokens."
    message = (
        "the caller must be one of TOKENAUTH_EXCHANGE, by sub of its token or by its client ID, got another: add it to "
        "the setting, with the audiences that it may have"
    )


class TargetNotAllowed(EndpointError):
    """The caller may not have tokens for the ``audience`` that it asks for (RFC 8693 section 2.2.2)."""

    code = "invalid_target"
    reason = "target_not_allowed"
    hint = "The caller may not have a token for this audience."
    message = (
        "audience must be one that TOKENAUTH_EXCHANGE lists for the caller, got another: add it to the list of the "
        "caller, or correct the request"
    )


class ResourceNotSupported(EndpointError):
    """The request has the parameter ``resource``, which names the target as a URL (RFC 8693 section 2.1)."""

    code = "invalid_target"
    reason = "resource_not_supported"
    hint = "The parameter resource is not supported: name the target by the parameter audience."
    message = "a target must be named by the parameter audience, got the parameter resource: send audience alone"


class ActorTokenSent(EndpointError):
    """The request has an ``actor_token`` or its type (RFC 8693 section 2.1). The actor is always the caller."""

    code = "invalid_request"
    reason = "actor_token_sent"
    hint = "The parameters actor_token and actor_token_type are not supported: the caller is the actor."
    message = (
        "a request must leave out actor_token and actor_token_type, got one of them: the caller, which has sent its "
        "own credential, is the actor"
    )


class ExchangeScopeNotGranted(ScopeNotGranted):
    """The caller asks for a scope that the subject token does not imply, or that breaks the grammar."""

    hint = "A scope is asked for that the subject token does not grant."
    message = (
        "an exchange must ask for scopes that the subject token has, or that these imply, got another scope or a "
        "malformed one: ask for fewer, separated by one space each, or give the token more scopes at login"
    )
