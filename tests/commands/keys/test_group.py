"""``python -m flask_tokenauth keys …``: each command, and when it refuses."""

import json
import os
from typing import NoReturn

import pytest
from click.testing import CliRunner
from flask import Flask

from flask_tokenauth.__main__ import main
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp
from ..test_tokens import run as run_of_application
from .conftest import A, B, C, Keys

DAY = 86_400
PUBLICATION = 600 + 2 * 5 + 60  # seconds: max-age, two looks at the file, and the reserve
RETENTION = DAY + 2 * 10 + 2 * 5 + 60  # seconds: the longest lifetime, the leeway and two looks, and the reserve


def test_generate_makes_a_file_that_only_its_owner_can_read(keys: Keys) -> None:
    result = keys.run("generate")

    assert (result.exit_code, result.output) == (
        0,
        f"{keys.path} has an active key, which signs, and the next one. Only its owner can read it.\n",
    )
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert sorted(keys.states.values()) == ["active", "next"]
    assert {jwk["alg"] for jwk in json.loads(keys.path.read_text())["keys"]} == {"EdDSA"}


@pytest.mark.parametrize("alg", ["ES256", "RS256", "HS512", "Ed25519"])
def test_generate_makes_keys_of_any_algorithm(keys: Keys, alg: str) -> None:
    keys.run("generate", "--alg", alg)

    assert {jwk["alg"] for jwk in json.loads(keys.path.read_text())["keys"]} == {alg}


def test_generate_adds_a_next_key_to_a_ring(keys: Keys) -> None:
    keys.put((A, "active", 5))

    result = keys.run("generate")

    assert result.exit_code == 0
    assert list(keys.states.values()) == ["active", "next"]
    assert "is next. It is published now, and signs after keys rotate." in result.output


def test_generate_gives_a_set_without_states_the_meaning_that_it_has(keys: Keys) -> None:
    keys.path.write_text(json.dumps({"keys": [A.to_jwk(), B.to_jwk(private=True), C.to_jwk(private=True)]}))

    result = keys.run("generate")

    found = keys.states
    assert [found[kid] for kid in "abc"] == ["retired", "active", "retired"]
    assert list(found.values()).count("next") == 1
    assert "Now the one that signs is active, and the others are retired." in result.output


def test_list_shows_what_may_happen_next_and_when(keys: Keys) -> None:
    keys.clock.now = 1_700_000_000.0
    keys.put((A, "retired", 100), (B, "active", 100), (C, "next", 50))

    assert keys.run("list").output.splitlines() == [
        "a  EdDSA    retired  since 2023-11-14 22:11:40 UTC; may be removed from 2023-11-15 22:13:10 UTC on",
        "b  EdDSA    active   since 2023-11-14 22:11:40 UTC; signs until keys rotate",
        "c  EdDSA    next     since 2023-11-14 22:12:30 UTC; may sign from 2023-11-14 22:23:40 UTC on",
    ]


def test_list_shows_that_no_key_is_next_and_which_one_waits(keys: Keys) -> None:
    keys.put((A, "active", 0))
    assert keys.run("list").output.endswith("; no key is next: add one with keys generate\n")

    keys.put((A, "active", 0), (B, "next", 9), (C, "next", 0))
    assert keys.run("list").output.endswith("; waits for its turn\n")


def test_list_prints_json_without_a_private_key(keys: Keys) -> None:
    keys.put((A, "active", 0), (B, "next", 9))

    printed = json.loads(keys.run("list", "--json").output)

    assert printed[1] == {
        "kid": "b",
        "alg": "EdDSA",
        "status": "next",
        "status_since": int(keys.now - 9),
        "removable_at": int(keys.now - 9),
        "rotatable_at": int(keys.now - 9) + PUBLICATION,
    }
    assert str(A.to_jwk(private=True)["d"]) not in json.dumps(printed)


