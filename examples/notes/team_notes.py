"""Notes of a team."""

from uuid import UUID

from flask import Blueprint, abort

from flask_tokenauth import require_scope

from .authentication import auth
from .database import db
from .membership import member_required
from .models import Team, TeamNote
from .reading import read_field

blueprint = Blueprint("team_notes", __name__, url_prefix="/teams/<uuid:team_id>/notes")
auth.protect(blueprint, "teams:{team_id}:read")


@blueprint.get("")
@member_required
def list_notes(team_id: UUID) -> list[dict[str, str]]:
    """List all notes of the team."""
    return [note.to_dict() for note in db.get_or_404(Team, team_id).notes]


@blueprint.post("")
@require_scope("teams:{team_id}:write")
@member_required
def create_note(team_id: UUID) -> tuple[dict[str, str], int]:
    """Create a note."""
    team = db.get_or_404(Team, team_id)
    note = TeamNote(team_id=team.id, text=read_field("text", longest=10_000))
    db.session.add(note)
    db.session.commit()
    return note.to_dict(), 201


@blueprint.get("/<uuid:note_id>")
@member_required
def read_note(team_id: UUID, note_id: UUID) -> dict[str, str]:
    """Return one note."""
    return note_of(team_id, note_id).to_dict()


@blueprint.delete("/<uuid:note_id>")
@require_scope("teams:{team_id}:write")
@member_required
def delete_note(team_id: UUID, note_id: UUID) -> tuple[str, int]:
    """Delete a note."""
    db.session.delete(note_of(team_id, note_id))
    db.session.commit()
    return "", 204


def note_of(team_id: UUID, note_id: UUID) -> TeamNote:
    """Return a note of this team; answer 404 if there is none. The scope does not open notes of other teams."""
    return db.session.scalar(db.select(TeamNote).filter_by(id=note_id, team_id=team_id)) or abort(404)
