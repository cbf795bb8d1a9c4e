"""README.rst is short, its program and its session run as they stand, and its links lead somewhere."""

import re

import pytest

from .pages.collecting import run_page
from .reading import README, ROOT, blocks, read_page

PAGE = read_page("README")
PROJECT = "https://github.com/flask-tokenauth/flask-tokenauth"


def test_the_blocks_run() -> None:
    run_page(README)


def test_the_first_two_blocks_are_the_commands_that_ci_runs() -> None:
    quickstart, tests, *_ = blocks("README", "sh")

    assert quickstart.rstrip().endswith("flask --app examples/quickstart run")
    assert tests.rstrip().endswith("pytest")


def test_it_is_short() -> None:
    assert len(PAGE.splitlines()) <= 150


def test_it_has_the_program_and_a_session_in_two_terminals() -> None:
    """A server needs a moment to start, so commands that are pasted after it into one terminal would fail."""
    assert [len(blocks("README", language)) for language in ("python", "console")] == [1, 2]
    assert blocks("README", "console")[0].rstrip().endswith("flask --app reporting run")


LINKS = re.findall(r"https?://[\w./:-]*[\w/]", PAGE)


def test_links_lead_to_the_project_alone() -> None:
    elsewhere = {link for link in LINKS if not link.startswith("http://127.0.0.1:5000")}

    assert elsewhere
    assert [link for link in elsewhere if not link.startswith(PROJECT)] == []
    assert re.findall(r"<[\w./]+>`_", PAGE) == []  # links to files, which PyPI cannot follow


@pytest.mark.parametrize("path", sorted(set(re.findall(rf"{PROJECT}/blob/main/([\w./-]+)", PAGE))))
def test_linked_files_are_there(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("page", ["README", *sorted(path.stem for path in (ROOT / "docs").glob("*.rst"))])
def test_no_page_installs_the_abandoned_distribution(page: str) -> None:
    assert not re.search(r"install[^\n]*['\"\s]flask-tokenauth(?!-jwt)", read_page(page), re.IGNORECASE)
