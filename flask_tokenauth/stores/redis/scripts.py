"""The scripts that the server runs, each in one atomic step."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1


@dataclass(frozen=True)
class Script:
    """A script in Lua. All its keys lie in one slot, and it may run twice.

    Attributes:
        name: for messages.
        text: in Lua.
        writes: False if it only reads.
    """

    name: str
    text: str
    writes: bool

    @cached_property
    def sha(self) -> str:
        """The digest that names the script on a server, in hex."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()
