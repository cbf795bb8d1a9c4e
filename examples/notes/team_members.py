"""The members of a team. Its admins add and remove them."""

from uuid import UUID

from flask import Blueprint, abort

from .authentication import auth, get_user
from .database import db
from .membership import member_required
from .models import Membership, Team, User
from .reading import read_field
from .scopes import ROLES

blueprint = Blueprint("team_members", __name__, url_prefix="/teams/<uuid:team_id>/members")
auth.protect(blueprint, "teams:{team_id}:admin")


@blueprint.put("/<name>")
@member_required
def invite(team_id: UUID, name: str) -> dict[str, str]:
    """Add a user to the team, or change the role of a member. The user gets the new scopes at the next login."""
    role, user = read_field("role"), other_user(name)
    if role not in ROLES:
        abort(400, f"role must be one of {', '.join(ROLES)}")
    team = db.get_or_404(Team, team_id)
    membership = db.session.get(Membership, (user.id, team.id))
    if membership:
        membership.role = role
    else:
        db.session.add(Membership(user=user, team=team, role=role))
    db.session.commit()
    return {"name": name, "role": role}


@blueprint.delete("/<name>")
@member_required
def remove(team_id: UUID, name: str) -> tuple[str, int]:
    """Remove a member. The member's tokens stop working for this team at once."""
    user = other_user(name)
    db.session.delete(db.get_or_404(Membership, (user.id, team_id)))
    db.session.commit()
    return "", 204


def other_user(name: str) -> User:
    """Return the user with this name. Admins cannot change themselves, so that a team always has an admin."""
    user = db.session.scalar(db.select(User).filter_by(name=name)) or abort(404)
    if user is get_user():
        abort(409, "You cannot change your own role: ask another admin.")
    return user
