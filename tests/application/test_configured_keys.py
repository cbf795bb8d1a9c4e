"""Settings for keys: secrets and keys that sign access tokens, and keys of refresh tokens."""

import json
import traceback

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from flask_tokenauth.application.settings import Settings
from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet

from ..conftest import ISSUER, SECRET
from .settings_kit import read

OLD = "91c05d7be2af4368b7d0c1e5f9a2468d3b7f1c5e9d0a2b48"
KEY = Key.generate("ES256")


@pytest.mark.parametrize("secret", [None, "", b""])
def test_a_missing_secret_stops_the_application(secret: object) -> None:
    with pytest.raises(SettingsError, match="SECRET_KEY is not set; make one with: python -m flask_tokenauth secret"):
        read(SECRET_KEY=secret)


@pytest.mark.parametrize("secret", ["dev", "hunter2", "a" * 64, SECRET[:31]])
def test_a_weak_secret_stops_the_application(secret: str) -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY .*python -m flask_tokenauth secret"):
        read(SECRET_KEY=secret)


def test_the_refusal_of_a_secret_does_not_repeat_it() -> None:
    with pytest.raises(SettingsError) as caught:
        read(SECRET_KEY="hunter2")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("secret", [12345678901234567890, ["a"], True])
def test_a_secret_is_a_string_or_bytes(secret: object) -> None:
    """``from_prefixed_env`` reads a secret of digits as a number."""
    with pytest.raises(SettingsError, match="SECRET_KEY must be a string or bytes, got"):
        read(SECRET_KEY=secret)


def test_a_secret_that_utf_8_cannot_encode_is_refused_and_not_kept() -> None:
    """Python reads bytes in the environment that are not UTF-8 as such strings."""
    with pytest.raises(SettingsError, match="SECRET_KEY must be a string that UTF-8 can encode") as caught:
        read(SECRET_KEY="hunter2" * 9 + "\udc80")

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_secret_as_bytes_and_as_a_string_is_the_same() -> None:
    assert next(iter(read(SECRET_KEY=SECRET.encode()).keys)).kid == next(iter(read().keys)).kid


def test_fallbacks_verify_and_do_not_sign() -> None:
    signature = Key.derive(OLD.encode(), purpose="access", issuer="reporting").sign(b"message")

    keys = read(SECRET_KEY_FALLBACKS=[OLD, SECRET, OLD]).keys

    current, old = keys
    assert keys.signing_key is current
    assert not old.can_sign
    old.verify(b"message", signature)


@pytest.mark.parametrize("fallbacks", ["a text", {"a": 1}, 1, [OLD, "dev"], [OLD, 1], [None]])
def test_fallbacks_are_a_list_of_secrets_as_strong(fallbacks: object) -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY_FALLBACKS "):
        read(SECRET_KEY_FALLBACKS=fallbacks)


def test_the_first_key_that_can_sign_signs_and_all_verify() -> None:
    public = Key.generate("EdDSA").public()

    settings = read(SECRET_KEY=None, TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=[public, KEY])

    assert settings.keys.signing_key is KEY
    assert list(settings.keys) == [public, KEY]


def test_keys_may_come_from_the_environment() -> None:
    jwks = json.loads(json.dumps({"keys": [KEY.to_jwk(private=True)]}))

    assert [key.kid for key in read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=jwks).keys] == [KEY.kid]


def test_keys_need_an_issuer() -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_KEYS needs TOKENAUTH_ISSUER"):
        read(TOKENAUTH_KEYS=[KEY])


@pytest.mark.parametrize("keys", [1, [], {}, "/nowhere/at/all", {"keys": [{"kty": "oct"}]}, [KEY, KEY]])
def test_keys_that_cannot_be_used_stop_the_application(keys: object) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_KEYS: "):
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=keys)


def test_a_signing_key_must_verify_what_it_signed() -> None:
    jwk = KEY.to_jwk(private=True) | {"key_ops": ["sign"]}

    with pytest.raises(SettingsError, match='"verify"'):
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=[jwk])


def test_public_keys_alone_are_enough_to_verify() -> None:
    assert read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=KeySet([KEY.public()])).keys.signing_key is None


@pytest.mark.parametrize("secret", [b"changeme" * 4, bytes(32)])
def test_a_guessable_secret_is_refused_among_keys_too(secret: bytes) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_KEYS: a secret .*python -m flask_tokenauth secret"):
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=[Key.from_secret(secret)])


def test_a_good_secret_is_one_of_the_keys() -> None:
    assert read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=[Key.from_secret(SECRET)]).keys.signing_key is not None


WRONG = "hunter" + "2"  # so that no line of source, which a traceback quotes, has it
LOCKED = KEY._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")).decode()


def test_a_passphrase_opens_the_keys_and_is_not_kept() -> None:
    settings = read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=LOCKED, TOKENAUTH_KEYS_PASSPHRASE="open sesame")

    assert settings.keys.find(KEY.kid) is not None
    assert settings.keys_passphrase is None


