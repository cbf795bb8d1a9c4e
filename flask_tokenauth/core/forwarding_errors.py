"""Refusals of calls to another service with the token of a request: one class for each reason."""

from .token_errors import TokenError


class NotForwarded(TokenError):
    """The credential is valid, but is not handed on. It is an API key, which may live for ever, or a ticket."""

    code = "insufficient_scope"
    status = 403
    reason = "token_not_forwarded"
    hint = "This request needs an access token: API keys and tickets are not handed on to other services."
    message = (
        "the request must have an access token, got an API key or a ticket, which is never handed on to another "
        "service: log in, and send the access token as Authorization: Bearer <token>"
    )


class NotForAudience(TokenError):
    """The token is valid, but does not name the audience that it should be handed on to (RFC 7519 section 4.1.3)."""

    code = "insufficient_scope"
    status = 403
    reason = "token_not_for_audience"
    hint = "The access token is not valid for another service that this request needs."
    message = (
        "the claim aud must name the audience in forward_headers, got a token without it: name both services in the "
        "argument audience of token_response, or exchange the token with auth.exchange"
    )
