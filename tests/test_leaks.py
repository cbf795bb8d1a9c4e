"""The search for leaks finds them; it runs over the whole test run, in conftest.py."""

import logging

import pytest

from flask_tokenauth import SettingsError
from flask_tokenauth.core.errors import UnknownKey

from .conftest import SECRET, Mint
from .leaks import find_leak, listening


def test_tokens_and_secrets_are_found(mint: Mint) -> None:
    assert find_leak(f"so {mint()}!") == mint()
    assert find_leak(f"so {SECRET}!") is not None
    assert find_leak(str(mint.key.to_jwk(private=True))) is not None
    assert find_leak("-----BEGIN PRIVATE KEY-----") is not None


def test_what_is_no_secret_is_not_found(mint: Mint) -> None:
    assert find_leak(f"refused: token_expired, kid {mint.key.kid}") is None
    assert find_leak(str({"kid": mint.key.kid, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})) is None


@pytest.mark.parametrize(
    ("say", "heard"),
    [
        (lambda: SettingsError("a setting"), "a setting SettingsError('a setting')"),
        (UnknownKey, " UnknownKey()"),
        (lambda: logging.getLogger("flask_tokenauth").info("a %s", "word"), "a word"),
    ],
)
def test_what_is_said_is_heard(say: object, heard: str) -> None:
    with listening() as all_heard:
        assert callable(say)
        say()

    assert heard in all_heard
