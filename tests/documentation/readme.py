"""The code blocks of README.rst, for the tests that execute them."""

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.rst").read_text()


def blocks(language: str) -> list[str]:
    """Return the code blocks of one language, without their indentation."""
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)", README, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() + "\n" for block in found]


def python_block(start: str) -> str:
    """Return the program in README.rst that has a line beginning like this."""
    [block] = [each for each in blocks("python") if re.search(rf"^\s*{re.escape(start)}", each, re.MULTILINE)]
    return block
