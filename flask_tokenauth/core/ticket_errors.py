"""Refusals of tickets: one class for each reason."""

from .errors import MalformedCredential
from .token_errors import TokenError


class SeveralTickets(MalformedCredential):
    """The query has the parameter ``ticket`` more than once."""

    reason = "ticket_twice"
    hint = "Several tickets were sent: send one, as ?ticket=<ticket>."
    message = "the query must have the parameter ticket once, got it more than once: leave the others out"


class NoTicketForToken(TokenError):
    """The token is valid, but no ticket can be made with it. It is an API key, which may end sooner, or a ticket."""

    code = "insufficient_scope"
    status = 403
    reason = "ticket_not_made"
    hint = "No ticket can be made with this kind of token."
    message = (
        "a ticket must be made with an access token of a login, got an API key or a ticket: a program with an API key "
        "can send it as Authorization: Bearer <key>, and a ticket makes no further tickets"
    )


class TicketExpected(TokenError):
    """The parameter ``ticket`` of the query has another token than a ticket (RFC 8725 section 3.11)."""

    reason = "ticket_expected"
    message = (
        "the parameter ticket must have a ticket of auth.create_ticket, got another token: send access tokens as "
        "Authorization: Bearer <token>, and never in a URL"
    )


class TicketWrongPath(TokenError):
    """The ticket is valid, but opens another path than the one that was asked for."""

    reason = "ticket_wrong_path"
    message = (
        "the path of the request must be exactly the path of the ticket, got another: pass what url_for returns to "
        "auth.create_ticket, and behind a proxy that removes a prefix use werkzeug's ProxyFix with x_prefix"
    )


class TicketUsed(TokenError):
    """The ticket is valid, but was used before. With a store a ticket can be used once."""

    reason = "ticket_used"
    message = "a ticket must be used once, and this one was used before: make a new ticket for each request"
