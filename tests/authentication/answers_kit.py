"""Parameters of challenges: those of every one, and those of the answer to an invalid token."""

from ..conftest import ISSUER

REALM = {"realm": ISSUER}
INVALID = REALM | {"error": "invalid_token", "error_description": "The access token is not valid."}
