"""Applications with cookies at ``a.app.localhost``, and attackers at other origins. Each module starts them once."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ..https_kit import Certificate, serve_https
from ..kit import PATIENCE
from .attackers import Attacker, make_attacker_app, serve_http
from .places import HOST, Place, Window
from .victim import Victim


@pytest.fixture(scope="module")
def served(certificate: Certificate) -> Iterator[tuple[dict[str, Place], dict[str, Attacker]]]:
    """Serve three applications and the attackers."""
    victims = {
        "all": Victim("bank"),
        "refresh": Victim("post", "refresh"),
        "strict": Victim("fort", TOKENAUTH_COOKIE_SAMESITE="Strict"),
    }
    app = make_attacker_app()
    with ExitStack() as stack:
        secure, plain = stack.enter_context(serve_https(app, certificate)), stack.enter_context(serve_http(app))
        places = {
            name: Place(
                victim,
                stack.enter_context(serve_https(victim.wsgi, certificate)).url(HOST),
                f"http://{HOST}:{stack.enter_context(serve_http(victim.wsgi))}",
            )
            for name, victim in victims.items()
        }
        attackers = {
            "another site": Attacker(secure.url("127.0.0.1"), "cross-site", f"http://127.0.0.1:{plain}"),
            "sibling": Attacker(secure.url("b.app.localhost"), "same-site", f"http://b.app.localhost:{plain}"),
            "port": Attacker(secure.url(HOST), "same-site", f"http://{HOST}:{plain}"),
            "plain HTTP": Attacker(f"http://{HOST}:{plain}", "cross-site", f"http://{HOST}:{plain}"),
        }
        yield places, attackers


@pytest.fixture(scope="module")
def places(served: tuple[dict[str, Place], dict[str, Attacker]]) -> dict[str, Place]:
    """The applications by their mode. Of two in mode "all", one has ``SameSite=Strict`` and is named so."""
    return served[0]


@pytest.fixture(scope="module")
def bank(places: dict[str, Place]) -> Place:
    """The application in mode "all"."""
    return places["all"]


@pytest.fixture(params=["another site", "sibling", "port", "plain HTTP"])
def attacker(request: pytest.FixtureRequest, served: tuple[dict[str, Place], dict[str, Attacker]]) -> Attacker:
    """Each of the attackers."""
    return served[1][request.param]


@pytest.fixture(params=["another site", "sibling"])
def stranger(request: pytest.FixtureRequest, served: tuple[dict[str, Place], dict[str, Attacker]]) -> Attacker:
    """Two of the attackers: one whose requests have no cookies, and one whose requests have them."""
    return served[1][request.param]


@pytest.fixture
def sibling(served: tuple[dict[str, Place], dict[str, Attacker]]) -> Attacker:
    """The attacker at another host of the same domain."""
    return served[1]["sibling"]


@pytest.fixture
def browser(places: dict[str, Place], context: object) -> Window:
    """A browser in which nobody is signed in. All requests that came before are forgotten."""
    for place in places.values():
        place.victim.forget()
    return Window(context)


@pytest.fixture(scope="module")
def cookies_of_alice(bank: Place, chromium: Any) -> list[Any]:
    """The cookies with which alice is signed in at the bank."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    Window(context).sign_in(bank)
    cookies: list[Any] = context.cookies()
    context.close()
    return cookies


@pytest.fixture
def alice(browser: Window, cookies_of_alice: list[Any]) -> Window:
    """A browser in which alice is signed in at the bank. All tests of a module share the session: do not end it."""
    browser.context.add_cookies(cookies_of_alice)
    return browser
