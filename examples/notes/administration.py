"""Views for administrators of the whole application."""

from flask import Blueprint

from .authentication import auth
from .database import db
from .models import User

blueprint = Blueprint("administration", __name__, url_prefix="/admin")
auth.protect(blueprint, "admin")


@blueprint.get("/users")
def list_users() -> list[dict[str, object]]:
    """List all users."""
    users = db.session.scalars(db.select(User).order_by(User.name))
    return [{"id": str(user.id), "name": user.name, "admin": user.is_admin} for user in users]
