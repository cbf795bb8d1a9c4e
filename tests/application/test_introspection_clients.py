"""``TOKENAUTH_INTROSPECTION_CLIENTS``: the forms that it may have, and what its errors say."""

import json
import traceback
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import SettingsError
from flask_tokenauth.authentication.clients import MAX_HASHES, Client
from flask_tokenauth.core.encoding.limits import MAX_IDENTIFIER
from flask_tokenauth.core.opaque.client_secret import digest_of, write_hash

from .settings_kit import read

KEY = "TOKENAUTH_INTROSPECTION_CLIENTS"
SECRETS = [f"cs1_{digit * 43}" for digit in "abcde"]
HASHES = [write_hash(secret) for secret in SECRETS]
DIGESTS = [digest_of(secret) for secret in SECRETS]
HASH = HASHES[0]
HASH_FORM = "a hash (sha256: and 64 hexadecimal digits) or a list of 1 to 4 hashes"
AUDIENCE_FORM = "a string of 1 to 255 printable characters, or a list of them"
MAKE_ONE = "make a secret and its hash with: python -m flask_tokenauth client-secret"


def clients_of(value: object) -> tuple[Client, ...]:
    return read(**{KEY: value}).introspection_clients


def error_of(value: object) -> str:
    with pytest.raises(SettingsError) as caught:
        clients_of(value)
    return str(caught.value)


def test_there_are_no_clients_by_default() -> None:
    assert read().introspection_clients == ()


def test_an_empty_dict_is_no_client() -> None:
    assert clients_of({}) == ()


@pytest.mark.parametrize("given", [HASH, [HASH], (HASH,), {"secret_hash": HASH}, {"secret_hash": [HASH]}])
def test_a_client_has_a_hash(given: object) -> None:
    assert clients_of({"billing": given}) == (Client("billing", (DIGESTS[0],)),)


@pytest.mark.parametrize("number", [1, MAX_HASHES])
def test_a_client_may_have_several_hashes(number: int) -> None:
    """So that a service can change its secret without a moment in which neither is good."""
    assert clients_of({"billing": HASHES[:number]}) == (Client("billing", tuple(DIGESTS[:number])),)


@pytest.mark.parametrize("audience", ["https://a.example", ["https://a.example"], {"https://a.example"}])
def test_a_client_may_have_an_audience(audience: object) -> None:
    [client] = clients_of({"billing": {"secret_hash": HASH, "audience": audience}})

    assert client.audience == {"https://a.example"}


def test_an_audience_that_is_none_is_not_set() -> None:
    [client] = clients_of({"billing": {"secret_hash": HASH, "audience": None}})

    assert client.audience == frozenset()


def test_the_setting_may_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Flask("tests")
    value = {"billing": HASH, "reports": {"secret_hash": HASHES[1:3], "audience": "https://reports.example"}}
    monkeypatch.setenv(f"FLASK_{KEY}", json.dumps(value))
    app.config.from_prefixed_env()

    assert clients_of(app.config[KEY]) == clients_of(value)


def test_one_client_may_come_from_a_variable_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Flask("tests")
    monkeypatch.setenv(f"FLASK_{KEY}__billing", HASH)
    app.config.from_prefixed_env()

    assert clients_of(app.config[KEY]) == clients_of({"billing": HASH})


@pytest.mark.parametrize("value", [HASH, [HASH], 1, True, b"x"])
def test_the_setting_must_be_a_dict(value: object) -> None:
    got = type(value).__name__

    assert error_of(value).startswith(f"{KEY} must be a dict from client IDs to hashes of their secrets, got {got} (in")


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (None, "none"),
        (1, "int"),
        (True, "bool"),
        (b"x", "bytes"),
        ({HASH}, "set"),
        ("", "a string of 0 characters"),
        ("hunter2", "a string of 7 characters"),
        (HASH[7:], "a string of 64 characters"),
        (HASH[:-1], "a string of 70 characters"),
        ([HASH, "hunter2"], "a string of 7 characters"),
        ([HASH, [HASH]], "a list of something else"),
        ([HASH, None], "none"),
    ],
)
def test_a_hash_must_have_its_form(given: object, got: str) -> None:
    assert error_of({"billing": given}).startswith(f"{KEY}: client 1 must be {HASH_FORM}, got {got}: {MAKE_ONE} (in")


@pytest.mark.parametrize("number", [0, MAX_HASHES + 1])
def test_a_list_of_hashes_has_limits(number: int) -> None:
    expected = f"{KEY}: client 1 must be {HASH_FORM}, got {number}: keep the hashes of the secrets in use (in"

    assert error_of({"billing": HASHES[:number]}).startswith(expected)


@pytest.mark.parametrize("given", [SECRETS[0], [HASH, SECRETS[0]], SECRETS[0][:20]])
def test_a_secret_in_the_place_of_its_hash_is_refused_with_advice(given: object) -> None:
    assert error_of({"billing": given}).startswith(
        f"{KEY}: client 1 must be {HASH_FORM}, got a secret: only the service may keep a secret, so {MAKE_ONE}, and "
        "put the hash here (in"
    )


