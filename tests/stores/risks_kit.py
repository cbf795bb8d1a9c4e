"""A dialect for tests: SQLite as if it were a server whose settings put promises at risk."""

from sqlalchemy import Connection

from flask_tokenauth.stores.sql.sqlite.dialect import SQLite


class RiskyServer(SQLite):
    """Finds the risks of its list, or raises its error.

    Attributes:
        risks: the sentences that it finds.
        error: an error that it raises instead; None for none.
        asked: the leeway and the number of connections of each call.
    """

    def __init__(self) -> None:
        self.risks: list[str] = []
        self.error: Exception | None = None
        self.asked: list[tuple[int, int | None]] = []

    def find_risks(self, _: Connection, *, leeway: int, connections: int | None) -> list[str]:
        self.asked.append((leeway, connections))
        if self.error is not None:
            raise self.error
        return self.risks
