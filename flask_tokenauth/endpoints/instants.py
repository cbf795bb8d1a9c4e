"""Times in the answers of endpoints."""

from datetime import datetime


def write_instant(instant: datetime | None) -> str | None:
    """Return an instant in the form of RFC 3339, to the second, or None if there is none.

    Args:
        instant: aware, in UTC.
    """
    return None if instant is None else instant.isoformat(timespec="seconds").replace("+00:00", "Z")
