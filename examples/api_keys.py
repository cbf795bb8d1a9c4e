"""Make API keys for programs: the quickstart with a page on which a user makes, sees and ends keys.

pip install '.[sql]' && flask --app examples/api_keys run

Open http://127.0.0.1:5000/keys in a browser. Or use a terminal:

TOKEN=$(curl -s -d username=alice -d password=wonderland http://127.0.0.1:5000/login | cut -d '"' -f 4)
KEY=$(curl -s -H "Authorization: Bearer $TOKEN" -d name=backup -d scope=reports:read \
    http://127.0.0.1:5000/auth/api-keys | cut -d '"' -f 8)
curl -H "Authorization: Bearer $KEY" http://127.0.0.1:5000/reports
curl -H "X-API-Key: $KEY" http://127.0.0.1:5000/reports
curl -H "Authorization: Bearer $KEY" http://127.0.0.1:5000/me
curl -d token=$KEY http://127.0.0.1:5000/auth/revoke
curl -H "Authorization: Bearer $KEY" http://127.0.0.1:5000/reports
flask --app examples/api_keys tokenauth api-keys list alice
"""

import base64
import hashlib
import re
from pathlib import Path

from flask import Flask, Response, g
from quickstart import UNKNOWN_USER, USERS, load_secret, read_field
from werkzeug.security import check_password_hash

from flask_tokenauth import (
    ApiKey,
    NotAuthenticated,
    TokenAuth,
    api_key_created,
    login_required,
    public,
    require_scope,
    token_response,
)

PAGE = Path(__file__).with_name("api_keys.html").read_text()

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
app.config["TOKENAUTH_ISSUER"] = "api-keys"
app.config["TOKENAUTH_API_KEYS"] = True
app.config["TOKENAUTH_API_KEY_HEADER"] = "X-API-Key"
Path(app.instance_path).mkdir(parents=True, exist_ok=True)
app.config["TOKENAUTH_STORE"] = f"sqlite:///{Path(app.instance_path) / 'api_keys.db'}"
app.config.from_prefixed_env()  # FLASK_SECRET_KEY=…, FLASK_TOKENAUTH_STORE=…
if not app.config["SECRET_KEY"]:
    app.config["SECRET_KEY"] = load_secret(Path(app.instance_path))
auth = TokenAuth(app)
app.register_blueprint(auth.endpoints)  # with /auth/api-keys


@app.post("/login")
@public
def login() -> Response:
    """Take a user name and a password, as a form or as JSON; start a session and return its tokens."""
    username, password = read_field("username"), read_field("password")
    user = USERS.get(username, UNKNOWN_USER)
    if not check_password_hash(str(user["password"]), password) or user is UNKNOWN_USER:
        raise NotAuthenticated("Wrong user name or password.")
    return token_response(username, scopes=user["scopes"])


@auth.api_key_check
def leave_scopes(user_id: str, key: ApiKey) -> list[str] | None:
    """Take the scopes from a key that its user has lost; refuse the keys of a deleted user."""
    user = USERS.get(user_id)
    return None if user is None else [scope for scope in key.scopes if scope in user["scopes"]]


@api_key_created.connect_via(app)
def tell_user(sender: Flask, key_id: str, user_id: str, name: str) -> None:
    """Tell the user of a new key, which a thief may have made. A real program sends a mail."""
    sender.logger.warning("to %s: a new API key was made for you, %r with the ID %s", user_id, name, key_id)


@app.get("/reports")
@require_scope("reports:read")
def reports() -> dict[str, object]:
    """Answer if the token or the API key has this scope."""
    return {"reports": ["January", "February"], "kind": g.token.kind}


@app.get("/me")
@login_required
def me() -> dict[str, object]:
    """Answer a user who is logged in. An API key is refused: this route requires no scope."""
    return {"user_id": g.user_id, "scopes": sorted(g.scopes)}


@app.get("/keys")
@public
def keys() -> Response:
    """Show the page of API keys; its script calls /auth/api-keys."""
    [script] = re.findall(r"<script>(.*)</script>", PAGE, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return Response(PAGE, mimetype="text/html", headers=headers)
