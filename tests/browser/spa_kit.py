"""``examples/spa`` over HTTPS, windows in which people use it, and a gate that holds answers."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import requests
from flask import Flask

from examples.spa import create_app

from ..conftest import SECRET
from .https_kit import Certificate, serve_https
from .kit import PATIENCE

REFRESH = "/auth/refresh"
PASSWORDS = {"alice": "wonderland", "bob": "builder"}


class Gate:
    """WSGI middleware that counts the refreshes and can hold them.

    Attributes:
        before: is called before the application gets a request to refresh.
        after: is called when the application has refreshed, and before the answer goes out.
        statuses: those of all refreshes.
    """

    def __init__(self, wsgi_app: Any) -> None:
        self._wsgi_app = wsgi_app
        self.before: Callable[[], object] = bool
        self.after: Callable[[], object] = bool
        self.statuses: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != REFRESH:
            return self._wsgi_app(environ, start_response)  # type: ignore[no-any-return]  # of Flask

        def start(status: str, *args: Any) -> Any:
            self.statuses.append(status[:3])
            return start_response(status, *args)

        self.before()
        body: Iterable[bytes] = self._wsgi_app(environ, start)
        self.after()
        return body

    @contextmanager
    def held(self) -> Iterator[Event]:
        """Hold the answers to refreshes until the end of the block; yield an event: a refresh was done."""
        done, go_on = Event(), Event()

        def hold() -> None:
            done.set()
            assert go_on.wait(PATIENCE / 1000)

        self.after = hold
        try:
            yield done
        finally:
            self.after = bool
            go_on.set()


@dataclass
class Spa:
    """The example, as it is served.

    Attributes:
        app: the application.
        gate: around the application.
        url: the origin, without a slash at the end.
        certificate: a PEM file, by which HTTP clients trust the server.
        complaints: what the console of the browser has said; a test may clear it.
    """

    app: Flask
    gate: Gate
    url: str
    certificate: Path
    complaints: list[str] = field(default_factory=list)

    def open(self, context: Any, path: str = "/") -> Any:
        """Open a page in a new tab."""
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.goto(f"{self.url}{path}")
        return page

    def sign_in(self, context: Any, user: str = "alice", *, device: str = "laptop") -> Any:
        """Open a tab, and sign in in it."""
        page = self.open(context)
        fill_form(page, user, device=device)
        return page

    def ask(self, cookies: dict[str, str], method: str = "POST", path: str = REFRESH) -> requests.Response:
        """Send cookies with another HTTP client, which says the same about itself as the browser."""
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": self.url, "Cookie": header}
        url, trusted = f"{self.url}{path}", str(self.certificate)
        return requests.request(method, url, headers=headers, verify=trusted, timeout=PATIENCE / 1000)


@contextmanager
def serve_spa(folder: Path, certificate: Certificate, **settings: object) -> Iterator[Spa]:
    """Serve the example; settings are without their prefix, in lower case."""
    config: dict[str, object] = {"TESTING": True, "SECRET_KEY": SECRET, "NOTES": str(folder / "notes.db")}
    config["TOKENAUTH_STORE"] = f"sqlite:///{folder / 'sessions.db'}"
    app = create_app(config | {f"TOKENAUTH_{name.upper()}": value for name, value in settings.items()})
    gate = Gate(app.wsgi_app)
    app.wsgi_app = gate  # type: ignore[method-assign]  # as Flask documents it
    with serve_https(app, certificate) as served:
        yield Spa(app, gate, served.url(), certificate.path)
    app.extensions["tokenauth"].store.close()


def fill_form(page: Any, user: str = "alice", *, device: str = "laptop") -> None:
    """Sign in by the form that the page shows."""
    page.fill("#sign-in [name=username]", user)
    page.fill("#sign-in [name=password]", PASSWORDS[user])
    page.fill("#sign-in [name=device]", device)
    click(page, "#sign-in button", says=f"Hello {user}.")


def wait_for(page: Any, said: str) -> None:
    """Wait until the page says something that begins with *said*."""
    page.wait_for_function("begin => document.getElementById('said').textContent.startsWith(begin)", arg=said)


def click(page: Any, button: str, *, says: str) -> None:
    """Click, and wait until the page shows a new message that begins with *says*."""
    page.evaluate("document.getElementById('said').textContent = ''")
    page.click(button)
    wait_for(page, says)


def find_cookies(context: Any) -> dict[str, str]:
    """Return the cookies of the browser by their kind: access, refresh."""
    return {cookie["name"].rpartition("-")[2]: cookie["value"] for cookie in context.cookies()}


def named_cookies(context: Any) -> dict[str, str]:
    """Return the cookies of the browser by their whole name."""
    return {cookie["name"]: cookie["value"] for cookie in context.cookies()}


def notes(page: Any) -> list[str]:
    """Return the notes that the page shows."""
    found: list[str] = page.locator("#notes li p").all_inner_texts()
    return found


def devices(page: Any) -> list[str]:
    """Return the devices that the page shows."""
    found: list[str] = page.locator("#devices li p").all_inner_texts()
    return found


def write(page: Any, note: str) -> None:
    """Add a note."""
    page.fill("#content", note)
    click(page, "#write button", says="Saved.")
