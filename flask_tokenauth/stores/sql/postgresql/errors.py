"""Words and advice for the errors of PostgreSQL. Messages of the server and the driver are not repeated."""

import re
from typing import Any

_INIT_DB = (
    "run flask tokenauth init-db once as a user that may create tables, or give the statements of flask tokenauth "
    "init-db --sql to your administrator"
)
_REPLICA = "connect to the primary"
_HOST = "the name of the host is not known: correct it, or check the resolver of this machine"
_ADVICE = {  # by SQLSTATE, or its beginning
    "08": "check that the server runs and can be reached",
    "25006": f"the server, or this user, may only read: {_REPLICA}. If it is the primary, its disk may be full: free "
    "space",
    "28": "check the user, the password, pg_hba.conf and, for certificates, sslcert",
    "3D000": "create the database, or correct its name",
    "3F000": "create the schema, or correct the search_path of the user",
    "42501": (
        "the user of the store needs SELECT, INSERT, UPDATE and DELETE on its tables, and USAGE on their schema. To "
        "create "
        "them, " + _INIT_DB
    ),
    "42703": "a migration has probably removed a column, run flask tokenauth doctor",
    "42P01": "a migration has probably removed a table, run flask tokenauth doctor and flask tokenauth init-db",
    "42883": "PostgreSQL must be 13 or newer",
    "53100": "free space on the disk of the server",
    "53200": "give the server more memory",
    "53300": "raise max_connections of the server, use PgBouncer, or run fewer workers",
    "55P03": "another transaction has held a lock for too long",
    "57014": "the server was too slow: look for long transactions, and for a missing index",
    "57P": (
        "the server is starting or stopping, or an administrator has ended the connection: try again, and read the log "
        "of the server"
    ),
}
_REACH = "check the host, the port and the network, and that the server runs"
_CONNECTING = {  # by words in messages: while a connection is opened, there is no SQLSTATE
    "password authentication failed": "the user or the password is wrong",
    "no password supplied": "a password is needed, and there is none in the URL",
    "pg_hba.conf": "pg_hba.conf of the server does not let this user in",
    "database does not exist": _ADVICE["3D000"],
    "role does not exist": "create the user, or correct its name",
    "permission denied for database": "the user needs the right CONNECT on the database: GRANT it",
    "not currently accepting connections": "let the database accept connections: ALTER DATABASE",
    "connection refused": "nothing listens there: check the host and the port, and that the server runs",
    "could not translate host name": _HOST,
    "failed to resolve host": _HOST,
    "name or service not known": _HOST,  # psycopg before 3.2.13
    "too many clients": _ADVICE["53300"],
    "connection slots": _ADVICE["53300"],
    "too many connections": "raise the CONNECTION LIMIT of the user or the database, or run fewer workers",
    "starting up": _ADVICE["57P"],
    "shutting down": _ADVICE["57P"],
    "recovery mode": _ADVICE["57P"],
    "read-only": _REPLICA,
    "within the time limit": f"the server, or a proxy before it, does not answer: {_REACH}",
    "closed the connection": f"the server, or a proxy before it, has ended the connection: {_REACH}",
    "reset by peer": f"the server, or a proxy before it, has ended the connection: {_REACH}",
    "timeout": _REACH,
    "timed out": _REACH,
    "no route to host": _REACH,
    "unreachable": _REACH,
    "certificate": "check the certificates, sslmode and sslrootcert",
    "ssl": "check sslmode: the server may not offer TLS, or may ask for it",
}
_OTHERWISE = (
    "connect with psql as the application does, and read the log of the server"  # the message may be translated
)
_NAMES = re.compile(r"""\s*("[^"]*"|'[^']*')""")  # the words above could be part of a name


def sqlstate_of(error: BaseException | None) -> str:
    """Return the SQLSTATE of an error of the driver; an empty string if it has none."""
    return getattr(error, "sqlstate", None) or ""


def describe(error: BaseException | None) -> str:
    """Describe an error of the driver, with advice if there is any."""
    sqlstate, name = sqlstate_of(error), type(error).__name__
    if sqlstate:
        advice = _find(_ADVICE, sqlstate.startswith)
        return _join(f"PostgreSQL reports {sqlstate}, {name}", advice)
    words = _NAMES.sub("", str(error)).lower()
    return _join(f"PostgreSQL cannot be reached ({name})", _find(_CONNECTING, words.__contains__) or _OTHERWISE)


def _find(advice: dict[str, str], fits: Any) -> str | None:
    return next((words for key, words in advice.items() if fits(key)), None)


def _join(found: str, advice: str | None) -> str:
    return found if advice is None else f"{found}: {advice}"
