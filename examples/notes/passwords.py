"""Passwords. The database keeps only their hashes."""

import secrets

from flask import abort
from werkzeug.security import check_password_hash, generate_password_hash

from .models import User
from .reading import read_field

MIN_LENGTH = 8
UNKNOWN_USER_HASH = generate_password_hash(secrets.token_hex())  # for a name without a user: this check takes as long


def read_new_password(field: str) -> str:
    """Return the hash of a password from the request; answer 400 if it is too short."""
    password = read_field(field)
    if len(password) < MIN_LENGTH:
        abort(400, f"{field} must have {MIN_LENGTH} characters or more")
    return generate_password_hash(password)


def is_password_of(user: User | None, password: str) -> bool:
    """Return whether *password* is the user's. Without a user it returns False, after the same time."""
    return check_password_hash(user.password if user else UNKNOWN_USER_HASH, password) and user is not None
