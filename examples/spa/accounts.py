"""The users: sign in, sign out everywhere, and warnings of a stolen refresh token."""

import secrets
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, g, request
from werkzeug.security import check_password_hash, generate_password_hash

from flask_tokenauth import Grant, NotAuthenticated, Session, public, token_response

from .authentication import auth
from .database import connect

USERS = {  # a real program keeps them in a database
    "alice": generate_password_hash("wonderland"),
    "bob": generate_password_hash("builder"),
}
UNKNOWN_USER = generate_password_hash(secrets.token_hex())  # its check takes as long as that of a real password
LONGEST_LABEL = 100  # characters

blueprint = Blueprint("accounts", __name__)


@blueprint.post("/sign-in")
@public
def sign_in() -> Response:
    """Take a user name and a password, and start a session. The tokens go into cookies."""
    username, password = read_field("username"), read_field("password")
    if not check_password_hash(USERS.get(username, UNKNOWN_USER), password) or username not in USERS:
        raise NotAuthenticated("Wrong user name or password.")
    device = "".join(filter(str.isprintable, request.form.get("device", "")))
    return token_response(username, label=device[:LONGEST_LABEL] or None)


@auth.before_refresh
def check_user(session: Session) -> Grant | None:
    """Go on with a session, or end it if its user was deleted."""
    return session.grant if session.user_id in USERS else None


@blueprint.get("/me")
def me() -> dict[str, object]:
    """Return the user, and the warnings that the user has not yet read."""
    rows = connect().execute("SELECT happened_at FROM warnings WHERE user_id = ? ORDER BY id", [g.user_id])
    return {"user": g.user_id, "warnings": [row["happened_at"] for row in rows]}


@blueprint.delete("/warnings")
def forget_warnings() -> tuple[str, int]:
    """Delete the warnings: the user has read them."""
    connect().execute("DELETE FROM warnings WHERE user_id = ?", [g.user_id])
    return "", 204


def keep_warning(sender: object, *, user_id: str, **further: Any) -> None:  # noqa: ARG001
    """Keep a warning for the next login: a refresh token was used twice, and this request may be that of the thief."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    connect().execute("INSERT INTO warnings (user_id, happened_at) VALUES (?, ?)", [user_id, now])


@blueprint.post("/sign-out-everywhere")
def sign_out_everywhere() -> tuple[str, int]:
    """End all sessions of the user and refuse all earlier tokens. Do the same after a change of password."""
    auth.revoke_user(g.user_id)
    return "", 204


def read_field(name: str, *, longest: int = 1000) -> str:
    """Return a field of the form; answer 400 if it is missing, or too long."""
    value = request.form.get(name)
    if value is None or len(value) > longest:
        abort(400, f"{name} must have at most {longest} characters, and it must be there.")
    return value
