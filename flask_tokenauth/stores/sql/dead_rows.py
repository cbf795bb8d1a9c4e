"""Statements that find and delete the dead rows of a table, page by page in the order of its primary key."""

from sqlalchemy import Column, ColumnElement, delete, select

from .expressions import several, string

PAGE = 500  # rows that one transaction deletes, so that others can write in between


class DeadRows:
    """The statements for one table, by what they do. A page ends after a number of rows, however many of them are dead.

    Args:
        key: the primary key.
        is_dead: a condition on which a row is deleted.
    """

    def __init__(self, key: Column[str], is_dead: ColumnElement[bool]) -> None:
        is_after = key > string("after")
        self.end_of_page = select(key).where(is_after).order_by(key).offset(PAGE - 1).limit(1)
        self.page = select(key).where(is_after, is_dead)
        self.page_until = self.page.where(key <= string("last"))
        self.drop = delete(key.table).where(key.in_(several("keys")), is_dead)
