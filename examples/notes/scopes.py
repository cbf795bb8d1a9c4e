"""What tokens may do: which scopes there are, and which of them a user gets."""

from .models import User

ROLES = "read", "write", "admin"

SCOPES = {
    "admin": "List all users",
    "teams:{team_id}:read": "Read a team's notes",
    "teams:{team_id}:write": {"description": "Write a team's notes", "implies": ["teams:{team_id}:read"]},
    "teams:{team_id}:admin": {"description": "Say who is in a team", "implies": ["teams:{team_id}:write"]},
}


def scopes_of(user: User) -> list[str]:
    """Return the scopes for the next token of *user*."""
    scopes = [f"teams:{membership.team_id}:{membership.role}" for membership in user.memberships]
    return ["admin", *scopes] if user.is_admin else scopes
