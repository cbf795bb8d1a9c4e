"""The settings of encrypted tokens are read and checked at start."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.key import Key

from ..conftest import ISSUER
from ..encryption_kit import KEY, OTHER, PAIR, keys_setting
from .settings_kit import read

JWK = KEY.to_jwk(private=True)
SIGNING = Key.generate("ES256", kid="s1")


def read_keys(value: object, **further: object) -> Any:
    return read(**{"TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_ENCRYPTION_KEYS": value, **further}).encryption_keys


def test_keys_are_a_list_a_set_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "encryption.json"
    path.write_text(json.dumps({"keys": [JWK]}))

    for value in ([JWK], {"keys": [JWK]}, str(path), path):
        assert [key.kid for key in read_keys(value).keys] == ["e1"]
    assert (read_keys(path).path, read_keys([JWK]).path) == (path, None)


def test_the_active_key_of_a_list_encrypts() -> None:
    first, second = JWK | {"status": "retired"}, OTHER.to_jwk(private=True) | {"status": "active"}

    assert read_keys([first, second]).keys.active.kid == "e2"
    assert read_keys([JWK, OTHER.to_jwk(private=True)]).keys.active.kid == "e1"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (7, "got int"),
        ([], "at least one key"),
        ({}, "JWK Set must be an object"),
        ({"keys": [JWK, JWK]}, "kid of its own"),
        (EncryptionKeys([KEY]), "a path, a JWK Set or a list of JWKs, got EncryptionKeys"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "PEM text has no kid"),
        ("/nowhere/encryption.json", "No such file"),
        ([PAIR.to_jwk()], "must be able to read its own tokens"),
        ([JWK, PAIR.to_jwk()], "must be able to read its own tokens"),
        ([{name: JWK[name] for name in JWK if name != "kid"}], "must have a kid"),
        ([JWK | {"use": "sig"}], 'use of an encryption key must be "enc"'),
        ([JWK | {"key_ops": ["decrypt"]}], "must have a key that encrypts"),
    ],
)
def test_keys_that_cannot_be_used_stop_the_application(value: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=rf"TOKENAUTH_ENCRYPTION_KEYS[: ].*{message}"):
        read_keys(value)


def test_a_file_in_pem_stops_the_application(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(SIGNING.to_pem(private=True))

    with pytest.raises(SettingsError, match="got PEM text, which has no kid and no alg"):
        read_keys(path)


def test_an_application_that_only_trusts_others_may_have_keys_that_only_decrypt() -> None:
    jwk = PAIR.to_jwk(private=True) | {"key_ops": ["deriveKey"]}
    settings: dict[str, object] = {"SECRET_KEY": None, "TOKENAUTH_TRUSTED_ISSUERS": [], "TOKENAUTH_AUDIENCE": "api"}

    assert read(**settings, TOKENAUTH_ENCRYPTION_KEYS=[jwk]).encryption_keys is not None


def test_encryption_keys_need_an_issuer() -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_ENCRYPTION_KEYS needs TOKENAUTH_ISSUER"):
        read(TOKENAUTH_ENCRYPTION_KEYS=[JWK])


SECRET_JWK = {"kty": "oct", "k": JWK["k"], "alg": "HS256", "kid": "other"}
POINT = EncryptionKey.from_jwk(SIGNING.to_jwk(private=True) | {"use": "enc", "alg": "ECDH-ES+A256KW", "kid": "e9"})
RSA = Key.generate("RS256")


@pytest.mark.parametrize(
    ("signing", "encryption"),
    [
        (SECRET_JWK, JWK),
        (SIGNING.to_jwk(private=True), POINT.to_jwk(private=True)),
        (SIGNING.to_jwk(), POINT.to_jwk(private=True)),
        (RSA.to_jwk(private=True), RSA.to_jwk(private=True) | {"use": "enc", "alg": "RSA-OAEP-256", "kid": "e9"}),
    ],
)
def test_a_key_that_also_signs_stops_the_application(signing: Any, encryption: Any) -> None:
    with pytest.raises(SettingsError, match="got one that also signs") as refused:
        read_keys([encryption], TOKENAUTH_KEYS=[signing])

    assert repr(encryption["kid"]) in str(refused.value)
    assert str(encryption.get("k") or encryption["d"]) not in str(refused.value)


RAW = base64url.decode(str(JWK["k"]).encode())


@pytest.mark.parametrize("secret", [RAW, RAW.hex(), RAW.hex().upper(), JWK["k"]], ids=["bytes", "hex", "HEX", "base64"])
@pytest.mark.parametrize(
    "settings",
    [
        lambda secret: {"SECRET_KEY": secret},
        lambda secret: {"SECRET_KEY_FALLBACKS": [secret]},
        lambda secret: {
            "SECRET_KEY_FALLBACKS": (None, "no!", secret),
            "TOKENAUTH_KEYS": [SIGNING.to_jwk(private=True)],
        },
    ],
)
def test_a_secret_from_which_signing_keys_are_derived_stops_the_application(settings: Any, secret: Any) -> None:
    with pytest.raises(SettingsError, match="got SECRET_KEY or one of its fallbacks") as refused:
        read_keys([OTHER.to_jwk(private=True), JWK], **settings(secret))

    assert "'e1'" in str(refused.value)
    assert not any(text in str(refused.value) for text in (str(JWK["k"]), RAW.hex()))


def test_settings_show_no_encryption_key() -> None:
    settings = read(TOKENAUTH_ISSUER=ISSUER, **keys_setting())

    assert str(JWK["k"]) not in repr(settings) + repr(settings.encryption_keys)


FIRST = datetime(2027, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2027-02-01", FIRST),
        (date(2027, 2, 1), FIRST),
        ("2027-02-01T00:00:00Z", FIRST),
        ("2027-02-01T01:00:00+01:00", FIRST),
        (datetime(2027, 2, 1, 1, tzinfo=timezone(timedelta(hours=1))), FIRST),
    ],
)
def test_plain_tokens_are_accepted_until_a_date_or_a_time(value: object, instant: datetime) -> None:
    settings = read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_ACCEPT_PLAIN_UNTIL=value, **keys_setting())

    assert settings.accept_plain_until == instant


@pytest.mark.parametrize(
    "value", ["2027-02-01T00:00:00", datetime(2027, 2, 1), "20270201", "2027-13-01", "soon", "", 1_800_000_000, True]
)
def test_another_value_is_no_time(value: object) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_ACCEPT_PLAIN_UNTIL must be a date such as 2027-02-01"):
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_ACCEPT_PLAIN_UNTIL=value, **keys_setting())


def test_a_time_for_plain_tokens_needs_encryption_keys() -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_ACCEPT_PLAIN_UNTIL needs TOKENAUTH_ENCRYPTION_KEYS"):
        read(TOKENAUTH_ACCEPT_PLAIN_UNTIL="2027-02-01")
