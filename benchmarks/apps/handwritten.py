"""Refresh tokens as a careful developer writes them with Flask-SQLAlchemy and PyJWT, for this application alone.

There is one row for each session, with the hash of its newest refresh token. A refresh locks the row, changes it and
commits once.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

import jwt
from flask import Flask, Response, abort, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, make_url

from .bare import ISSUER

FIELD = "refresh_token"  # of the form and of the answer
_SECRET = "d41a9c0e5b7f2836" * 4
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite"}
_ACCESS, _IDLE = timedelta(minutes=15), timedelta(days=30)

db = SQLAlchemy()


class Login(db.Model):  # type: ignore[name-defined, misc]  # as Flask-SQLAlchemy has it
    """A session of a user."""

    id = db.Column(db.String(22), primary_key=True)
    user_id = db.Column(db.String(255), nullable=False, index=True)
    token_hash = db.Column(db.String(64), nullable=False, unique=True)
    refreshed_at = db.Column(db.DateTime, nullable=False)
    expires_at = db.Column(db.DateTime, nullable=False)
    ended_at = db.Column(db.DateTime)


def make(url: str) -> Flask:
    """Return an application with its sessions in the database at *url*."""
    app = Flask("benchmarks", static_folder=None)
    parsed = make_url(url)
    named = parsed.set(drivername=_DRIVERS[parsed.drivername])
    app.config["SQLALCHEMY_DATABASE_URI"] = named.render_as_string(hide_password=False)
    # On MariaDB, refreshes of several clients end in deadlocks with the default isolation level.
    options = (
        {"connect_args": {"timeout": 60}} if named.drivername == "sqlite" else {"isolation_level": "READ COMMITTED"}
    )
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    app.add_url_rule("/login", view_func=_login, methods=["POST"])
    app.add_url_rule("/auth/refresh", view_func=_refresh, methods=["POST"])
    if named.drivername == "sqlite":
        with app.app_context():
            event.listen(db.engine, "connect", _set_up_sqlite)
            event.listen(db.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return app


def create_tables(app: Flask) -> None:
    """Create the table."""
    with app.app_context():
        db.create_all()


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # as SQLAlchemy documents it for BEGIN IMMEDIATE
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _login() -> Response:
    token, now = token_urlsafe(32), datetime.now(UTC).replace(tzinfo=None)
    login = Login(
        id=token_urlsafe(16),
        user_id=request.form["user"],
        token_hash=_hash(token),
        refreshed_at=now,
        expires_at=now + _IDLE,
    )
    db.session.add(login)
    db.session.flush()
    answer = _answer(login, token)
    db.session.commit()
    return answer


def _refresh() -> Response:
    given = _hash(request.form[FIELD])
    login = db.session.execute(db.select(Login).filter_by(token_hash=given).with_for_update()).scalar_one_or_none()
    now = datetime.now(UTC).replace(tzinfo=None)
    if login is None or login.ended_at is not None or login.expires_at <= now:
        abort(401)
    token = token_urlsafe(32)
    login.token_hash, login.refreshed_at, login.expires_at = _hash(token), now, now + _IDLE
    answer = _answer(login, token)
    db.session.commit()
    return answer


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _answer(login: Login, token: str) -> Response:
    now = datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": login.user_id,
        "sid": login.id,
        "jti": token_urlsafe(16),
        "iat": now,
        "exp": now + _ACCESS,
    }
    access = jwt.encode(claims, _SECRET, "HS256")
    return jsonify(access_token=access, refresh_token=token, token_type="Bearer", expires_in=_ACCESS.seconds)
