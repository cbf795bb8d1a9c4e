"""The parameters of a request to an endpoint: a form or a JSON object, short, each name once (RFC 6749, 3.2)."""

from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import HTTPException

from ..core.encoding.strict_json import read_object
from ..core.endpoint_errors import MalformedRequest, RequestTooLarge

MAX_BYTES = 16 * 1024
_MOST_NAMES = 32


def read_parameters(req: Request) -> dict[str, str]:
    """Return the parameters in the body of a request; one without a value is as good as left out (RFC 6749, 3.2).

    Raises:
        RequestTooLarge: it has more than 16 KiB; they are not read.
        MalformedRequest: it is neither a form nor JSON, is incomplete, is not UTF-8, has a name twice, or has a JSON
            value that is not a string.
    """
    return {name: value for name, value in _read(req).items() if value}


def _read(req: Request) -> dict[str, str]:
    if req.mimetype == "application/json":
        return _read_json(_read_body(req))
    if req.mimetype != "application/x-www-form-urlencoded":
        raise MalformedRequest
    body = _read_body(req)
    if not body and req.form:  # another hook has read it already
        pairs = [(name, value) for name, values in req.form.lists() for value in values]
        if sum(len(name) + len(value) + 2 for name, value in pairs) - 1 > MAX_BYTES:  # with "=" and "&"
            raise RequestTooLarge
        return _unique(pairs)
    return _read_form(body)


def _read_body(req: Request) -> bytes:
    """Return the whole body, with a bound of our own: an application may allow more, and a stream has no length."""
    length = req.content_length
    if (length or 0) > MAX_BYTES:
        raise RequestTooLarge
    try:
        body = _read_stream(req) if length is None else b""
        body = body or req.get_data(parse_form_data=False)  # or what another hook has read and kept
    except HTTPException:  # of a limit of the application
        raise
    except Exception:  # noqa: BLE001  # each server has errors of its own for a body that cannot be read to its end
        raise MalformedRequest from None
    if len(body) > MAX_BYTES:
        raise RequestTooLarge
    if body and len(body) < (length or 0):  # not every server tells that the rest never came
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
    except ValueError:  # which quotes the body
        raise MalformedRequest from None
    texts = {name: value for name, value in members.items() if isinstance(value, str)}
    if len(texts) != len(members):
        raise MalformedRequest
    return texts


def _read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_NAMES, separator="&"
        )
    except ValueError:  # which quotes the body
        raise MalformedRequest from None
    return _unique(pairs)


def _unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise MalformedRequest  # "MUST NOT be included more than once"
    return parameters
