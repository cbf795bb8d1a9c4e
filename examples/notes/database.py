"""The database."""

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """What all models are."""


db = SQLAlchemy(model_class=Base)
