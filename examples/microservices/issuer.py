"""The issuer: it knows the users and the private keys, publishes the public ones, and asks the services for a user."""

import requests
from flask import Flask, Response, request
from werkzeug.security import check_password_hash, generate_password_hash

from flask_tokenauth import NotAuthenticated, TokenAuth, forward_headers, login_required, public, token_response
from flask_tokenauth.downstream.requests import ExchangeAuth

USERS = {
    "alice": {"password": generate_password_hash("wonderland"), "services": ["reports", "orders"]},
    "bob": {"password": generate_password_hash("builder"), "services": ["orders"]},
}
UNKNOWN_USER = {"password": generate_password_hash("not the password of anyone"), "services": []}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
app.config["TOKENAUTH_KEYS_MAX_AGE"] = "10s"  # so that you can watch a rotation; the default is 10 minutes
app.config.from_prefixed_env()  # FLASK_TOKENAUTH_ISSUER, FLASK_TOKENAUTH_KEYS, FLASK_SERVICES
auth = TokenAuth(app)
app.register_blueprint(auth.well_known)

services = app.config["SERVICES"]  # their URLs by their names
shipping = ExchangeAuth("shipping", origins=[services["shipping"]], scopes=[], expires_in=60)


@app.post("/login")
@public
def login() -> Response:
    """Check the password, and return a token for this application and the services that the user may use."""
    name = request.form.get("username", "")
    user = USERS.get(name, UNKNOWN_USER)
    if not check_password_hash(str(user["password"]), request.form.get("password", "")) or user is UNKNOWN_USER:
        raise NotAuthenticated("Wrong username or password.")
    return token_response(name, audience=[app.config["TOKENAUTH_ISSUER"], *user["services"]])


@app.get("/overview")
@login_required
def show_overview() -> dict[str, str]:
    """Ask all services for the user: two with the token of the user, the third with one that is good there alone."""
    overview = ask("reports", headers=forward_headers("reports"))
    overview |= ask("orders", headers=forward_headers("orders"))
    return overview | ask("shipping", auth=shipping)


def ask(name: str, *, headers: dict[str, str] | None = None, auth: ExchangeAuth | None = None) -> dict[str, str]:
    """Return the answer of a service."""
    answer = requests.get(f"{services[name]}/{name}", headers=headers, auth=auth, timeout=10)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found
