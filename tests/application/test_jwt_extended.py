"""The settings of Flask-JWT-Extended: a habit that an error message and the doctor answer."""

import re
from typing import Any

import pytest
from flask import Flask
from flask_jwt_extended import JWTManager

from flask_tokenauth.application.jwt_extended import find_counterpart
from flask_tokenauth.application.settings import FIELDS
from flask_tokenauth.core.errors import SettingsError

from ..conftest import SECRET
from ..documentation.reading import read_page
from .settings_kit import read


def list_theirs() -> list[str]:
    """Return the names of all settings that Flask-JWT-Extended gives a default, without the prefix."""
    app = Flask("tests")
    before = set(app.config)
    JWTManager(app)
    return sorted(key.removeprefix("JWT_") for key in app.config.keys() - before)


OURS = {f"TOKENAUTH_{field.name.upper()}" for field in FIELDS} | {"SECRET_KEY"}


@pytest.mark.parametrize("name", list_theirs())
def test_each_setting_of_flask_jwt_extended_is_known(name: str) -> None:
    assert find_counterpart(name) in OURS | {""}


def test_a_name_that_flask_jwt_extended_does_not_have_is_not_known() -> None:
    assert find_counterpart("TOKEN_PLACE") is None


def list_rows() -> list[tuple[str, str]]:
    """Return the names of settings in the table of the page, and what the page has in their place."""
    section = read_page("coming_from_flask_jwt_extended").partition("\nSettings\n")[2].partition("\nFeatures ")[0]
    rows = re.findall(r"^(``JWT_.*?)  +(.*)$", section, re.MULTILINE)
    return [(name, place) for names, place in rows for name in re.findall(r"``JWT_(\w+)``", names)]


@pytest.mark.parametrize(("name", "place"), list_rows())
def test_the_page_has_the_same_counterpart(name: str, place: str) -> None:
    counterpart = find_counterpart(name)

    assert place.startswith(f"``{counterpart}``" if counterpart else ("none", "an error handler"))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("ACCESS_TOKEN_EXPIRES", "here it is TOKENAUTH_ACCESS_LIFETIME"),
        ("SECRET_KEY", "here it is SECRET_KEY"),
        ("DECODE_ISSUER", "here it is TOKENAUTH_ISSUER"),
        ("TOKEN_LOCATION", "here it is TOKENAUTH_COOKIES"),
        ("COOKIE_SECURE", "here it has no counterpart, so remove it"),
        ("BLACKLIST_ENABLED", "here it has no counterpart, so remove it"),
    ],
)
def test_a_setting_of_flask_jwt_extended_with_our_prefix_is_answered_with_its_counterpart(
    name: str, advice: str
) -> None:
    config: dict[str, Any] = {f"TOKENAUTH_{name}": SECRET}

    with pytest.raises(SettingsError) as caught:
        read(**config)

    assert str(caught.value) == (
        f"unknown setting TOKENAUTH_{name}: JWT_{name} is a setting of Flask-JWT-Extended, {advice} "
        '(see "Coming from Flask-JWT-Extended" in the documentation)'
    )
