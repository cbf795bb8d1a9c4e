"""Our users behind the tokens of trusted issuers: user 42 of another issuer is not ours, unless it is said so."""

from typing import TYPE_CHECKING, Any

from flask import Flask

from ..core.claim_errors import WrongIssuer
from ..core.token_errors import TokenRevoked
from ..core.trusted_issuers.trusted_token import TrustedToken
from ..core.user_errors import NoUserInToken, UnknownUserOfIssuer
from .calling import call_function
from .user_ids import UserIDs

if TYPE_CHECKING:  # for applications with trusted issuers
    from ..core.trusted_issuers.registry import TrustedIssuers


def find_user_id(app: Flask, token: TrustedToken, trusted: "TrustedIssuers | None", user_ids: UserIDs) -> Any:
    """Return the ID of our user behind a token of a trusted issuer. The functions of the issuer are asked each time.

    Args:
        app: the application.
        token: the verified token.
        trusted: the issuers that are trusted now.
        user_ids: converts user IDs.

    Raises:
        WrongIssuer: the issuer is not trusted any more.
        TokenRevoked: ``revoked`` returned true.
        UnknownUserOfIssuer: ``users`` returned None.
        NoUserInToken: the users are shared, and the token has no user.
        WrongUserID: the users are shared, and ``sub`` is no user ID here.
        TypeError: ``users`` returned something that is no user ID.
        ValueError: ``users`` returned something that ``user_id_type`` does not convert.
    """
    rules = None if trusted is None else trusted.find(token.claims)
    if rules is None:
        raise WrongIssuer
    issuer = rules.issuer
    if callable(issuer.revoked) and call_function(app, "revoked", issuer.revoked, token):
        raise TokenRevoked
    if not callable(issuer.users):
        if not token.has_user:
            raise NoUserInToken
        return user_ids.from_subject(token.subject)
    user_id = call_function(app, "users", issuer.users, token)
    if user_id is None:
        raise UnknownUserOfIssuer
    return user_ids.from_subject(user_ids.to_subject(user_id))
