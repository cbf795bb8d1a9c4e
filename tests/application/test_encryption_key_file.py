"""The file of the encryption keys is followed, and no key of it ever signs."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import create_token
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.application.encryption_key_file import FollowedEncryptionKeyFile
from flask_tokenauth.application.key_file import FollowedKeyFile
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.tokens.jwe import decrypt

from ..conftest import MakeApp, StandingClock, bearer, whoami
from ..encryption_kit import KEY, OTHER, PAIR

SIGNING = Key.generate("ES256", kid="s1")
SHARED = EncryptionKey.from_jwk(SIGNING.to_jwk(private=True) | {"use": "enc", "alg": "ECDH-ES+A256KW", "kid": "e9"})
INTERVAL = 5.0


def write(path: Path, *keys: Key | EncryptionKey, private: bool = True, **changes: object) -> None:
    """Put a new file in the place of the old one."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": [key.to_jwk(private=private) | changes for key in keys]}))
    new.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "encryption.json", KEY)
    return tmp_path / "encryption.json"


@pytest.fixture
def signing_path(tmp_path: Path) -> Path:
    write(tmp_path / "keys.json", SIGNING)
    return tmp_path / "keys.json"


@pytest.fixture(params=["keys in a file too", "other keys in no file"])
def app(
    request: pytest.FixtureRequest, make_app: MakeApp, path: Path, signing_path: Path, ticks: StandingClock
) -> Flask:
    is_file = request.param == "keys in a file too"
    return follow(
        make_app(
            TOKENAUTH_ENCRYPTION_KEYS=path,
            TOKENAUTH_KEYS=signing_path if is_file else [SIGNING.to_jwk(private=True)],
            TOKENAUTH_DEFAULT_GUARD="login_required",
        ),
        ticks,
    )


@pytest.fixture
def ticks() -> StandingClock:
    """The clock by which the files are looked at."""
    return StandingClock(0)


def follow(app: Flask, ticks: StandingClock) -> Flask:
    app.add_url_rule("/me", "me", whoami())
    keys = state_of(app).keys
    for file in (keys.key_file, keys.encryption_key_file):
        if file is not None:
            file._monotonic, file._look_at = ticks, ticks.now + INTERVAL
    return app


def issue(app: Flask) -> str:
    with app.app_context():
        return create_token("alice")


def status(app: Flask, token: str) -> int:
    return app.test_client().get("/me", headers=bearer(token)).status_code


def kids(app: Flask) -> list[str]:
    encryption = state_of(app).keys.encryption
    assert encryption is not None
    return [key.kid for key in encryption]


@pytest.mark.parametrize(("later", "known"), [(4.999, ["e1"]), (5.0, ["e2"]), (5.001, ["e2"])])
def test_a_change_is_seen_by_a_request_after_an_interval(
    app: Flask, path: Path, ticks: StandingClock, later: float, known: list[str]
) -> None:
    write(path, OTHER)
    ticks.now += later

    app.test_client().get("/me")

    assert kids(app) == known


def test_a_process_that_issues_tokens_encrypts_with_the_new_key(app: Flask, path: Path, ticks: StandingClock) -> None:
    write(path, OTHER)
    ticks.now += INTERVAL

    token = issue(app)

    encryption = state_of(app).keys.encryption
    assert encryption is not None
    assert decrypt(token, encryption).header["kid"] == "e2"


def test_a_removed_key_takes_remembered_tokens_along(app: Flask, path: Path, ticks: StandingClock) -> None:
    token = issue(app)
    before = [status(app, token) for _ in range(2)]

    write(path, OTHER)
    ticks.now += INTERVAL

    assert (before, status(app, token)) == ([200, 200], 401)


def test_tokens_of_all_keys_of_the_file_are_accepted(app: Flask, path: Path, ticks: StandingClock) -> None:
    token = issue(app)

    write(path, OTHER, KEY)
    ticks.now += INTERVAL

    assert [status(app, text) for text in (token, issue(app))] == [200, 200]


