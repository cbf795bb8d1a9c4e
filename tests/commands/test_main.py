"""``python -m flask_tokenauth``."""

import runpy
import sys

import pytest
from click.testing import CliRunner

from flask_tokenauth.__main__ import main
from flask_tokenauth.core.keys.key_strength import check_secret


def test_secret_prints_a_strong_secret() -> None:
    one, other = (CliRunner().invoke(main, ["secret"]).output for _ in range(2))

    check_secret(one.strip().encode())
    assert one != other
    assert one.count("\n") == 1


def test_the_package_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["flask_tokenauth", "secret"])
    monkeypatch.delitem(sys.modules, "flask_tokenauth.__main__")

    with pytest.raises(SystemExit) as caught:
        runpy.run_module("flask_tokenauth", run_name="__main__")

    assert caught.value.code == 0
    check_secret(capsys.readouterr().out.strip().encode())
