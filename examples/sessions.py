"""Stay logged in with sessions: the quickstart with refresh tokens, an SQLite file and a page of your devices.

pip install '.[sql]' && flask --app examples/sessions run

Open http://127.0.0.1:5000/devices in two windows. Or use a terminal:

REFRESH=$(curl -s -d username=alice -d password=wonderland http://127.0.0.1:5000/login | cut -d '"' -f 18)
curl -d grant_type=refresh_token -d refresh_token=$REFRESH http://127.0.0.1:5000/auth/refresh
sleep 10; curl -d grant_type=refresh_token -d refresh_token=$REFRESH http://127.0.0.1:5000/auth/refresh
flask --app examples/sessions tokenauth sessions alice
"""

import base64
import hashlib
import re
from pathlib import Path

from flask import Flask, Response, g, request
from quickstart import UNKNOWN_USER, USERS, load_secret, read_field
from werkzeug.security import check_password_hash

from flask_tokenauth import (
    Grant,
    NotAuthenticated,
    Session,
    TokenAuth,
    login_required,
    public,
    require_scope,
    token_response,
)

PAGE = Path(__file__).with_name("devices.html").read_text()

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
app.config["TOKENAUTH_ISSUER"] = "sessions"
Path(app.instance_path).mkdir(parents=True, exist_ok=True)
app.config["TOKENAUTH_STORE"] = f"sqlite:///{Path(app.instance_path) / 'sessions.db'}"
app.config.from_prefixed_env()  # FLASK_SECRET_KEY=…, FLASK_TOKENAUTH_STORE=…
if not app.config["SECRET_KEY"]:
    app.config["SECRET_KEY"] = load_secret(Path(app.instance_path))
auth = TokenAuth(app)
app.register_blueprint(auth.endpoints)  # /auth/refresh, /auth/logout, /auth/sessions, /auth/revoke


@app.get("/public")
@public
def greeting() -> dict[str, str]:
    """Answer everyone; no token is needed."""
    return {"message": "Hello, everyone!"}


@app.post("/login")
@public
def login() -> Response:
    """Take a user name and a password, as a form or as JSON; start a session and return its tokens."""
    username, password = read_field("username"), read_field("password")
    user = USERS.get(username, UNKNOWN_USER)
    if not check_password_hash(str(user["password"]), password) or user is UNKNOWN_USER:
        raise NotAuthenticated("Wrong user name or password.")
    device = "".join(filter(str.isprintable, request.form.get("device", "")))
    return token_response(username, scopes=user["scopes"], label=device[:100] or None)


@auth.before_refresh
def renew_grant(session: Session) -> Grant | None:
    """Return the scopes that the user has today; return None, and so end the session, if the user was deleted."""
    user = USERS.get(session.user_id)
    return None if user is None else session.grant.replace(scopes=tuple(user["scopes"]))


@app.get("/me")
@login_required
def me() -> dict[str, object]:
    """Answer every user who is logged in, until the session ends."""
    return {"user_id": g.user_id, "scopes": sorted(g.scopes), "sessions": len(list(auth.list_sessions(g.user_id)))}


@app.get("/reports")
@require_scope("reports:read")
def reports() -> dict[str, object]:
    """Answer if the token has this scope."""
    return {"reports": ["January", "February"]}


@app.post("/everywhere")
@login_required
def log_out_everywhere() -> tuple[str, int]:
    """End all sessions of the user and refuse all earlier tokens. Do the same after a change of password."""
    auth.revoke_user(g.user_id, api_keys=True)
    return "", 204


@app.get("/devices")
@public
def devices() -> Response:
    """Show the page of devices; its script calls /auth/sessions."""
    [script] = re.findall(r"<script>(.*)</script>", PAGE, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Response(PAGE, mimetype="text/html", headers={"Content-Security-Policy": policy})
