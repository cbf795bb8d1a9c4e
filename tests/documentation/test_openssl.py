"""The lines of openssl on the page about keys make keys that an application can use."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core import Key, KeySet

PAGE = Path(__file__).parents[2] / "docs" / "keys.rst"
BLOCK = re.compile(r"^\.\. code-block:: sh\n\n((?:    .*\n|\n)+)", re.MULTILINE)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")


def commands_with(start: str) -> str:
    """Return the block of the page that begins with this."""
    [block] = [each for each in BLOCK.findall(PAGE.read_text()) if each.strip().startswith(start)]
    return re.sub(r"^    ", "", block, flags=re.MULTILINE)


def run(commands: str, folder: Path) -> str:
    ran = subprocess.run(["sh", "-e", "-c", commands], cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the private keys of the page."""
    run(commands_with("openssl genpkey"), tmp_path)
    return tmp_path


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "algorithm"), [("ed25519.pem", "EdDSA"), ("es256.pem", "ES256"), ("rs256.pem", "RS256")]
)
def test_each_line_makes_a_key_that_signs(folder: Path, name: str, algorithm: str) -> None:
    key = Key.from_pem((folder / name).read_text())

    assert (key.algorithm, key.can_sign) == (algorithm, True)
    assert (folder / name).stat().st_mode & 0o077 == 0


@pytest.mark.once
@pytest.mark.slow
def test_the_page_makes_the_public_half(folder: Path) -> None:
    run(commands_with("openssl pkey -in ed25519.pem"), folder)

    public = Key.from_pem((folder / "ed25519-public.pem").read_text())

    assert not public.can_sign
    assert public.kid == Key.from_pem((folder / "ed25519.pem").read_text()).kid


@pytest.mark.slow
def test_the_page_writes_a_key_on_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = run(commands_with("awk"), folder)
    assert "\n" not in line
    monkeypatch.setenv("FLASK_TOKENAUTH_KEYS", line)
    monkeypatch.setenv("FLASK_TOKENAUTH_ISSUER", "https://api.example.com")
    app = Flask("reporting")
    app.config.from_prefixed_env()
    auth = TokenAuth(app)

    with app.app_context():
        assert auth.verify(create_token("alice")).subject == "alice"


@pytest.mark.once
@pytest.mark.slow
def test_the_page_decrypts_a_key(folder: Path) -> None:
    run("openssl genpkey -algorithm ed25519 -aes-256-cbc -pass pass:correct-horse -out encrypted.pem", folder)
    decrypt = commands_with("openssl pkey -in encrypted.pem").replace("pkey", "pkey -passin pass:correct-horse")

    run(decrypt, folder)

    encrypted = (folder / "encrypted.pem").read_text()
    key = Key.from_pem((folder / "key.pem").read_text())
    assert KeySet([Key.from_pem(encrypted, passphrase="correct-horse")]).find(key.kid) is not None
