"""What the database keeps. IDs are random, so that no newcomer gets the ID, and with it the tokens, of the deleted."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .database import db


class User(db.Model):
    """Somebody with a password."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]  # its hash
    is_admin: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=0)  # of tokens: older ones are refused
    notes: Mapped[list[Note]] = relationship(cascade="all, delete-orphan", order_by="Note.text")
    memberships: Mapped[list[Membership]] = relationship(cascade="all, delete-orphan", back_populates="user")

    def take_back_tokens(self) -> None:
        """Have all tokens refused that the user has now."""
        self.generation = User.generation + 1  # in the database, where no two count from the same


class Note(db.Model):
    """A note of one user."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    text: Mapped[str]

    def to_dict(self) -> dict[str, str]:
        """Return what clients see."""
        return {"id": str(self.id), "text": self.text}


class Team(db.Model):
    """Users who share notes."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]
    memberships: Mapped[list[Membership]] = relationship(cascade="all, delete-orphan", back_populates="team")
    notes: Mapped[list[TeamNote]] = relationship(cascade="all, delete-orphan", order_by="TeamNote.text")

    def to_dict(self) -> dict[str, str]:
        """Return what clients see."""
        return {"id": str(self.id), "name": self.name}


class Membership(db.Model):
    """What a user is to a team."""

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), primary_key=True)
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"), primary_key=True)
    role: Mapped[str]  # of scopes.ROLES
    user: Mapped[User] = relationship(back_populates="memberships")
    team: Mapped[Team] = relationship(back_populates="memberships")


class TeamNote(db.Model):
    """A note of a team."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"))
    text: Mapped[str]

    def to_dict(self) -> dict[str, str]:
        """Return what clients see."""
        return {"id": str(self.id), "text": self.text}
