"""README.rst and the pages of the documentation, for the tests that compare them with the code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.rst"


def read_page(name: str) -> str:
    """Return the source of a page, or of README."""
    return (README if name == "README" else ROOT / "docs" / f"{name}.rst").read_text()


def blocks(page: str, language: str) -> list[str]:
    """Return the visible code blocks of one language on a page, without their indentation."""
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)", read_page(page), re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() + "\n" for block in found]


def python_block(page: str, start: str) -> str:
    """Return the one Python block of a page that has a line beginning like this."""
    [block] = [block for block in blocks(page, "python") if re.search(rf"^\s*{re.escape(start)}", block, re.MULTILINE)]
    return block
