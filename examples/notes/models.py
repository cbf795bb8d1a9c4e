"""The database models. IDs are random: a new user never gets the ID of a deleted user, whose tokens may still exist."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .database import db


class User(db.Model):
    """A user with a password."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]  # its hash
    is_admin: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=0)  # tokens with another number are refused
    notes: Mapped[list[Note]] = relationship(cascade="all, delete-orphan", order_by="Note.text")
    memberships: Mapped[list[Membership]] = relationship(cascade="all, delete-orphan", back_populates="user")

    def revoke_tokens(self) -> None:
        """Refuse all tokens that the user has now."""
        self.generation = User.generation + 1  # the database adds, so that two requests cannot write the same number


class Note(db.Model):
    """A note of one user."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    text: Mapped[str]

    def to_dict(self) -> dict[str, str]:
        """Return the note as clients see it."""
        return {"id": str(self.id), "text": self.text}


class Team(db.Model):
    """Users who share notes."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]
    memberships: Mapped[list[Membership]] = relationship(cascade="all, delete-orphan", back_populates="team")
    notes: Mapped[list[TeamNote]] = relationship(cascade="all, delete-orphan", order_by="TeamNote.text")

    def to_dict(self) -> dict[str, str]:
        """Return the team as clients see it."""
        return {"id": str(self.id), "name": self.name}


class Membership(db.Model):
    """The role of a user in a team."""

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), primary_key=True)
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"), primary_key=True)
    role: Mapped[str]  # one of scopes.ROLES
    user: Mapped[User] = relationship(back_populates="memberships")
    team: Mapped[Team] = relationship(back_populates="memberships")


class TeamNote(db.Model):
    """A note of a team."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"))
    text: Mapped[str]

    def to_dict(self) -> dict[str, str]:
        """Return the note as clients see it."""
        return {"id": str(self.id), "text": self.text}
