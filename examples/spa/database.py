"""The data of the application: an SQLite file with notes and warnings. Sessions are in the store of Flask-TokenAuth."""

import sqlite3

from flask import Flask, current_app, g

TABLES = """
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY, user_id VARCHAR NOT NULL, content VARCHAR NOT NULL, written_at VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS warnings (
    id INTEGER PRIMARY KEY, user_id VARCHAR NOT NULL, happened_at VARCHAR NOT NULL
);
"""


def connect() -> sqlite3.Connection:
    """Return the connection of the current request. Each statement is committed at once."""
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["NOTES"], isolation_level=None)
        g.database.row_factory = sqlite3.Row
    connection: sqlite3.Connection = g.database
    return connection


def close(error: BaseException | None) -> None:  # noqa: ARG001  # Flask passes it
    """Close the connection of the request, if it has one."""
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


def create_tables(app: Flask) -> None:
    """Create the tables that are missing."""
    with app.app_context():
        connect().executescript(TABLES)
