"""Keys, and the files that they are written to."""

import json
from pathlib import Path

from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet

ISSUER = "https://issuer.example"
A, B = (Key.generate("EdDSA", kid=kid) for kid in "ab")
INTERVAL = 5.0


def write(path: Path, *keys: Key, private: bool = True) -> None:
    """Put a new file in the place of the old one."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": [key.to_jwk(private=private) for key in keys]}))
    new.replace(path)


def kids(keys: KeySet) -> list[str]:
    return [key.kid for key in keys]
