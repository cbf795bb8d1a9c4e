"""Stay logged in, see where, and end it: the quickstart with sessions in an SQLite file, and a page of one's devices.

pip install '.[sql]' && flask --app examples/sessions run

Open http://127.0.0.1:5000/devices in two windows. Or in a terminal:

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
from quickstart import NOBODY, USERS, own_secret, read_text
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
    app.config["SECRET_KEY"] = own_secret(Path(app.instance_path))
auth = TokenAuth(app)
app.register_blueprint(auth.endpoints)  # /auth/refresh, /auth/logout, /auth/sessions, /auth/revoke


@app.get("/public")
@public
def greeting() -> dict[str, str]:
    """Anyone may see this."""
    return {"message": "Hello, whoever you are."}


@app.post("/login")
@public
def login() -> Response:
    """Take user name and password, as form or JSON; start a session and answer with its tokens."""
    username, password = read_text("username"), read_text("password")
    user = USERS.get(username, NOBODY)
    if not check_password_hash(str(user["password"]), password) or user is NOBODY:
        raise NotAuthenticated("Wrong user name or password.")
    device = "".join(filter(str.isprintable, request.form.get("device", "")))
    return token_response(username, scopes=user["scopes"], label=device[:100] or None)


@auth.before_refresh
def go_on(session: Session) -> Grant | None:
    """Give a session what its user may do today; nothing, if the user is gone."""
    user = USERS.get(session.user_id)
    return None if user is None else session.grant.replace(scopes=tuple(user["scopes"]))


@app.get("/me")
@login_required
def me() -> dict[str, object]:
    """Whoever is logged in may see this, until the session ends."""
    return {"user_id": g.user_id, "scopes": sorted(g.scopes), "sessions": len(auth.list_sessions(g.user_id))}


@app.get("/reports")
@require_scope("reports:read")
def reports() -> dict[str, object]:
    """Only tokens with this scope open this."""
    return {"reports": ["January", "February"]}


@app.post("/everywhere")
@login_required
def log_out_everywhere() -> tuple[str, int]:
    """End every session of the user, and every token issued before; a new password calls for the same."""
    auth.revoke_user(g.user_id, api_keys=True)
    return "", 204


@app.get("/devices")
@public
def devices() -> Response:
    """Show where one is logged in; the page asks /auth/sessions."""
    [script] = re.findall(r"<script>(.*)</script>", PAGE, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Response(PAGE, mimetype="text/html", headers={"Content-Security-Policy": policy})
