"""The failure of a fetch."""


class FetchFailed(Exception):
    """Something could not be fetched from an issuer. The message may be logged.

    The message has the host of the URL, and never its query, a header or the body of the answer: any of them may have
    secrets, or words of an attacker.

    Attributes:
        status: of the answer, if it had another status than 200. Otherwise None.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
