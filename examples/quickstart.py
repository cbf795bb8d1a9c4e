"""Log in, get a token, and call the views that it opens: the smallest complete application.

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
from werkzeug.exceptions import HTTPException
from werkzeug.security import check_password_hash, generate_password_hash

from flask_tokenauth import NotAuthenticated, TokenAuth, login_required, public, require_scope, token_response

USERS = {
    "alice": {"password": generate_password_hash("wonderland"), "scopes": ["reports:read", "profile"]},
    "bob": {"password": generate_password_hash("builder"), "scopes": ["profile"]},
}
# The check of this password takes as long as the check of a real one.
UNKNOWN_USER = {"password": generate_password_hash(secrets.token_hex()), "scopes": []}


def load_secret(folder: Path) -> str:
    """Return the secret in *folder*; make it on first use. In production, set SECRET_KEY (FLASK_SECRET_KEY) instead."""
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / "secret_key", folder / f"secret_key.{secrets.token_hex(8)}"
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)  # this is atomic: if two workers start together, one of them succeeds
        except FileExistsError:
            pass  # the other worker reads the secret of the first
        finally:
            draft.unlink()
    secret = path.read_text()
    if not secret:
        raise RuntimeError(f"{path} must hold a secret, but it is empty: delete the file, and start again")
    return secret


app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
app.config["TOKENAUTH_ISSUER"] = "quickstart"
app.config.from_prefixed_env()  # FLASK_SECRET_KEY=…, FLASK_TOKENAUTH_ISSUER=…
if not app.config["SECRET_KEY"] and not app.config.get("TOKENAUTH_KEYS"):
    app.config["SECRET_KEY"] = load_secret(Path(app.instance_path))
auth = TokenAuth(app)


@app.get("/")
@public
def index() -> Response:
    """Show the commands to try."""
    url = f"http://127.0.0.1:{request.environ['SERVER_PORT']}"  # not from the Host header, which the client chooses
    return Response(
        f"""Try, in a terminal:

curl {url}/public
TOKEN=$(curl -s -d username=alice -d password=wonderland {url}/login | cut -d '"' -f 4)
curl -H "Authorization: Bearer $TOKEN" {url}/me
curl -H "Authorization: Bearer $TOKEN" {url}/reports

Then as bob, with the password builder: bob may not read the reports.
""",
        mimetype="text/plain",
    )


@app.get("/public")
@public
def greeting() -> dict[str, str]:
    """Answer everyone; no token is needed."""
    return {"message": "Hello, everyone!"}


@app.post("/login")
@public
def login() -> Response:
    """Take a user name and a password, as a form or as JSON; return a token."""
    username, password = read_field("username"), read_field("password")
    user = USERS.get(username, UNKNOWN_USER)
    if not check_password_hash(str(user["password"]), password) or user is UNKNOWN_USER:
        raise NotAuthenticated("Wrong user name or password.")
    return token_response(username, scopes=user["scopes"])


@app.get("/me")
@login_required
def me() -> dict[str, object]:
    """Answer every user who is logged in."""
    return {"user_id": g.user_id, "scopes": sorted(g.scopes)}


@app.get("/reports")
@require_scope("reports:read")
def reports() -> dict[str, object]:
    """Answer if the token has this scope."""
    return {"reports": ["January", "February"]}


def read_field(name: str) -> str:
    """Return a field of the form or of the JSON object in the request; answer 400 if it is not a string."""
    try:
        body = request.get_json() if request.is_json else request.form
    except HTTPException:  # such as 413 for a body that is too large
        raise
    except Exception:  # noqa: BLE001  # JSON that is nested too deeply, or the server's own error for a broken body
        abort(400)
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or value.encode(errors="ignore").decode() != value:  # no lone surrogates
        abort(400, f"{name} must be a string")
    return value
