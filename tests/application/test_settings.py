"""Settings are read from ``app.config`` and checked: their names, their types and their limits."""

import dataclasses
import traceback
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.application.setting_types import parse_duration, read_duration
from flask_tokenauth.application.settings import Settings
from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.keys.key import Key

from ..conftest import ISSUER, SECRET
from .settings_kit import read

FIVE = timedelta(minutes=5)
TEN_YEARS = timedelta(days=3660)


def test_a_secret_is_all_that_is_needed() -> None:
    settings = read()

    assert settings.issuer == "reporting"
    assert settings.audience == {"reporting"}
    assert settings.realm == "reporting"
    assert settings.has_default_issuer
    assert settings.access_lifetime == timedelta(minutes=15)
    assert settings.max_lifetime == timedelta(hours=24)
    assert settings.leeway == timedelta(seconds=10)
    assert settings.max_token_bytes == 8000
    assert (settings.store, settings.refresh_keys) == (None, None)
    assert settings.refresh_idle_lifetime == timedelta(days=30)
    assert settings.session_lifetime == timedelta(days=90)
    assert settings.refresh_retry_window == timedelta(seconds=10)
    assert [key.kid for key in settings.keys] == [Key.derive(SECRET.encode(), purpose="access", issuer="reporting").kid]


def test_no_setting_switches_the_audience_off() -> None:
    assert read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_AUDIENCE=None).audience == frozenset({ISSUER})
    for nothing in ("", [], [""]):
        with pytest.raises(SettingsError, match="TOKENAUTH_AUDIENCE must be"):
            read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_AUDIENCE=nothing)


def test_audience_and_realm_are_the_issuer_unless_named() -> None:
    settings = read(TOKENAUTH_ISSUER=ISSUER)

    assert (settings.audience, settings.realm, settings.has_default_issuer) == (frozenset({ISSUER}), ISSUER, False)


def test_everything_can_be_set() -> None:
    settings = read(
        TOKENAUTH_ISSUER=ISSUER,
        TOKENAUTH_AUDIENCE=["a", "b"],
        TOKENAUTH_ACCESS_LIFETIME=timedelta(minutes=5),
        TOKENAUTH_MAX_LIFETIME=3600,
        TOKENAUTH_LEEWAY=0.5,
        TOKENAUTH_MAX_TOKEN_BYTES=4000,
        TOKENAUTH_REALM='the "api"',
    )

    assert settings.audience == {"a", "b"}
    assert settings.access_lifetime == timedelta(minutes=5)
    assert settings.max_lifetime == timedelta(hours=1)
    assert settings.leeway == timedelta(seconds=0.5)
    assert settings.max_token_bytes == 4000
    assert settings.realm == 'the "api"'


def test_none_means_not_set() -> None:
    settings = read(TOKENAUTH_ISSUER=None, TOKENAUTH_LEEWAY=None, TOKENAUTH_KEYS=None)

    assert (settings.issuer, settings.leeway) == ("reporting", timedelta(seconds=10))


def test_settings_of_other_extensions_are_ignored() -> None:
    read(TOKEN_AUTH="x", DEBUG=True, tokenauth_issuer="x")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("TOKENAUTH_ISSUR", "TOKENAUTH_ISSUER"),
        ("TOKENAUTH_PUBLIC_ENDPOINT", "TOKENAUTH_PUBLIC_ENDPOINTS"),
        ("TOKENAUTH_ACCESS_LIFE_TIME", "TOKENAUTH_ACCESS_LIFETIME"),
        ("TOKENAUTH_STORE_URL", "TOKENAUTH_STORE"),
        ("TOKENAUTH_REVOCATION_MODE", "TOKENAUTH_REVOCATION"),
    ],
)
def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(key: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=f"unknown setting {key}: did you mean {meant}\\?$"):
        read(**{key: "x"})


def test_a_setting_of_another_extension_is_not_taken_for_one_with_a_similar_name() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting TOKENAUTH_QUERY_STRING_NAME: .*has no counterpart"):
        read(TOKENAUTH_QUERY_STRING_NAME="jwt")


