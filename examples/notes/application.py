"""The application factory."""

from collections.abc import Mapping

from flask import Flask

from . import account, administration, commands, health, personal_notes, sign_in, team_members, team_notes, teams
from .authentication import auth
from .database import db
from .errors import answer_in_json
from .scopes import SCOPES


def create_app(config: Mapping[str, object] | None = None) -> Flask:
    """Return the application. Tests pass *config*, which overrides the environment."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///notes.sqlite3"  # in the instance folder
    app.config["TOKENAUTH_ISSUER"] = "notes"
    app.config["TOKENAUTH_DEFAULT_GUARD"] = "login_required"
    app.config["TOKENAUTH_SCOPES"] = SCOPES
    app.config.from_prefixed_env()  # FLASK_SECRET_KEY=…
    app.config.from_mapping(config or {})

    auth.init_app(app)  # raises SettingsError if there is no secret
    db.init_app(app)
    app.cli.add_command(commands.promote)
    answer_in_json(app)
    for part in health, sign_in, account, personal_notes, teams, team_members, team_notes, administration:
        app.register_blueprint(part.blueprint)
    with app.app_context():
        db.create_all()
    return app
