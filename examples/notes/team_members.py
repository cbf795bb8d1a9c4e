"""Who is in a team: its admins say so."""

from uuid import UUID

from flask import Blueprint, abort

from .authentication import auth, get_user
from .database import db
from .membership import check_membership
from .models import Membership, Team, User
from .reading import read_text
from .scopes import ROLES

blueprint = Blueprint("team_members", __name__, url_prefix="/teams/<uuid:team_id>/members")
auth.protect(blueprint, "teams:{team_id}:admin")
blueprint.before_request(check_membership)


@blueprint.put("/<name>")
def invite(team_id: UUID, name: str) -> dict[str, str]:
    """Let a user in, or change what the user is to the team. The user's next token says so."""
    role, user = read_text("role"), other_user(name)
    if role not in ROLES:
        abort(400, f"role is none of {', '.join(ROLES)}")
    team = db.get_or_404(Team, team_id)
    membership = db.session.get(Membership, (user.id, team.id))
    if membership:
        membership.role = role
    else:
        db.session.add(Membership(user=user, team=team, role=role))
    db.session.commit()
    return {"name": name, "role": role}


@blueprint.delete("/<name>")
def remove(team_id: UUID, name: str) -> tuple[str, int]:
    """Shut a user out, at once."""
    user = other_user(name)
    db.session.delete(db.get_or_404(Membership, (user.id, team_id)))
    db.session.commit()
    return "", 204


def other_user(name: str) -> User:
    """Return the user of this name; nobody acts on oneself, so that there is always an admin."""
    user = db.session.scalar(db.select(User).filter_by(name=name)) or abort(404)
    if user is get_user():
        abort(409, "Another admin has to do this.")
    return user
