"""Commands for the administrator of the server."""

import click
from flask.cli import with_appcontext

from .database import db
from .models import User


@click.command()
@click.argument("name")
@with_appcontext
def promote(name: str) -> None:
    """Make the user NAME an administrator. It counts from the next login on."""
    user = db.session.scalar(db.select(User).filter_by(name=name))
    if user is None:
        raise click.BadParameter(f"there is no user {name}: sign up first")
    user.is_admin = True
    db.session.commit()