@pytest.mark.parametrize("passphrase", ["", b""])
def test_an_empty_passphrase_is_refused_as_such(passphrase: object) -> None:
    with pytest.raises(SettingsError, match="PASSPHRASE: a passphrase must not be empty: set the passphrase, or rem"):
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=LOCKED, TOKENAUTH_KEYS_PASSPHRASE=passphrase)


@pytest.mark.parametrize("passphrase", [1234, ["hunter2"], "hunter2" * 200, "hunter2\udc80"])
def test_a_passphrase_is_a_string_or_bytes(passphrase: object) -> None:
    """``from_prefixed_env`` reads digits as a number."""
    with pytest.raises(
        SettingsError, match=r"^TOKENAUTH_KEYS_PASSPHRASE must be a string or bytes, 1 to 1023"
    ) as caught:
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=LOCKED, TOKENAUTH_KEYS_PASSPHRASE=passphrase)

    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in shown
    assert "1234, " not in shown


def test_a_passphrase_needs_keys() -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_KEYS_PASSPHRASE needs TOKENAUTH_KEYS, which is not set"):
        read(TOKENAUTH_KEYS_PASSPHRASE="open sesame")


@pytest.mark.parametrize(("keys", "message"), [(LOCKED, "must be the one that"), ([KEY], "must be for an encrypted")])
def test_a_passphrase_that_opens_nothing_stops_the_application(keys: object, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^TOKENAUTH_KEYS: .*passphrase {message}") as caught:
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=keys, TOKENAUTH_KEYS_PASSPHRASE=WRONG)

    assert WRONG not in "".join(traceback.format_exception(caught.value))


def test_an_encrypted_key_is_refused_with_the_setting_of_its_passphrase() -> None:
    with pytest.raises(SettingsError, match=r"set TOKENAUTH_KEYS_PASSPHRASE, or load the key with Key\.from_pem"):
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=LOCKED)


def test_settings_show_no_secret() -> None:
    shown = repr(read(SECRET_KEY_FALLBACKS=[OLD]))

    assert SECRET not in shown
    assert OLD not in shown
    assert "Key(" not in shown


def read_with_store(store: object = "memory://", **config: object) -> Settings:
    return read(**{"TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_STORE": store} | config)


def test_a_store_needs_an_issuer() -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_STORE needs TOKENAUTH_ISSUER"):
        read_with_store(TOKENAUTH_ISSUER=None)


@pytest.mark.parametrize("secret", [None, "", b""])
@pytest.mark.parametrize("keys", [None, [KEY]])
def test_a_store_needs_a_secret_even_if_other_keys_sign_the_access_tokens(secret: object, keys: object) -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY is not set.*python -m flask_tokenauth secret"):
        read_with_store(SECRET_KEY=secret, TOKENAUTH_KEYS=keys)


def test_a_store_says_what_it_needs_the_secret_for() -> None:
    with pytest.raises(SettingsError, match="SECRET_KEY is not set, and TOKENAUTH_STORE needs it for refresh tokens"):
        read_with_store(SECRET_KEY=None, TOKENAUTH_KEYS=[KEY])


@pytest.mark.parametrize("secret", ["dev", "hunter2", "a" * 64, SECRET[:31]])
def test_a_weak_secret_makes_no_refresh_tokens_either(secret: str) -> None:
    read(SECRET_KEY=secret, TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=[KEY])
    with pytest.raises(SettingsError, match=r"^SECRET_KEY .*python -m flask_tokenauth secret"):
        read_with_store(SECRET_KEY=secret, TOKENAUTH_KEYS=[KEY])
    with pytest.raises(SettingsError, match=r"^SECRET_KEY_FALLBACKS "):
        read_with_store(SECRET_KEY_FALLBACKS=[secret], TOKENAUTH_KEYS=[KEY])


def test_refresh_tokens_have_keys_of_their_own() -> None:
    settings = read_with_store(SECRET_KEY_FALLBACKS=[OLD])

    assert settings.refresh_keys is not None
    current, old = settings.refresh_keys
    assert settings.refresh_keys.signing_key is current
    assert not old.can_sign
    assert {current.kid, old.kid}.isdisjoint(key.kid for key in settings.keys)
    assert current.kid == Key.derive(SECRET.encode(), purpose="refresh", issuer=ISSUER).kid


def test_keys_of_your_own_make_no_refresh_tokens() -> None:
    settings = read_with_store(TOKENAUTH_KEYS=[KEY])

    assert list(settings.keys) == [KEY]
    assert settings.refresh_keys is not None
    assert [key.algorithm for key in settings.refresh_keys] == ["HS256"]


def test_settings_show_neither_store_nor_refresh_keys() -> None:
    shown = repr(read_with_store("sqlite:////var/lib/hunter2.db"))

    assert "store=" not in shown
    assert "sqlite" not in shown
    assert "hunter2" not in shown
    assert "refresh_keys" not in shown
    assert SECRET not in shown
