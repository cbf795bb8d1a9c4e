"""The search for leaks finds them; it runs over the whole test run, in conftest.py."""

import logging

import pytest
from blinker import Signal

from flask_tokenauth import SettingsError, StoreUnavailable
from flask_tokenauth.core.endpoint_errors import RefreshTokenReused, ScopeNotGranted
from flask_tokenauth.core.errors import UnknownKey

from .conftest import SECRET, Mint
from .leaks import SIGNALS, find_leak, listening

REFRESH_TOKEN = "rt1_" + "A" * 70


def test_tokens_and_secrets_are_found(mint: Mint) -> None:
    assert find_leak(f"so {mint()}!") == mint()
    assert find_leak(f"so {SECRET}!") is not None
    assert find_leak(str(mint.key.to_jwk(private=True))) is not None
    assert find_leak("-----BEGIN PRIVATE KEY-----") is not None
    assert find_leak(f"so {REFRESH_TOKEN}!") == REFRESH_TOKEN


def test_what_is_no_secret_is_not_found(mint: Mint) -> None:
    assert find_leak(f"refused: token_expired, kid {mint.key.kid}") is None
    assert find_leak("session HVwLP2BpPAE0VqN7DY8JmQ, rt1_ and no more") is None
    assert find_leak(str({"kid": mint.key.kid, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})) is None


@pytest.mark.parametrize(
    ("say", "heard"),
    [
        (lambda: SettingsError("a setting"), "a setting SettingsError('a setting')"),
        (UnknownKey, " UnknownKey()"),
        (ScopeNotGranted, " ScopeNotGranted()"),
        (lambda: RefreshTokenReused("s1", "alice"), "session s1 has ended RefreshTokenReused('session s1 has ended')"),
        (lambda: StoreUnavailable("away"), "away StoreUnavailable('away')"),
        (lambda: logging.getLogger("flask_tokenauth").info("a %s", "word"), "a word"),
    ],
)
def test_what_is_said_is_heard(say: object, heard: str) -> None:
    with listening() as all_heard:
        assert callable(say)
        say()

    assert heard in all_heard


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_what_is_signalled_is_heard(signal: Signal) -> None:
    with listening() as all_heard:
        signal.send(None, said="a word")

    assert all_heard == ["{'said': 'a word'}"]
