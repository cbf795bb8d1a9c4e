"""Views for your own account."""

from flask import Blueprint, abort, g

from flask_tokenauth import login_required

from .authentication import get_user
from .database import db
from .models import Membership
from .passwords import read_new_password

RECENTLY = 300  # seconds

blueprint = Blueprint("account", __name__, url_prefix="/me")


@blueprint.get("")
@login_required(load_user=True)
def me() -> dict[str, object]:
    """Return the user's name and the scopes of the token."""
    return {"id": str(g.user_id), "name": get_user().name, "scopes": sorted(g.scopes)}


@blueprint.put("/password")
@login_required(max_age=RECENTLY, load_user=True)
def change_password() -> tuple[str, int]:
    """Change the password, and refuse all earlier tokens of the user."""
    user = get_user()
    user.password = read_new_password("new_password")
    user.revoke_tokens()
    db.session.commit()
    return "", 204


@blueprint.delete("")
@login_required(max_age=RECENTLY, load_user=True)
def delete_account() -> tuple[str, int]:
    """Delete the account and its notes; answer 409 if the user is the only admin of a team."""
    user = get_user()
    if any(is_only_admin(membership) for membership in user.memberships):
        abort(409, "You are the only admin of a team: delete it first.")
    db.session.delete(user)
    db.session.commit()
    return "", 204


def is_only_admin(membership: Membership) -> bool:
    """Return whether the team would have no admin without this member."""
    admins = [member for member in membership.team.memberships if member.role == "admin"]
    return admins == [membership]
