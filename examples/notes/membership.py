"""A check of the user's role in a team. It reads the database, since a token keeps the scopes of the login."""

from flask import g, request

from flask_tokenauth import NotPermitted

from .authentication import auth
from .database import db
from .models import Membership


def check_membership() -> None:
    """Refuse a user who has left the team of this request, or has another role in it than at the login."""
    team_id = (request.view_args or {}).get("team_id")
    if team_id is None:
        return
    membership = db.session.get(Membership, (auth.user_id, team_id))
    if membership is None or f"teams:{team_id}:{membership.role}" not in g.scopes:
        raise NotPermitted("Your role in this team has changed since your login: log in again.")
