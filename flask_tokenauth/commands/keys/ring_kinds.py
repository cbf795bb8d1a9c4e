"""The two kinds of rings that the commands work with: their keys sign, or encrypt."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import InvalidKey
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
        use: of the JWKs (RFC 7517 section 4.2).
        algorithms: of new keys; the first is the default.
        sign: what the active key does, after "may".
        signs: the same, after the name of the key.
        signed: the same, after "has".
        is_published: whether other services need the public keys.
    """

    keys: type[KeySet] | type[EncryptionKeys]
    setting: str
    option: str
    use: str
    algorithms: tuple[str, ...]
    sign: str
    signs: str
    signed: str
    is_published: bool


SIGNING = RingKind(
    keys=KeySet,
    setting="KEYS",
    option="",
    use="sig",
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
    use="enc",
    algorithms=ENCRYPTION_ALGORITHMS,
    sign="encrypt",
    signs="encrypts",
    signed="encrypted",
    is_published=False,
)
KINDS = (SIGNING, ENCRYPTION)


def check_kind(jwks: Mapping[str, object], kind: RingKind, path: Path) -> None:
    """Check that the keys of a file are not all of the other kind: the file is good then, and must not be replaced.

    Args:
        jwks: its content, immutable JSON that should be a JWK Set.
        kind: of the keys that the file should have.
        path: of the file, for the message.

    Raises:
        InvalidKey: they are of the other kind, so the option is wrong.
    """
    keys = jwks.get("keys")
    uses = [jwk.get("use") for jwk in keys if isinstance(jwk, Mapping)] if isinstance(keys, tuple) else []
    [other] = (each for each in KINDS if each is not kind)
    if uses and all(use == other.use for use in uses):
        advice = "add --encryption after keys" if kind is SIGNING else "leave out --encryption, or correct the path"
        raise InvalidKey(
            f"the key file {str(path)!r} must have keys that {kind.sign}, got keys that {other.sign}: {advice}"
        )


def curve_of(key: AnyKey) -> str | None:
    """Return the curve of an encryption key; None if it has none, or signs: then the algorithm decides."""
    return key.curve if isinstance(key, EncryptionKey) else None
