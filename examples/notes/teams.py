"""Teams."""

from uuid import UUID

from flask import Blueprint

from flask_tokenauth import require_scope

from .authentication import auth, get_user
from .database import db
from .membership import member_required
from .models import Membership, Team
from .reading import read_field

blueprint = Blueprint("teams", __name__, url_prefix="/teams")
auth.protect(blueprint)


@blueprint.get("")
def list_teams() -> list[dict[str, str]]:
    """List the teams of the user."""
    return [{**membership.team.to_dict(), "role": membership.role} for membership in get_user().memberships]


@blueprint.post("")
def create_team() -> tuple[dict[str, str], int]:
    """Create a team. The user is its admin, and gets the scopes for it at the next login."""
    team = Team(name=read_field("name"))
    team.memberships.append(Membership(user=get_user(), role="admin"))
    db.session.add(team)
    db.session.commit()
    return team.to_dict(), 201


@blueprint.get("/<uuid:team_id>")
@require_scope("teams:{team_id}:read")
@member_required
def read_team(team_id: UUID) -> dict[str, object]:
    """Return a team and its members."""
    team = db.get_or_404(Team, team_id)
    return {**team.to_dict(), "members": {member.user.name: member.role for member in team.memberships}}


@blueprint.delete("/<uuid:team_id>")
@require_scope("teams:{team_id}:admin")
@member_required
def delete_team(team_id: UUID) -> tuple[str, int]:
    """Delete a team with its notes."""
    db.session.delete(db.get_or_404(Team, team_id))
    db.session.commit()
    return "", 204
