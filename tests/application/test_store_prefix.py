"""``TOKENAUTH_STORE_PREFIX``: the beginning of all keys of a store on Redis or Valkey."""

from typing import cast

import pytest

from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.application.settings import Settings
from flask_tokenauth.core.encoding.prefixes import KINDS_OF_KEYS
from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.redis.layout import Layout

from ..conftest import CONFIG, MakeApp

REFUSED = [
    "", "x" * 65, "{shop}", "shop{", "shop}", "shop ", "shop\n", "shöp", "shop*", "shop?", "[a]", "a\\b", "a/b", "a,b",
    *(f"shop:{kind}" for kind in KINDS_OF_KEYS), "shop:session:x", "a:b:spent", ":session",
]  # fmt: skip


def read(value: object) -> str:
    config = CONFIG | {"TOKENAUTH_STORE": "redis://localhost", "TOKENAUTH_STORE_PREFIX": value}
    return Settings.from_config(config, app_name="reporting").store_prefix


@pytest.mark.parametrize("value", ["a", "x" * 64, "Shop-1.api_v2:eu", "session", "shop:session_2", "a:sessionsx", ":"])
def test_letters_digits_and_four_signs_are_a_prefix(value: str) -> None:
    assert read(value) == Layout(value).prefix == value


@pytest.mark.parametrize("value", [*REFUSED, 1, b"shop", ["shop"], True])
def test_anything_else_is_refused_with_the_reason(value: object) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_STORE_PREFIX must be 1 to 64 letters, digits and ") as caught:
        read(value)

    assert "without braces, which would choose the slot of a key in a cluster" in str(caught.value)


@pytest.mark.parametrize("value", REFUSED)
def test_a_store_that_code_makes_has_no_other_prefix_either(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^the prefix of the store must be 1 to 64 letters"):
        RedisStore("redis://localhost", prefix=value)


def test_each_kind_of_key_is_known_to_the_form_of_prefixes() -> None:
    layout = Layout("shop")
    names = [name for name in vars(Layout) if not name.startswith("_") and callable(getattr(layout, name))]
    alone = [name for name in names if name not in ("pattern", "subject_of")]

    assert {getattr(layout, name)("x").split(b":")[1].decode() for name in alone} == set(KINDS_OF_KEYS)


@pytest.mark.parametrize(("config", "prefix"), [({}, "tokenauth"), ({"TOKENAUTH_STORE_PREFIX": "shop"}, "shop")])
def test_the_store_of_the_application_has_the_prefix(make_app: MakeApp, config: dict[str, str], prefix: str) -> None:
    app = make_app(TOKENAUTH_STORE="redis://localhost", **config)

    assert cast("RedisStore", state_of(app).stored.opened).prefix == prefix
