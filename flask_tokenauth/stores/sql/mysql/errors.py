"""Words and advice for the errors of MariaDB and MySQL. Messages of the server and the driver are not repeated."""

_INIT_DB = (
    "run flask tokenauth init-db once as a user that may create tables, or give the statements of flask tokenauth "
    "init-db --sql to your administrator"
)
_RIGHTS = "the user of the store needs SELECT, INSERT, UPDATE and DELETE on its tables. To create them, " + _INIT_DB
_REACH = (
    "check the host and the port, that the server runs and can be reached, and, with TLS, its certificate and the "
    "parameters ssl_… of the URL"
)
_READ_ONLY = "the server is read-only: connect to the primary"
_ADVICE = {
    1020: "another transaction has changed the row, try again",
    1021: "free space on the disk of the server",
    1040: "raise max_connections of the server, or run fewer workers",
    1044: f"check the name of the database in the URL: it is not there, or this user has no right on it. {_RIGHTS}",
    1045: "check the user and the password",
    1046: "name the database in the URL",
    1049: "create the database, or correct its name",
    1053: "the server is stopping: wait until it runs again",
    1054: "a migration has probably removed a column, run flask tokenauth doctor",
    1114: "free space on the disk of the server",
    1129: "the server has blocked this machine after errors of connections: FLUSH HOSTS lets it in again",
    1130: "the server does not let this user in from this machine: check the host in the name of the user",
    1142: _RIGHTS,
    1146: "a migration has probably removed a table, run flask tokenauth doctor and flask tokenauth init-db",
    1203: "raise max_user_connections of the server, or the limit of the user, or run fewer workers",
    1205: "another transaction has held a lock for too long: look for it in information_schema.INNODB_TRX",
    1213: "another transaction came in between, try again",
    1226: "raise the limit of the user: ALTER USER … WITH …",
    1290: _READ_ONLY,
    1665: "set binlog_format of the server to MIXED or ROW",
    1698: "check the user and the password",
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    1927: "an administrator has ended the connection, try again",
    1969: "the server was too slow: look for long transactions, and for a missing index",
    2002: _REACH,
    2003: _REACH,
    2006: "the server has ended the connection",
    2013: "the server, or a proxy before it, does not answer: check the network, and that the server is not overloaded",
    2026: "check the certificates and the parameters of TLS in the URL: the server may not offer TLS",
}

_OF_DRIVER = range(2000, 3000)  # numbers of errors that the driver finds itself


def number_of(error: BaseException | None) -> int:
    """Return the number of an error of the driver; 0 if it has none."""
    first = error.args[0] if error is not None and error.args else 0
    return first if isinstance(first, int) else 0


def describe(error: BaseException | None) -> str:
    """Describe an error of the driver, with advice if there is any."""
    number = number_of(error)
    if not number:
        return f"the driver of the database raised {type(error).__name__}"
    source = "the driver" if number in _OF_DRIVER else "MariaDB"
    found = f"{source} reports {number}, {type(error).__name__}"
    return f"{found}: {_ADVICE[number]}" if number in _ADVICE else found
