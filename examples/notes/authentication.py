"""Authentication: the extension, the loader of users, and a check of tokens."""

from uuid import UUID

from flask_tokenauth import Token, TokenAuth

from .database import db
from .models import User

auth = TokenAuth(user_id_type=UUID)


@auth.user_loader
def get_user(user_id: UUID) -> User | None:
    """Load a user. Without an argument, ``get_user()`` returns the user of the request."""
    return db.session.get(User, user_id)


@auth.token_check
def is_of_this_generation(token: Token) -> bool:
    """Refuse tokens of deleted users, and tokens from before the password changed."""
    user = db.session.get(User, UUID(token.subject))
    return user is not None and token.claims.get("generation") == user.generation
