"""Who is calling."""

from uuid import UUID

from flask_tokenauth import Token, TokenAuth

from .database import db
from .models import User

auth = TokenAuth(user_id_type=UUID)


@auth.user_loader
def get_user(user_id: UUID) -> User | None:
    """Load a user; in views, called without argument, it returns the one who is calling."""
    return db.session.get(User, user_id)


@auth.token_check
def is_of_this_generation(token: Token) -> bool:
    """Refuse tokens of users who are gone, and from before the password changed."""
    user = db.session.get(User, UUID(token.subject))
    return user is not None and token.claims.get("generation") == user.generation
