"""A guard for the user's role in a team. It reads the database, since a token keeps the scopes of the login."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from flask import g

from flask_tokenauth import NotPermitted

from .authentication import auth
from .database import db
from .models import Membership

P = ParamSpec("P")
R = TypeVar("R")


def member_required(view: Callable[Concatenate[UUID, P], R]) -> Callable[Concatenate[UUID, P], R]:
    """Guard a view of a team: refuse a user who has left the team, or has another role in it than at the login.

    Write it below the guards for scopes, or in a blueprint that has such a guard: they decide first.
    """

    @wraps(view)
    def guarded(team_id: UUID, *args: P.args, **kwargs: P.kwargs) -> R:
        membership = db.session.get(Membership, (auth.user_id, team_id))
        if membership is None or f"teams:{team_id}:{membership.role}" not in g.scopes:
            raise NotPermitted("Your role in this team has changed since your login: log in again.")
        return view(team_id, *args, **kwargs)

    return guarded
