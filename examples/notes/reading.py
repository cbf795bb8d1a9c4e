"""Reads what clients send."""

from flask import abort, request


def read_text(name: str, *, longest: int = 200) -> str:
    """Return a field of the form or of the JSON object in the request's body; 400 if it is not there or no text."""
    try:
        body = request.get_json() if request.is_json else request.form
    except RecursionError:  # Flask lets it through, as a 500
        abort(400)
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or value.encode(errors="ignore").decode() != value:  # JSON can bring half characters
        abort(400, f"{name} is missing or no text")
    if not 0 < len(value) <= longest:
        abort(400, f"{name} is empty or longer than {longest} characters")
    return value
