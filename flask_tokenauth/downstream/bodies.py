"""The body of a request that may have to be sent again: a string, or a file that can be rewound."""


class Body:
    """Notes where a body begins, before it is sent.

    Args:
        content: the body as an HTTP client holds it: None, a string, or an object that is read while it is sent.
    """

    def __init__(self, content: object) -> None:
        self._content = content
        self._start = _find_position(content)

    def rewind(self, content: object) -> bool:
        """Return whether a body can be sent again. A file is then at the place where it was.

        Args:
            content: the body now. A redirect may have taken it away.
        """
        if content is None or isinstance(content, (bytes, str)):
            return True
        if content is not self._content or self._start is None:
            return False
        try:
            content.seek(self._start)  # type: ignore[attr-defined]  # whose position was found
        except (AttributeError, OSError, ValueError):  # ValueError: the file was closed
            return False
        return True


def _find_position(content: object) -> int | None:
    """Return the position of a file, or None if *content* has none, as a generator or a pipe."""
    try:
        position = content.tell()  # type: ignore[attr-defined]  # or there is no such method
    except (AttributeError, OSError, ValueError):
        return None
    return position if isinstance(position, int) else None
