"""``python -m flask_tokenauth``."""

import hashlib
import runpy
import sys

import pytest
from click.testing import CliRunner

from flask_tokenauth.__main__ import main
from flask_tokenauth.core.keys.key_strength import check_secret
from flask_tokenauth.core.opaque.client_secret import is_client_secret, read_hash


def test_secret_prints_a_strong_secret() -> None:
    one, other = (CliRunner().invoke(main, ["secret"]).output for _ in range(2))

    check_secret(one.strip().encode())
    assert one != other
    assert one.count("\n") == 1


def test_client_secret_prints_a_secret_and_its_hash() -> None:
    printed = CliRunner().invoke(main, ["client-secret"]).output.splitlines()

    [secret] = [line for line in printed if line.startswith("cs1_")]
    [hashed] = [line for line in printed if line.startswith("sha256:")]
    assert is_client_secret(secret)
    assert read_hash(hashed) == hashlib.sha256(secret.encode()).digest()


def test_client_secret_says_where_each_goes() -> None:
    printed = CliRunner().invoke(main, ["client-secret"]).output.splitlines()

    assert "to the service" in printed[0]
    assert printed[1].startswith("cs1_")
    assert "TOKENAUTH_INTROSPECTION_CLIENTS" in printed[3]
    assert printed[3].endswith(', as {"CLIENT_ID": "HASH"}:')
    assert printed[4].startswith("sha256:")


def test_client_secret_prints_another_each_time() -> None:
    one, other = (CliRunner().invoke(main, ["client-secret"]).output for _ in range(2))

    assert one != other


def test_the_package_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["flask_tokenauth", "secret"])
    monkeypatch.delitem(sys.modules, "flask_tokenauth.__main__")

    with pytest.raises(SystemExit) as caught:
        runpy.run_module("flask_tokenauth", run_name="__main__")

    assert caught.value.code == 0
    check_secret(capsys.readouterr().out.strip().encode())
