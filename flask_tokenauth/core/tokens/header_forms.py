"""The forms of the members of a JOSE header that signed and encrypted tokens share."""

from collections.abc import Callable, Mapping


def is_string(value: object) -> bool:
    return isinstance(value, str)


def is_object(value: object) -> bool:
    return isinstance(value, Mapping)


def is_array_of_strings(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(member, str) for member in value)


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))


# RFC 7515 section 4.1, RFC 7516 section 4.1. A key or an address of a key in them is never used.
FORMS: Mapping[str, Callable[[object], bool]] = {
    "alg": is_string,
    "cty": is_string,
    "jku": _is_url,
    "jwk": is_object,
    "kid": is_string,
    "typ": is_string,
    "x5c": is_array_of_strings,
    "x5t": is_string,
    "x5t#S256": is_string,
    "x5u": _is_url,
}
