"""Read the parameters of a request to an endpoint: a short form or JSON object (RFC 6749 section 3.2)."""

from collections.abc import Collection
from urllib.parse import parse_qsl

from flask import Request, request
from werkzeug.exceptions import HTTPException

from ..application.app_state import AppState
from ..core.encoding.limits import GREATEST
from ..core.encoding.strict_json import read_object
from ..core.endpoint_errors import (
    MAX_PARAMETERS,
    MalformedRequest,
    MissingParameter,
    RepeatedParameter,
    RequestTooLarge,
    UnsupportedContentType,
    WrongNumberType,
    WrongParameterType,
)

MAX_BYTES = 16 * 1024


def read_securely(state: AppState, *names: str, numbers: Collection[str] = ()) -> dict[str, str]:
    """Return the parameters of the current request, as :func:`read_parameters`, if it came as the settings require.

    Args:
        state: of the current application.
        names: the names of the parameters that the endpoint uses.
        numbers: those among them that may be whole numbers in JSON.

    Raises:
        InsecureTransport: the request came over plain HTTP, and ``TOKENAUTH_ENFORCE_HTTPS`` is "refuse".
        EndpointError: the body or a parameter is refused.
    """
    state.authenticator.https.check(request)
    return read_parameters(request, names, numbers)


def require(parameters: dict[str, str], name: str) -> str:
    """Return the parameter *name*.

    Raises:
        MissingParameter: it is missing.
    """
    if name not in parameters:
        raise MissingParameter(name)
    return parameters[name]


def read_parameters(req: Request, names: Collection[str], numbers: Collection[str] = ()) -> dict[str, str]:
    """Return the parameters in the body of a request that an endpoint uses, without those that have no value.

    Other parameters are ignored, in any number and of any type (RFC 6749 section 3.2). An empty body has none.

    Args:
        req: the request.
        names: the names of the parameters that the endpoint uses.
        numbers: those among them that may be whole numbers in JSON, besides strings. Their digits are returned.

    Raises:
        RequestTooLarge: the body is larger than 16 KiB. The rest is not read.
        UnsupportedContentType: the body is neither a form nor JSON.
        RepeatedParameter: a form has one of the *names* twice.
        WrongParameterType: one of the *names* has a JSON value that is neither a string nor null, nor a whole number
            where that is allowed.
        MalformedRequest: the body is incomplete, is not UTF-8 or no JSON object, has too many parameters, or has any
            name twice in JSON.
    """
    return {name: value for name, value in _read(req, names, numbers).items() if value}


def _read(req: Request, names: Collection[str], numbers: Collection[str]) -> dict[str, str]:
    if req.mimetype == "application/json":
        body = _read_body(req)
        return _read_json(body, names, numbers) if body or req.content_length else {}
    if req.mimetype != "application/x-www-form-urlencoded":
        if req.mimetype or _read_body(req):
            raise UnsupportedContentType
        return {}
    body = _read_body(req)
    if not body and req.form:  # another hook has read the body already
        pairs = [(name, value) for name, values in req.form.lists() for value in values]
        if sum(len(name) + len(value) + 2 for name, value in pairs) - 1 > MAX_BYTES:  # with "=" and "&"
            raise RequestTooLarge
        return _select(pairs, names)
    return _read_form(body, names)


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


def _read_json(body: bytes, names: Collection[str], numbers: Collection[str]) -> dict[str, str]:
    try:
        members = read_object(body)
    except ValueError:  # its message quotes the body
        raise MalformedRequest from None
    given = {name: members[name] for name in names if members.get(name) is not None}
    return {
        name: _read_number(name, value) if name in numbers else _read_string(name, value)
        for name, value in given.items()
    }


def _read_string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise WrongParameterType(name)
    return value


def _read_number(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise WrongNumberType(name)
    return str(max(-GREATEST, min(value, GREATEST)))  # a longer number cannot be written


def _read_form(body: bytes, names: Collection[str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS, separator="&"
        )
    except ValueError:  # its message quotes the body
        raise MalformedRequest from None
    return _select(pairs, names)


def _select(pairs: list[tuple[str, str]], names: Collection[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in names and name in parameters:
            raise RepeatedParameter(name)  # "MUST NOT be included more than once"
        if name in names:
            parameters[name] = value
    return parameters
