"""Examples that are served for a real browser."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from ..conftest import SECRET

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
CHROMIUM = shutil.which("chromium")
PATIENCE = 60_000  # milliseconds; the machine may be busy


def find_missing() -> str | None:
    """Return a message about a missing program, or None."""
    if CHROMIUM is None:
        return "chromium is missing: apt-get install chromium"
    return None if importlib.util.find_spec("playwright") else "playwright is missing: pip install '.[browser]'"


MISSING = find_missing()
SKIPPED = pytest.mark.skipif(MISSING is not None and not os.environ.get("TOKENAUTH_BROWSER"), reason=str(MISSING))


def launch(playwright: Any, *args: str) -> Any:
    """Start Chromium, and return Playwright's ``Browser``; *args* are for its command."""
    # The browser's sandbox needs rights that a container may not have. It is not needed for these pages.
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *args])


def serve(name: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serve an example, and yield its module. The address is its attribute ``url``."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    monkeypatch.setenv("FLASK_TOKENAUTH_STORE", f"sqlite:///{store}")
    spec = importlib.util.spec_from_file_location(f"{name}_in_browser", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = make_server("127.0.0.1", 0, module.app, threaded=True)
    server.daemon_threads = False  # type: ignore[attr-defined]  # server_close() then waits for open requests
    thread = Thread(target=server.serve_forever)
    thread.start()
    module.url = f"http://127.0.0.1:{server.server_port}"
    yield module
    server.shutdown()
    thread.join()
    server.server_close()
    module.app.extensions["tokenauth"].store.close()
    sys.modules.pop("quickstart", None)


def click(page: Any, button: str, *, says: str) -> None:
    """Click, and wait until the page shows a new message that begins with *says*."""
    page.evaluate("document.getElementById('said').textContent = ''")
    page.click(button)
    page.wait_for_selector("#said:not(:empty)")
    assert page.inner_text("#said").startswith(says)
