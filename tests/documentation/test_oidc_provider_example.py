"""The lines for oidc-provider, on the page about encrypted tokens, read the public key that our command prints."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from flask_tokenauth.__main__ import main

from .reading import blocks

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")

SHOW = """
const { sign, encrypt } = getResourceServerInfo({}, 'https://reports.example', {}).jwt
console.log(JSON.stringify({ sign, encrypt: { ...encrypt, key: encrypt.key.export({ format: 'jwk' }) } }))
"""


def keys(folder: Path, *args: str) -> str:
    result = CliRunner().invoke(main, ["keys", "--encryption", "--file", str(folder / "for_issuers.json"), *args])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--alg", "ECDH-ES+A256KW"], ["--alg", "ECDH-ES+A256KW", "--curve", "X25519"]])
def test_the_server_gets_the_public_key_and_its_names(options: list[str], tmp_path: Path) -> None:
    keys(tmp_path, "generate", *options)
    [kid] = [key["kid"] for key in json.loads(keys(tmp_path, "list", "--json")) if key["status"] == "active"]
    public = keys(tmp_path, "export", kid)
    (tmp_path / "public.json").write_text(public)
    [program] = blocks("encryption", "javascript")
    (tmp_path / "example.mjs").write_text(program + SHOW)

    ran = subprocess.run(["node", "example.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)

    jwk = json.loads(public)
    names = {name: jwk[name] for name in ("alg", "enc", "kid")}
    key = {name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}
    assert json.loads(ran.stdout) == {"sign": {"alg": "ES256"}, "encrypt": names | {"key": key}}
