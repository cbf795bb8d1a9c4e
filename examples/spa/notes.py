"""Private notes: list, add, delete. A note of another user is answered with 404, as if it did not exist."""

from datetime import UTC, datetime

from flask import Blueprint, abort, g

from .accounts import read_field
from .database import connect

LONGEST_NOTE = 10_000  # characters

blueprint = Blueprint("notes", __name__, url_prefix="/notes")


@blueprint.get("")
def list_notes() -> list[dict[str, object]]:
    """List the notes of the user, the newest first."""
    rows = connect().execute(
        "SELECT id, content, written_at FROM notes WHERE user_id = ? ORDER BY id DESC", [g.user_id]
    )
    return [dict(row) for row in rows]


@blueprint.post("")
def add_note() -> tuple[dict[str, object], int]:
    """Add a note."""
    content = read_field("content", longest=LONGEST_NOTE).strip()
    if not content:
        abort(400, "Write something first.")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    added = connect().execute(
        "INSERT INTO notes (user_id, content, written_at) VALUES (?, ?, ?)", [g.user_id, content, now]
    )
    return {"id": added.lastrowid, "content": content, "written_at": now}, 201


@blueprint.delete("/<int:note_id>")
def delete_note(note_id: int) -> tuple[str, int]:
    """Delete a note of the user."""
    deleted = connect().execute("DELETE FROM notes WHERE id = ? AND user_id = ?", [note_id, g.user_id])
    if not deleted.rowcount:
        abort(404, "You have no such note.")
    return "", 204
