"""The passphrase of the private keys in PEM text."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Passphrase:
    """A passphrase, or None, and whether it has opened a key."""

    value: bytes | None = field(repr=False)
    used: bool = False

    @property
    def is_left_over(self) -> bool:
        """Whether there is a passphrase that has opened no key."""
        return self.value is not None and not self.used
