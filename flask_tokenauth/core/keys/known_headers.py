"""The JOSE headers of tokens that the keys of one set have verified or decrypted: most tokens have the same one."""

from collections.abc import Mapping

_MAX_HEADER = 1024  # bytes of a header that is remembered
_MAX_HEADERS = 64  # headers that are remembered


class KnownHeaders:
    """Remembers JOSE headers by their segment. It keeps the parameters of a header, and no verdict on it."""

    __slots__ = ("_headers",)

    def __init__(self) -> None:
        self._headers: dict[bytes, Mapping[str, object]] = {}

    def find_header(self, text: bytes) -> Mapping[str, object] | None:
        """Return the JOSE header that the header segment *text* encodes, if it is remembered, else None.

        Args:
            text: base64url, untrusted. The header must be checked as if it had just been read.
        """
        return self._headers.get(text)

    def remember_header(self, text: bytes, header: Mapping[str, object]) -> None:
        """Remember a JOSE header. Only headers that a key of this set has signed, or decrypted, may be remembered.

        Otherwise any client could fill the memory with headers that are never used again. At most 64 headers of up to
        1024 bytes are remembered.

        Args:
            text: the header segment in base64url, as it came.
            header: the header that it encodes, immutable on every level.
        """
        if len(text) > _MAX_HEADER:
            return
        if len(self._headers) >= _MAX_HEADERS:
            self._headers = {}
        self._headers[text] = header

    def forget_headers(self) -> None:
        """Forget all headers: the keys are others now."""
        self._headers = {}
