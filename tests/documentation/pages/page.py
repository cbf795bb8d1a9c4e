"""A page of the documentation as one test: its blocks run from top to bottom, with the same names."""

import configparser
import doctest
import importlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sybil import Document, Example, Region
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.abstract.lexers import LexerCollection
from sybil.parsers.rest.lexers import DirectiveInCommentLexer, DirectiveLexer

from .console import PROGRAM, Console

SECRET = "4f1d9a3c7b2e8056d4c1f7a9b3e6082c5d7f1a4b9c3e6d80"

BLOCKS = LexerCollection(
    [DirectiveLexer(directive="code-block"), DirectiveInCommentLexer(directive="invisible-code-block")]
)
NOT_RUN = re.compile(r"^(?!\.\. ).*::$|^\s*\.\. (?:code|sourcecode|parsed-literal|prompt|highlight)::", re.MULTILINE)
FILE = re.compile(r"[\w/.-]+\.\w+")


class Page:
    """Runs the blocks of one page in a folder of its own; ``reporting`` is the module that its Python is."""

    def __init__(self, path: Path, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.document = Document.parse(str(path), find_blocks(self.run))
        self.folder = folder
        self.module = ModuleType(PROGRAM)
        self.module.__file__ = str(folder / f"{PROGRAM}.py")
        self.document.namespace = self.module.__dict__
        self.console = Console(self.document.namespace)
        self.python = PythonEvaluator()
        self.enter(patch)

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Go into the page's folder, with an environment and modules that are restored afterwards."""
        patch.chdir(self.folder)
        patch.syspath_prepend(self.folder)
        for name in [name for name in os.environ if name.startswith("FLASK_")]:
            patch.delenv(name)
        patch.setenv("FLASK_SECRET_KEY", SECRET)
        patch.setitem(sys.modules, PROGRAM, self.module)
        connect, self.databases = sqlite3.connect, list[sqlite3.Connection]()

        def connect_and_keep(*args: Any, **options: Any) -> sqlite3.Connection:
            self.databases.append(connect(*args, **options))
            return self.databases[-1]

        patch.setattr(sqlite3, "connect", connect_and_keep)
        patch.setattr(sqlite3.dbapi2, "connect", connect_and_keep)

    def leave(self) -> None:
        """Close the databases that the page left open, as a program does when it ends, and forget its modules."""
        for database in self.databases:
            with suppress(sqlite3.ProgrammingError):  # of a thread that has ended
                database.close()
        self.forget_modules()

    def check(self) -> None:
        """Run every block of the page."""
        if found := NOT_RUN.search(self.document.text):
            raise ValueError(f"no test runs this block, use '.. code-block:: LANGUAGE' instead: {found[0].strip()!r}")
        for example in self.document:
            example.evaluate()

    def run(self, example: Example) -> str | None:
        """Run or parse one block, as its language demands."""
        language, options = example.region.lexemes["arguments"], example.region.lexemes["options"]
        if not language or language not in LANGUAGES:
            return f"the language {language!r} is unknown here; there are {', '.join(sorted(LANGUAGES))}"
        caption = options.get("caption")
        try:
            if caption and FILE.fullmatch(caption):
                self.write(caption, example)
            else:
                LANGUAGES[language](self, example)
        except AssertionError as error:
            if language == "python":
                raise
            return str(error)
        return None

    def write(self, name: str, example: Example) -> None:
        """Save a block whose caption is the name of a file; modules are imported at once, tests are not."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.parsed)
        # Python takes the code that it compiled before for this one, if the size and the second of both are the same.
        Path(cache_from_source(path)).unlink(missing_ok=True)
        if path.suffix == ".py" and path.name != "conftest.py" and not path.name.startswith("test_"):
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            self.forget_modules()
            importlib.invalidate_caches()
            importlib.import_module(module)

    def forget_modules(self) -> None:
        """Forget what was imported from the page's folder, so that it is imported again."""
        self.console.loaded.clear()
        for name, module in list(sys.modules.items()):
            if module is not self.module and is_in(module, self.folder):
                del sys.modules[name]


def is_in(module: ModuleType, folder: Path) -> bool:
    """Return whether a module was imported from this folder; a folder of modules without __init__.py has paths only."""
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(folder in Path(place).parents for place in places if place)


def find_blocks(evaluate: Callable[[Example], str | None]) -> Callable[[Document], Iterable[Region]]:
    """Return a parser for Sybil that finds the blocks of every language."""

    def parse(document: Document) -> Iterable[Region]:
        for region in BLOCKS(document):
            region.parsed = region.lexemes["source"]
            region.evaluator = evaluate
            yield region

    return parse


def run_python(page: Page, example: Example) -> None:
    page.python(example)


def run_doctest(page: Page, example: Example) -> None:
    """Run a session of the Python prompt, and compare what it prints."""
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    session = doctest.DocTestParser().get_doctest(
        example.parsed.replace("…", "..."), page.document.namespace, "session", example.path, example.line
    )
    assert session.examples, "a block of pycon begins with >>>"
    runner.run(session, out=said.append, clear_globs=False)
    assert not said, "".join(said)


def run_console(page: Page, example: Example) -> None:
    page.console.check(example.parsed)


def parse_shell(page: Page, example: Example) -> None:
    """Parse shell commands that no test can run: servers, installations, databases."""
    run_parser("sh", ["sh", "-n"], example.parsed)
    wrong = re.search(r"install\b.*(?<![/\w])flask-tokenauth(?!-jwt)\b", example.parsed, re.IGNORECASE)
    assert not wrong, "flask-tokenauth is another distribution; ours is flask-tokenauth-jwt"


def parse_javascript(page: Page, example: Example) -> None:
    run_parser("node", ["node", "--input-type=module", "--check", "-"], example.parsed)


def run_parser(program: str, command: list[str], source: str) -> None:
    """Let a program parse a block, where the machine has that program."""
    if shutil.which(program):  # pragma: no branch  # node may be missing
        ran = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr


def parse_ini(page: Page, example: Example) -> None:
    configparser.ConfigParser(interpolation=None, strict=False).read_string(example.parsed)


def parse_json(page: Page, example: Example) -> None:
    json.loads(example.parsed)


def parse_toml(page: Page, example: Example) -> None:
    tomllib.loads(example.parsed)


def parse_nothing(page: Page, example: Example) -> None:
    """Take a block as it is: there is no program here that understands it."""


LANGUAGES: dict[str, Callable[[Page, Example], Any]] = {
    "apache": parse_nothing,
    "console": run_console,
    "html": parse_nothing,
    "http": parse_nothing,
    "ini": parse_ini,
    "javascript": parse_javascript,
    "jinja": parse_nothing,
    "json": parse_json,
    "nginx": parse_nothing,
    "pycon": run_doctest,
    "python": run_python,
    "sh": parse_shell,
    "sql": parse_nothing,
    "text": parse_nothing,
    "toml": parse_toml,
}
