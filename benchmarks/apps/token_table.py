"""Flask-HTTPAuth with a table of tokens by Flask-SQLAlchemy, which keeps the SHA-256 of each token."""

import hashlib
from secrets import token_urlsafe
from typing import Any

from flask import Flask
from flask_httpauth import HTTPTokenAuth
from flask_sqlalchemy import SQLAlchemy

from .bare import PATH, view


def make(url: str) -> tuple[Flask, str]:
    """Return an application with its table in the database at *url*, and a token that it accepts.

    Args:
        url: for SQLAlchemy, with the driver.
    """
    app = Flask("benchmarks", static_folder=None)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db = SQLAlchemy(app)

    class ApiToken(db.Model):  # type: ignore[name-defined, misc]  # as Flask-SQLAlchemy has it
        id = db.Column(db.Integer, primary_key=True)
        digest = db.Column(db.String(64), nullable=False, unique=True)
        user_id = db.Column(db.String(64), nullable=False)

    text = token_urlsafe(32)
    with app.app_context():
        db.create_all()
        db.session.add(ApiToken(digest=_digest(text), user_id="alice"))
        db.session.commit()

    auth = HTTPTokenAuth(scheme="Bearer")

    def verify(token: str) -> Any:
        found = db.session.execute(db.select(ApiToken).filter_by(digest=_digest(token))).scalar_one_or_none()
        return None if found is None else found.user_id

    auth.verify_token(verify)
    app.add_url_rule(PATH, view_func=auth.login_required(view))
    return app, text


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
