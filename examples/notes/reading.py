"""Fields of a request."""

from flask import abort, request
from werkzeug.exceptions import HTTPException


def read_field(name: str, *, longest: int = 200) -> str:
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
    if not 0 < len(value) <= longest:
        abort(400, f"{name} must have 1 to {longest} characters, got {len(value)}")
    return value
