"""Pages of the documentation as items of pytest: one for each page, whichever process runs it."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sybil.example import SybilFailure

from flask_tokenauth.guards.marks import guard_uses

from .page import Page


class PageItem(pytest.Item):
    """The blocks of one page; a page is never divided between processes, since its blocks build on each other."""

    def runtest(self) -> None:
        run_page(self.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show which block failed; the traceback of an error in Python names the line of the page."""
        if isinstance(excinfo.value, SybilFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.path.name


_LONG = frozenset(  # pages that run many commands
    {"clients", "commands", "encryption", "extensions", "guarding", "key_rotation", "keys", "testing", "tutorial"}
)


class PageFile(pytest.File):
    """A page of the documentation."""

    def collect(self) -> Iterator[pytest.Item]:
        item = PageItem.from_parent(self, name="blocks")
        if self.path.stem in _LONG:
            item.add_marker(pytest.mark.slow)
        yield item


@contextmanager
def kept_loggers() -> Iterator[None]:
    """Restore what a page does to loggers: it adds handlers, and a migration of Alembic's disables all there are."""
    before = {logger: (logger.handlers[:], logger.level, logger.disabled) for logger in list_loggers()}
    try:
        yield
    finally:
        for logger in list_loggers():
            handlers, level, disabled = before.get(logger, ([], logging.NOTSET, False))
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.disabled = disabled


def list_loggers() -> list[logging.Logger]:
    """Return the root logger and every other one."""
    named = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    return [logging.root, *named]


def run_page(path: Path) -> None:
    """Run the blocks of a page, and restore the environment, the folder and the modules afterwards."""
    environ, modules, others = dict(os.environ), set(sys.modules), list(guard_uses)
    guard_uses.clear()  # those of other pages, which reach no route of this one
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, kept_loggers():
        (Path(folder) / "pytest.ini").write_text(
            "[pytest]\n"
        )  # or a page's pytest takes the settings of a folder around
        page = Page(path, Path(folder).resolve(), patch)
        try:
            page.check()
        finally:
            page.leave()
            os.environ.clear()
            os.environ.update(environ)
            guard_uses[:] = others
    assert "reporting" not in set(sys.modules) - modules
