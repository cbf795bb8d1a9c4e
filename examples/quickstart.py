"""Log in, get a token, call what it opens. The smallest whole use of Flask-TokenAuth.

flask --app examples/quickstart run

curl http://127.0.0.1:5000/public
TOKEN=$(curl -s -d username=alice -d password=wonderland http://127.0.0.1:5000/login | cut -d '"' -f 4)
curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:5000/me
curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:5000/reports
"""

import os
import secrets
from pathlib import Path

from flask import Flask, Response, abort, g, request
from werkzeug.security import check_password_hash, generate_password_hash

from flask_tokenauth import NotAuthenticated, TokenAuth, login_required, public, require_scope, token_response

USERS = {
    "alice": {"password": generate_password_hash("wonderland"), "scopes": ["reports:read", "profile"]},
    "bob": {"password": generate_password_hash("builder"), "scopes": ["profile"]},
}
NOBODY = {"password": generate_password_hash(secrets.token_hex()), "scopes": []}  # takes as long to refuse


def own_secret(folder: Path) -> str:
    """Return the secret kept in *folder*, made on first use. Production sets SECRET_KEY (FLASK_SECRET_KEY) instead."""
    folder.mkdir(parents=True, exist_ok=True)
    kept, aside = folder / "secret_key", folder / f"secret_key.{secrets.token_hex(8)}"
    if not kept.exists():
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            kept.hardlink_to(aside)  # whole or not at all: of two workers that start together one wins
        except FileExistsError:
            pass  # and this is the other: it reads the winner's
        finally:
            aside.unlink()
    secret = kept.read_text()
    if not secret:
        raise RuntimeError(f"{kept} is empty: remove it, and a new secret is made")
    return secret


app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
app.config["TOKENAUTH_ISSUER"] = "quickstart"
app.config.from_prefixed_env()  # FLASK_SECRET_KEY=…, FLASK_TOKENAUTH_ISSUER=…
if not app.config["SECRET_KEY"] and not app.config.get("TOKENAUTH_KEYS"):
    app.config["SECRET_KEY"] = own_secret(Path(app.instance_path))
auth = TokenAuth(app)


@app.get("/")
@public
def index() -> Response:
    """Say what to try."""
    url = f"http://127.0.0.1:{request.environ['SERVER_PORT']}"  # not from Host, which the client writes
    return Response(
        f"""Try, in a terminal:

curl {url}/public
TOKEN=$(curl -s -d username=alice -d password=wonderland {url}/login | cut -d '"' -f 4)
curl -H "Authorization: Bearer $TOKEN" {url}/me
curl -H "Authorization: Bearer $TOKEN" {url}/reports

Then as bob, with the password builder: he may not read the reports.
""",
        mimetype="text/plain",
    )


@app.get("/public")
@public
def greeting() -> dict[str, str]:
    """Anyone may see this."""
    return {"message": "Hello, whoever you are."}


@app.post("/login")
@public
def login() -> Response:
    """Take user name and password, as form or JSON; answer with a token."""
    username, password = read_text("username"), read_text("password")
    user = USERS.get(username, NOBODY)
    if not check_password_hash(str(user["password"]), password) or user is NOBODY:
        raise NotAuthenticated("Wrong user name or password.")
    return token_response(username, scopes=user["scopes"])


@app.get("/me")
@login_required
def me() -> dict[str, object]:
    """Whoever is logged in may see this."""
    return {"user_id": g.user_id, "scopes": sorted(g.scopes)}


@app.get("/reports")
@require_scope("reports:read")
def reports() -> dict[str, object]:
    """Only tokens with this scope open this."""
    return {"reports": ["January", "February"]}


def read_text(name: str) -> str:
    """Return a field of the form or of the JSON object in the request's body; 400 if it is not there or no text."""
    try:
        body = request.get_json() if request.is_json else request.form
    except RecursionError:  # Flask lets it through, as a 500
        abort(400)
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or value.encode(errors="ignore").decode() != value:  # JSON can bring half characters
        abort(400, f"{name} is missing or no text")
    return value
