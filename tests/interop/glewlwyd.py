"""Run glewlwyd, an OpenID provider written in C: Debian's package, installed or unpacked into a folder on the path."""

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

import pytest
import requests

from flask_tokenauth.core import Key

from ..engines.server import find_port
from .conftest import PATIENCE

PROGRAM = shutil.which("glewlwyd")
needs_glewlwyd = pytest.mark.skipif(
    PROGRAM is None and not os.environ.get("TOKENAUTH_INTEROP"), reason="there is no glewlwyd here"
)

RESOURCE, SCOPE = "https://api.example", "reports:read"
CLIENT, CLIENT_SECRET = "billing", token_hex(8)
USER, PASSWORD = "alice", token_hex(8)
ADMINISTRATOR = {"username": "admin", "password": "password"}  # of a new database
ALGORITHMS = ["ES256", "RS256", "EdDSA"]  # of its keys; the first one signs
READY = "Glewlwyd started on port"


class Glewlwyd:
    """A running glewlwyd with one client and one user."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.issuer = f"{url}/api/oidc"

    def ask_for_tokens(self, **form: str) -> dict[str, Any]:
        """Return the answer of its token endpoint to the client."""
        found: dict[str, Any] = requests.post(
            f"{self.issuer}/token", data=form, auth=(CLIENT, CLIENT_SECRET), timeout=PATIENCE
        ).json()
        return found

    def set_up(self) -> None:
        """Add the plugin for OpenID Connect, a scope, a client and a user, as the administrator."""
        keys = [Key.generate(alg).to_jwk(private=True) for alg in ALGORITHMS]
        client = {
            "client_id": CLIENT,
            "password": CLIENT_SECRET,
            "confidential": True,
            "token_endpoint_auth_method": ["client_secret_basic"],
            "authorization_type": ["client_credentials", "password"],
            "scope": [SCOPE],
            "enabled": True,
        }
        with requests.Session() as session:
            self._post(session, "auth", ADMINISTRATOR)
            plugin = {"module": "oidc", "name": "oidc", "parameters": describe_plugin(self.issuer, keys)}
            self._post(session, "mod/plugin", plugin)
            self._post(session, "scope", {"name": SCOPE})
            self._post(session, "client", client)
            user = {"username": USER, "password": PASSWORD, "scope": ["openid", SCOPE], "enabled": True}
            self._post(session, "user", user)

    def _post(self, session: requests.Session, path: str, body: dict[str, Any]) -> None:
        answer = session.post(f"{self.url}/api/{path}/", json=body, timeout=PATIENCE)
        assert answer.ok, (path, answer.text)


def describe_plugin(issuer: str, keys: list[dict[str, object]]) -> dict[str, object]:
    """Return the parameters of the plugin: two grants, and one resource for the scope."""
    return {
        "iss": issuer,
        "jwt-type": "rsa",
        "jwt-key-size": "256",
        "jwks-private": json.dumps({"keys": keys}),
        "default-kid": keys[0]["kid"],
        "jwks-show": True,
        "access-token-duration": 600,
        "refresh-token-duration": 600,
        "code-duration": 600,
        "auth-type-client-enabled": True,
        "auth-type-password-enabled": True,
        "allow-non-oidc": True,
        "resource-allowed": True,
        "resource-scope": {SCOPE: [RESOURCE]},
    }


def write_conf(folder: Path, port: int) -> Path:
    """Write the configuration of glewlwyd and its database, and return the path of the configuration."""
    assert PROGRAM is not None, "glewlwyd is missing"
    system = Path(PROGRAM).resolve().parents[1]
    modules, database, conf = system / "lib/glewlwyd", folder / "glewlwyd.db", folder / "glewlwyd.conf"
    empty = folder / "empty"
    empty.mkdir()
    script = system / "share/doc/glewlwyd/database/init.sqlite3.sql.gz"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(gzip.decompress(script.read_bytes()).decode())
    options = {
        "port": port,
        "bind_address": "127.0.0.1",
        "external_url": f"http://127.0.0.1:{port}",
        "api_prefix": "api",
        "cookie_domain": "127.0.0.1",
        "log_mode": "console",
        "log_level": "INFO",
        "user_module_path": str(modules / "user"),
        "user_middleware_module_path": str(empty),
        "client_module_path": str(modules / "client"),
        "user_auth_scheme_module_path": str(modules / "scheme"),
        "plugin_module_path": str(modules / "plugin"),
        "hash_algorithm": "SHA512",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    conf.write_text("\n".join([*lines, f'database = {{ type = "sqlite3"; path = "{database}"; }};', ""]))
    return conf


@contextmanager
def serving(folder: Path) -> Iterator[Glewlwyd]:
    """Run glewlwyd with its files in an empty folder."""
    port = find_port()
    command = [PROGRAM or "glewlwyd", f"--config-file={write_conf(folder, port)}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        try:
            await_ready(process.stdout)
            found = Glewlwyd(f"http://127.0.0.1:{port}")
            found.set_up()
            yield found
        finally:
            process.terminate()


def await_ready(log: IO[str]) -> None:
    """Read the log until glewlwyd accepts connections. Its later lines are few, so the pipe never fills."""
    lines: list[str] = []
    for line in log:
        lines.append(line)
        if READY in line:
            return
    raise AssertionError("".join(lines))
