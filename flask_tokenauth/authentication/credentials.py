"""Find the one credential in a request: the bearer token of its ``Authorization`` header (RFC 6750 section 2.1)."""

import re

from ..core.errors import MalformedCredential, TokenTooLarge

_SCHEME = "bearer"
_STILL_THE_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]")  # tchar, RFC 9110 section 5.6.2
_SPACES_AND_TOKEN = re.compile(r" +[A-Za-z0-9\-._~+/]+=*")  # b64token, RFC 6750 section 2.1


def find_token(header: str | None, *, max_bytes: int) -> str | None:
    """Return what an ``Authorization`` header has for a bearer token; None if it carries another scheme or nothing.

    What is returned may break the grammar. Then it is no token, whoever judges it; :func:`check_credential` tells.

    Args:
        header: the field's value as the server got it, or None; several fields arrive joined by commas.
        max_bytes: size of the largest token that is read.

    Raises:
        TokenTooLarge: more than that follows the scheme, whatever it is: judged before anything else.
    """
    if header is None or not (header.startswith("Bearer ") or _names_bearer(header)):
        return None
    size = len(header) - len(_SCHEME) - 1
    if size > max_bytes:
        raise TokenTooLarge(size, max_bytes)
    return header[len(_SCHEME) :].lstrip(" ")


def check_credential(header: str) -> None:
    """Refuse a header of the scheme Bearer in which something else follows than one or more spaces and one token.

    To be asked about what was refused: a text that turned out to be a good token is base64url and dots.

    Raises:
        MalformedCredential: it does.
    """
    if not _SPACES_AND_TOKEN.fullmatch(header, len(_SCHEME)):
        raise MalformedCredential


def _names_bearer(header: str) -> bool:
    """Tell whether the scheme is Bearer, in any case (RFC 9110 section 11.1), and not one that begins like it."""
    return header[: len(_SCHEME)].lower() == _SCHEME and not _STILL_THE_SCHEME.match(header, len(_SCHEME))
