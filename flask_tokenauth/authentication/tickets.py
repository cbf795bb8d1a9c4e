"""Tickets in the query of a request: found, verified, and published.

The guards call this for a route that accepts tickets, and for no other: elsewhere the parameter is not read. While the
guards check a ticket, the caller on ``g`` stays anonymous. Only a ticket that is used now is published.
"""

from typing import Any

from werkzeug.wrappers import Request

from ..core.errors import Refusal, StoreUnavailable
from ..core.ticket_errors import SeveralTickets
from ..core.tokens.token import Token
from ..signals import token_accepted
from .authentication import NOT_LOADED, Authentication
from .authenticator import Authenticator
from .on_g import attributes_of_g, show_nobody
from .reentry import CallerNotYetKnown
from .refusals import NotAuthenticated

PARAMETER = "ticket"  # of the query
IN_QUERY = f"{PARAMETER}="  # a query that has it contains this


def may_have_ticket(req: Request, authentication: Authentication) -> bool:
    """Return whether a ticket of a request counts: no header has a credential, be it good or bad, and no good cookie.

    A cookie that is refused counts as none: a browser sends it by itself, also with a link that has a ticket. The query
    is not read.
    """
    has_none = authentication.refusal is None or authentication.by_cookie
    is_anonymous = authentication.token is None and authentication.ticket is None and has_none
    return is_anonymous and "HTTP_AUTHORIZATION" not in req.environ


def list_tickets(req: Request) -> list[str]:
    """Return all values of the parameter ``ticket``; untrusted. In a query that cannot be read it is empty."""
    if IN_QUERY not in req.environ.get("QUERY_STRING", ""):
        return []
    try:
        return req.args.getlist(PARAMETER)
    except UnicodeDecodeError:  # some servers let bytes through that no URL has
        return [""]


def verify_ticket(
    authenticator: Authenticator, req: Request, authentication: Authentication, given: list[str]
) -> Token | Refusal:
    """Return the verified ticket of a request, or its refusal. The authentication of the request gets the same.

    Code of the application that is called meanwhile sees no caller.

    Args:
        authenticator: of the application.
        req: the request.
        authentication: of the request, without a credential.
        given: the tickets in its query, at least one; untrusted.
    """
    authentication.refusal, authentication.cookie_method = CallerNotYetKnown(), None
    refusal: Refusal | None = None
    try:
        if len(given) > 1:
            raise SeveralTickets
        authenticator.https.check(req)
        token, user_id = authenticator.verify_ticket(given[0], _path_of(req))
    except (StoreUnavailable, Refusal, NotAuthenticated) as error:
        refusal = authenticator.refusal_for(error)
        return refusal
    finally:
        authentication.refusal = refusal
        show_nobody()  # token_check may have set something
    authentication.token, authentication.user_id = token, user_id
    return token


def forget_ticket(authentication: Authentication) -> None:
    """Let a ticket that is not used count for nothing: the request is anonymous again."""
    authentication.token = authentication.user_id = None
    authentication.satisfied = ()
    authentication.user = NOT_LOADED


def publish_ticket(authentication: Authentication, token: Token) -> None:
    """Let a ticket that was just used be the one of the request, and set the caller on ``g``.

    The signal ``token_accepted`` is sent.
    """
    user_id = authentication.user_id
    authentication.ticket = token, user_id
    _show(token, user_id)
    token_accepted.send(authentication.app, user_id=user_id, scopes=token.scopes)


def settle_used_ticket(authentication: Authentication, *, counts: bool) -> None:
    """Let the ticket that was used for a request count, or for nothing after the request was led to another route.

    Args:
        authentication: of the request.
        counts: whether the guards of the route accept tickets.
    """
    if authentication.ticket is not None and counts and authentication.token is None:
        authentication.token, authentication.user_id = authentication.ticket
        _show(*authentication.ticket)
    elif authentication.ticket is not None and not counts and authentication.token is not None:
        forget_ticket(authentication)
        show_nobody()


def _show(token: Token, user_id: Any) -> None:
    shown = attributes_of_g()
    shown["user_id"], shown["scopes"], shown["token"] = user_id, token.scopes, token


def _path_of(req: Request) -> bytes:
    """Return the path of a request with its prefix, as the server has decoded it (PEP 3333).

    It is not the path of the request object, which has lost slashes at its beginning.
    """
    environ = req.environ
    return f"{environ.get('SCRIPT_NAME', '').rstrip('/')}{environ.get('PATH_INFO', '')}".encode("latin-1")
