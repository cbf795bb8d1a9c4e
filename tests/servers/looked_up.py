"""The application of ``test_looked_up.py``, with a view for API keys and reference tokens."""

import os

from flask import Flask, Response, g

from flask_tokenauth import TokenAuth, require_scope

app = Flask("served")
app.config.from_prefixed_env()
auth: TokenAuth[str] = TokenAuth(app)
app.register_blueprint(auth.endpoints)


@app.get("/reports")
@require_scope("reports:read")
def reports() -> dict[str, object]:
    """Return the user and the kind of the token."""
    return {"user_id": g.user_id, "kind": g.token.kind}


@app.after_request
def add_worker_id(response: Response) -> Response:
    """Show which worker has answered."""
    response.headers["X-Worker"] = str(os.getpid())
    return response
