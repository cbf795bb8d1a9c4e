"""Values that another program may have written in the place of those of the store."""

BYTES = b"\xff\xfe"  # not in UTF-8
NOT_NUMBERS: list[str | bytes] = [
    "",
    "x",
    "-1",
    "1.5",
    "1e3",
    "inf",
    "nan",
    "0x10",
    " 1",
    str(2**63),
    "9" * 5000,
    BYTES,
]
FEW_NOT_NUMBERS: list[str | bytes] = ["x", "-1", BYTES]  # where the same code reads the number
AFTER_9999 = str(2**62)  # a time in milliseconds
NOT_IDENTIFIERS: list[str | bytes] = ["", "a\nb", "x" * 256, BYTES]
NOT_GRANTS: list[str | bytes] = ["", "{}", "[]", '{"scopes":["admin"]}', "[" * 10_000, "9" * 5000, BYTES]


def cases(values: dict[str, list[str | bytes]]) -> list[tuple[str, str | bytes | None]]:
    """Return each field with each of its values, and with None, for a field that is missing."""
    return [(field, value) for field, wrong in values.items() for value in (*wrong, None)]


def name_of(value: object) -> str | None:
    """Return the name of a value in the name of a test."""
    return repr(value[:12]) if isinstance(value, str | bytes) else None
