"""Check and read the answer to a fetch."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .addresses import Address
from .failures import FetchFailed

_OK = 200
_REDIRECTS = range(300, 400)
_NUMBER = re.compile("[0-9]{1,19}")


class Reply(NamedTuple):
    """An answer whose head has come.

    Attributes:
        status: of the answer.
        headers: the values of each header, by its name in lower case. Untrusted, as the body is.
        address: that answered.
        read: returns the body, or the first bytes of it, as many as its argument says.
    """

    status: int
    headers: Mapping[str, Sequence[str]]
    address: Address
    read: Callable[[int], bytes]


def read_document(reply: Reply, host: str, *, max_bytes: int) -> bytes:
    """Return the body of an answer with the status 200.

    Args:
        reply: the answer.
        host: of the URL, for messages.
        max_bytes: the size of the largest body.

    Raises:
        FetchFailed: the answer has another status, is compressed, is too large, or does not say its size clearly.
    """
    _check_status(reply.status, host)
    _check_encodings(reply.headers, host)
    lengths = [length.strip(" \t") for length in reply.headers.get("content-length", [])]
    if not all(map(_NUMBER.fullmatch, lengths)) or len(lengths) + ("transfer-encoding" in reply.headers) > 1:
        raise FetchFailed(
            f"the answer of {host} must have one Content-Length with a number, or none if it is chunked, got another "
            "one or several: ask those who run the server"
        )
    if lengths and int(lengths[0]) > max_bytes:
        raise too_large(host, max_bytes)
    body = reply.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise too_large(host, max_bytes)
    return body


def too_large(host: str, max_bytes: int) -> FetchFailed:
    """Return the failure for an answer that has too many bytes."""
    return FetchFailed(
        f"the answer of {host} must have at most {max_bytes} bytes, got more: check that the URL is right, and ask "
        "those who run the server"
    )


def _check_status(status: int, host: str) -> None:
    if status in _REDIRECTS:
        raise FetchFailed(
            f"the answer of {host} must have the status {_OK}, got {status}, a redirect, which is not followed: find "
            "out where it leads, and if that is right, configure that URL",
            status=status,
        )
    if status != _OK:
        raise FetchFailed(
            f"the answer of {host} must have the status {_OK}, got {status}: check that the URL is right, and ask "
            "those who run the server",
            status=status,
        )


def _check_encodings(headers: Mapping[str, Sequence[str]], host: str) -> None:
    """Refuse compressed bodies: a small one can become huge, and none was asked for."""
    encodings = [value.lower() for value in headers.get("content-encoding", []) if value.lower() != "identity"]
    transfers = [value.lower() for value in headers.get("transfer-encoding", [])]
    if encodings or transfers not in ([], ["chunked"]):
        raise FetchFailed(
            f"the answer of {host} must not be compressed, and may be chunked, got another encoding: the request asks "
            "for none, so ask those who run the server"
        )
