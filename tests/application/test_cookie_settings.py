"""The settings of cookies."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.errors import SettingsError

from ..conftest import ISSUER, SECRET
from .settings_kit import read

STORED = {"TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_STORE": "memory://"}
ON = {**STORED, "TOKENAUTH_COOKIES": "all"}


def test_cookies_are_off_by_default() -> None:
    settings = read()

    assert (settings.cookies, settings.cookie_samesite, settings.trusted_origins) == ("off", "Lax", frozenset())


@pytest.mark.parametrize("mode", ["off", "refresh", "all"])
def test_cookies_have_three_modes(mode: str) -> None:
    assert read(**STORED, TOKENAUTH_COOKIES=mode).cookies == mode


@pytest.mark.parametrize("value", ["", "access", "ALL", True, 1, ["all"]])
def test_another_mode_is_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match='TOKENAUTH_COOKIES must be "off", "refresh" or "all", got'):
        read(**STORED, TOKENAUTH_COOKIES=value)


@pytest.mark.parametrize("value", ["None", "lax", "", True])
def test_a_cookie_is_never_sent_from_everywhere(value: Any) -> None:
    with pytest.raises(SettingsError, match='TOKENAUTH_COOKIE_SAMESITE must be "Lax" or "Strict", got'):
        read(**ON, TOKENAUTH_COOKIE_SAMESITE=value)


@pytest.mark.parametrize("mode", ["refresh", "all"])
def test_cookies_need_a_store(mode: str) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_COOKIES needs TOKENAUTH_STORE, which is not set: set it to"):
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_COOKIES=mode)

    assert read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_COOKIES="off").cookies == "off"


def test_cookies_need_revocation() -> None:
    with pytest.raises(SettingsError, match='TOKENAUTH_COOKIES needs TOKENAUTH_REVOCATION "feed" or "strict"'):
        read(**ON, TOKENAUTH_REVOCATION="off")

    assert [read(**ON, TOKENAUTH_REVOCATION=mode).cookies for mode in ("feed", "strict")] == ["all", "all"]


@pytest.mark.parametrize(("name", "value"), [("COOKIE_SAMESITE", "Lax"), ("TRUSTED_ORIGINS", ["https://a.example"])])
@pytest.mark.parametrize("off", [{}, {"TOKENAUTH_COOKIES": "off"}, {"TOKENAUTH_COOKIES": None}], ids=str)
def test_the_others_need_cookies(name: str, value: Any, off: dict[str, Any]) -> None:
    message = f'TOKENAUTH_{name} needs TOKENAUTH_COOKIES "refresh" or "all", got "off": set it, or remove'

    with pytest.raises(SettingsError, match=message):
        read(**STORED, **off, **{f"TOKENAUTH_{name}": value})


GOOD_ORIGINS = [
    "https://a.example",
    "https://a.example:8443",
    "http://localhost:3000",
    "http://127.0.0.1",
    "http://[::1]",
]


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_an_origin_is_a_scheme_a_host_and_perhaps_a_port(origin: str) -> None:
    assert read(**ON, TOKENAUTH_TRUSTED_ORIGINS=[origin]).trusted_origins == {origin}
    assert read(**ON, TOKENAUTH_TRUSTED_ORIGINS=origin).trusted_origins == {origin}


def test_no_origin_need_be_trusted() -> None:
    assert read(**ON, TOKENAUTH_TRUSTED_ORIGINS=[]).trusted_origins == frozenset()


WRONG_ORIGINS = [
    "null",
    "*",
    "https://*.example.com",
    "https://*",
    "a.example",
    "//a.example",
    "https://a.example/path",
    "https://a.example?x",
    "https://a.example#x",
    "https://user@a.example",
    "http://a.example",
    "ftp://a.example",
    "https://",
    "https://a.example:99999",
    "https://bücher.example",
    "https://a.example, https://b.example",
    "",
    5,
    None,
]


@pytest.mark.parametrize("origin", WRONG_ORIGINS, ids=ascii)
def test_another_origin_is_refused(origin: Any) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_TRUSTED_ORIGINS must be a list of origins such as"):
        read(**ON, TOKENAUTH_TRUSTED_ORIGINS=["https://good.example", origin])


def test_the_environment_has_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SECRET_KEY": f'"{SECRET}"',
        "TOKENAUTH_ISSUER": ISSUER,
        "TOKENAUTH_STORE": "memory://",
        "TOKENAUTH_COOKIES": "all",
        "TOKENAUTH_COOKIE_SAMESITE": "Strict",
        "TOKENAUTH_TRUSTED_ORIGINS": '["https://app.example.com"]',
    }.items():
        monkeypatch.setenv(f"FLASK_{name}", value)
    app = Flask("tests")
    app.config.from_prefixed_env()

    TokenAuth(app)

    settings = state_of(app).settings
    assert (settings.cookies, settings.cookie_samesite) == ("all", "Strict")
    assert settings.trusted_origins == {"https://app.example.com"}
