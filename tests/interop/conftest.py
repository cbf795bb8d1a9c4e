"""An issuer on loopback for foreign clients, and the programs that run those clients.

Without the foreign software the tests are skipped. With ``TOKENAUTH_INTEROP`` set, as in CI, that is a failure.
"""

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask, g, request
from werkzeug.serving import make_server

from flask_tokenauth import TokenAuth, login_required, require_scope, token_response
from flask_tokenauth.core.keys.key_ring import KeyRing
from flask_tokenauth.core.opaque.client_secret import make_client_secret, write_hash

from ..conftest import SECRET

HERE = Path(__file__).parent
CLIENT, CLIENT_SECRET = "billing", make_client_secret()
REPORTS = "https://reports.example"  # the next service
PATIENCE = 60  # seconds; the machine may be busy


def find_missing() -> str | None:
    """Return a message about missing foreign software, or None."""
    for package in ("mcp", "oidc_provider_mock", "requests_oauthlib"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is missing: pip install '.[interop]'"
    if shutil.which("node") is None:
        return "node is missing: install Node.js 20 or newer"
    return None if (HERE / "node_modules").is_dir() else "run npm ci in tests/interop first"


MISSING = find_missing()
needs_foreign_software = pytest.mark.skipif(
    MISSING is not None and not os.environ.get("TOKENAUTH_INTEROP"), reason=str(MISSING)
)


@dataclass(frozen=True)
class Issuer:
    """An application that serves on loopback."""

    app: Flask
    path: Path
    url: str

    @property
    def audience(self) -> str:
        return f"{self.url}/api"

    def log_in(self, user: str = "alice") -> dict[str, Any]:
        """Return the answer of the login view."""
        answer = self.app.test_client().post("/login", data={"username": user}, base_url=self.url)
        found: dict[str, Any] = answer.json  # type: ignore[assignment]
        return found

    def write(self, ring: KeyRing) -> None:
        """Put another ring into the file, and let the application look at it with its next request."""
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(ring.to_jwks()))
        new.replace(self.path)
        key_file = self.app.extensions["tokenauth"].key_file
        key_file._look_at = 0


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Issuer]]:
    """Return a function that serves an issuer with a ring of keys, and with further settings."""
    assert MISSING is None, MISSING
    servers = []

    def serve(ring: KeyRing, **config: object) -> Issuer:
        path = tmp_path / "keys.json"
        path.write_text(json.dumps(ring.to_jwks()))
        app = Flask("issuer")
        server = make_server("127.0.0.1", 0, app, threaded=True)
        server.daemon_threads = False  # type: ignore[attr-defined]  # server_close() then waits for open requests
        url = f"http://127.0.0.1:{server.server_port}"
        set_up(app, url, path, config)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})  # seconds until it sees its end
        thread.start()
        servers.append((server, thread, app))
        return Issuer(app, path, url)

    yield serve
    for server, thread, app in servers:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["tokenauth"].store.close()


def set_up(app: Flask, url: str, path: Path, config: Mapping[str, object]) -> None:
    """Set up the issuer: a login, two guarded views, the endpoints and the documents."""
    app.config.update(
        SECRET_KEY=SECRET,
        TOKENAUTH_ISSUER=url,
        TOKENAUTH_AUDIENCE=[f"{url}/api"],
        TOKENAUTH_RESOURCE=f"{url}/api",
        TOKENAUTH_KEYS=str(path),
        TOKENAUTH_STORE="memory://",
        TOKENAUTH_SCOPES={"reports:read": "Read reports"},
        TOKENAUTH_ENFORCE_HTTPS="off",
        TOKENAUTH_INTROSPECTION_CLIENTS={CLIENT: write_hash(CLIENT_SECRET)},
        TOKENAUTH_EXCHANGE={CLIENT: REPORTS},
    )
    app.config.update(config)
    auth = TokenAuth(app)
    app.register_blueprint(auth.endpoints)
    app.register_blueprint(auth.well_known)
    scopes = ["reports:read", "tokenauth:introspect"]
    app.post("/login", endpoint="login")(lambda: token_response(request.form["username"], scopes))
    app.get("/me", endpoint="me")(login_required(lambda: {"user": g.user_id}))
    app.post("/api", endpoint="api")(require_scope("reports:read")(lambda: {"user": g.user_id}))


def run_node(program: str, *arguments: str) -> Any:
    """Run a program of Node.js, and return the JSON that it prints."""
    ran = subprocess.run(
        ["node", HERE / program, *arguments], cwd=HERE, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)
