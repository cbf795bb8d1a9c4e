"""``keys --encryption``: rings whose keys encrypt."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from flask_tokenauth.__main__ import main
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp
from .conftest import Keys

A, B = (EncryptionKey.generate("dir", kid=kid) for kid in "ab")
SIGNS = Key.generate("EdDSA", kid="s")
DAY = 86_400
PUBLICATION = 70  # 2 x 5 s + 60 s: other services do not need the keys
RETENTION = DAY + 90


@pytest.fixture
def ring(keys: Keys) -> Keys:
    """A file with an active key and the next one, both 100 days old."""
    keys.put((A, "active", 100 * DAY), (B, "next", 100 * DAY))
    return keys


def run(keys: Keys, *args: str) -> Result:
    return keys.run("--encryption", *args)


def test_generate_makes_a_ring_of_secrets(keys: Keys) -> None:
    result = run(keys, "generate")

    assert result.output == (
        f"{keys.path} has an active key, which encrypts, and the next one. Only its owner can read it.\n"
    )
    assert [(jwk["alg"], jwk["use"], jwk["status"]) for jwk in keys.jwks] == [
        ("dir", "enc", "active"),
        ("dir", "enc", "next"),
    ]


@pytest.mark.parametrize(("options", "curve"), [((), "P-256"), (("--curve", "X25519"), "X25519")])
def test_generate_makes_key_pairs_and_later_keys_are_like_them(
    keys: Keys, options: tuple[str, ...], curve: str
) -> None:
    run(keys, "generate", "--alg", "ECDH-ES+A256KW", *options)
    run(keys, "generate")
    run(keys, "replace", "--compromised")
    run(keys, "rotate", "--older-than", "0", "--force")

    assert [jwk["crv"] for jwk in keys.jwks] == [curve] * 3


def test_generate_adds_a_next_key(ring: Keys) -> None:
    ring.put((A, "active", 0))

    result = run(ring, "generate")

    assert "is next. It decrypts now, and encrypts after keys rotate." in result.output
    assert list(ring.states.values()) == ["active", "next"]


@pytest.mark.parametrize(
    "jwks",
    [{"keys": [A.to_jwk(private=True) | {"alg": "x"}]}, {"keys": []}, {"keys": 7}, {}],
    ids=["algorithm", "empty", "number", "no keys"],
)
def test_a_bad_file_is_made_again_by_the_command_of_its_kind(keys: Keys, jwks: dict[str, object]) -> None:
    keys.path.write_text(json.dumps(jwks))

    assert "remove the file and run keys --encryption generate: then all access" in run(keys, "list").output


def test_generate_makes_a_ring_of_plain_keys(keys: Keys) -> None:
    keys.path.write_text(json.dumps({"keys": [A.to_jwk(private=True)]}))

    result = run(keys, "generate")

    assert "Now the one that encrypts is active" in result.output
    assert keys.states["a"] == "active"


@pytest.mark.parametrize(("args", "alg"), [(("--encryption",), "EdDSA"), ((), "dir")])
def test_generate_refuses_an_algorithm_of_the_other_kind(keys: Keys, args: tuple[str, ...], alg: str) -> None:
    result = keys.run(*args, "generate", "--alg", alg)

    assert (result.exit_code, keys.path.exists()) == (2, False)
    assert f"got {alg}" in result.output


def test_list_shows_what_happens_next(ring: Keys) -> None:
    lines = run(ring, "list").output.splitlines()

    assert "encrypts until keys rotate" in lines[0]
    assert "may encrypt from" in lines[1]


def test_list_says_how_to_add_a_next_key(ring: Keys) -> None:
    ring.put((A, "active", 0))

    assert "no key is next: add one with keys --encryption generate" in run(ring, "list").output


def test_list_needs_a_status(keys: Keys) -> None:
    keys.path.write_text(json.dumps({"keys": [A.to_jwk(private=True)]}))

    output = run(keys, "list").output

    assert "keys --encryption generate makes a ring of them, in which the key that encrypts now is active" in output


def test_rotate_lets_the_next_key_encrypt(ring: Keys) -> None:
    result = run(ring, "rotate")

    assert result.output == "The key b encrypts now.\n"
    assert [ring.states[kid] for kid in "ab"] == ["retired", "active"]


def test_rotate_leaves_a_young_key(ring: Keys) -> None:
    ring.put((A, "active", 0), (B, "next", 0))

    assert "the active key has encrypted since" in run(ring, "rotate").output


@pytest.mark.parametrize(("age", "is_done"), [(PUBLICATION - 1, False), (PUBLICATION, True), (PUBLICATION + 1, True)])
def test_a_next_key_encrypts_when_all_processes_have_read_it(keys: Keys, age: int, *, is_done: bool) -> None:
    keys.put((A, "active", 100 * DAY), (B, "next", age))

    result = run(keys, "rotate")

    assert (keys.states["b"] == "active", result.exit_code == 0) == (is_done, is_done)
    assert is_done or "must be in the file for 70 seconds before it encrypts" in result.output


@pytest.mark.parametrize(("age", "is_done"), [(RETENTION - 1, False), (RETENTION, True), (RETENTION + 1, True)])
def test_a_retired_key_goes_when_its_tokens_have_expired(keys: Keys, age: int, *, is_done: bool) -> None:
    keys.put((A, "retired", age), (B, "active", 0))

    run(keys, "rotate")

    assert ("a" not in keys.states) is is_done


def test_remove_and_replace_say_nothing_about_other_services(ring: Keys) -> None:
    refused = run(ring, "remove", "a").output
    removed = run(ring, "remove", "a", "--compromised").output
    replaced = run(ring, "replace", "--compromised").output

    assert "the active key encrypts and cannot be removed" in refused
    assert removed == "The key a was removed.\nAll processes of the application refuse its tokens within 10 seconds.\n"
    assert "Other services" not in replaced
    assert "refuse all tokens that were issued before" in replaced


def test_export_prints_public_keys_and_no_pem(keys: Keys) -> None:
    run(keys, "generate", "--alg", "ECDH-ES+A256KW")
    [first, _] = keys.jwks

    exported = json.loads(run(keys, "export", str(first["kid"])).output)

    assert (exported["kid"], "d" in exported) == (first["kid"], False)
    assert "must be exported as a JWK" in run(keys, "export", str(first["kid"]), "--pem").output


def test_export_keeps_secrets(ring: Keys) -> None:
    assert run(ring, "export").exit_code == 1
    assert json.loads(run(ring, "export", "a", "--private").output)["k"] == A.to_jwk(private=True)["k"]


@pytest.mark.parametrize("command", [["list"], ["generate"], ["rotate"], ["replace", "--compromised"]])
def test_a_wrong_option_is_no_reason_to_replace_a_good_file(ring: Keys, command: list[str]) -> None:
    file = str(ring.path)
    before = ring.path.read_bytes()

    plain = ring.run(*command)
    stayed = ring.path.read_bytes() == before
    ring.put((SIGNS, "active", 0))
    encryption = run(ring, *command)

    assert (plain.exit_code, encryption.exit_code, stayed) == (1, 1, True)
    assert plain.output == (
        f"Error: the key file {file!r} must have keys that sign, got keys that encrypt: add --encryption after keys\n"
    )
    assert encryption.output == (
        f"Error: the key file {file!r} must have keys that encrypt, got keys that sign: leave out --encryption, or "
        "correct the path\n"
    )
    assert list(ring.states) == ["s"]


@pytest.mark.parametrize("option", [(), ("--encryption",)])
@pytest.mark.parametrize("keys_member", ["null", "[]", "[1]", "[{}]", '[{"use": {}}]', "mixed"])
def test_a_file_that_is_of_neither_kind_is_broken(ring: Keys, keys_member: str, option: tuple[str, ...]) -> None:
    mixed = json.dumps([A.to_jwk(private=True), SIGNS.to_jwk(private=True)])
    ring.path.write_text(f'{{"keys": {mixed if keys_member == "mixed" else keys_member}}}')

    assert "restore a backup" in ring.run(*option, "list").output


def test_a_missing_file_is_made_with_the_option(keys: Keys) -> None:
    assert "python -m flask_tokenauth keys --encryption generate" in run(keys, "list").output


def test_the_file_can_come_from_the_environment(ring: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_TOKENAUTH_ENCRYPTION_KEYS", str(ring.path))

    found = CliRunner().invoke(main, ["keys", "--encryption", "list"])
    monkeypatch.delenv("FLASK_TOKENAUTH_ENCRYPTION_KEYS")
    missing = CliRunner().invoke(main, ["keys", "--encryption", "list"])

    assert "encrypts until keys rotate" in found.output
    assert "in the environment variable FLASK_TOKENAUTH_ENCRYPTION_KEYS, got neither" in missing.output


def run_in(app: Flask, *args: str) -> Result:
    return app.test_cli_runner().invoke(args=["tokenauth", "keys", "--encryption", *args])


def test_an_application_rotates_its_encryption_keys(ring: Keys, make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(TOKENAUTH_ENCRYPTION_KEYS=ring.path, TOKENAUTH_STORE=store)

    assert run_in(app, "rotate").output == "The key b encrypts now.\n"


@pytest.mark.parametrize("config", [{}, {"TOKENAUTH_ENCRYPTION_KEYS": [A.to_jwk(private=True)]}])
def test_an_application_without_the_file_says_so(make_app: MakeApp, config: dict[str, Any]) -> None:
    output = run_in(make_app(**config), "list").output

    assert "TOKENAUTH_ENCRYPTION_KEYS must be the path of a file" in output
    assert "python -m flask_tokenauth keys --encryption --file FILE" in output
