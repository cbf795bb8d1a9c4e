"""What users do with their own account."""

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
    """Say who is calling, and what the token may do."""
    return {"id": str(g.user_id), "name": get_user().name, "scopes": sorted(g.scopes)}


@blueprint.put("/password")
@login_required(max_age=RECENTLY, load_user=True)
def change_password() -> tuple[str, int]:
    """Change the password, which ends every login."""
    user = get_user()
    user.password = read_new_password("new_password")
    user.take_back_tokens()
    db.session.commit()
    return "", 204


@blueprint.delete("")
@login_required(max_age=RECENTLY, load_user=True)
def delete_account() -> tuple[str, int]:
    """Delete the account with its notes; first, teams that would be without admin need to be deleted."""
    user = get_user()
    if db.session.scalar(db.select(Membership).filter_by(user_id=user.id, role="admin").limit(1)):
        abort(409, "You are admin of a team: delete it first, or have another admin take you out.")
    db.session.delete(user)
    db.session.commit()
    return "", 204
