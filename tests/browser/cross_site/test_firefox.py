"""The same in Firefox: its cookies, and what it sends from pages of other origins."""

from collections.abc import Iterator

import pytest

from .attackers import Attacker
from .firefox import SKIPPED, Firefox, Pages, start_firefox
from .places import HOST, Place
from .test_forged_requests import BOTH, FROM_OPAQUE_ORIGIN, FROM_PAGE, expected
from .test_tossed_cookies import ATTRIBUTES

pytestmark = SKIPPED

LOGIN = """username => fetch('/login', {method: 'POST', body: new URLSearchParams({username})})
    .then(answer => answer.status)"""


@pytest.fixture(scope="module")
def firefox(places: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with start_firefox(tmp_path_factory.mktemp("profile")) as firefox:
        yield firefox


@pytest.fixture
def pages(bank: Place, firefox: Firefox) -> Iterator[Pages]:
    """A browser in which no one is signed in."""
    pages = Pages(firefox)
    bank.victim.forget()
    yield pages
    pages.close()


@pytest.fixture
def alice(bank: Place, pages: Pages) -> Pages:
    """A browser in which alice is signed in at the bank."""
    assert pages.run(pages.open(bank.home), LOGIN, "alice") == 200
    bank.victim.forget()
    return pages
