"""The names of the keys of a store on Redis."""

import pytest

from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.stores.redis.layout import KINDS, LETTERS, Layout, member_of


def test_the_shared_keys_have_one_hash_tag_and_no_other_key_has_it() -> None:
    layout = Layout("tokenauth")
    alone = [
        layout.session("s"),
        layout.sessions_of("u"),
        layout.api_key("k"),
        layout.reference("r"),
        layout.spent("x"),
    ]

    assert all(key.startswith(b"{tokenauth}:") for key in (*layout.shared, layout.rings))
    assert not any(b"{" in key for key in alone)


def test_no_pattern_of_one_kind_finds_a_key_of_another_kind() -> None:
    layout = Layout("tokenauth")

    assert layout.pattern("session") == b"tokenauth:session:*"
    assert layout.sessions_of("alice") == b"tokenauth:sessions:alice"
    assert layout.pattern("api_key") == b"tokenauth:api_key:*"
    assert layout.api_keys_of("alice") == b"tokenauth:api_keys:alice"


def test_the_subject_of_a_key_is_what_the_key_was_made_of() -> None:
    layout = Layout("tokenauth")

    assert layout.subject_of(layout.session("a:b{c}*é"), "session") == "a:b{c}*é"
    assert layout.subject_of(b"tokenauth:session:\xff", "session") == "\udcff"


def test_a_prefix_of_another_form_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="without braces") as caught:
        Layout("{secret}")

    assert "secret" not in str(caught.value)


def test_each_kind_of_revocation_has_a_letter_of_its_own() -> None:
    assert {KINDS[letter]: letter for letter in KINDS} == LETTERS
    assert member_of("session", "abc") == "sabc"
