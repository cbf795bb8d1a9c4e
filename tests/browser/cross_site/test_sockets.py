"""WebSockets count like POST: another origin opens none in the name of a user.

They are served over plain HTTP: in the server of werkzeug, one thread reads a socket while another one writes, and
TLS sockets of Python 3.11 do not allow that.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from ..https_kit import Certificate, serve_https
from ..kit import SKIPPED
from .attackers import make_attacker_app, serve_http
from .places import HOST, Place, Window

pytestmark = SKIPPED

EVENT = "/socket.io/?EIO=4&transport=websocket"


@pytest.fixture(scope="module")
def ports(certificate: Certificate) -> Iterator[dict[str, str]]:
    """The ends of addresses of an attacker, by the scheme."""
    app = make_attacker_app()
    with serve_http(app) as plain, serve_https(app, certificate) as secure:
        yield {"http": f":{plain}", "https": secure.url("")[len("https://") :]}


@pytest.fixture(params=["http://127.0.0.1", "http://b.app.localhost", f"http://{HOST}", "https://b.app.localhost"])
def origin(request: pytest.FixtureRequest, ports: dict[str, str]) -> Any:
    """The origin of an attacker."""
    return request.param + ports[request.param.partition(":")[0]]


@pytest.fixture
def guest(bank: Place, browser: Window) -> Window:
    """A browser in which alice is signed in over plain HTTP at this machine."""
    browser.sign_in(bank, at=bank.plain)
    return browser


def is_sibling(origin: str) -> bool:
    """Return whether browsers send cookies from there: they do over the same scheme, to the same domain."""
    return origin.startswith("http:") and "localhost" in origin


def test_another_origin_opens_no_socket(origin: str, bank: Place, guest: Window) -> None:
    with bank.unchanged():
        said = guest.run(origin, "open_socket", bank.plain.replace("http", "ws") + "/live")
        sent = bank.victim.wsgi.wait_for("GET", "/live")

    assert (said, sent.site, sent.origin) == ("closed", None, origin)
    assert (bool(sent.cookies), sent.status) == ((True, 403) if is_sibling(origin) else (False, 401))


def test_another_origin_sends_no_event(origin: str, bank: Place, guest: Window) -> None:
    with bank.unchanged():
        said = guest.run(origin, "send_event", bank.plain.replace("http", "ws") + EVENT, "transfer")
        [sent] = [sent for sent in bank.victim.wsgi.sent if sent.path == "/socket.io/"]

    assert (sent.site, sent.origin) == (None, origin)
    assert (bool(sent.cookies), said) == ((True, "cross_site") if is_sibling(origin) else (False, "credential_missing"))


def test_an_own_page_opens_a_socket(bank: Place, guest: Window) -> None:
    assert guest.run(bank.plain, "open_socket", bank.plain.replace("http", "ws") + "/live") == "done for alice"

    assert bank.victim.changes == {"alice": 1}


def test_an_own_page_sends_an_event(bank: Place, guest: Window) -> None:
    said = guest.run(bank.plain, "send_event", bank.plain.replace("http", "ws") + EVENT, "transfer")

    assert (said, bank.victim.changes) == ("done for alice", {"alice": 1})
