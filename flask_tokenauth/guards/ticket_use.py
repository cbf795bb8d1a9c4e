"""The use of a ticket: it opens a route that accepts tickets, once if there is a store.

A ticket is used last of all, after it was verified and all guards of the route have accepted it, directly before the
first function that these guards protect. So a request that is refused leaves it unused, and no such function runs for a
ticket that was used before.
"""

import math
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

from flask import Request

from ..application.app_state import AppState
from ..application.refusing import refuse
from ..authentication.authentication import Authentication
from ..authentication.tickets import forget_ticket, list_tickets, publish_ticket, verify_ticket
from ..core.encoding.digests import digest_of
from ..core.errors import Refusal, StoreUnavailable
from ..core.records.revocation import LAST, retention_of
from ..core.ticket_errors import TicketUsed
from ..core.tokens.claims import LONGEST_LEEWAY
from ..core.tokens.token import Token


def enforce_with_ticket(
    state: AppState, req: Request, authentication: Authentication, enforce: Callable[[], None]
) -> None:
    """Enforce the guards of a route that accepts tickets, on a request that has no other credential.

    Args:
        state: of the application.
        req: the request.
        authentication: of the request.
        enforce: enforces the guards by the authentication.

    Raises:
        AuthError: the ticket is refused, or a guard refuses the request, also since there is no ticket.
    """
    given = list_tickets(req)
    if not given:
        enforce()
        return
    found = verify_ticket(state.authenticator, req, authentication, given)
    if isinstance(found, Refusal):
        raise refuse(state, found)
    try:
        enforce()
        _use(state, authentication, found)
    except BaseException:
        forget_ticket(authentication)
        raise
    publish_ticket(authentication, found)


def _use(state: AppState, authentication: Authentication, token: Token) -> None:
    """Use a ticket.

    Raises:
        AuthError: it was used before, or it is not known whether it was.
    """
    refusal: Refusal
    try:
        if state.settings.store is None or state.store.spend(_name_in_store(token), expires_at=_end_of(token)):
            return
        refusal = TicketUsed()
    except StoreUnavailable as error:
        refusal = state.authenticator.refusal_for(error)
    authentication.refusal = refusal
    raise refuse(state, refusal)


def _name_in_store(token: Token) -> str:
    """Return the ID by which the store knows that a ticket was used. Other things may have the same ``jti``."""
    return digest_of(f"ticket {quote(str(token.token_id))}")


def _end_of(token: Token) -> int:
    """Return the time from which every server refuses a ticket, in milliseconds since 1970-01-01T00:00:00Z."""
    expires_at: float = token.claims["exp"]  # type: ignore[assignment]  # a number, as the policy has checked
    end = timedelta(seconds=math.floor(expires_at)) + retention_of(timedelta(0), LONGEST_LEEWAY)
    return min(end // timedelta(milliseconds=1), LAST)
