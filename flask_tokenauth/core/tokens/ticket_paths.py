"""The path that a ticket opens: its form, and the bytes that are compared with the path of a request."""

from urllib.parse import unquote_to_bytes

MAX_PATH = 1024  # characters: a URL has at most a few thousand, and the ticket is one of its parts
_ADVICE = "pass what url_for returns"


def check_path(path: object) -> None:
    """Check that a ticket can open *path*: the path of a URL, as ``url_for`` returns it, percent-encoded.

    Raises:
        TypeError: it is no string.
        ValueError: it does not begin with one slash, is too long, or has a query, a fragment, a host or a control
            character.
    """
    if not isinstance(path, str):
        raise TypeError(f"path must be a string, got {type(path).__name__}: {_ADVICE}")
    if "?" in path or "#" in path:
        raise ValueError(
            "path must have no query and no fragment, got one of them: the ticket would not protect it. Leave it out, "
            "and add it to the URL beside the ticket"
        )
    if not is_path(path):
        raise ValueError(
            f"path must be the path of a URL, which begins with one slash, without scheme and host, and has at most "
            f"{MAX_PATH} characters without control characters, got another string: {_ADVICE}"
        )


def is_path(value: object) -> bool:
    """Return whether a ticket can open *value*. It may be anything."""
    return (
        isinstance(value, str)
        and value.startswith("/")
        and not value.startswith("//")
        and len(value) <= MAX_PATH
        and "?" not in value
        and "#" not in value
        and value.isprintable()
    )


def decode_path(path: str) -> bytes:
    """Return the bytes that a path stands for: percent-encoding is decoded once, as a WSGI server does.

    Nothing is normalised: ``//`` and ``..`` stay.
    """
    return unquote_to_bytes(path)
