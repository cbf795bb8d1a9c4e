"""The application factory."""

from collections.abc import Mapping
from pathlib import Path

from flask import Flask, json
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from flask_tokenauth.signals import refresh_reused

from . import accounts, database, notes, pages
from .authentication import auth
from .secret import load_secret


def create_app(config: Mapping[str, object] | None = None) -> Flask:
    """Return the application. Tests pass *config*, which overrides the environment."""
    app = Flask(__name__)
    folder = Path(app.instance_path)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.config["NOTES"] = str(folder / "spa_notes.db")
    app.config["TOKENAUTH_ISSUER"] = "spa"
    app.config["TOKENAUTH_STORE"] = f"sqlite:///{folder / 'spa_sessions.db'}"
    app.config["TOKENAUTH_COOKIES"] = "all"
    app.config["TOKENAUTH_DEFAULT_GUARD"] = "login_required"  # views that are open say so with @public
    app.config.from_prefixed_env()  # FLASK_SECRET_KEY=…, FLASK_TOKENAUTH_COOKIES=refresh
    app.config.from_mapping(config or {})
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = load_secret(folder)
    Path(app.config["NOTES"]).parent.mkdir(parents=True, exist_ok=True)

    auth.init_app(app)
    app.register_blueprint(auth.endpoints)  # /auth/refresh, /auth/logout, /auth/sessions
    for part in accounts, notes, pages:
        app.register_blueprint(part.blueprint)
    app.register_error_handler(HTTPException, answer_in_json)
    app.teardown_appcontext(database.close)
    database.create_tables(app)
    refresh_reused.connect(accounts.keep_warning, sender=app)
    return app


def answer_in_json(error: HTTPException) -> Response:
    """Return an error as JSON, for scripts. Errors of Flask-TokenAuth are JSON already."""
    response = Response.force_type(error.get_response())
    if response.mimetype != "application/json":
        body = {"error": error.name, "error_description": error.description}
        response.data, response.content_type = json.dumps(body), "application/json"
    return response
