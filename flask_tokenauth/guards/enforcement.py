"""Enforce requirements on the current request, for the hook and for the wrappers of guards."""

from typing import Any

from flask import Request

from ..application.app_state import AppState, current_state
from ..application.declared_scopes import explain_undeclared
from ..application.refusing import refuse, refuse_without_token
from ..application.shared_caches import note_guarded
from ..authentication.api_key_admission import Admission
from ..authentication.authentication import Authentication
from ..authentication.authenticator import AUTHENTICATION
from ..authentication.contexts import APP_CONTEXT, REQUEST_CONTEXT, current_request
from ..authentication.credentials import is_basic
from ..authentication.refusals import AuthError
from ..core.errors import MissingCredential, Refusal, SettingsError
from ..core.user_errors import UnknownUser
from .accepted_kinds import AcceptedKinds
from .guarded_hooks import is_skippable, leave_unsatisfied
from .requirement import RequestFacts, Requirement, find_closed, name_scopes
from .url_arguments import find_url_argument

_NO_REQUEST = (
    "a guarded function needs a request, and there is none: call it in a view, or use auth.verify for a token that "
    "came in another way"
)


def enforce(requirement: Requirement, target: Any, *, is_lent: bool = False) -> bool | Admission:
    """Refuse the current request unless it satisfies *requirement*. Nothing is done if the hook has checked it.

    Args:
        requirement: of a guard.
        target: the function that the guard decorates.
        is_lent: whether the API key of the request counts now, for *target* alone.

    Returns:
        Whether *target* runs. False if it is a function before a preflight, which is never refused. If the request has
        an API key that counts for *target* alone, the context in which it has to be called.

    Raises:
        AuthError: the request does not satisfy *requirement*.
        SettingsError: ``TokenAuth`` is not set up on the current application.
        RuntimeError: there is no current request.
    """
    try:
        req = REQUEST_CONTEXT.get().request
    except (LookupError, RuntimeError):
        raise RuntimeError(_NO_REQUEST) from None
    authentication: Authentication | None = getattr(req, AUTHENTICATION, None)
    if (
        authentication is not None
        and authentication.app is APP_CONTEXT.get().app
        and requirement in authentication.satisfied
        and (authentication.cookie_method is None or authentication.cookie_method == req.method)  # else judged again
    ):
        return True
    state = current_state()
    authentication = state.authenticator.authenticate(req)
    if authentication.api_key is not None and not is_lent and _lends_api_key(authentication, requirement):
        with Admission(authentication) as admission:
            return enforce(requirement, target, is_lent=True) and admission
    if authentication.token is None and requirement.kinds.named is not None:  # else the route accepts no tickets
        state.authenticator.settle_ticket(req, authentication)
    if is_skippable(state.app, req, requirement, target) and (
        authentication.token is None or _find_refusal(state, requirement, req, authentication) is not None
    ):
        leave_unsatisfied(req, authentication, requirement)
        return False
    try:
        check_requirement(state, requirement, req, authentication)
    except AuthError:
        authentication.guard_refused = True
        raise
    authentication.pending -= {requirement}
    note_guarded(req.environ)
    return True


def _lends_api_key(authentication: Authentication, requirement: Requirement) -> bool:
    """Return whether the API key of a request counts for one function alone, since its guard accepts API keys.

    It does not if the guards of the whole route accept it.
    """
    counts_already = authentication.token is not None and not authentication.borrowers
    return not counts_already and requirement.accepts_api_keys(has_scopes=False)


