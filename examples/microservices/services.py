"""The services. Each accepts the tokens of the issuer that are for it."""

import os

from flask import Flask, g

from flask_tokenauth import TokenAuth, login_required


def create_service(name: str) -> Flask:
    """Return the service *name*, with one view.

    Args:
        name: of the service. A token must have it in the claim ``aud``.
    """
    issuer = os.environ["FLASK_TOKENAUTH_ISSUER"]
    app = Flask(name)
    app.config["TOKENAUTH_TRUSTED_ISSUERS"] = [
        {"issuer": issuer, "jwks_uri": f"{issuer}/.well-known/jwks.json", "audience": name, "users": "shared"}
    ]
    TokenAuth(app)

    @app.get(f"/{name}")
    @login_required
    def show() -> dict[str, str]:
        by = "" if g.token.actor is None else f", asked for by {g.token.actor}"  # the token was exchanged
        return {name: f"Those of {g.user_id}{by}."}

    return app
