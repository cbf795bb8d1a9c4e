"""The two kinds of rings that the commands work with: their keys sign, or encrypt."""

from dataclasses import dataclass

from ...core.keys.algorithms import ALGORITHMS
from ...core.keys.encryption_algorithms import ENCRYPTION_ALGORITHMS
from ...core.keys.encryption_key import EncryptionKey
from ...core.keys.encryption_keys import EncryptionKeys
from ...core.keys.key_ring import AnyKey
from ...core.keys.key_set import KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class RingKind:
    """A kind of ring, and the words for its keys.

    Attributes:
        keys: the class of the set that an application loads.
        setting: the setting that names the file, without its prefix.
        option: of the group of commands, with a space after it; or "".
        algorithms: of new keys; the first is the default.
        sign: what the active key does, after "may".
        signs: the same, after the name of the key.
        signed: the same, after "has".
        is_published: whether other services need the public keys.
    """

    keys: type[KeySet] | type[EncryptionKeys]
    setting: str
    option: str
    algorithms: tuple[str, ...]
    sign: str
    signs: str
    signed: str
    is_published: bool


SIGNING = RingKind(
    keys=KeySet,
    setting="KEYS",
    option="",
    algorithms=("EdDSA", *(name for name in ALGORITHMS if name != "EdDSA")),
    sign="sign",
    signs="signs",
    signed="signed",
    is_published=True,
)
ENCRYPTION = RingKind(
    keys=EncryptionKeys,
    setting="ENCRYPTION_KEYS",
    option="--encryption ",
    algorithms=ENCRYPTION_ALGORITHMS,
    sign="encrypt",
    signs="encrypts",
    signed="encrypted",
    is_published=False,
)
KINDS = (SIGNING, ENCRYPTION)


def curve_of(key: AnyKey) -> str | None:
    """Return the curve of an encryption key; None if it has none, or signs: then the algorithm decides."""
    return key.curve if isinstance(key, EncryptionKey) else None
