"""The fixture that executes a recipe of the documentation as its page prints it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..conftest import SECRET
from .reading import python_block

PROGRAM = 'app = Flask("reporting")\napp.config.from_prefixed_env()  #'

Names = dict[str, Any]
Follow = Callable[..., Names]


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Follow:
    """Return a function that executes a recipe after the program of its page, and returns all names there are then.

    Its keyword arguments are settings of the environment. It runs in a folder of its own.
    """
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    monkeypatch.chdir(tmp_path)

    def execute(recipe: str, *, page: str = "extensions", **settings: str) -> Names:
        for name, value in settings.items():
            monkeypatch.setenv(f"FLASK_{name}", value)
        names: Names = {"__name__": "reporting"}
        exec(python_block(page, PROGRAM), names)
        exec(python_block(page, recipe), names)
        return names

    return execute
