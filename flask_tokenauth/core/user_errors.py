"""Refusals of the user of a token: one class for each reason."""

from .token_errors import TokenError


class UnknownUser(TokenError):
    """The ``user_loader`` of the application does not find the user."""

    reason = "user_unknown"
    message = (
        "user_loader must return the user of the token, and it returned None: the user was deleted, or user_loader "
        "looks for an ID of another type"
    )


class UnknownUserOfIssuer(UnknownUser):
    """The user of a token of a trusted issuer is none of ours."""

    message = "users of the trusted issuer must return a user ID for the token, and it returned None"


class NoUserInToken(UnknownUser):
    """The users of a trusted issuer are ours, and its token has none: an application acts for itself."""

    message = (
        "the token must have a user, but an application acts for itself with it: give it a user ID with a function as "
        "users of the trusted issuer"
    )


class WrongUserID(TokenError):
    """``sub`` is not a user ID of this application: converted to a user ID and back, it is not the same string."""

    reason = "user_id_wrong"
    message = "claim sub must be a user ID that user_id_type converts and str() converts back, got another value"
