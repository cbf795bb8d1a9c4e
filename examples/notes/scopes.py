"""The scopes of this application, and the scopes of each user."""

from .models import User

ROLES = "read", "write", "admin"

SCOPES = {
    "admin": "List all users",
    "teams:{team_id}:read": "Read a team's notes",
    "teams:{team_id}:write": {"description": "Write a team's notes", "implies": ["teams:{team_id}:read"]},
    "teams:{team_id}:admin": {"description": "Add and remove members of a team", "implies": ["teams:{team_id}:write"]},
}


def scopes_of(user: User) -> list[str]:
    """Return the scopes for the next token of *user*."""
    scopes = [f"teams:{membership.team_id}:{membership.role}" for membership in user.memberships]
    return ["admin", *scopes] if user.is_admin else scopes
