"""Read the parameters of a request to an endpoint: a short form or JSON object (RFC 6749 section 3.2)."""

from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import HTTPException

from ..core.encoding.strict_json import read_object
from ..core.endpoint_errors import MalformedRequest, RequestTooLarge

MAX_BYTES = 16 * 1024
_MOST_NAMES = 32


def read_parameters(req: Request) -> dict[str, str]:
    """Return the parameters in the body of a request, without those that have no value (RFC 6749 section 3.2).

    Raises:
        RequestTooLarge: the body is larger than 16 KiB. The rest is not read.
        MalformedRequest: the body is neither a form nor JSON, is incomplete, is not UTF-8, has a name twice, or has a
            JSON value that is not a string.
    """
    return {name: value for name, value in _read(req).items() if value}


def _read(req: Request) -> dict[str, str]:
    if req.mimetype == "application/json":
        return _read_json(_read_body(req))
    if req.mimetype != "application/x-www-form-urlencoded":
        raise MalformedRequest
    body = _read_body(req)
    if not body and req.form:  # another hook has read the body already
        pairs = [(name, value) for name, values in req.form.lists() for value in values]
        if sum(len(name) + len(value) + 2 for name, value in pairs) - 1 > MAX_BYTES:  # with "=" and "&"
            raise RequestTooLarge
        return _unique(pairs)
    return _read_form(body)


def _read_body(req: Request) -> bytes:
    """Return the body, if it is small. The application may allow more, and a stream has no length, so it is counted."""
    length = req.content_length
    if (length or 0) > MAX_BYTES:
        raise RequestTooLarge
    try:
        body = _read_stream(req) if length is None else b""
        body = body or req.get_data(parse_form_data=False)  # or what another hook has read and kept
    except HTTPException:  # the limit of the application
        raise
    except Exception:  # noqa: BLE001  # each server has its own errors for a body that breaks off
        raise MalformedRequest from None
    if len(body) > MAX_BYTES:
        raise RequestTooLarge
    if body and len(body) < (length or 0):  # not every server reports that the rest never came
        raise MalformedRequest
    return body


def _read_stream(req: Request) -> bytes:
    body = b""
    while len(body) <= MAX_BYTES and (read := req.stream.read(MAX_BYTES + 1 - len(body))):
        body += read
    return body


def _read_json(body: bytes) -> dict[str, str]:
    try:
        members = read_object(body)
    except ValueError:  # its message quotes the body
        raise MalformedRequest from None
    strings = {name: value for name, value in members.items() if isinstance(value, str)}
    if len(strings) != len(members):
        raise MalformedRequest
    return strings


def _read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_NAMES, separator="&"
        )
    except ValueError:  # its message quotes the body
        raise MalformedRequest from None
    return _unique(pairs)


def _unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise MalformedRequest  # "MUST NOT be included more than once"
    return parameters
