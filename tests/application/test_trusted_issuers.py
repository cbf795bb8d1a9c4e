"""The setting TOKENAUTH_TRUSTED_ISSUERS."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth, TrustedIssuer, create_token
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.application.settings import Settings

from ..conftest import AUDIENCE, CONFIG, ISSUER, MakeApp
from ..core.trusted_issuers.rules_kit import KEY, THEIRS, issuer_with

ENTRY: dict[str, Any] = {
    "issuer": THEIRS, "audience": AUDIENCE, "users": "shared", "keys": {"keys": [KEY.public().to_jwk()]},
}  # fmt: skip


def read(*issuers: Any, **config: Any) -> tuple[TrustedIssuer, ...]:
    settings = Settings.from_config(CONFIG | {"TOKENAUTH_TRUSTED_ISSUERS": issuers} | config, app_name="tests")
    return settings.trusted_issuers


def test_objects_and_mappings_are_taken() -> None:
    other = issuer_with(issuer="https://other.example")

    first, second = read(ENTRY, other)

    assert (first.issuer, first.audience, first.users) == ((THEIRS,), {AUDIENCE}, "shared")
    assert second is other


def test_json_of_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_TOKENAUTH_TRUSTED_ISSUERS", json.dumps([ENTRY | {"max_lifetime": "15m", "leeway": 5}]))
    app = Flask("tests")
    app.config |= CONFIG
    app.config.from_prefixed_env()
    TokenAuth(app)

    [issuer] = state_of(app).settings.trusted_issuers

    assert (issuer.max_lifetime, issuer.leeway) == (timedelta(minutes=15), timedelta(seconds=5))


REFUSED: dict[str, tuple[list[Any], str]] = {
    "something else": ([7], "issuer 1: it must be a TrustedIssuer or a mapping, got int"),
    "a missing member": ([{"issuer": THEIRS}], "it must have issuer, audience, users, and lacks audience, users"),
    "an unknown member": ([ENTRY | {"jwks_url": "x"}], "got 'jwks_url': did you mean jwks_uri?"),
    "a secret in the place of a name": ([ENTRY | {"s" * 41: 1}], "got another name"),
    "a wrong member of the second": ([ENTRY, ENTRY | {"users": "x"}], f'issuer 2 ({THEIRS}): users must be "shared"'),
    "a wrong duration": ([ENTRY | {"leeway": "soon"}], "leeway: a duration must be like 900"),
    "ours": ([ENTRY | {"issuer": ISSUER}], f"must not be the issuer of this application, got {ISSUER} for both"),
    "one twice": ([ENTRY, ENTRY], f"each trusted issuer must be listed once, got {THEIRS} twice"),
    "one name twice": (
        [ENTRY, ENTRY | {"issuer": ["https://a.example", THEIRS]}],
        "each trusted issuer must be listed once",
    ),
    "two without an issuer": (
        [ENTRY | {"issuer": None, "profile": "simplejwt", "until": "2027-01-31", "revoked": "never"}] * 2,
        "each trusted issuer must be listed once, got the issuer without iss twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("issuers", "message"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_stops_the_application_and_names_the_setting(issuers: list[Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(*issuers)

    assert message in str(caught.value)


def test_the_message_names_the_setting_and_shows_its_form() -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_TRUSTED_ISSUERS: issuer 1: .*FLASK_TOKENAUTH_TRUSTED_ISS"):
        read(7)


def test_one_mapping_is_no_list() -> None:
    with pytest.raises(SettingsError, match="it must be a list of issuers, got one issuer"):
        Settings.from_config(CONFIG | {"TOKENAUTH_TRUSTED_ISSUERS": ENTRY}, app_name="tests")


def test_a_string_that_is_no_json_is_not_shown() -> None:
    with pytest.raises(SettingsError, match="it must be a list, got a string that is not JSON"):
        Settings.from_config(CONFIG | {"TOKENAUTH_TRUSTED_ISSUERS": "[{'issuer'"}, app_name="tests")


def test_another_value_is_no_list() -> None:
    with pytest.raises(SettingsError, match="must be a list of TrustedIssuer objects or of mappings, got int"):
        Settings.from_config(CONFIG | {"TOKENAUTH_TRUSTED_ISSUERS": 7}, app_name="tests")


def test_scopes_of_ours_must_be_declared() -> None:
    with pytest.raises(SettingsError, match=f"scopes of {THEIRS}: scope reports:raed is not declared .* did you mean"):
        read(ENTRY | {"scopes": {"x": "reports:raed"}}, TOKENAUTH_SCOPES={"reports:read": ""})


def test_declared_scopes_and_ours_are_taken() -> None:
    scopes = {"x": ["reports:read", "projects:7:read"], "y": "tokenauth:introspect"}

    assert read(ENTRY | {"scopes": scopes}, TOKENAUTH_SCOPES={"reports:read": "", "projects:{id}:read": ""})


def test_it_needs_an_issuer_of_our_own() -> None:
    config = {name: value for name, value in CONFIG.items() if name != "TOKENAUTH_ISSUER"}

    with pytest.raises(SettingsError, match="TOKENAUTH_TRUSTED_ISSUERS needs TOKENAUTH_ISSUER"):
        Settings.from_config(config | {"TOKENAUTH_TRUSTED_ISSUERS": [ENTRY]}, app_name="tests")


@pytest.mark.parametrize("secret", [None, "", b""])
def test_an_application_that_issues_nothing_needs_neither_a_secret_nor_an_issuer(
    make_app: MakeApp, secret: object, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(TESTING=False, SECRET_KEY=secret, TOKENAUTH_ISSUER=None, TOKENAUTH_TRUSTED_ISSUERS=[ENTRY])

    assert caplog.messages == []
    with app.app_context(), pytest.raises(SettingsError, match="this application has no key to issue tokens"):
        create_token("alice")


def test_keys_that_cannot_be_used_stop_the_application(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match=f"keys of {THEIRS}: .* got none"):
        make_app(TOKENAUTH_TRUSTED_ISSUERS=[ENTRY | {"keys": {"keys": []}}])
