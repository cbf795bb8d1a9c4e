"""Whether the application is alive."""

from flask import Blueprint

from flask_tokenauth import public

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@public
def health() -> dict[str, str]:
    """Answer anybody."""
    return {"status": "well"}
