"""The issuer: it knows the users and the private keys, and publishes the public ones."""

from flask import Flask, Response, request
from werkzeug.security import check_password_hash, generate_password_hash

from flask_tokenauth import NotAuthenticated, TokenAuth, public, token_response

USERS = {
    "alice": {"password": generate_password_hash("wonderland"), "services": ["reports", "orders"]},
    "bob": {"password": generate_password_hash("builder"), "services": ["orders"]},
}
UNKNOWN_USER = {"password": generate_password_hash("not the password of anyone"), "services": []}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
app.config["TOKENAUTH_KEYS_MAX_AGE"] = "10s"  # so that you can watch a rotation; the default is 10 minutes
app.config.from_prefixed_env()  # FLASK_TOKENAUTH_ISSUER, FLASK_TOKENAUTH_KEYS
auth = TokenAuth(app)
app.register_blueprint(auth.well_known)


@app.post("/login")
@public
def login() -> Response:
    """Check the password, and return a token for the services that the user may use."""
    name = request.form.get("username", "")
    user = USERS.get(name, UNKNOWN_USER)
    if not check_password_hash(str(user["password"]), request.form.get("password", "")) or user is UNKNOWN_USER:
        raise NotAuthenticated("Wrong username or password.")
    return token_response(name, audience=list(user["services"]))
