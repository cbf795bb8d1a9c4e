"""The cache of one browser, with CacheControl: people who use it one after the other never see each other's answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import pytest
import requests
from cachecontrol import CacheControl
from cachecontrol.cache import DictCache

from ..conftest import Mint
from .kit import GUARDED, OPEN, PATIENCE, USERS, body_for, headers_of, make_app, serving


@dataclass
class Browser:
    """A browser with an empty cache."""

    session: requests.Session
    port: int

    def get(self, path: str, headers: dict[str, str]) -> requests.Response:
        return self.session.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=PATIENCE)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with serving(make_app(tmp_path)) as port, requests.Session() as session:
        session.trust_env = False  # no proxy, and no password of .netrc
        yield Browser(CacheControl(session, cache=DictCache()), port)


def was_kept(answer: requests.Response) -> bool:
    """Return whether *answer* comes from the cache."""
    return bool(getattr(answer, "from_cache"))  # noqa: B009  # set by CacheControl


@pytest.mark.slow
@pytest.mark.parametrize("users", list(permutations(USERS)), ids=str)
def test_no_user_sees_the_answer_for_another(browser: Browser, mint: Mint, users: tuple[str | None, ...]) -> None:
    for path in [*GUARDED, *OPEN]:
        for user in users * 2:
            answer = browser.get(path, headers_of(user, mint))
            expected = body_for(user, path)
            assert (answer.status_code, answer.text if expected else None) == (200 if expected else 401, expected)


@pytest.mark.parametrize("path", ["/file", "/public", *OPEN])
def test_a_browser_keeps_the_answer_for_its_user(browser: Browser, mint: Mint, path: str) -> None:
    answers = [browser.get(path, headers_of("alice", mint)) for _ in range(2)]

    assert [(answer.text, was_kept(answer)) for answer in answers] == [("of alice", False), ("of alice", True)]


def test_a_new_token_of_the_same_user_asks_again(browser: Browser, mint: Mint) -> None:
    browser.get("/file", headers_of("alice", mint))

    answer = browser.get("/file", {"Authorization": f"Bearer {mint(jti='t2')}"})

    assert (answer.text, was_kept(answer)) == ("of alice", False)


def test_a_browser_asks_whether_an_answer_has_changed(browser: Browser, mint: Mint) -> None:
    browser.get("/etag", headers_of("alice", mint))

    again, other = (browser.get("/etag", headers_of(user, mint)) for user in ("alice", "bob"))

    assert (again.text, was_kept(again)) == ("of alice", True)
    assert (other.text, was_kept(other)) == ("of bob", False)


@pytest.mark.parametrize("path", ["/public", "/optional", "/shareable"])
def test_a_browser_keeps_no_refusal(browser: Browser, mint: Mint, path: str) -> None:
    refused = [browser.get(path, {"Authorization": "Bearer x.y.z"}) for _ in range(2)]

    assert [(answer.status_code, was_kept(answer)) for answer in refused] == [(401, False)] * 2
    assert browser.get(path, headers_of("alice", mint)).status_code == 200


def test_a_browser_gives_a_shareable_answer_to_everybody(browser: Browser, mint: Mint) -> None:
    answers = [browser.get("/shareable", headers_of(user, mint)) for user in USERS]

    assert [(answer.json(), was_kept(answer)) for answer in answers] == [(0, False), (0, True), (0, True)]
