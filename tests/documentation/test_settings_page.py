"""docs/settings.rst has every setting, with the limits, the default and the spelling that the code has."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.application.settings import FIELDS, Settings
from flask_tokenauth.core.errors import SettingsError

from ..conftest import CONFIG
from ..encryption_kit import KEY
from .reading import read_page

PAGE = read_page("settings")
ENTRY = re.compile(r"^\.\. confval:: (\w+)\n   :type: (.*)\n   :default: (.*)\n\n((?:   .*\n|\n)+)", re.MULTILINE)
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Entry:
    """One setting as the page has it."""

    key: str
    type: str
    default: str
    meaning: str


ENTRIES = {key: Entry(key, *rest) for key, *rest in ENTRY.findall(PAGE)}
OURS = [f"TOKENAUTH_{field.name.upper()}" for field in FIELDS]
DEFAULTS = {f"TOKENAUTH_{field.name.upper()}": field.default for field in FIELDS}


def read_duration(text: str) -> timedelta:
    """Return a duration as the page writes it: ``15 minutes``."""
    number, unit = text.split(" ")
    return timedelta(seconds=float(number) * UNITS[unit.removesuffix("s")])


def settings_with(key: str, value: object) -> Settings:
    """Return the settings with this value, and with others that leave room for it."""
    room = {"TOKENAUTH_STORE": "memory://", "TOKENAUTH_ACCESS_LIFETIME": 1, "TOKENAUTH_MAX_LIFETIME": 366 * 86400}
    room |= {"TOKENAUTH_AUDIENCE": ["https://api.example.com", "reporting"]}  # one of them is the resource
    room |= {"TOKENAUTH_REVOCATION_INTERVAL": 0.1, "TOKENAUTH_REVOCATION_MAX_STALENESS": 3600}
    room |= {"TOKENAUTH_ENCRYPTION_KEYS": [KEY.to_jwk(private=True)]}
    room |= {"TOKENAUTH_API_KEYS": True, "TOKENAUTH_COOKIES": "all"}
    return Settings.from_config(CONFIG | room | {key: value}, app_name="reporting")


def test_the_page_has_every_setting_and_no_other() -> None:
    assert sorted(ENTRIES) == sorted(["SECRET_KEY", "SECRET_KEY_FALLBACKS", *OURS])
    assert PAGE.count(".. confval::") == len(ENTRIES)


LIMITED = [
    (key, *found.groups()) for key, each in ENTRIES.items() if (found := re.match(r"duration, (.*) to (.*)", each.type))
]
SIZES = [
    (key, *map(int, found.groups()))
    for key, each in ENTRIES.items()
    if (found := re.match(r"number of \w+, (\d+) to (\d+)", each.type))
]


def test_the_page_has_the_limits_of_every_duration_and_number() -> None:
    numbers = {key for key in OURS if type(DEFAULTS[key]) in (timedelta, int)}

    assert {key for key, *_ in [*LIMITED, *SIZES]} == numbers


@pytest.mark.parametrize(("key", "least", "most"), LIMITED)
def test_durations_are_allowed_up_to_the_limits_that_the_page_has(key: str, least: str, most: str) -> None:
    for allowed in map(read_duration, (least, most)):
        settings_with(key, allowed)
    for refused in (read_duration(least) - timedelta(milliseconds=1), read_duration(most) + timedelta(milliseconds=1)):
        with pytest.raises(SettingsError, match=f"{key} must be"):
            settings_with(key, refused)


@pytest.mark.parametrize(("key", "least", "most"), SIZES)
def test_numbers_are_allowed_up_to_the_limits_that_the_page_has(key: str, least: int, most: int) -> None:
    for allowed in (least, most):
        settings_with(key, allowed)
    for refused in (least - 1, most + 1):
        with pytest.raises(SettingsError, match=f"{key} must be"):
            settings_with(key, refused)


@pytest.mark.parametrize("key", OURS)
def test_the_page_has_the_default(key: str) -> None:
    shown, default = ENTRIES[key].default, DEFAULTS[key]
    plain: dict[Any, str] = {None: "none", "feed": '``"feed"``', "jwt": '``"jwt"``', False: "False"}
    plain |= {word: f'``"{word}"``' for word in ("off", "Lax", "tokenauth")}
    plain |= {frozenset(): "``[]``", (): "``{}``", ("ta_",): "``ta_``"}
    if isinstance(default, timedelta):
        assert read_duration(shown) == default
    elif type(default) is int:
        assert int(shown) == default
    elif key == "TOKENAUTH_SCOPES":
        assert (default, shown) == (None, "any scope is allowed")
    elif key == "TOKENAUTH_ENFORCE_HTTPS":
        assert shown == f'``"{default}"``, in debug mode ``"off"``'
        assert settings_with("DEBUG", value=True).enforce_https == "off"
    elif key in ("TOKENAUTH_KEYS", "TOKENAUTH_ISSUER", "TOKENAUTH_AUDIENCE", "TOKENAUTH_REALM"):
        assert shown in ("one HS256 key, derived from ``SECRET_KEY``", "the name of the application", "the issuer")
    elif key == "TOKENAUTH_TRUSTED_ISSUERS":
        assert (default, shown) == ((), "``[]``")  # no dict, as for other settings of that type
    else:
        assert shown == plain[default]


def test_defaults_that_are_made_of_other_settings_are_as_shown() -> None:
    settings = Settings.from_config({"SECRET_KEY": CONFIG["SECRET_KEY"]}, app_name="reporting")

    [key] = settings.keys
    assert key.algorithm == "HS256"
    assert (settings.issuer, settings.audience, settings.realm) == ("reporting", frozenset({"reporting"}), "reporting")


@pytest.mark.parametrize("key", OURS)
def test_the_spelling_for_the_environment_is_read(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spelled = " ".join(ENTRIES[key].meaning.split())
    found = re.search(rf"In the environment: ``FLASK_{key}=([^`]*)``\.", spelled)
    assert found is not None
    assert found[1] == next(field for field in FIELDS if key == f"TOKENAUTH_{field.name.upper()}").metadata["example"]
    app = Flask("reporting")
    monkeypatch.setenv(f"FLASK_{key}", found[1].strip("'"))
    app.config.from_prefixed_env()

    if key in ("TOKENAUTH_KEYS", "TOKENAUTH_ENCRYPTION_KEYS"):
        with pytest.raises(SettingsError, match=rf"{key}: .*No such file"):
            settings_with(key, app.config[key])
    elif key == "TOKENAUTH_KEYS_PASSPHRASE":
        with pytest.raises(SettingsError, match="TOKENAUTH_KEYS_PASSPHRASE needs TOKENAUTH_KEYS, which is not set"):
            settings_with(key, app.config[key])
    elif key == "TOKENAUTH_EXCHANGE":
        with pytest.raises(SettingsError, match=r"TOKENAUTH_EXCHANGE: .*needs TOKENAUTH_KEYS with a private key"):
            settings_with(key, app.config[key])
    else:
        settings_with(key, app.config[key])
