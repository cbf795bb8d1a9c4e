"""Signing up and logging in."""

import re

from flask import Blueprint, Response, abort
from sqlalchemy.exc import IntegrityError

from flask_tokenauth import NotAuthenticated, public, token_response

from .database import db
from .models import User
from .passwords import is_password_of, read_new_password
from .reading import read_field
from .scopes import scopes_of

blueprint = Blueprint("sign_in", __name__)


@blueprint.post("/users")
@public
def sign_up() -> tuple[dict[str, str], int]:
    """Create a user with a name and a password."""
    name = read_field("username")
    if not re.fullmatch("[a-z0-9_-]{1,32}", name):
        abort(400, "username must have 1 to 32 of the characters a-z, 0-9, - and _")
    user = User(name=name, password=read_new_password("password"))
    db.session.add(user)
    try:
        db.session.commit()
    except IntegrityError:
        abort(409, "This name is taken: choose another one.")
    return {"id": str(user.id), "name": user.name}, 201


@blueprint.post("/login")
@public
def login() -> Response:
    """Return a token for a user name and its password."""
    name, password = read_field("username"), read_field("password")
    user = db.session.scalar(db.select(User).filter_by(name=name))
    if not is_password_of(user, password):
        raise NotAuthenticated("Wrong user name or password.")
    return token_response(user.id, scopes=scopes_of(user), claims={"generation": user.generation})
