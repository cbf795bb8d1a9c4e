"""Firefox, driven by WebDriver BiDi, which it speaks itself: no other program is needed.

https://www.w3.org/TR/webdriver-bidi/
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from simple_websocket import Client  # type: ignore[import-untyped]  # it ships no types

from ..kit import PATIENCE

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
SKIPPED = pytest.mark.skipif(
    FIREFOX is None and not os.environ.get("TOKENAUTH_BROWSER"),
    reason="firefox is missing: apt-get install firefox-esr",
)
_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class _Connection(Client):  # type: ignore[misc]  # it ships no types
    """A WebSocket whose ``Host`` header has the port, without which Firefox refuses it."""

    def handshake(self) -> None:
        self.host: str = f"{self.host}:{self.port}"
        super().handshake()


class Firefox:
    """A running Firefox.

    Args:
        url: where it listens.
    """

    def __init__(self, url: str) -> None:
        self._socket = _Connection.connect(f"{url}/session")
        self._ids = count(1)

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command, and return its result. Events are left out."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.receive(timeout=PATIENCE / 1000) or "{}")
            if message.get("id") == number:
                assert message["type"] == "success", message
                return message["result"]
            assert message, f"{method} got no answer"


class Pages:
    """Pages of one user, who shares no cookies with other users."""

    def __init__(self, firefox: Firefox) -> None:
        self._firefox = firefox
        self.user: str = firefox.call("browser.createUserContext")["userContext"]

    def open(self, url: str) -> str:
        """Open a page in a new tab, and return the name of the tab."""
        tab: str = self._firefox.call("browsingContext.create", type="tab", userContext=self.user)["context"]
        self._firefox.call("browsingContext.navigate", context=tab, url=url, wait="complete")
        return tab

    def run(self, tab: str, function: str, *arguments: object) -> Any:
        """Call a function in a page, and return its result, or that of its promise: a string, a number or None.

        Args:
            tab: the tab with the page.
            function: in JavaScript.
            arguments: strings.
        """
        result = self._firefox.call(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": argument} for argument in arguments],
            target={"context": tab},
            awaitPromise=True,
            userActivation=True,
        )
        assert result["type"] == "success", result
        return result["result"].get("value")

    def reload(self, tab: str) -> None:
        """Load a page again, as the user does it."""
        self._firefox.call("browsingContext.reload", context=tab, wait="complete")

    def cookies(self) -> dict[str, str]:
        """Return the values of all cookies by their names."""
        partition = {"type": "storageKey", "userContext": self.user}
        found = self._firefox.call("storage.getCookies", partition=partition)["cookies"]
        return {cookie["name"]: cookie["value"]["value"] for cookie in found}

    def close(self) -> None:
        """Close all tabs, and forget the cookies."""
        self._firefox.call("browser.removeUserContext", userContext=self.user)


@contextmanager
def start_firefox(profile: Path) -> Iterator[Firefox]:
    """Start Firefox without a window, and yield it. It accepts every certificate.

    Args:
        profile: an empty folder.
    """
    assert FIREFOX is not None, "firefox is missing: apt-get install firefox-esr"
    command = [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
    environment = {**os.environ, "HOME": str(profile)}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        try:
            found = next(match for line in process.stderr if (match := _LISTENS.search(line)))
            firefox = Firefox(found[1])
            firefox.call("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
            yield firefox
            firefox.call("browser.close")
        finally:
            process.stderr.close()
            process.terminate()
