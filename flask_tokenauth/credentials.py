"""Find the one credential in a request: the bearer token of its ``Authorization`` header (RFC 6750 section 2.1)."""

import re

from .core.errors import MalformedCredential, TokenTooLarge

_SCHEME = "bearer"
_STILL_THE_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]")  # tchar, RFC 9110 section 5.6.2
_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)  # b64token, RFC 6750 section 2.1


def find_token(header: str | None, *, max_bytes: int) -> str | None:
    """Return the bearer token that an ``Authorization`` header carries; None if it carries another scheme or nothing.

    Args:
        header: the field's value as the server got it, or None; several fields arrive joined by commas.
        max_bytes: size of the largest token that is read.

    Raises:
        TokenTooLarge: more than that follows the scheme, whatever it is: judged before anything else.
        MalformedCredential: what follows the scheme is not one or more spaces and one token.
    """
    if header is None:
        return None
    if header[: len(_SCHEME)].lower() != _SCHEME or _STILL_THE_SCHEME.match(header, len(_SCHEME)):
        return None
    size = len(header) - len(_SCHEME) - 1
    if size > max_bytes:
        raise TokenTooLarge(size, max_bytes)
    match = _BEARER.fullmatch(header)
    if match is None:
        raise MalformedCredential
    return match[1]
