"""The settings of tokens that are looked up: API keys and reference tokens."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth

from ..conftest import ISSUER, SECRET, MakeApp
from .settings_kit import read

STORED = {"TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_STORE": "memory://"}
WITH_KEYS = STORED | {"TOKENAUTH_API_KEYS": True}


def test_by_default_there_are_only_jwts() -> None:
    settings = read()

    assert (settings.token_format, settings.api_keys, settings.api_key_header) == ("jwt", False, None)
    assert settings.api_key_prefix == ("ta_",)


def test_all_of_them_can_be_set() -> None:
    settings = read(
        **WITH_KEYS,
        TOKENAUTH_TOKEN_FORMAT="reference",
        TOKENAUTH_API_KEY_PREFIX=["acme_", "ta_", "acme_"],
        TOKENAUTH_API_KEY_HEADER="X-API-Key",
    )

    assert (settings.token_format, settings.api_keys, settings.api_key_header) == ("reference", True, "X-API-Key")
    assert settings.api_key_prefix == ("acme_", "ta_")


@pytest.mark.parametrize("value", ["opaque", "JWT", "", True, 1, ["jwt"]])
def test_the_format_is_one_of_two(value: Any) -> None:
    with pytest.raises(SettingsError, match='TOKENAUTH_TOKEN_FORMAT must be "jwt" or "reference"'):
        read(**STORED, TOKENAUTH_TOKEN_FORMAT=value)


@pytest.mark.parametrize("value", ["true", "", 1, 0, [], {}])
def test_api_keys_are_on_or_off(value: Any) -> None:
    with pytest.raises(
        SettingsError, match=r"TOKENAUTH_API_KEYS must be True or False, got .* FLASK_TOKENAUTH_API_KEYS"
    ):
        read(**STORED, TOKENAUTH_API_KEYS=value)


@pytest.mark.parametrize("value", ["ab_", "a1_", "a" + "b" * 15 + "_", "ta_"])
def test_a_prefix_may_be_short_or_long(value: str) -> None:
    assert read(**WITH_KEYS, TOKENAUTH_API_KEY_PREFIX=value).api_key_prefix == (value,)


WRONG_PREFIXES = [
    "a_", "a" + "b" * 16 + "_", "", "_", "ta", "Ta_", "tA_", "1a_", "t-a_", "t_a_", "ta__", " ta_", "ta_\n", "tä_",
    "tr_", "rt1_", "cs1_", 5, True, {}, [], (), ["ta_", "tr_"], ["ta_", 5], [["ta_"]], {"ta_"},
]  # fmt: skip


@pytest.mark.parametrize("value", WRONG_PREFIXES, ids=ascii)
def test_another_prefix_is_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_API_KEY_PREFIX must be a prefix of a lower-case letter"):
        read(**WITH_KEYS, TOKENAUTH_API_KEY_PREFIX=value)


@pytest.mark.parametrize("value", ["X-API-Key", "x-api-key", "Api-Key", "X" * 64, "x"])
def test_a_header_is_a_name_of_letters_digits_and_dashes(value: str) -> None:
    assert read(**WITH_KEYS, TOKENAUTH_API_KEY_HEADER=value).api_key_header == value


WRONG_HEADERS = ["", "X" * 65, "X_API_KEY", "X-API-Key:", "X API", "X-API-Key\n", "Clé", "a.b", 5, True, ["X-API-Key"]]
TAKEN = ["Authorization", "authorization", "Cookie", "Host", "Origin", "Content-Type", "Content-Length"]


@pytest.mark.parametrize("value", [*WRONG_HEADERS, *TAKEN], ids=ascii)
def test_another_header_is_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_API_KEY_HEADER must be the name of a header"):
        read(**WITH_KEYS, TOKENAUTH_API_KEY_HEADER=value)


# Settings that need each other


@pytest.mark.parametrize("name", ["API_KEYS", "TOKEN_FORMAT"])
def test_both_kinds_need_a_store(name: str) -> None:
    value = True if name == "API_KEYS" else "reference"

    with pytest.raises(SettingsError, match=f"TOKENAUTH_{name} needs TOKENAUTH_STORE, which is not set: set it to"):
        read(**{f"TOKENAUTH_{name}": value})


@pytest.mark.parametrize("values", [{"TOKENAUTH_API_KEYS": False}, {"TOKENAUTH_TOKEN_FORMAT": "jwt"}], ids=str)
def test_what_is_off_needs_no_store(values: dict[str, Any]) -> None:
    assert read(**values).store is None


@pytest.mark.parametrize(("name", "value"), [("API_KEY_PREFIX", "acme_"), ("API_KEY_HEADER", "X-API-Key")])
@pytest.mark.parametrize("off", [{}, {"TOKENAUTH_API_KEYS": False}, {"TOKENAUTH_API_KEYS": None}], ids=str)
def test_the_others_need_api_keys(name: str, value: str, off: dict[str, Any]) -> None:
    message = f"TOKENAUTH_{name} needs TOKENAUTH_API_KEYS = True, which is not set: set it, or remove TOKENAUTH_{name}"

    with pytest.raises(SettingsError, match=message):
        read(**STORED, **off, **{f"TOKENAUTH_{name}": value})


def test_api_keys_need_revocation() -> None:
    with pytest.raises(
        SettingsError, match='TOKENAUTH_API_KEYS needs TOKENAUTH_REVOCATION "feed" or "strict", got "off"'
    ):
        read(**WITH_KEYS, TOKENAUTH_REVOCATION="off")

    assert [read(**WITH_KEYS, TOKENAUTH_REVOCATION=mode).revocation for mode in ("feed", "strict")] == [
        "feed",
        "strict",
    ]


def test_reference_tokens_need_no_revocation() -> None:
    assert read(**STORED, TOKENAUTH_TOKEN_FORMAT="reference", TOKENAUTH_REVOCATION="off").token_format == "reference"


# The environment, and applications


def test_the_environment_has_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SECRET_KEY": f'"{SECRET}"',
        "TOKENAUTH_ISSUER": ISSUER,
        "TOKENAUTH_STORE": "memory://",
        "TOKENAUTH_API_KEYS": "true",
        "TOKENAUTH_API_KEY_PREFIX": '["acme_", "ta_"]',
        "TOKENAUTH_API_KEY_HEADER": "X-API-Key",
        "TOKENAUTH_TOKEN_FORMAT": "reference",
    }.items():
        monkeypatch.setenv(f"FLASK_{name}", value)
    app = Flask("tests")
    app.config.from_prefixed_env()

    TokenAuth(app)

    settings = app.extensions["tokenauth"].settings
    assert (settings.api_keys, settings.api_key_header, settings.token_format) == (True, "X-API-Key", "reference")
    assert settings.api_key_prefix == ("acme_", "ta_")


@pytest.mark.parametrize(("size", "reads"), [(0, 3), (1, 1)])
def test_without_a_token_cache_the_store_is_asked_for_each_request(make_app: MakeApp, size: int, reads: int) -> None:
    app = make_app(**WITH_KEYS, TOKENAUTH_TOKEN_CACHE_SIZE=size)
    state = app.extensions["tokenauth"]
    with app.app_context():
        key = TokenAuth().create_api_key("alice", name="laptop")
    asked: list[str] = []
    find = state.store.find_api_key

    def count(digest: str) -> Any:
        asked.append(digest)
        return find(digest)

    with pytest.MonkeyPatch.context() as patch, app.app_context():
        patch.setattr(state.store, "find_api_key", count)
        for _ in range(3):
            TokenAuth().verify(key.text, accept=("api_key",))

    assert len(asked) == reads


def test_a_setting_that_was_changed_too_late_is_an_error(make_app: MakeApp) -> None:
    app = make_app(**STORED)
    app.config["TOKENAUTH_API_KEYS"] = True

    with pytest.raises(SettingsError, match="TOKENAUTH_API_KEYS was changed after init_app had read it"):
        TokenAuth().check(app)
