"""The names of the keys of a store on Redis.

All revocations, and the numbers of all users, are in one slot of a cluster, which the hash tag ``{prefix}`` chooses.
Every other key is alone: no script uses keys of two slots.
"""

import re
from dataclasses import dataclass, field

from ...core.encoding.prefixes import STORE_PREFIX_FORM, STORE_PREFIX_WORDS
from ...core.errors import SettingsError
from ...core.records.revocation import RevocationKind

LETTERS: dict[RevocationKind, str] = {"token": "t", "session": "s", "user": "u", "api_keys": "k"}
KINDS: dict[str, RevocationKind] = {letter: kind for kind, letter in LETTERS.items()}


def member_of(kind: RevocationKind, subject: str) -> str:
    """Return the name of a revocation in the sorted set and in the stream."""
    return LETTERS[kind] + subject


@dataclass(frozen=True, slots=True)
class Layout:
    """The keys of one store.

    Args:
        prefix: the beginning of each key, which no other application on the server has.

    Attributes:
        shared: the keys that have one slot, in the order of the scripts: facts about the store, the ends of
            revocations, their values, the stream of new revocations, the epochs and the key epochs of users.
        rings: the key of the rings of keys. It is in the same slot.

    Raises:
        SettingsError: *prefix* has another form.
    """

    prefix: str
    shared: tuple[bytes, ...] = field(init=False)
    rings: bytes = field(init=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(STORE_PREFIX_FORM, self.prefix):
            raise SettingsError(f"the prefix of the store must be {STORE_PREFIX_WORDS}; got another string")
        names = ("about", "live", "values", "news", "epochs", "key_epochs")
        object.__setattr__(self, "shared", tuple(f"{{{self.prefix}}}:{name}".encode() for name in names))
        object.__setattr__(self, "rings", f"{{{self.prefix}}}:rings".encode())

    def session(self, session_id: str) -> bytes:
        """Return the key of a session."""
        return self._name("session", session_id)

    def sessions_of(self, user_id: str) -> bytes:
        """Return the key of the list of the sessions of a user."""
        return self._name("sessions", user_id)

    def api_key(self, key_id: str) -> bytes:
        """Return the key of an API key."""
        return self._name("api_key", key_id)

    def api_keys_of(self, user_id: str) -> bytes:
        """Return the key of the list of the API keys of a user."""
        return self._name("api_keys", user_id)

    def reference(self, token_id: str) -> bytes:
        """Return the key of a reference token."""
        return self._name("reference", token_id)

    def spent(self, spent_id: str) -> bytes:
        """Return the key of an ID that was spent."""
        return self._name("spent", spent_id)

    def pattern(self, kind: str) -> bytes:
        """Return the pattern for ``SCAN`` that finds all keys of a kind, such as "session".

        The prefix has no character with a meaning in patterns.
        """
        return self._name(kind, "*")

    def subject_of(self, key: bytes, kind: str) -> str:
        """Return the ID in a key of a kind. It has surrogates for bytes that are not in UTF-8."""
        return key[len(self._name(kind, "")) :].decode(errors="surrogateescape")

    def _name(self, kind: str, subject: str) -> bytes:
        return f"{self.prefix}:{kind}:{subject}".encode()
