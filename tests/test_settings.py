"""``app.config``, read once and checked."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.keys import Key, KeySet
from flask_tokenauth.settings import Settings, read_duration
from flask_tokenauth.stores.memory import MemoryStore

from .conftest import ISSUER, SECRET

OLD = "91c05d7be2af4368b7d0c1e5f9a2468d3b7f1c5e9d0a2b48"
KEY = Key.generate("ES256")
TEN_YEARS = timedelta(days=3660)


def read(**config: object) -> Settings:
    return Settings.from_config({"SECRET_KEY": SECRET} | config, app_name="reporting")


def test_a_secret_is_all_that_is_needed() -> None:
    settings = read()

    assert settings.issuer == "reporting"
    assert settings.audience == {"reporting"}
    assert settings.realm == "reporting"
    assert settings.names_itself
    assert settings.access_lifetime == timedelta(minutes=15)
    assert settings.max_lifetime == timedelta(hours=24)
    assert settings.leeway == timedelta(seconds=10)
    assert settings.max_token_bytes == 8000
    assert (settings.store, settings.refresh_keys) == (None, None)
    assert settings.refresh_idle_lifetime == timedelta(days=30)
    assert settings.session_lifetime == timedelta(days=90)
    assert settings.refresh_retry_window == timedelta(seconds=10)
    assert [key.kid for key in settings.keys] == [Key.derive(SECRET.encode(), purpose="access", issuer="reporting").kid]


def test_audience_and_realm_are_the_issuer_unless_named() -> None:
    settings = read(TOKENAUTH_ISSUER=ISSUER)

    assert (settings.audience, settings.realm, settings.names_itself) == (frozenset({ISSUER}), ISSUER, False)


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


def test_other_settings_are_nobody_elses_business() -> None:
    read(TOKEN_AUTH="x", DEBUG=True, tokenauth_issuer="x")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("TOKENAUTH_ISSUR", "TOKENAUTH_ISSUER"),
        ("TOKENAUTH_PUBLIC_ENDPOINT", "TOKENAUTH_PUBLIC_ENDPOINTS"),
        ("TOKENAUTH_ACCESS_LIFE_TIME", "TOKENAUTH_ACCESS_LIFETIME"),
    ],
)
def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(key: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=f"unknown setting {key}: did you mean {meant}\\?$"):
        read(**{key: "x"})


def test_a_key_like_none_of_ours_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting TOKENAUTH_ZZZZZZZZZZZZ$"):
        read(TOKENAUTH_ZZZZZZZZZZZZ=1)


WRONG: dict[str, list[Any]] = {
    "ISSUER": ["", " ", " a", "a ", "a" * 256, 1, True, [], "a\n", b"a", "a\x00"],
    "AUDIENCE": ["", [], {}, 1, True, [""], ["a", None], [1], "a\n", b"a"],
    "REALM": ["", 1, "é" * 256, "a\r\nb", "a\x00", "\u20ac", "\x7f", b"a"],
    "ACCESS_LIFETIME": ["15m", "900", 0, -1, 0.5, True, [], float("nan"), float("inf"), 1e300, 366 * 86400 + 1],
    "MAX_LIFETIME": ["1h", 0, -1, False, float("nan"), timedelta(days=367), timedelta(0)],
    "LEEWAY": ["10", -1, 301, 300.5, True, timedelta(days=1), float("nan")],
    "ENFORCE_HTTPS": ["", "on", True, 1],
    "DEFAULT_GUARD": ["", "login", True, ["login_required"]],
    "PUBLIC_ENDPOINTS": ["*", [".*"], [""], ["a*"], ["a.*.b"], [1], {"a": 1}],
    "SCOPES": ["reports:read", ["reports:read"], 1],
    "MAX_TOKEN_BYTES": ["8000", 1023, 1024 * 1024 + 1, 8000.0, True, timedelta(1)],
    "REFRESH_IDLE_LIFETIME": ["30d", "60", 0, -1, 0.9, True, [], float("nan"), TEN_YEARS + timedelta(seconds=1)],
    "SESSION_LIFETIME": ["90d", "60", 0, -1, 0.9, False, {}, float("inf"), 1e300, TEN_YEARS + timedelta(seconds=1)],
    "REFRESH_RETRY_WINDOW": ["10", -1, -0.1, 300.5, 301, True, [], float("nan"), timedelta(days=1)],
}
RIGHT: dict[str, list[Any]] = {
    "ACCESS_LIFETIME": [1, 86400, timedelta(seconds=1)],
    "MAX_LIFETIME": [900, 366 * 86400],
    "LEEWAY": [0, 300, timedelta(0)],
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


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in RIGHT for value in RIGHT[key]])
def test_values_at_the_limits_are_taken(key: str, value: object) -> None:
    read(**{f"TOKENAUTH_{key}": value})


def test_no_token_may_live_longer_than_any_may() -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_ACCESS_LIFETIME is longer than TOKENAUTH_MAX_LIFETIME"):
        read(TOKENAUTH_ACCESS_LIFETIME=901, TOKENAUTH_MAX_LIFETIME=900)


def test_a_name_outside_latin_1_is_no_realm_but_the_app_starts() -> None:
    assert read(TOKENAUTH_ISSUER="\u20acuro").realm == "?uro"


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
def test_a_secret_is_text_or_bytes(secret: object) -> None:
    """``from_prefixed_env`` makes a number of an all-digit secret."""
    with pytest.raises(SettingsError, match="SECRET_KEY must be text or bytes, not"):
        read(SECRET_KEY=secret)


def test_a_secret_as_bytes_and_as_text_is_the_same() -> None:
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


def test_the_first_key_that_can_sign_does_and_all_are_believed() -> None:
    public = Key.generate("EdDSA").public()

    settings = read(SECRET_KEY=None, TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=[public, KEY])

    assert settings.keys.signing_key is KEY
    assert list(settings.keys) == [public, KEY]


def test_keys_may_come_as_an_environment_carries_them() -> None:
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


def test_settings_show_no_secret() -> None:
    shown = repr(read(SECRET_KEY_FALLBACKS=[OLD]))

    assert SECRET not in shown
    assert OLD not in shown
    assert "Key(" not in shown


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().issuer = "x"  # type: ignore[misc]  # the attempt under test


@pytest.mark.parametrize(("value", "seconds"), [(timedelta(minutes=1), 60), (60, 60), (0.5, 0.5), (-1, -1)])
def test_a_duration_is_a_timedelta_or_seconds(value: object, seconds: float) -> None:
    assert read_duration(value) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["60", None, True, [60]])
def test_nothing_else_is_a_duration(value: object) -> None:
    with pytest.raises(TypeError, match="seconds or a timedelta"):
        read_duration(value)


@pytest.mark.parametrize("value", [1e300, float("inf"), float("nan"), -1e300])
def test_a_duration_has_a_length(value: float) -> None:
    with pytest.raises(ValueError, match=r"no such duration|NaN"):
        read_duration(value)


@pytest.mark.parametrize(
    ("scopes", "mistake"),
    [
        ({"a": 1}, "scope 'a' is neither a text nor a description with implies"),
        ({"a": {"implys": []}}, "scope 'a' is neither a text nor a description with implies"),
        ({"a": {"implies": "b"}}, "scope 'a': description is a text, implies a list of scopes"),
        ({"a": {"description": 1}}, "scope 'a': description is a text, implies a list of scopes"),
        ({"a": {"implies": ["b"]}}, "a implies b, which is not declared"),
        ({"a b": ""}, "not a scope: 'a b'"),
        ({1: ""}, "a scope is a text, not int"),
        ({"x{a}": {"implies": ["x{a}"]}}, "a placeholder is not a whole segment"),
    ],
)
def test_declared_scopes_that_make_no_sense_are_refused_with_what_is_wrong(scopes: object, mistake: str) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_SCOPES: ") as caught:
        read(TOKENAUTH_SCOPES=scopes)

    assert mistake in str(caught.value)


def test_declared_scopes_say_what_they_mean_and_what_is_enough() -> None:
    scopes = read(TOKENAUTH_SCOPES={"read": "Read", "admin": {"description": "All", "implies": ["read"]}}).scopes

    assert scopes is not None
    ours = "tokenauth:introspect"
    assert scopes.descriptions == {ours: "Ask whether tokens are good", "read": "Read", "admin": "All"}
    assert scopes.enough == {ours: (ours,), "read": ("read", "admin"), "admin": ("admin",)}


def test_scopes_of_our_own_may_be_described_and_implied() -> None:
    ours = "tokenauth:introspect"
    scopes = read(TOKENAUTH_SCOPES={ours: "Look", "admin": {"implies": [ours]}}).scopes

    assert scopes is not None
    assert scopes.descriptions == {ours: "Look", "admin": ""}
    assert scopes.enough == {ours: (ours, "admin"), "admin": ("admin",)}


@pytest.mark.parametrize("name", ["", "a\nb", "a" * 256])
def test_a_name_that_is_no_issuer_wants_one(name: str) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_ISSUER must be"):
        Settings.from_config({"SECRET_KEY": SECRET}, app_name=name)


def test_a_secret_that_utf_8_cannot_write_is_refused_and_not_kept() -> None:
    """Python makes such texts of bytes in the environment that are no text."""
    with pytest.raises(SettingsError, match="SECRET_KEY is not text") as caught:
        read(SECRET_KEY="hunter2" * 9 + "\udc80")

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("secret", [b"changeme" * 4, bytes(32)])
def test_a_guessable_secret_is_none_among_keys_either(secret: bytes) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_KEYS: a secret .*python -m flask_tokenauth secret"):
        read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=[Key.from_secret(secret)])


def test_a_good_secret_is_one_of_the_keys() -> None:
    assert read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_KEYS=[Key.from_secret(SECRET)]).keys.signing_key is not None


@pytest.mark.parametrize(("key", "value"), [("KEYS", "/nowhere"), ("SCOPES", {"a": 1})])
def test_every_refusal_tells_how_to_spell_it_in_the_environment(key: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"FLASK_TOKENAUTH_{key}="):
        read(TOKENAUTH_ISSUER=ISSUER, **{f"TOKENAUTH_{key}": value})


@pytest.mark.parametrize(("debug", "enforced"), [(True, "off"), (False, "warn")])
def test_plain_http_is_warned_of_outside_debug(debug: bool, enforced: str) -> None:  # noqa: FBT001
    assert read(DEBUG=debug).enforce_https == enforced


def read_with_store(store: object = "memory://", **config: object) -> Settings:
    return read(**{"TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_STORE": store} | config)


def test_a_store_needs_an_issuer() -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_STORE needs TOKENAUTH_ISSUER"):
        read_with_store(TOKENAUTH_ISSUER=None)


@pytest.mark.parametrize("secret", [None, "", b""])
@pytest.mark.parametrize("keys", [None, [KEY]])
def test_a_store_needs_a_secret_whatever_signs_the_access_tokens(secret: object, keys: object) -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY is not set.*python -m flask_tokenauth secret"):
        read_with_store(SECRET_KEY=secret, TOKENAUTH_KEYS=keys)


def test_a_store_says_what_it_needs_the_secret_for() -> None:
    with pytest.raises(SettingsError, match="SECRET_KEY is not set and TOKENAUTH_STORE makes refresh tokens with it"):
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


def test_a_store_may_be_an_object() -> None:
    store = MemoryStore()

    assert read_with_store(store).store is store
    assert isinstance(read_with_store().store, MemoryStore)


@pytest.mark.parametrize(
    "store",
    [
        "",
        "memory:/",
        "memory://x",
        "sqlite",
        "sqlite://",
        "/var/lib/hunter2.db",
        "redis://:hunter2@localhost",
        "postgresql+psycopg://api:hunter2@localhost/api",
        "hunter2://localhost",
        1,
        True,
        [],
        {},
        MemoryStore,
        frozenset(),
    ],
    ids=str,
)
def test_what_is_no_store_is_refused_and_not_repeated(store: object) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_STORE: .*FLASK_TOKENAUTH_STORE=sqlite:") as caught:
        read_with_store(store)

    assert "hunter2" not in str(caught.value)


def test_settings_show_neither_store_nor_refresh_keys() -> None:
    shown = repr(read_with_store("sqlite:////var/lib/hunter2.db"))

    assert "store=" not in shown
    assert "sqlite" not in shown
    assert "hunter2" not in shown
    assert "refresh_keys" not in shown
    assert SECRET not in shown
