"""docs/answers.rst lists every reason with its status and its error code, and no other."""

import re

from ..core.errors_kit import KINDS
from .reading import read_page

PAGE = read_page("answers")
ENDPOINTS = PAGE.partition("\nReasons: the endpoints of sessions\n")[2]


def test_the_page_has_every_reason_with_its_status() -> None:
    listed = re.findall(r"^``([a-z_]+)`` +(\d{3}) ", PAGE, re.MULTILINE)

    assert sorted(listed) == sorted((kind.reason, str(kind.status)) for kind in KINDS)


def test_the_page_has_the_error_code_of_every_reason_of_the_endpoints() -> None:
    listed = re.findall(r"^``([a-z_]+)`` +\d{3} +``([a-z_]+)`` ", ENDPOINTS, re.MULTILINE)
    ours = {kind.reason: kind.code for kind in KINDS}

    assert len(listed) == len(re.findall(r"^``[a-z_]+`` +\d{3} ", ENDPOINTS, re.MULTILINE)) > 0
    assert listed == [(reason, ours[reason]) for reason, _ in listed]