@pytest.mark.parametrize(("age", "steps"), [(30 * DAY - 1, False), (30 * DAY, True), (30 * DAY + 1, True)])
def test_rotate_does_nothing_before_the_age(keys: Keys, age: float, steps: object) -> None:
    keys.put((A, "active", age), (B, "next", DAY))

    result = keys.run("rotate")

    assert result.exit_code == 0
    assert (keys.states["b"] == "active") is steps
    assert result.output.startswith(
        "The key b signs now." if steps else "Nothing to rotate: the active key has signed since"
    )


@pytest.mark.parametrize(("published", "code"), [(PUBLICATION - 1, 1), (PUBLICATION, 0), (PUBLICATION + 1, 0)])
def test_rotate_waits_until_all_services_know_the_next_key(keys: Keys, published: float, code: int) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", published))
    before = keys.path.read_bytes()

    result = keys.run("rotate")

    assert result.exit_code == code
    assert (keys.path.read_bytes() == before) is (code == 1)


def test_rotate_says_until_when_it_waits_and_by_which_times(keys: Keys) -> None:
    keys.clock.now = 1_700_000_000.0
    keys.put((A, "active", 99 * DAY), (B, "next", 60))

    assert keys.run("rotate").output == (
        "Error: the next key must be published for 670 seconds before it signs, so that all services know it. It was "
        "published at 2023-11-14 22:12:20 UTC, and now it is 2023-11-14 22:13:20 UTC: wait until 2023-11-14 22:23:30 "
        "UTC, or use --force\n"
    )


def test_rotate_with_force_does_not_wait(keys: Keys) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", 0))

    assert keys.run("rotate", "--force").exit_code == 0

    assert (keys.states["a"], keys.states["b"]) == ("retired", "active")


@pytest.mark.parametrize(("age", "stays"), [(RETENTION - 1, True), (RETENTION, False), (RETENTION + 1, False)])
def test_rotate_removes_retired_keys_of_which_no_token_can_live(keys: Keys, age: float, stays: object) -> None:
    keys.put((A, "retired", age), (B, "active", 99 * DAY), (C, "next", DAY))

    result = keys.run("rotate")

    assert ("a" in keys.states) is stays
    assert ("The key a was removed: all its tokens have expired." in result.output) is not stays


def test_rotate_without_a_next_key_says_what_to_do(keys: Keys) -> None:
    keys.put((A, "active", 99 * DAY))

    result = keys.run("rotate")

    assert (result.exit_code, result.output) == (
        1,
        "Error: a ring must have a key that is next to be rotated, got none: add one with keys generate\n",
    )


def test_an_older_than_that_is_no_duration_is_refused(keys: Keys) -> None:
    keys.put((A, "active", 0))

    for wrong in ("soon", "30", "-1d"):
        result = keys.run("rotate", "--older-than", wrong)

        assert result.exit_code == 2
        assert "must be a duration with a unit, like 30d or 12h" in result.output


@pytest.mark.parametrize(("age", "code"), [(RETENTION - 1, 1), (RETENTION, 0), (RETENTION + 1, 0)])
def test_remove_waits_until_no_token_of_the_key_can_live(keys: Keys, age: float, code: int) -> None:
    keys.put((A, "retired", age), (B, "active", 0))

    result = keys.run("remove", "a")

    assert result.exit_code == code
    assert ("a" in keys.states) is (code == 1)


def test_remove_never_removes_the_key_that_signs(keys: Keys) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", 0))

    result = keys.run("remove", "a")

    assert (result.exit_code, result.output) == (
        1,
        "Error: the active key signs and cannot be removed: rotate first, or use --compromised\n",
    )
    assert keys.states == {"a": "active", "b": "next"}


@pytest.mark.parametrize("has_next", [True, False])
def test_a_compromised_key_goes_at_once_although_it_signs(keys: Keys, has_next: object) -> None:
    keys.put((A, "active", 0), *([(B, "next", 0)] if has_next else []))

    result = keys.run("remove", "a", "--compromised")

    assert result.exit_code == 0
    assert sorted(keys.states.values()) == ["active", "next"]
    assert "a" not in keys.states
    assert "Other services may accept its tokens until" in result.output
    assert "is so young that other services may not know it: they refuse new tokens until" in result.output


