"""The store in an SQL database. :data:`metadata` has its tables, for migrations of your own."""

from .store import SQLStore
from .tables import metadata

__all__ = ["SQLStore", "metadata"]
