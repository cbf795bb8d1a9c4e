"""The store in an SQL database. :data:`metadata` has its tables, for the migrations of your application."""

from .store import SQLStore
from .tables import metadata

__all__ = ["SQLStore", "metadata"]
