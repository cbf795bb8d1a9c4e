"""Whether a user is still to a team what the token says: asked of the database, since a token cannot forget."""

from flask import g, request

from flask_tokenauth import NotPermitted

from .authentication import auth
from .database import db
from .models import Membership


def check_membership() -> None:
    """Refuse a user who was shut out of the team of this request since the login, or has another part in it now."""
    team_id = (request.view_args or {}).get("team_id")
    if team_id is None:
        return
    membership = db.session.get(Membership, (auth.user_id, team_id))
    if membership is None or f"teams:{team_id}:{membership.role}" not in g.scopes:
        raise NotPermitted("You have no part in this team, or another than at your login: log in again.")
