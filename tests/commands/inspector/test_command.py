"""``flask tokenauth inspector`` and ``python -m flask_tokenauth inspector``."""

import pytest
from click.testing import CliRunner

from flask_tokenauth.__main__ import main
from flask_tokenauth.commands.inspector.page import make_page

from ...conftest import MakeApp


def test_the_command_of_an_application_prints_the_page_and_nothing_else(make_app: MakeApp) -> None:
    result = make_app().test_cli_runner().invoke(args=["tokenauth", "inspector"])

    assert result.exit_code == 0
    assert result.stdout_bytes == make_page().encode()


@pytest.mark.parametrize("charset", ["ascii", "cp037", "utf-16"])
def test_the_page_is_in_utf_8_in_every_locale(charset: str) -> None:
    result = CliRunner(charset=charset).invoke(main, ["inspector"])

    assert result.exit_code == 0
    assert result.stdout_bytes == make_page().encode("utf-8")
