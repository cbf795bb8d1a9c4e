"""docs/api.rst has every public name."""

import importlib
import re

import pytest

from .reading import read_page

PAGE = read_page("api")
DOCUMENTED = set(re.findall(r"^\.\. auto\w+:: ([\w.]+)", PAGE, re.MULTILINE))
WHOLE = {"flask_tokenauth.testing.store_contract"}  # modules that the page takes as they are

MODULES = [
    importlib.import_module(f"flask_tokenauth{name}") for name in ("", ".core", ".testing", ".testing.store_contract")
]
PUBLIC = [(module.__name__, name) for module in MODULES for name in module.__all__]


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_the_page_has_every_public_name(module: str, name: str) -> None:
    places = {f"{module}.{name}", f"flask_tokenauth.{name}", f"flask_tokenauth.signals.{name}"}

    assert module in WHOLE or places & DOCUMENTED or any(each.startswith(f"{module}.{name}.") for each in DOCUMENTED)


def test_the_page_has_no_name_twice() -> None:
    assert len(re.findall(r"^\.\. auto\w+:: ", PAGE, re.MULTILINE)) == len(DOCUMENTED)
