"""The client in JavaScript on the page about clients does what the page says; Node stands for the browser."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from threading import Thread

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from flask_tokenauth import TokenAuth, require_scope, token_response

PAGE = Path(__file__).parent.parent.parent / "docs" / "clients.rst"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")

# A browser has this and Node lacks it; the pauses of the client take no time.
BROWSER = """
const kept = new Map();
let last = Promise.resolve();
globalThis.localStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
};
Object.defineProperty(globalThis, "navigator", { configurable: true, value: { locks: {
  request: (name, work) => (last = last.then(work, work)),
} } });
const later = globalThis.setTimeout;
export const pauses = [];
globalThis.setTimeout = (work, time, ...more) => {
  if (time % 1000 !== 0 || time > 4000) return later(work, time, ...more); // one of Node's own
  pauses.push(time);
  return later(work, 0, ...more);
};
"""


@pytest.fixture
def refreshes() -> list[int]:
    """Return the statuses with which refreshes were answered."""
    return []


@pytest.fixture
def url(refreshes: list[int]) -> Iterator[str]:
    """Return where an API with sessions is served."""
    app = Flask("reporting")
    app.testing = True
    app.config["SECRET_KEY"] = "4f1d9a3c7b2e8056d4c1f7a9b3e6082c5d7f1a4b9c3e6d80"
    app.config.update(TOKENAUTH_ISSUER="https://api.example.com", TOKENAUTH_STORE="memory://")
    auth = TokenAuth(app)
    app.register_blueprint(auth.endpoints)

    @app.post("/login")
    def login() -> Response:
        return token_response(request.form["username"], ["reports:read"])

    @app.get("/reports")
    @require_scope("reports:read")
    def reports() -> dict[str, list[str]]:
        return {"reports": ["January"]}

    @app.post("/end")
    def end() -> tuple[str, int]:
        auth.revoke_user("alice", api_keys=True)
        return "", 204

    @app.after_request
    def count(response: Response) -> Response:
        if request.path == "/auth/refresh":
            refreshes.append(response.status_code)
        return response

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(folder: Path, url: str, script: str) -> object:
    """Return what *script* prints, in which ``client`` is the client of the page."""
    [source] = re.findall(r"^\.\. code-block:: javascript\n\n((?:    .*\n|\n)+)", PAGE.read_text(), re.MULTILINE)
    (folder / "browser.mjs").write_text(BROWSER)
    (folder / "client.mjs").write_text(dedent(source))
    (folder / "main.mjs").write_text(
        'import { pauses } from "./browser.mjs";\n'
        'import { ApiClient, SignInAgain } from "./client.mjs";\n'
        f"const client = new ApiClient({json.dumps(url)});\n"
        'const expire = () => localStorage.setItem("tokens", JSON.stringify({ ...client.load(), refresh_at: 0 }));\n'
        f"{dedent(script)}\nprocess.exit(0);\n"
    )
    ran = subprocess.run(["node", "main.mjs"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.slow
def test_it_signs_in_asks_and_signs_out(tmp_path: Path, url: str) -> None:
    answer = run(
        tmp_path,
        url,
        """
        await client.logIn("alice", "wonderland");
        const body = await (await client.fetch("/reports")).json();
        await client.logOut();
        const gone = await client.fetch("/reports").catch((error) => error instanceof SignInAgain);
        console.log(JSON.stringify([body, gone]));
        """,
    )

    assert answer == [{"reports": ["January"]}, True]


@pytest.mark.slow
def test_many_requests_at_once_refresh_once(tmp_path: Path, url: str, refreshes: list[int]) -> None:
    answer = run(
        tmp_path,
        url,
        """
        await client.logIn("alice", "wonderland");
        expire();
        const answers = await Promise.all([1, 2, 3, 4, 5].map(() => client.fetch("/reports")));
        console.log(JSON.stringify(answers.map((each) => each.status)));
        """,
    )

    assert (answer, refreshes) == ([200] * 5, [200])


@pytest.mark.slow
def test_a_refused_token_is_refreshed(tmp_path: Path, url: str, refreshes: list[int]) -> None:
    answer = run(
        tmp_path,
        url,
        """
        await client.logIn("alice", "wonderland");
        localStorage.setItem("tokens", JSON.stringify({ ...client.load(), access_token: "stale" }));
        console.log(JSON.stringify((await client.fetch("/reports")).status));
        """,
    )

    assert (answer, refreshes) == (200, [200])


@pytest.mark.slow
def test_a_lost_answer_is_asked_for_again(tmp_path: Path, url: str, refreshes: list[int]) -> None:
    answer = run(
        tmp_path,
        url,
        """
        await client.logIn("alice", "wonderland");
        expire();
        const real = globalThis.fetch;
        globalThis.fetch = async (...given) => {
          globalThis.fetch = real;
          await real(...given);
          throw new TypeError("fetch failed");
        };
        const { status } = await client.fetch("/reports");
        console.log(JSON.stringify([status, pauses]));
        """,
    )

    assert (answer, refreshes) == ([200, [0, 1000]], [200, 200])


@pytest.mark.slow
def test_an_ended_session_asks_for_a_login(tmp_path: Path, url: str, refreshes: list[int]) -> None:
    answer = run(
        tmp_path,
        url,
        """
        await client.logIn("alice", "wonderland");
        await fetch(client.baseUrl + "/end", { method: "POST" });
        const gone = await client.fetch("/reports").catch((error) => error instanceof SignInAgain);
        console.log(JSON.stringify([gone, client.load()]));
        """,
    )

    assert (answer, refreshes) == ([True, None], [400])
