"""Personal notes. A note of another user is answered with 404, as if it did not exist."""

from uuid import UUID

from flask import Blueprint, abort, request

from .authentication import auth, get_user
from .database import db
from .models import Note
from .reading import read_field

MAX_LENGTH = 10_000

blueprint = Blueprint("notes", __name__, url_prefix="/notes")
auth.protect(blueprint)


@blueprint.get("")
def list_notes() -> list[dict[str, str]]:
    """List the user's notes."""
    return [note.to_dict() for note in get_user().notes]


@blueprint.post("")
def create_note() -> tuple[dict[str, str], int]:
    """Create a note."""
    note = Note(user_id=get_user().id, text=read_field("text", longest=MAX_LENGTH))
    db.session.add(note)
    db.session.commit()
    return note.to_dict(), 201


@blueprint.get("/search")
def search_notes() -> list[dict[str, str]]:
    """List the user's notes that contain the words of ``q``."""
    wanted = request.args.get("q", "").casefold()
    return [note.to_dict() for note in get_user().notes if wanted in note.text.casefold()]


@blueprint.get("/<uuid:note_id>")
def read_note(note_id: UUID) -> dict[str, str]:
    """Return one note."""
    return own_note(note_id).to_dict()


@blueprint.put("/<uuid:note_id>")
def update_note(note_id: UUID) -> dict[str, str]:
    """Change a note."""
    note = own_note(note_id)
    note.text = read_field("text", longest=MAX_LENGTH)
    db.session.commit()
    return note.to_dict()


@blueprint.delete("/<uuid:note_id>")
def delete_note(note_id: UUID) -> tuple[str, int]:
    """Delete a note."""
    db.session.delete(own_note(note_id))
    db.session.commit()
    return "", 204


def own_note(note_id: UUID) -> Note:
    """Return a note of the user; answer 404 if there is none."""
    note = db.session.scalar(db.select(Note).filter_by(id=note_id, user_id=get_user().id))
    return note or abort(404)
