"""Enforce requirements on the current request, for the hook and for the wrappers of guards."""

from flask import Request

from ..application.app_state import AppState, current_flask, current_state
from ..application.refusing import refuse, refuse_without_token
from ..authentication.authenticator import AUTHENTICATION, Authentication
from ..authentication.refusals import AuthError
from ..core.errors import Refusal
from .requirement import RequestFacts, Requirement, name_scopes
from .url_arguments import current_request, find_url_argument


def enforce(requirement: Requirement) -> None:
    """Refuse the current request unless it satisfies *requirement*. Nothing is done if the hook has checked it.

    Raises:
        AuthError: the request does not satisfy *requirement*.
        SettingsError: ``TokenAuth`` is not set up on the current application.
    """
    req = current_request()
    authentication: Authentication | None = getattr(req, AUTHENTICATION, None)
    if authentication is not None and authentication.app is current_flask() and requirement in authentication.satisfied:
        return
    state = current_state()
    authentication = state.authenticator.authenticate(req)
    try:
        check_requirement(state, requirement, req, authentication)
    except AuthError:
        authentication.guard_refused = True
        raise
    authentication.pending -= {requirement}
    authentication.guard_passed = True


def enforce_optional() -> None:
    """Refuse the current request if it has a bad credential. A request without one passes.

    Raises:
        AuthError: the credential is refused.
        SettingsError: ``TokenAuth`` is not set up on the current application.
    """
    state = current_state()
    check_optional(state, state.authenticator.authenticate(current_request()))


def check_optional(state: AppState, authentication: Authentication) -> None:
    """Refuse a request with a bad credential.

    Raises:
        AuthError: the credential is refused.
    """
    if authentication.refusal is not None:
        raise refuse(state, authentication.refusal)


def check_requirement(
    state: AppState,
    requirement: Requirement,
    req: Request,
    authentication: Authentication,
    required: tuple[Requirement, ...] = (),
) -> None:
    """Refuse a request that does not satisfy *requirement*.

    Args:
        state: of the application.
        requirement: is checked.
        req: the request.
        authentication: of the request.
        required: all requirements of the route, if they are known: a challenge without a token names their scopes.

    Raises:
        AuthError: there is no token, or a bad one, or it does not satisfy the requirement.
    """
    if authentication.token is None:
        needed = name_scopes(required or (requirement,), find_url_argument) if authentication.refusal is None else ()
        raise refuse_without_token(state, authentication, req, needed)
    try:
        declared = state.settings.scopes
        facts = RequestFacts(authentication.token, find_url_argument, state.clock(), state.settings.leeway)
        requirement.check(facts, declared.granted_by if declared else {})
        if requirement.load_user:
            state.authenticator.load_user(req)
    except Refusal as refusal:
        raise refuse(state, refusal) from None


def check_set_up() -> None:
    """Let no request into a protected blueprint of an application on which ``TokenAuth`` is not set up.

    Raises:
        SettingsError: it is not.
    """
    current_state()
