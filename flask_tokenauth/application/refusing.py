"""Refuse the current request: write the reason to the log, send the signal, and return the exception to raise."""

import logging
from typing import Any

from flask import Request, has_request_context, request
from flask.typing import ResponseReturnValue

from ..authentication.authentication import Authentication
from ..authentication.contexts import current_request
from ..authentication.credentials import missing_credential
from ..authentication.reentry import CallChain, CallerNotYetKnown
from ..authentication.refusals import AuthError, auth_error_for
from ..core.errors import KeySetOutage, KeySetUnavailable, Refusal, StoreOutage, StoreUnavailable
from ..signals import token_refused
from .app_state import AppState, current_state

_log = logging.getLogger("flask_tokenauth")
_reporting = CallChain("tokenauth_reporting")


def refuse(state: AppState, refusal: Refusal) -> AuthError:
    """Return the exception that answers the current request with *refusal*, after it was logged and signalled."""
    report_refusal(state, refusal)
    return auth_error_for(refusal)


def refuse_without_token(
    state: AppState,
    authentication: Authentication,
    req: Request,
    needed: tuple[str, ...] = (),
    *,
    takes_clients: bool = False,
) -> AuthError:
    """Return the exception that answers a request without a good token, after it was logged and signalled.

    Args:
        state: of the application.
        authentication: of the request; it has no token.
        req: the request.
        needed: the scopes that the challenge names if there is no credential.
        takes_clients: whether a client ID and a secret are taken too.
    """
    header = req.environ.get("HTTP_AUTHORIZATION")
    return refuse(state, authentication.refusal or missing_credential(header, needed, takes_clients=takes_clients))


def report_refusal(state: AppState, refusal: Refusal) -> None:
    """Write the reason of *refusal* to the log, and send the signal ``token_refused``.

    In debug the line is a warning, which Python shows by default, and has a sentence for the developer. It names the
    route by its rule, since the path is a value of the client.

    A log filter or a receiver may ask for the caller, and be refused in turn. That is not reported.
    """
    level = logging.WARNING if state.app.debug else logging.INFO
    if isinstance(refusal, CallerNotYetKnown) or not (token_refused.receivers or _log.isEnabledFor(level)):
        return
    subject = current_request() if has_request_context() else state
    if _reporting.has_begun(subject):
        return
    with _reporting.begin(subject):
        if state.app.debug:
            route = f" (route {request.url_rule.rule})" if request.url_rule is not None else ""
            _log.warning("refused: %s: %s%s", refusal.reason, refusal, route)
        else:
            _log.info("refused: %s", refusal.reason)
        if token_refused.receivers:
            token_refused.send(state.app, reason=refusal.reason)


def log_for_developer(state: AppState, message: str, *values: object) -> None:
    """Write a line to the log that helps to find a mistake: a warning in debug, at level INFO otherwise.

    Args:
        state: of the application.
        message: with placeholders.
        values: for the placeholders; nothing that the client has sent.
    """
    _log.log(logging.WARNING if state.app.debug else logging.INFO, message, *values)


def refuse_for_outage(state: AppState, error: StoreUnavailable) -> AuthError:
    """Return the exception that answers the current request with 503, after *error* was logged."""
    if isinstance(error, KeySetUnavailable):
        return refuse(state, KeySetOutage())  # it was logged where it was met
    _log.error("the store cannot be asked: %s", error)
    return refuse(state, StoreOutage())


class asking_store:  # noqa: N801  # named like contextlib.suppress. A generator would take a tenth of a new token.
    """Answer an outage of the store within a request with 503, by an exception that every framework can answer.

    If the application has a handler of its own for :class:`StoreUnavailable`, that error is raised unchanged.
    """

    __slots__ = ("_state",)

    def __init__(self, state: AppState) -> None:
        self._state = state

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, StoreUnavailable):
            refuse_outage(self._state, error)


def refuse_outage(state: AppState, error: StoreUnavailable) -> None:
    """Raise the exception that answers the current request with 503; return if *error* has to be raised unchanged.

    That is so if there is no request, or the application has a handler of its own for :class:`StoreUnavailable`.
    """
    handlers: Any = state.app.error_handler_spec[None][None]
    if isinstance(error, AuthError) or not has_request_context():
        return
    if handlers.get(StoreUnavailable) is answer_store_unavailable:
        raise refuse_for_outage(state, error) from None


def answer_store_unavailable(error: StoreUnavailable) -> ResponseReturnValue:
    """Answer a request whose view met an outage of the store.

    ``init_app`` registers this handler unless the application has its own. A handler of the application for the 503 of
    guards answers here too.
    """
    if isinstance(error, AuthError):
        return error.response  # it was refused already
    state = current_state()
    return state.app.handle_user_exception(refuse_for_outage(state, error))
