"""A secret that is made at the first start."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def load_secret(folder: Path) -> str:
    """Return the secret in *folder*; make it on first use. In production, set SECRET_KEY (FLASK_SECRET_KEY) instead."""
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / "secret_key", folder / f"secret_key.{secrets.token_hex(8)}"
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):  # another worker has started too: both read the secret of the first
            path.hardlink_to(draft)  # this is atomic
        draft.unlink()
    return path.read_text()
