"""Find the credential of a request: the bearer token in its ``Authorization`` header (RFC 6750 section 2.1).

API keys may have a header of their own besides that.
"""

import re

from ..core.claim_errors import TokenExpired
from ..core.errors import (
    MalformedApiKeyHeader,
    MalformedCredential,
    MissingCredential,
    MissingScheme,
    Refusal,
    TwoCredentials,
    UnsupportedScheme,
)
from ..core.form_errors import TokenTooLarge
from ..core.token_errors import TokenError

_SCHEME = "bearer"
_SIZE_OF_SCHEME = len(_SCHEME)
_STILL_THE_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]")  # tchar, RFC 9110 section 5.6.2
_SCHEME_WITHIN = 64  # characters: all schemes in use are shorter, and all access tokens are longer
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # b64token, RFC 6750 section 2.1
_SPACES_AND_TOKEN = re.compile(rf" +{_TOKEN.pattern}")


def find_token(header: str | None, *, max_bytes: int) -> str | None:
    """Return the bearer token in an ``Authorization`` header, or None if the header has another scheme.

    The grammar of the token is not checked here: a string that breaks it is never a good token, and after it was
    refused, :func:`check_credential` checks the grammar.

    Args:
        header: the value of the header as the server got it, or None. Several headers arrive joined by commas.
        max_bytes: the size of the largest token that is read.

    Raises:
        TokenTooLarge: more than *max_bytes* follow the scheme. This is checked before anything else.
    """
    if header is None or not (header.startswith("Bearer ") or is_bearer(header)):
        return None
    size = len(header) - _SIZE_OF_SCHEME - 1
    if size > max_bytes:
        raise TokenTooLarge(size, max_bytes)
    return header[_SIZE_OF_SCHEME:].lstrip(" ")


def check_credential(header: str) -> None:
    """Check the grammar of a Bearer header whose token was refused: one or more spaces, and one token.

    A token that was accepted needs no check: it is base64url and dots.

    Raises:
        MalformedCredential: the header breaks the grammar.
    """
    if not _SPACES_AND_TOKEN.fullmatch(header, len(_SCHEME)):
        raise MalformedCredential


def judge_refused_token(error: TokenError, header: str) -> Refusal:
    """Return the refusal of a request whose token was refused: *error*, unless the header breaks the grammar.

    Args:
        error: the refusal of the token.
        header: the Bearer header that it came in.
    """
    if isinstance(error, TokenExpired):
        return error  # the signature was good, so the header is well-formed
    try:
        check_credential(header)
    except MalformedCredential as malformed:
        return malformed
    return error


def check_key_header(key: str, header: str | None) -> None:
    """Check the header for API keys. Whether its API key is good does not matter.

    Args:
        key: its value, which is not empty; untrusted. Several headers arrive joined by commas.
        header: the ``Authorization`` header, or None.

    Raises:
        TwoCredentials: there is a bearer token too.
        MalformedApiKeyHeader: *key* is not one word.
    """
    if header is not None and is_bearer(header):
        raise TwoCredentials
    if not _TOKEN.fullmatch(key):
        raise MalformedApiKeyHeader


def missing_credential(
    header: str | None, needed: tuple[str, ...] = (), *, takes_clients: bool = False
) -> MissingCredential:
    """Return the refusal of a request without a bearer token: its class says what came instead.

    Args:
        header: the value of the ``Authorization`` header, or None. Only its beginning is read, so any size is cheap.
        needed: the scopes that the challenge names.
        takes_clients: whether a client ID and a secret are taken too.
    """
    beginning = (header or "")[:_SCHEME_WITHIN].strip(" ")
    kind = MissingCredential if not beginning else UnsupportedScheme if " " in beginning else MissingScheme
    return kind(needed, takes_clients=takes_clients)


def lacks_scheme(header: str) -> bool:
    """Return whether an ``Authorization`` header is one word: perhaps a token without its scheme."""
    return isinstance(missing_credential(header), MissingScheme)


def environ_name_of(header: str) -> str:
    """Return the key under which the WSGI environment has a header (PEP 3333)."""
    return f"HTTP_{header.upper().replace('-', '_')}"


def is_bearer(header: str) -> bool:
    """Return whether the scheme is Bearer, in any case (RFC 9110 section 11.1), and not a longer name."""
    return has_scheme(header, _SCHEME)


def is_basic(header: str) -> bool:
    """Return whether the scheme is Basic, in any case (RFC 9110 section 11.1), and not a longer name."""
    return has_scheme(header, "basic")


def has_scheme(header: str, scheme: str) -> bool:
    """Return whether an ``Authorization`` header or a challenge has a scheme, in any case, and not a longer name.

    Args:
        header: its value; untrusted.
        scheme: in lower case.
    """
    return header[: len(scheme)].lower() == scheme and not _STILL_THE_SCHEME.match(header, len(scheme))
