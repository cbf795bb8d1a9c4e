"""Parse challenges strictly by the grammar of RFC 9110 section 11.6.1.

The parser of Werkzeug accepts headers that break the grammar, so it would hide mistakes.
"""

import re
from dataclasses import dataclass

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_PARAMETER = re.compile(rb"(" + _TOKEN + rb")[ \t]*=[ \t]*(" + _QUOTED + rb")")
_SCHEME = re.compile(rb"(" + _TOKEN + rb") +")
_COMMA = re.compile(rb"[ \t]*,[ \t]*")


@dataclass(frozen=True)
class Challenge:
    scheme: str
    parameters: dict[str, str]


def parse_challenge(raw: bytes) -> Challenge:
    """Return the challenge in *raw*. Every parameter must be a quoted-string, and none may come twice."""
    scheme = _SCHEME.match(raw)
    assert scheme is not None, "no auth-scheme"
    parameters: dict[str, str] = {}
    position = scheme.end()
    while True:
        parameter = _PARAMETER.match(raw, position)
        assert parameter is not None, f"no auth-param at {position}"
        name = parameter[1].decode().lower()
        assert name not in parameters, f"{name} twice"
        parameters[name] = re.sub(rb"\\(.)", rb"\1", parameter[2][1:-1]).decode("latin-1")
        position = parameter.end()
        if position == len(raw):
            return Challenge(scheme[1].decode(), parameters)
        comma = _COMMA.match(raw, position)
        assert comma is not None, f"no comma at {position}"
        position = comma.end()