def test_a_compromised_key_that_is_retired_goes_at_once(keys: Keys) -> None:
    keys.put((A, "retired", 0), (B, "active", 0))

    assert keys.run("remove", "a", "--compromised").exit_code == 0

    assert keys.states == {"b": "active"}


def test_a_compromised_key_whose_successor_is_known_stops_nobody(keys: Keys) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", PUBLICATION))

    result = keys.run("remove", "a", "--compromised")

    assert "is so young" not in result.output


def test_the_times_after_a_theft_have_the_rollout_in_them(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.clock.now = 1_700_000_000.0
    keys.put((A, "active", 99 * DAY), (B, "next", 9 * DAY))
    monkeypatch.setenv("FLASK_TOKENAUTH_KEYS_ROLLOUT", "6h")

    removed = keys.run("remove", "a", "--compromised").output
    replaced = keys.run("replace", "--compromised").output

    assert "within 21610 seconds" in removed
    assert "until 2023-11-15 04:23:30 UTC" in removed
    assert "until 2023-11-15 04:23:30 UTC" in replaced


def test_remove_needs_a_key_of_the_ring(keys: Keys) -> None:
    keys.put((A, "active", 0))

    result = keys.run("remove", "x", "--compromised")

    assert result.exit_code == 1
    assert result.output.endswith("must have a key with the ID x, got other keys: see keys list\n")


def test_a_next_key_that_is_removed_has_no_tokens(keys: Keys) -> None:
    keys.put((A, "active", 0), (B, "next", 0))

    assert keys.run("remove", "b").output == "The key b was removed.\n"


def test_rotate_removes_expired_keys_although_the_active_one_is_young(keys: Keys) -> None:
    keys.put((A, "retired", RETENTION), (B, "active", RETENTION), (C, "next", RETENTION))

    result = keys.run("rotate")

    assert keys.states == {"b": "active", "c": "next"}
    assert result.output.endswith("The key a was removed: all its tokens have expired.\n")


def test_rotate_corrects_times_in_the_future(keys: Keys) -> None:
    """Otherwise a clock that was ahead once would stop the rotation for as long."""
    keys.put((A, "active", -9 * DAY), (B, "next", -9 * DAY))

    result = keys.run("rotate")

    assert result.exit_code == 0
    assert "Warning: status_since of the key a is in the future, and counts as now" in result.output
    assert {jwk["status_since"] for jwk in json.loads(keys.path.read_text())["keys"]} == {int(keys.now)}
    assert "Warning" not in keys.run("rotate").output


def test_list_warns_of_times_in_the_future_and_of_weak_rights(keys: Keys) -> None:
    keys.put((A, "active", -9 * DAY))
    keys.path.chmod(0o644)

    printed = keys.run("list").output

    assert "Warning: status_since of the key a is in the future" in printed
    assert "Warning: all users of this machine can read" in printed


def test_a_rotation_that_changes_nothing_leaves_the_file(keys: Keys) -> None:
    keys.put((A, "active", 0), (B, "next", 0))
    before = keys.path.stat()

    keys.run("rotate")

    assert keys.path.stat() == before


@pytest.mark.parametrize("name", ["mandarin", "mandarin.pem", "mandarin/x"])
def test_a_new_file_has_a_name_that_is_no_secret(keys: Keys, name: str) -> None:
    result = CliRunner().invoke(main, ["keys", "--file", str(keys.path.parent / name), "generate"])

    assert result.exit_code == 1
    assert "mandarin" not in result.output


def test_a_second_next_key_waits_for_its_turn(keys: Keys) -> None:
    keys.put((A, "active", 0), (B, "next", 0))

    assert "when it is its turn: another key is next before it" in keys.run("generate").output


def test_keys_instead_of_a_path_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_TOKENAUTH_KEYS", json.dumps({"keys": [A.to_jwk(private=True)]}))

    result = CliRunner().invoke(main, ["keys", "list"])

    assert "FLASK_TOKENAUTH_KEYS, got something else than a path" in result.output


def test_the_id_of_a_new_key_is_no_option(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter([Key.generate("EdDSA", kid="-a"), Key.generate("EdDSA", kid="-b"), A, B])
    monkeypatch.setattr("flask_tokenauth.core.keys.key.Key.generate", lambda _: next(made))

    keys.run("generate")

    assert keys.states == {"a": "active", "b": "next"}


def test_replace_needs_its_option(keys: Keys) -> None:
    keys.put((A, "active", 0))

    result = keys.run("replace")

    assert result.exit_code == 2
    assert "all tokens are refused after that, so give --compromised" in result.output
    assert keys.states == {"a": "active"}


def test_replace_makes_a_new_ring_of_the_same_algorithm(keys: Keys) -> None:
    keys.put((Key.generate("ES256", kid="e"), "active", 0), (A, "retired", 0))

    result = keys.run("replace", "--compromised")

    assert sorted(keys.states.values()) == ["active", "next"]
    assert {jwk["alg"] for jwk in json.loads(keys.path.read_text())["keys"]} == {"ES256"}
    assert "Other services refuse new tokens until they fetch the key set again." in result.output


def test_export_prints_the_public_keys(keys: Keys) -> None:
    keys.put((A, "active", 0), (B, "next", 0))

    printed = json.loads(keys.run("export").output)

    assert printed == {"keys": [A.to_jwk(), B.to_jwk()]}


def test_export_prints_one_key_in_each_form(keys: Keys) -> None:
    keys.put((A, "active", 0), (B, "next", 0))

    assert json.loads(keys.run("export", "b").output) == B.to_jwk()
    assert json.loads(keys.run("export", "b", "--private").output) == B.to_jwk(private=True)
    assert keys.run("export", "b", "--pem").output == B.to_pem()
    assert Key.from_pem(keys.run("export", "b", "--pem", "--private").output).thumbprint() == B.thumbprint()


@pytest.mark.parametrize(
    ("args", "words"),
    [(["--pem"], "PEM is for one key: give its KID"), (["x"], "with the ID x, got other keys: see keys list")],
)
def test_export_says_what_it_needs(keys: Keys, args: list[str], words: str) -> None:
    keys.put((A, "active", 0))

    result = keys.run("export", *args)

    assert result.exit_code != 0
    assert words in result.output


def test_export_prints_no_secret_unless_it_is_asked_for(keys: Keys) -> None:
    keys.put((Key.generate("HS256", kid="s"), "active", 0))

    result = keys.run("export")

    assert (result.exit_code, result.output) == (
        1,
        "Error: only a private or public key can be published, got a secret, which has no public half\n",
    )


@pytest.mark.parametrize("command", ["list", "rotate", "remove", "replace"])
def test_a_set_without_states_is_no_ring(keys: Keys, command: str) -> None:
    keys.path.write_text(json.dumps({"keys": [A.to_jwk(private=True)]}))
    before = keys.path.read_bytes()

    result = keys.run(command, *{"remove": ["a"], "replace": ["--compromised"]}.get(command, []))

    assert result.exit_code == 1
    assert result.output.endswith("keys generate makes a ring of them, in which the key that signs now is active\n")
    assert keys.path.read_bytes() == before


def test_the_file_is_that_of_the_environment(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_TOKENAUTH_KEYS", str(keys.path))

    assert CliRunner().invoke(main, ["keys", "generate"]).exit_code == 0

    assert keys.path.exists()


def test_without_a_file_the_message_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLASK_TOKENAUTH_KEYS", raising=False)

    result = CliRunner().invoke(main, ["keys", "list"])

    assert result.exit_code == 1
    assert "must be named with --file FILE, or in the environment variable FLASK_TOKENAUTH_KEYS" in result.output


def test_the_times_are_those_of_the_environment(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", PUBLICATION))
    monkeypatch.setenv("FLASK_TOKENAUTH_KEYS_ROLLOUT", "1h")

    assert keys.run("rotate").exit_code == 1

    monkeypatch.setenv("FLASK_TOKENAUTH_KEYS_ROLLOUT", "x")
    assert "TOKENAUTH_KEYS_ROLLOUT must be 0 seconds to 7 days" in keys.run("rotate").output


def test_the_commands_of_an_application_use_its_file(keys: Keys, make_app: MakeApp) -> None:
    keys.run("generate")
    app = make_app(TOKENAUTH_KEYS=str(keys.path), TOKENAUTH_ISSUER="https://issuer.example")

    result = run_of_application(app, "keys", "list")

    assert result.exit_code == 0
    assert result.output.count("EdDSA") == 2


def test_keys_of_an_application_that_are_in_no_file_have_no_commands(app: Flask) -> None:
    result = run_of_application(app, "keys", "list")

    assert result.exit_code == 1
    assert "TOKENAUTH_KEYS must be the path of a file to work with its keys" in result.stderr


def test_the_application_signs_with_the_active_key(keys: Keys, make_app: MakeApp) -> None:
    keys.put((A, "next", 0), (B, "active", 0), (C, "retired", 0))
    app = make_app(TOKENAUTH_KEYS=str(keys.path), TOKENAUTH_ISSUER="https://issuer.example")

    loaded: KeySet = app.extensions["tokenauth"].settings.keys
    assert loaded.signing_key is not None
    assert (loaded.signing_key.kid, len(loaded)) == ("b", 3)


@pytest.fixture
def rings(keys: Keys, make_app: MakeApp) -> tuple[Flask, MemoryStore]:
    """An application with a ring that may be rotated, and its store, whose clock is that of the commands."""
    keys.put((A, "active", 99 * DAY), (B, "next", 2 * PUBLICATION))
    os.utime(keys.path, (keys.now - 100, keys.now - 100))
    store = MemoryStore(clock=lambda: int(keys.now * 1000))
    app = make_app(TOKENAUTH_KEYS=str(keys.path), TOKENAUTH_ISSUER="https://issuer.example", TOKENAUTH_STORE=store)
    return app, store


def own_ring(app: Flask) -> str:
    return str(app.extensions["tokenauth"].settings.keys.ring)


def test_rotate_asks_the_store_which_rings_the_processes_have(rings: tuple[Flask, MemoryStore]) -> None:
    app, store = rings
    store.report_ring(own_ring(app))

    assert run_of_application(app, "keys", "rotate").exit_code == 0


def test_rotate_needs_no_process_that_runs(rings: tuple[Flask, MemoryStore]) -> None:
    assert run_of_application(rings[0], "keys", "rotate").exit_code == 0


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_rotate_refuses_while_processes_have_different_rings(
    keys: Keys, rings: tuple[Flask, MemoryStore], force: list[str]
) -> None:
    app, store = rings
    before = keys.path.read_bytes()
    for _ in range(2):
        store.report_ring(own_ring(app))
        store.report_ring("other")
        keys.clock.now += 30

    result = run_of_application(app, "keys", "rotate", *force)

    assert result.exit_code == 1
    assert "the processes of this issuer must have one ring of keys, but for 30 seconds" in result.stderr
    assert keys.path.read_bytes() == before


def test_rotate_refuses_a_file_that_no_process_uses(keys: Keys, rings: tuple[Flask, MemoryStore]) -> None:
    app, store = rings
    store.report_ring("other")

    result = run_of_application(app, "keys", "rotate")

    assert result.exit_code == 1
    assert "but they have another ring of keys: run keys rotate where the file is that they use" in result.stderr


class Down(MemoryStore):
    """A store that cannot be asked."""

    def list_rings(self) -> NoReturn:
        raise StoreUnavailable("it is down")


@pytest.mark.parametrize(("force", "status"), [([], 1), (["--force"], 0)])
def test_rotate_refuses_during_an_outage_of_the_store_unless_forced(
    keys: Keys, rings: tuple[Flask, MemoryStore], make_app: MakeApp, force: list[str], status: int
) -> None:
    app = make_app(TOKENAUTH_KEYS=str(keys.path), TOKENAUTH_ISSUER="https://issuer.example", TOKENAUTH_STORE=Down())

    result = run_of_application(app, "keys", "rotate", *force)

    assert result.exit_code == status
    assert (
        "the store must be there, since it knows whether all processes use this file, but it is down" in result.stderr
    ) == (status == 1)