def test_a_key_like_none_of_ours_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r"unknown setting TOKENAUTH_ZZZZZZZZZZZZ: there is no setting like that, remove it$"
    ):
        read(TOKENAUTH_ZZZZZZZZZZZZ=1)


WRONG: dict[str, list[Any]] = {
    "ISSUER": ["", " ", " a", "a ", "a" * 256, 1, True, [], "a\n", b"a", "a\x00"],
    "AUDIENCE": ["", [], {}, 1, True, [""], ["a", None], [1], "a\n", b"a"],
    "REALM": ["", 1, "é" * 256, "a\r\nb", "a\x00", "\u20ac", "\x7f", b"a"],
    "ACCESS_LIFETIME": ["15x", "366d1s", 0, -1, 0.5, True, [], float("nan"), float("inf"), 1e300, 366 * 86400 + 1],
    "MAX_LIFETIME": ["1H", "-1h", 0, -1, False, float("nan"), timedelta(days=367), timedelta(0)],
    "LEEWAY": ["5m1s", "-PT1S", -1, 301, 300.5, True, timedelta(days=1), float("nan")],
    "ENFORCE_HTTPS": ["", "on", True, 1],
    "DEFAULT_GUARD": ["", "login", True, ["login_required"]],
    "PUBLIC_ENDPOINTS": ["*", [".*"], [""], ["a*"], ["a.*.b"], [1], {"a": 1}],
    "SCOPES": ["reports:read", ["reports:read"], 1],
    "MAX_TOKEN_BYTES": ["8000", 1023, 1024 * 1024 + 1, 8000.0, True, timedelta(1)],
    "REFRESH_IDLE_LIFETIME": ["1w", "P1Y", 0, -1, 0.9, True, [], float("nan"), TEN_YEARS + timedelta(seconds=1)],
    "SESSION_LIFETIME": ["0s", "inf", 0, -1, 0.9, False, {}, float("inf"), 1e300, TEN_YEARS + timedelta(seconds=1)],
    "REFRESH_RETRY_WINDOW": ["301s", "true", -1, -0.1, 300.5, 301, True, [], float("nan"), timedelta(days=1)],
}
RIGHT: dict[str, list[Any]] = {
    "ACCESS_LIFETIME": [1, "1", "1s", "24h", 86400, timedelta(seconds=1)],
    "MAX_LIFETIME": [900, "15m", "P366D", 366 * 86400],
    "LEEWAY": [0, "0", "0s", "PT0S", "5m", 300, timedelta(0)],
    "MAX_TOKEN_BYTES": [1024, 1024 * 1024],
    "REFRESH_IDLE_LIFETIME": [1, 1.5, timedelta(seconds=1), TEN_YEARS, TEN_YEARS.total_seconds() - 1],
    "SESSION_LIFETIME": [1, 1.5, timedelta(seconds=1), TEN_YEARS, TEN_YEARS.total_seconds() - 1],
    "REFRESH_RETRY_WINDOW": [0, 0.5, 300, timedelta(0), timedelta(minutes=5)],
    "REALM": ["é" * 255, 'a"b\\'],
    "ISSUER": ["a", "a" * 255],
    "AUDIENCE": ["a", ["a"], ("a", "b"), {"a"}, frozenset({"a"})],
    "DEFAULT_GUARD": ["login_required"],
    "ENFORCE_HTTPS": ["off", "warn", "refuse"],
    "PUBLIC_ENDPOINTS": [[], "login", ["login", "docs.*"], ("a.b.*",)],
    "SCOPES": [{}, {"a": "Do a"}, {"a": {"description": "Do a", "implies": ["b"]}, "b": ""}, {"x:{a}": {}}],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in WRONG for value in WRONG[key]])
def test_a_wrong_value_is_refused_with_the_key_and_how_to_spell_it(key: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"^TOKENAUTH_{key} must be .*FLASK_TOKENAUTH_{key}="):
        read(**{f"TOKENAUTH_{key}": value})


