"""Flask-TokenAuth with sessions in a store."""

from flask import Flask, Response, request

from flask_tokenauth import TokenAuth, token_response

from .bare import ISSUER

FIELD = "refresh_token"  # of the form and of the answer
SECRET = "d41a9c0e5b7f2836" * 4
WAIT = 30  # seconds for the store: the first call imports its driver, and the machine may be busy


def make(url: str) -> Flask:
    """Return an application with its store at *url*. Short of processors, it waits for the store instead of refusing.

    Args:
        url: of a database, or ``memory://``.
    """
    app = Flask("benchmarks", static_folder=None)
    app.config |= {
        "SECRET_KEY": SECRET,
        "TOKENAUTH_ISSUER": ISSUER,
        "TOKENAUTH_STORE": url,
        "TOKENAUTH_STORE_TIMEOUT": WAIT,
    }
    auth = TokenAuth(app)
    app.register_blueprint(auth.endpoints)
    app.add_url_rule("/login", view_func=_login, methods=["POST"])
    return app


def create_tables(app: Flask) -> None:
    """Create the tables of the store."""
    app.extensions["tokenauth"].store.create()


def _login() -> Response:
    return token_response(request.form["user"])