@pytest.mark.parametrize("given", [{}, {"audience": "https://a.example"}, {"secret_hash": None}])
def test_a_client_needs_a_hash(given: object) -> None:
    expected = f"{KEY}: secret_hash of client 1 must be {HASH_FORM}, got none: {MAKE_ONE} (in"

    assert error_of({"billing": given}).startswith(expected)


@pytest.mark.parametrize(
    ("names", "got"), [(["hash"], "1 other name"), (["aud", "secret"], "2 other names"), ([1], "1 other name")]
)
def test_a_dict_has_no_other_names(names: list[Any], got: str) -> None:
    given = {"secret_hash": HASH} | dict.fromkeys(names, HASH)

    assert error_of({"billing": given}).startswith(
        f"{KEY}: client 1 must be a hash, or a dict with secret_hash and audience, got a dict with {got}: leave the "
        "others out (in"
    )


@pytest.mark.parametrize(
    ("audience", "got"),
    [
        ("", "a string of 0 characters"),
        ([], "an empty list"),
        ([""], "a list of something else"),
        (1, "int"),
        ({}, "dict"),
    ],
)
def test_an_audience_must_have_its_form(audience: object, got: str) -> None:
    expected = f"{KEY}: audience of client 1 must be {AUDIENCE_FORM}, got {got}: correct it, or leave it out for the"

    assert error_of({"billing": {"secret_hash": HASH, "audience": audience}}).startswith(expected)


@pytest.mark.parametrize(
    ("client_id", "got"),
    [
        ("", "a string of 0 characters"),
        ("a:b", "a string of 3 characters"),
        ("a b", "a string of 3 characters"),
        ("a%b", "a string of 3 characters"),
        ("a+b", "a string of 3 characters"),
        ("a\n", "a string of 2 characters"),
        ("é", "a string of 1 characters"),
        ("a" * (MAX_IDENTIFIER + 1), "a string of 256 characters"),
        (1, "int"),
        (None, "none"),
        (b"a", "bytes"),
    ],
)
def test_an_id_must_be_printable_ascii_that_every_library_encodes_alike(client_id: object, got: str) -> None:
    assert error_of({client_id: HASH}).startswith(
        f"{KEY}: the ID of client 1 must be 1 to {MAX_IDENTIFIER} printable ASCII characters without space, "
        f'":", "%" and "+", got {got}: choose another ID (in'
    )


def test_a_secret_in_the_place_of_the_id_is_refused() -> None:
    expected = f"{KEY}: the ID of client 1 must be a name, got a secret: write the ID first, and then the hash (in"

    assert error_of({SECRETS[0]: HASH}).startswith(expected)


def test_an_id_and_a_hash_in_each_others_places_are_refused_as_such() -> None:
    expected = f"{KEY}: the ID of client 1 must be a name, got a hash: write the ID first, and then the hash (in"

    assert error_of({HASH: "billing"}).startswith(expected)


def test_an_error_names_the_position_of_the_client() -> None:
    assert ": client 3 must be" in error_of({"a": HASH, "b": {"secret_hash": HASHES[1]}, "c": "x"})


@pytest.mark.parametrize("second", [HASH, HASH.upper().replace("SHA", "sha"), [HASHES[1], HASH]])
def test_two_clients_need_two_secrets(second: object) -> None:
    """Otherwise one could take the ID, and so the audience, of the other."""
    assert error_of({"billing": HASH, "other": HASHES[2], "reports": second}).startswith(
        f"{KEY}: each client must have a secret of its own, got the same hash for client 1 and client 3: {MAKE_ONE} (in"
    )


def test_one_client_may_have_a_hash_twice() -> None:
    assert clients_of({"billing": [HASH, HASH]}) == (Client("billing", (DIGESTS[0],) * 2),)


@pytest.mark.parametrize(
    "value",
    [
        "hunter2",
        {"billing": "hunter2"},
        {"hunter2": "billing"},
        {"hunter2 ": HASH},
        {"billing": ["hunter2"]},
        {"billing": {"hunter2": HASH}},
        {"billing": {"secret_hash": "hunter2"}},
        {"billing": {"secret_hash": HASH, "audience": "hunter2\n"}},
        {"billing": {"secret_hash": HASH, "audience": ["hunter2\n"]}},
        {"billing": "cs1_hunter2"},
        {"cs1_hunter2": HASH},
    ],
)
def test_no_error_shows_a_secret(value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        clients_of(value)

    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_no_representation_of_the_settings_has_a_hash() -> None:
    assert HASH[7:] not in repr(read(**{KEY: {"billing": HASH}}))
    assert "introspection_clients" not in repr(read(**{KEY: {"billing": HASH}}))
