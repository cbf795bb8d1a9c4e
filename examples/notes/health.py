"""A health check for load balancers."""

from flask import Blueprint

from flask_tokenauth import public

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@public
def health() -> dict[str, str]:
    """Answer everyone; no token is needed."""
    return {"status": "well"}
