"""``TOKENAUTH_EXCHANGE``: callers and their audiences."""

import pytest

from flask_tokenauth.application.exchange_callers import ExchangeCaller
from flask_tokenauth.application.settings import Settings
from flask_tokenauth.core.errors import SettingsError

from ..conftest import CONFIG
from ..lifecycle.exchange.kit import KEYS


def read(value: object) -> tuple[ExchangeCaller, ...]:
    config = CONFIG | {"TOKENAUTH_KEYS": KEYS, "TOKENAUTH_STORE": "memory://", "TOKENAUTH_EXCHANGE": value}
    return Settings.from_config(config, app_name="tests").exchange


def test_each_caller_has_one_audience_or_several() -> None:
    callers = read({"billing": ["https://a.example", "b"], "shop": "c"})

    assert {caller.name: sorted(caller.audience) for caller in callers} == {
        "billing": ["b", "https://a.example"],
        "shop": ["c"],
    }


@pytest.mark.parametrize("value", [None, {}])
def test_there_may_be_none(value: object) -> None:
    assert read(value) == ()


def test_names_may_have_up_to_255_characters() -> None:
    assert [caller.name for caller in read({"a" * 255: "b" * 255})] == ["a" * 255]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("billing", "must be a dict from callers to the audiences that they may have, got 'billing'"),
        ([("billing", "a")], "must be a dict from callers to the audiences that they may have, got list"),
        ({"": "a"}, ": caller 1 must be sub of a token or a client ID, 1 to 255 printable characters, got str"),
        ({"a": "b", 5: "a"}, ": caller 2 must be sub of a token or a client ID, .*, got int"),
        ({"a" * 256: "a"}, ": caller 1 must be"),
        ({"a\n": "a"}, ": caller 1 must be"),
        ({" a": "a"}, ": caller 1 must be"),
        ({"a": []}, ": the audience of caller 1 must be a string of 1 to 255 .*, or a list of them, got list"),
        ({"a": None}, ": the audience of caller 1 must be .*, got NoneType"),
        ({"a": "b", "c": ["b", 5]}, ": the audience of caller 2 must be"),
        ({"a": ["b", ""]}, ": the audience of caller 1 must be"),
        ({"a": "b" * 256}, ": the audience of caller 1 must be"),
        ({"a": {"b": "c"}}, ": the audience of caller 1 must be .*, got dict"),
    ],
)
def test_another_form_stops_the_application(value: object, message: str) -> None:
    with pytest.raises(SettingsError, match=rf"^TOKENAUTH_EXCHANGE ?{message}.*FLASK_TOKENAUTH_EXCHANGE="):
        read(value)