def test_a_token_of_a_new_key_is_accepted_before_the_interval_ends(
    app: Flask, path: Path, ticks: StandingClock
) -> None:
    ticks.now += INTERVAL
    write(path, OTHER)
    token = issue(app)
    write(path, KEY)
    ticks.now += INTERVAL
    issue(app)
    write(path, KEY, OTHER)
    ticks.now += 1

    assert status(app, token) == 200


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda path: write(path, PAIR, private=False), "must be able to read its own tokens"),
        (lambda path: write(path, KEY, key_ops=["decrypt"]), "must still have a key that can encrypt"),
        (lambda path: write(path, SHARED), "got one that also signs ('e9')"),
        (lambda path: write(path, KEY, kid=7), "kid must be a string"),
        (lambda path: path.write_text("{"), "malformed JSON"),
        (lambda path: path.unlink(), "must be readable"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    app: Flask, path: Path, ticks: StandingClock, caplog: pytest.LogCaptureFixture, *, change: Any, fault: str
) -> None:
    token = issue(app)
    change(path)
    ticks.now += INTERVAL

    assert (status(app, token), kids(app)) == (200, ["e1"])
    [record] = caplog.records
    assert record.message.startswith("TOKENAUTH_ENCRYPTION_KEYS has changed and cannot be used")
    assert fault in record.message


def test_a_signing_key_that_comes_to_encrypt_is_refused_too(
    make_app: MakeApp, path: Path, signing_path: Path, ticks: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, SHARED)
    write(signing_path, Key.generate("EdDSA", kid="s2"))
    app = follow(make_app(TOKENAUTH_KEYS=signing_path, TOKENAUTH_ENCRYPTION_KEYS=path), ticks)

    write(signing_path, SIGNING)
    ticks.now += INTERVAL
    issue(app)

    assert [key.kid for key in state_of(app).settings.keys] == ["s2"]
    assert "TOKENAUTH_KEYS has changed and cannot be used" in caplog.text
    assert "got one that also signs" in caplog.text


def test_the_secret_of_the_application_cannot_come_to_encrypt(
    make_app: MakeApp, path: Path, ticks: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    app = follow(make_app(SECRET_KEY=str(OTHER.to_jwk(private=True)["k"]), TOKENAUTH_ENCRYPTION_KEYS=path), ticks)

    write(path, OTHER)
    ticks.now += INTERVAL
    issue(app)

    assert kids(app) == ["e1"]
    assert "got SECRET_KEY or one of its fallbacks ('e2')" in caplog.text


def test_both_files_are_exchanged_in_one_look(
    make_app: MakeApp, path: Path, signing_path: Path, ticks: StandingClock
) -> None:
    app = follow(make_app(TOKENAUTH_KEYS=signing_path, TOKENAUTH_ENCRYPTION_KEYS=path), ticks)
    write(path, OTHER)
    write(signing_path, Key.generate("EdDSA", kid="s2"))
    ticks.now += INTERVAL

    issue(app)

    assert (kids(app), [key.kid for key in state_of(app).settings.keys]) == (["e2"], ["s2"])


def test_a_look_along_does_not_wait_for_another_thread(app: Flask, path: Path) -> None:
    file = state_of(app).keys.encryption_key_file
    assert isinstance(file, FollowedEncryptionKeyFile)
    write(path, OTHER)

    with file._looking:
        file.look_along()

    assert kids(app) == ["e1"]


def test_keys_in_no_file_are_not_followed(make_app: MakeApp) -> None:
    keys = state_of(make_app(TOKENAUTH_ENCRYPTION_KEYS=[KEY.to_jwk(private=True)])).keys

    assert (keys.key_file, keys.encryption_key_file, keys.look, keys.look_for) == (None, None, None, None)


def test_without_encryption_keys_there_is_no_decryption(make_app: MakeApp, signing_path: Path) -> None:
    keys = state_of(make_app(TOKENAUTH_KEYS=signing_path)).keys

    assert (keys.encryption, keys.decryption, keys.encryption_key_file) == (None, None, None)
    assert isinstance(keys.key_file, FollowedKeyFile)
