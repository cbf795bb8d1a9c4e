"""How many bytes each claim takes in a token. Nothing here returns the value of a claim."""

from collections.abc import Mapping

import msgspec

_MOST_NAMED = 3  # claims in a message
_LONGEST_NAME = 40  # characters of the name of a claim in a message


def claim_sizes(claims: Mapping[str, object]) -> dict[str, int]:
    """Return the bytes of each claim in a claims set that is written as compact JSON, the largest claim first.

    The bytes of a claim are those of its name, its value, the colon, and the comma or brace after it. With the first
    brace, the claims set has one byte more than all its claims together.

    Args:
        claims: a claims set, of plain JSON values.

    Raises:
        TypeError: it holds another value.
    """
    sizes = {name: len(msgspec.json.encode({name: value})) - 1 for name, value in claims.items()}
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def name_largest(claims: Mapping[str, object]) -> str:
    """Return the names of the largest claims, each with its bytes, for a message: "roles 5120, picture 980, scope 52".

    Args:
        claims: a claims set, of plain JSON values.
    """
    largest = list(claim_sizes(claims).items())[:_MOST_NAMED]
    return ", ".join(f"{show_name(name)} {size}" for name, size in largest)


def show_name(name: str) -> str:
    """Return the name of a claim as it can stand in a log or on a terminal: the application may not have made it.

    Args:
        name: the name; a long one is cut.
    """
    if len(name) <= _LONGEST_NAME and name.isprintable():
        return name
    return ascii(name[:_LONGEST_NAME]) + "…" * (len(name) > _LONGEST_NAME)