@pytest.mark.parametrize(("key", "value"), [("KEYS", "/nowhere"), ("SCOPES", {"a": 1})])
def test_every_refusal_tells_how_to_spell_it_in_the_environment(key: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"FLASK_TOKENAUTH_{key}="):
        read(TOKENAUTH_ISSUER=ISSUER, **{f"TOKENAUTH_{key}": value})


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in RIGHT for value in RIGHT[key]])
def test_values_at_the_limits_are_taken(key: str, value: object) -> None:
    read(**{f"TOKENAUTH_{key}": value})


def test_no_token_may_live_longer_than_any_may() -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_ACCESS_LIFETIME must not be longer than TOKENAUTH_MAX_LIFETIME"):
        read(TOKENAUTH_ACCESS_LIFETIME=901, TOKENAUTH_MAX_LIFETIME=900)


def test_a_name_outside_latin_1_is_no_realm_but_the_app_starts() -> None:
    assert read(TOKENAUTH_ISSUER="\u20acuro").realm == "?uro"


@pytest.mark.parametrize("name", ["", "a\nb", "a" * 256])
def test_a_name_that_is_no_issuer_wants_one(name: str) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_ISSUER must be"):
        Settings.from_config({"SECRET_KEY": SECRET}, app_name=name)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().issuer = "x"  # type: ignore[misc]  # the attempt under test


