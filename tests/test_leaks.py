"""Tests of the search for leaks, which conftest.py runs over the whole test run."""

import logging

import pytest
from blinker import Signal

from flask_tokenauth import SettingsError, StoreUnavailable
from flask_tokenauth.core.encoding.digests import digest_of, id_of
from flask_tokenauth.core.endpoint_errors import RefreshTokenReused, ScopeNotGranted
from flask_tokenauth.core.opaque.checksummed_text import hint_of, make_text
from flask_tokenauth.core.signature_errors import UnknownKey

from .conftest import SECRET, Mint
from .leaks import SIGNALS, find_leak, record_output

REFRESH_TOKEN = "rt1_" + "A" * 70
CLIENT_SECRET = "cs1_" + "A" * 43
API_KEY = make_text("ta_")
REFERENCE_TOKEN = make_text("tr_")


def test_find_leak_finds_tokens_and_secrets(mint: Mint) -> None:
    assert find_leak(f"so {mint()}!") == mint()
    assert find_leak(f"so {SECRET}!") is not None
    assert find_leak(str(mint.key.to_jwk(private=True))) is not None
    assert find_leak("-----BEGIN PRIVATE KEY-----") is not None
    assert find_leak(f"so {REFRESH_TOKEN}!") == REFRESH_TOKEN
    assert find_leak(f"so {CLIENT_SECRET}!") == CLIENT_SECRET
    assert find_leak(f"so {API_KEY}!") == API_KEY
    assert find_leak(f"so {REFERENCE_TOKEN}!") == REFERENCE_TOKEN


def test_find_leak_finds_nothing_in_other_strings(mint: Mint) -> None:
    assert find_leak(f"refused: token_expired, kid {mint.key.kid}") is None
    assert find_leak("session HVwLP2BpPAE0VqN7DY8JmQ, rt1_ and cs1_ and no more") is None
    assert find_leak(f"API key {hint_of(API_KEY, 'ta_')}, {id_of(digest_of(API_KEY))}, ta_, tr_ and no more") is None
    assert find_leak("data_AAAAAAAAAAAAAAAAAAAAAAAAA") is None
    assert find_leak(str({"kid": mint.key.kid, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})) is None


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda: SettingsError("a setting"), "a setting SettingsError('a setting')"),
        (UnknownKey, f"{UnknownKey.message} UnknownKey()"),
        (ScopeNotGranted, f"{ScopeNotGranted.message} ScopeNotGranted()"),
        (
            lambda: RefreshTokenReused("s1", "alice"),
            f"{RefreshTokenReused('s1', 'alice')} RefreshTokenReused('s1', 'alice')",
        ),
        (lambda: StoreUnavailable("away"), "away StoreUnavailable('away')"),
        (lambda: logging.getLogger("flask_tokenauth").info("a %s", "word"), "a word"),
    ],
)
def test_errors_and_log_messages_are_recorded(act: object, expected: str) -> None:
    with record_output() as outputs:
        assert callable(act)
        act()

    assert expected in outputs


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_signals_are_recorded(signal: Signal) -> None:
    with record_output() as outputs:
        signal.send(None, said="a word")

    assert outputs == ["{'said': 'a word'}"]
