"""Applications whose keys are in a file: they accept and issue tokens with the keys that the file has now."""

import os
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import create_token
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet

from ...conftest import MakeApp
from .kit import ISSUER, A, B, kids, write


@pytest.fixture
def app(make_app: MakeApp, path: Path) -> Flask:
    return make_app(TOKENAUTH_KEYS=str(path), TOKENAUTH_ISSUER=ISSUER)


def test_a_token_of_a_new_key_is_accepted_at_once(app: Flask, path: Path) -> None:
    token = token_of(app, B)
    write(path, A, B)

    with app.app_context():
        assert state_of(app).authenticator.verify(token, None, {"jwt"})[1] == "alice"


def token_of(app: Flask, key: Key) -> str:
    """Return a token of the issuer that another process has signed."""
    keys = state_of(app).settings.keys
    known, signing_key = list(keys), keys.signing_key
    keys.exchange([key])
    with app.app_context():
        token = create_token("alice")
    keys.exchange(known, signing_key=signing_key)
    return token


def test_a_process_that_issues_tokens_signs_with_the_new_key(
    app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, B)
    followed: Any = state_of(app).key_file
    monkeypatch.setattr(followed, "_look_at", 0.0)

    with app.app_context():
        create_token("alice")

    signing_key = state_of(app).settings.keys.signing_key
    assert signing_key is not None
    assert signing_key.kid == "b"


def test_each_request_may_be_the_one_that_looks(app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, B)
    monkeypatch.setattr(state_of(app).key_file, "_look_at", 0.0)

    app.test_client().get("/public")

    assert kids(state_of(app).settings.keys) == ["b"]


def test_keys_that_are_in_no_file_are_not_followed(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_KEYS=KeySet([A]), TOKENAUTH_ISSUER=ISSUER)

    assert state_of(app).key_file is None


def test_a_relative_path_is_followed_when_the_working_directory_changes(
    make_app: MakeApp, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    app = make_app(TOKENAUTH_KEYS=path.name, TOKENAUTH_ISSUER=ISSUER)
    os.chdir("/")

    assert state_of(app).key_file is not None
    assert state_of(app).settings.keys_path == path
