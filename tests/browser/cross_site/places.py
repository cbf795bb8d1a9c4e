"""Where the applications are served, and the browser of a user."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .victim import Victim

HOST = "a.app.localhost"


@dataclass(frozen=True)
class Place:
    """An application, and where it is served.

    Attributes:
        victim: the application.
        home: its origin, over HTTPS.
        plain: another origin of it, over plain HTTP.
    """

    victim: Victim
    home: str
    plain: str

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Check that nothing is done in the name of a user meanwhile, and that no session begins, goes on or ends."""
        before = self._state()
        yield
        assert self._state() == before

    def _state(self) -> object:
        changes = {user: count for user, count in self.victim.changes.items() if user != "nobody"}
        return changes, self.victim.sessions("alice"), self.victim.sessions("mallory")


class Window:
    """A browser of one user.

    Args:
        context: the browser context of Playwright.
    """

    def __init__(self, context: Any) -> None:
        self.context = context

    def open(self, url: str) -> Any:
        """Open a page, and return it."""
        page = self.context.new_page()
        page.goto(url)
        return page

    def run(self, origin: str, way: str, *arguments: object) -> Any:
        """Open a page of an origin, let a script of it send a request, and return what the script gets.

        Args:
            origin: of the page.
            way: a function of ``attacks.js``.
            arguments: of the function; the first one is the address.
        """
        return self.open(origin).evaluate(f"arguments_ => {way}(...arguments_)", list(arguments))

    def run_and_stay(self, origin: str, way: str, *arguments: object) -> None:
        """Do the same, and wait until the page of the answer is there, with its cookies."""
        page = self.open(origin)
        with page.expect_navigation():
            page.evaluate(f"arguments_ => {way}(...arguments_)", list(arguments))

    def run_all(self, origin: str, ways: dict[str, str], url: str) -> dict[str, Any]:
        """Open a page of an origin, let it send requests in several ways, and return what its script gets from each.

        Args:
            origin: of the page.
            ways: the functions of ``attacks.js`` by their names, which come in the query.
            url: the address.
        """
        calls = ", ".join(f"await {function}(`${{url}}?way={name}`)" for name, function in ways.items())
        came = self.open(origin).evaluate(
            f"async url => [{calls}].map(result => result instanceof Node ? null : result ?? null)", url
        )
        return dict(zip(ways, came, strict=True))

    def sign_in(self, place: Place, username: str = "alice", *, at: str | None = None) -> None:
        """Sign in on a page of an application, and forget all requests.

        Args:
            place: the application.
            username: who signs in.
            at: its origin; None for HTTPS.
        """
        page = self.open(at or place.home)
        body = "{method: 'POST', body: new URLSearchParams({username})}"
        status = page.evaluate(f"username => fetch('/login', {body}).then(answer => answer.status)", username)
        page.close()
        assert status == 200
        place.victim.forget()

    def user(self, place: Place) -> str:
        """Return the user that a page of an application shows. The address is typed."""
        page = self.open(place.home)
        shown: str = page.title()
        page.close()
        return shown.removeprefix("Hello ")

    def cookies(self) -> dict[str, str]:
        """Return the values of all cookies by their names."""
        return {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}