@pytest.mark.parametrize(("value", "seconds"), [(timedelta(minutes=1), 60), (60, 60), (0.5, 0.5), (-1, -1)])
def test_a_duration_is_a_timedelta_or_seconds(value: object, seconds: float) -> None:
    assert read_duration(value) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("string", "meant"),
    [
        ("900", timedelta(seconds=900)),
        ("0.5", timedelta(seconds=0.5)),
        ("10s", timedelta(seconds=10)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("30d", timedelta(days=30)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1d1h1m1s", timedelta(days=1, hours=1, minutes=1, seconds=1)),
        ("PT15M", timedelta(minutes=15)),
        ("PT0.5S", timedelta(seconds=0.5)),
        ("P30D", timedelta(days=30)),
        ("P1DT12H", timedelta(days=1, hours=12)),
    ],
)
def test_a_duration_may_be_a_string_as_in_the_environment(string: str, meant: timedelta) -> None:
    assert parse_duration(string) == meant


@pytest.mark.parametrize("string", ["300", '"300"', "5m", "PT5M"])
def test_the_environment_takes_every_form(monkeypatch: pytest.MonkeyPatch, string: str) -> None:
    monkeypatch.setenv("FLASK_TOKENAUTH_ACCESS_LIFETIME", string)
    app = Flask("tests")
    app.config.from_prefixed_env()

    assert read(**app.config.get_namespace("TOKENAUTH_", lowercase=False, trim_namespace=False)).access_lifetime == FIVE


def test_a_wrong_duration_is_answered_with_the_limits_what_came_and_an_example() -> None:
    with pytest.raises(SettingsError) as caught:
        read(TOKENAUTH_ACCESS_LIFETIME="15x")

    assert str(caught.value) == (
        "TOKENAUTH_ACCESS_LIFETIME must be 1 second to 366 days, as a timedelta, in seconds or like 15m or PT15M, "
        "got '15x' (in the environment: FLASK_TOKENAUTH_ACCESS_LIFETIME=15m)"
    )


NO_DURATIONS = ["", "m", "15x", "15M", "1.5h", "15 m", " 15m", "1m1h", "1h1h", "٣m", "P1W", "P1M", "P", "nan", "true"]


@pytest.mark.parametrize("string", [*NO_DURATIONS, "9" * 30 + "d", "9" * 400])
def test_no_other_string_is_a_duration(string: str) -> None:
    with pytest.raises(ValueError, match="a duration must be like 900, 15m or PT15M"):
        parse_duration(string)


@pytest.mark.parametrize("value", ["60", None, True, [60]])
def test_nothing_else_is_a_duration(value: object) -> None:
    with pytest.raises(
        TypeError, match=r"a number of seconds or a timedelta, got \w+: pass 900 or timedelta\(minutes="
    ):
        read_duration(value)


@pytest.mark.parametrize("value", [1e300, float("inf"), float("nan"), -1e300])
def test_a_duration_has_a_length(value: float) -> None:
    with pytest.raises(ValueError, match=r"a duration must be shorter|NaN"):
        read_duration(value)


@pytest.mark.parametrize(
    ("scopes", "mistake"),
    [
        ({"a": 1}, "scope 'a' must have a description, or a dict with description and implies"),
        (
            {"a": {"implys": [], "descripton": ""}},
            "scope 'a' must have a description, or a dict with description and implies, got a dict with descripton, "
            "implys: correct the name",
        ),
        ({"a": {"implies": "b"}}, "scope 'a': description must be a string, and implies a list of scopes"),
        ({"a": {"description": 1}}, "scope 'a': description must be a string, and implies a list of scopes"),
        ({"a": {"implies": ["b"]}}, "a implies b, which must be declared too: declare it, or correct its name"),
        (
            {"admin": {"implies": ["reports:reed"]}, "reports:read": ""},
            "admin implies reports:reed, which must be declared too: declare it, or did you mean reports:read?",
        ),
        ({"a": {"implies": [1]}}, "scopes must be strings, got int"),
        ({"x{a}": ""}, "a placeholder must be a whole segment"),
        ({"a b": ""}, "a scope must be printable ASCII without space, quote and backslash, got 'a b'"),
        ({1: ""}, "scopes must be strings, got int"),
        ({"x{a}": {"implies": ["x{a}"]}}, "a placeholder must be a whole segment"),
    ],
)
def test_declared_scopes_that_make_no_sense_are_refused_with_what_is_wrong(scopes: object, mistake: str) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_SCOPES: ") as caught:
        read(TOKENAUTH_SCOPES=scopes)

    assert mistake in str(caught.value)


def test_declared_scopes_say_what_they_mean_and_what_is_enough() -> None:
    scopes = read(TOKENAUTH_SCOPES={"read": "Read", "admin": {"description": "All", "implies": ["read"]}}).scopes

    assert scopes is not None
    ours = {"tokenauth:introspect": "Introspect tokens", "tokenauth:exchange": "Exchange tokens"}
    assert scopes.descriptions == {**ours, "read": "Read", "admin": "All"}
    assert scopes.granted_by == {**{name: (name,) for name in ours}, "read": ("read", "admin"), "admin": ("admin",)}


def test_scopes_of_our_own_may_be_described_and_implied() -> None:
    ours = "tokenauth:introspect"
    scopes = read(TOKENAUTH_SCOPES={ours: "Look", "admin": {"implies": [ours]}}).scopes

    assert scopes is not None
    assert scopes.descriptions == {ours: "Look", "tokenauth:exchange": "Exchange tokens", "admin": ""}
    assert scopes.granted_by[ours] == (ours, "admin")


@pytest.mark.parametrize(("debug", "enforced"), [(True, "off"), (False, "warn")])
def test_plain_http_is_warned_of_outside_debug(debug: bool, enforced: str) -> None:  # noqa: FBT001
    assert read(DEBUG=debug).enforce_https == enforced


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("15x", "got '15x' "),
        (SECRET, f"got a str of {len(SECRET)} characters "),
        ([SECRET], "got list "),
        (-1, "got -1 "),
    ],
)
def test_a_wrong_value_is_shown_if_it_is_too_short_for_a_secret(value: object, shown: str) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_ACCESS_LIFETIME must be ") as caught:
        read(TOKENAUTH_ACCESS_LIFETIME=value)

    assert shown in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [SECRET, "postgresql://app:hunter2@db/app"])
def test_a_traceback_does_not_show_a_secret_in_the_wrong_setting(value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(TOKENAUTH_LEEWAY=value)

    shown = "".join(traceback.format_exception(caught.value))
    assert value not in shown
    assert "hunter2" not in shown


class Broken:
    """A value that cannot be shown."""

    __repr__ = None  # type: ignore[assignment]  # so that repr() raises


@pytest.mark.parametrize(("value", "shown"), [(10**5000, "got int "), (Broken(), "got Broken ")], ids=["int", "object"])
def test_a_value_that_cannot_be_shown_is_described_by_its_type(value: object, shown: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(TOKENAUTH_LEEWAY=value)

    assert shown in str(caught.value)