def enforce_optional(kinds: AcceptedKinds, target: Any, *, is_lent: bool = False) -> bool | Admission:
    """Refuse the current request if it has a bad credential. A request without one passes.

    Args:
        kinds: the kinds of tokens that the guard accepts.
        target: the function that the guard decorates.
        is_lent: whether the API key of the request counts now, for *target* alone.

    Returns:
        As :func:`enforce` returns it.

    Raises:
        AuthError: the credential is refused.
        SettingsError: ``TokenAuth`` is not set up on the current application.
        RuntimeError: there is no current request.
    """
    try:
        req = current_request()
    except RuntimeError:
        raise RuntimeError(_NO_REQUEST) from None
    state = current_state()
    authentication = state.authenticator.authenticate(req)
    if authentication.api_key is not None and not is_lent and _lends_api_key(authentication, Requirement(kinds=kinds)):
        with Admission(authentication) as admission:
            return enforce_optional(kinds, target, is_lent=True) and admission
    if authentication.token is None and kinds.named is not None:  # else the route accepts no tickets
        state.authenticator.settle_ticket(req, authentication)
    if authentication.refusal is not None and is_skippable(state.app, req, None, target):
        leave_unsatisfied(req, authentication, None)
        return False
    check_optional(state, authentication, kinds)
    return True


def check_optional(state: AppState, authentication: Authentication, kinds: AcceptedKinds) -> None:
    """Refuse a request with a bad credential. While the token is checked, the request is anonymous.

    Args:
        state: of the application.
        authentication: of the request.
        kinds: the kinds of tokens that the guard accepts.

    Raises:
        AuthError: the credential is refused, or is of another kind.
    """
    if authentication.token is None and authentication.api_key is not None:
        raise refuse(state, kinds.refuse_api_key())
    if authentication.has_bad_cookie:
        return  # a browser sends it by itself, so the user can do nothing about it
    if authentication.refusal is not None and not isinstance(authentication.refusal, MissingCredential):
        raise refuse(state, authentication.refusal)
    if authentication.token is not None:
        try:
            kinds.check(authentication.token, has_scopes=bool(authentication.opened))
        except Refusal as refusal:
            raise refuse(state, refusal.with_traceback(None)) from None


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
        AuthError: there is no token, or a bad one, or it does not satisfy the requirement. A client that the
            requirement admits needs no token, but a good ID and secret.
    """
    if requirement.admits_clients and _admit_client(state, req, authentication):
        return
    if authentication.token is None:
        if authentication.api_key is not None:
            raise refuse(state, find_closed(required or (requirement,)).refuse_api_key())
        needed = name_scopes(required or (requirement,), find_url_argument) if authentication.refusal is None else ()
        raise refuse_without_token(state, authentication, req, needed, takes_clients=requirement.admits_clients)
    refusal = _find_refusal(state, requirement, req, authentication)
    if refusal is not None:
        if authentication.by_cookie and isinstance(refusal, UnknownUser):
            state.authenticator.delete_access_cookie(req.environ)
        raise refuse(state, refusal)


def _admit_client(state: AppState, req: Request, authentication: Authentication) -> bool:
    """Return whether a client of the application has sent its ID and secret. Without any, a token is needed.

    Raises:
        AuthError: the client ID or the secret is wrong, or came over plain HTTP where that is refused.
    """
    if state.clients is None or not is_basic(req.environ.get("HTTP_AUTHORIZATION", "")):
        return False
    try:
        state.authenticator.https.check(req)
        authentication.client = state.clients.authenticate(req.environ["HTTP_AUTHORIZATION"])
    except Refusal as refusal:
        raise refuse(state, refusal.with_traceback(None)) from None  # its frames hold the secret
    return True


def _find_refusal(
    state: AppState, requirement: Requirement, req: Request, authentication: Authentication
) -> Refusal | None:
    """Return the refusal of a request with a token that does not satisfy *requirement*, or None if it does."""
    declared = state.settings.scopes
    if declared is not None:  # the scopes of views were checked, those of functions that are no views were not
        for scope in requirement.scopes:
            if scope not in declared.granted_by:
                raise SettingsError(explain_undeclared(scope, declared.granted_by))
    try:
        has_scopes = requirement in authentication.opened
        facts = RequestFacts(authentication.token, find_url_argument, state.clock(), state.settings.leeway, has_scopes)
        requirement.check(facts, declared.granted_by if declared else {})
        if requirement.load_user:
            state.authenticator.load_user(req)
    except Refusal as refusal:
        return refusal.with_traceback(None)  # its frames hold the token and this request
    return None
