"""Errors of Redis and of redis-py become ``StoreUnavailable``, with a sentence that has no values in it."""

import re
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import TypeVar

from redis import exceptions

from ...core.errors import StoreUnavailable

T = TypeVar("T")

_REACH = "check the host and the port, that the server runs, and that it can be reached from here"
_ACL = "give it the rights that flask tokenauth init-db --acl prints for this URL and this prefix"
_SENTENCES = {
    "ASK": "the cluster moves a slot, and has sent us on too often: try again",
    "BUSY": "the server is busy with a slow script: find out what runs it, and end it with SCRIPT KILL",
    "CLUSTERDOWN": "the cluster is down, or some of its slots have no server: look at CLUSTER INFO of its nodes",
    "CROSSSLOT": "the keys of a script do not lie in one slot: report this as a fault of flask_tokenauth",
    "DENIED": "the server is in protected mode, and lets in its own machine alone: give it a user with a password",
    "LOADING": "the server is loading its data: wait until it has started",
    "MASTERDOWN": "the server is a replica that has lost its primary: connect to the primary",
    "MAXCLIENTS": "the server has too many clients: raise its maxclients, or run fewer workers",
    "MISCONF": "the server cannot write its data to the disk, and refuses writes: free space, and look into its log",
    "MOVED": "the nodes of the cluster do not agree which of them has a slot: look at CLUSTER NODES of each",
    "NOAUTH": "the server asks for a password: write USER:PASSWORD@ before the host in the URL",
    "NOCLUSTER": "the server is no node of a cluster: write redis:// in the URL, in place of redis+cluster://",
    "NOCOMMAND": "the server does not know a command of the store: use Redis 6.2, Valkey 7.2 or newer, and rename "
    "none. A sentinel needs redis+sentinel:// in the URL",
    "NODATABASE": "the server does not have the database with this number: correct it in the URL, or raise databases",
    "NOPERM": f"the user may not run a command, or not on these keys: {_ACL}",
    "NOREPLICAS": "too few replicas follow the server, and min-replicas-to-write makes it refuse writes: start them",
    "OOM": "the memory of the server is full: raise its maxmemory, or give it more memory",
    "READONLY": "the server is a replica, which takes no writes: connect to the primary, or wait for the failover",
    "TRYAGAIN": "the cluster moves a slot: try again",
    "UNREADABLE": "a number in the store cannot be read: another program must not use its prefix",
    "WRONGPASS": "the server refuses the user or the password: check both in the URL, where special characters of a "
    "password are written as %XX",
    "WRONGTYPE": "a key of the store has a value of another type: another program must not use its prefix",
}
_PASSING = {"ASK", "MOVED", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"}
_CLASSES: dict[type[BaseException], str] = {  # the first that fits counts
    exceptions.AskError: "ASK",
    exceptions.BusyLoadingError: "LOADING",
    exceptions.MasterDownError: "MASTERDOWN",
    exceptions.ClusterDownError: "CLUSTERDOWN",
    exceptions.ClusterCrossSlotError: "CROSSSLOT",
    exceptions.NoPermissionError: "NOPERM",
    exceptions.OutOfMemoryError: "OOM",
    exceptions.ReadOnlyError: "READONLY",
    exceptions.TryAgainError: "TRYAGAIN",
}
_PHRASES = {  # parts of messages of the servers, and of messages within those of scripts
    "Authentication required": "NOAUTH",
    "max number of clients": "MAXCLIENTS",
    "cluster support disabled": "NOCLUSTER",
    "unknown command": "NOCOMMAND",
    "DB index": "NODATABASE",
    "can't run this command": "NOPERM",
    "has no permissions to": "NOPERM",
    "a number of the store cannot be read": "UNREADABLE",
    "can't access at least one of the keys": "NOPERM",
}
_OF_CONNECTIONS: Sequence[tuple[tuple[type[BaseException], ...], str]] = (  # the first that fits counts
    (
        (TimeoutError, exceptions.TimeoutError),
        "the server, or a proxy before it, has not answered within the time limit: check the network, and that the "
        "server is not overloaded",
    ),
    (
        (ssl.SSLCertVerificationError,),
        "the certificate of the server is not valid here: name its certificate authority by ssl_ca_certs, and connect "
        "to a name that is in the certificate",
    ),
    (
        (ssl.SSLError,),
        "no connection with TLS could be opened: check that the server offers TLS on this port, the network, and "
        "ssl_certfile",
    ),
    ((socket.gaierror,), "the name of the host cannot be looked up: correct it, or check the name server"),
    ((ConnectionRefusedError,), f"the connection was refused: {_REACH}"),
    (
        (FileNotFoundError, PermissionError),
        "the socket of the server cannot be opened: check its path, that the server runs, and the rights on it",
    ),
    (
        (OSError, exceptions.ConnectionError),
        f"the connection was lost, or could not be opened: {_REACH}. The server may expect TLS",
    ),
    (
        (exceptions.InvalidResponse,),
        "the answer is none of Redis or Valkey: check the host and the port, and whether the server expects TLS",
    ),
)
_CODE = re.compile(rf"(?:^|-)({'|'.join(_SENTENCES)}) ")  # of an error; Redis 6.2 has it within that of a script


SLOW, PASSING, LASTING = range(3)  # reasons of failures: later ones tell more


class NotFound(Exception):
    """No server was found that can be asked.

    Args:
        message: for the user. It has no values in it.
        reason: SLOW if the time was over, PASSING if it can help to look for a server again, or LASTING.
    """

    def __init__(self, message: str, *, reason: int) -> None:
        super().__init__(message)
        self.reason = reason


class NotPrimary(Exception):
    """The server is no primary."""


class TooFewReplicas(Exception):
    """Fewer replicas than asked for have acknowledged a write.

    Args:
        acknowledged: by so many.
        wanted: so many.
    """

    def __init__(self, acknowledged: int, wanted: int) -> None:
        super().__init__(
            f"the primary keeps the write, but {acknowledged} of {wanted} replicas have acknowledged it in time: "
            "check that the replicas run and follow, or lower wait in the URL"
        )


def find_code(error: BaseException) -> str:
    """Return the code of an error that a server has sent, or a similar word; an empty string if it is not known."""
    if isinstance(error, exceptions.MovedError):  # it is an AskError too
        return "MOVED"
    for kind, code in _CLASSES.items():
        if isinstance(error, kind):
            return code
    if not isinstance(error, exceptions.RedisError):
        return ""
    text = str(error)
    for phrase, code in _PHRASES.items():
        if phrase in text:
            return code
    if isinstance(error, exceptions.AuthenticationError):
        return "WRONGPASS"
    found = _CODE.search(text)
    return found[1] if found else ""


def is_timeout(error: BaseException) -> bool:
    """Return whether the time of a read, a write or a connection was over."""
    is_slow = isinstance(error, NotFound) and error.reason == SLOW
    return is_slow or isinstance(error, TimeoutError | exceptions.TimeoutError)


def is_passing(error: BaseException) -> bool:
    """Return whether an error may be over soon: a connection was lost or refused, a slot moves, a failover runs."""
    if isinstance(error, NotFound):
        return error.reason != LASTING
    if code := find_code(error):
        return code in _PASSING
    if isinstance(error, exceptions.ResponseError | exceptions.InvalidResponse | ssl.SSLCertVerificationError):
        return False
    return isinstance(error, NotPrimary | exceptions.RedisError | OSError)


def describe(error: BaseException) -> str:
    """Describe an error, with advice. Messages of the server and of redis-py are not repeated."""
    if isinstance(error, NotFound | TooFewReplicas):
        return str(error)
    if isinstance(error, NotPrimary):
        return "the server is a replica: connect to the primary, or wait for the failover"
    if code := find_code(error):
        return _SENTENCES[code]
    return _describe_connection(error)


def _describe_connection(error: BaseException) -> str:
    for kinds, sentence in _OF_CONNECTIONS:
        if isinstance(error, kinds):
            return sentence
    return f"the server has refused a command ({type(error).__name__}): look into its log"


def translated(run: Callable[[], T]) -> T:
    """Call *run* and return its result. Raise ``StoreUnavailable`` for errors of the server and of the connection.

    The error has no cause and no context: messages of servers and of redis-py may have values and addresses in them.

    Raises:
        StoreUnavailable: the server cannot be asked.
    """
    try:
        return run()
    except (NotFound, NotPrimary, TooFewReplicas, exceptions.RedisError, OSError) as error:
        message = describe(error)
    except UnicodeError:  # it has the value
        message = "a value cannot be encoded as UTF-8"
    raise StoreUnavailable(message)
