"""Passwords, of which only hashes are kept."""

import secrets

from flask import abort
from werkzeug.security import check_password_hash, generate_password_hash

from .models import User
from .reading import read_text

SHORTEST = 8
NOBODY = generate_password_hash(secrets.token_hex())  # takes as long to refuse


def read_new_password(field: str) -> str:
    """Return the hash of a password from the request; 400 if it is too short."""
    password = read_text(field)
    if len(password) < SHORTEST:
        abort(400, f"{field} is shorter than {SHORTEST} characters")
    return generate_password_hash(password)


def is_password_of(user: User | None, password: str) -> bool:
    """Say whether *password* is the user's; of nobody it never is, and it takes as long to say so."""
    return check_password_hash(user.password if user else NOBODY, password) and user is not None
