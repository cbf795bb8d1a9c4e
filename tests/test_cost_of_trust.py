"""The cost of trusted issuers in calls: nothing for our own tokens, and for their tokens about as much as for ours."""

import time
from typing import Any

from flask import Flask

from flask_tokenauth import TokenAuth, create_token, login_required

from .conftest import AUDIENCE, ISSUER
from .core.trusted_issuers.rules_kit import OWN_KEY, issuer_with, sign
from .encryption_kit import encrypt, keys_setting
from .test_cost import BASE64, CHECKS, JSON, Drive, drive  # noqa: F401  # a fixture

REMEMBERED, NEW = 10, 0  # the size of the cache


def make_app(*, trusts: bool, cache_size: int, **config: Any) -> Flask:
    app = Flask("tests")
    app.config |= {
        "TOKENAUTH_KEYS": [OWN_KEY.to_jwk(private=True)],
        "TOKENAUTH_ISSUER": ISSUER,
        "TOKENAUTH_AUDIENCE": AUDIENCE,
        "TOKENAUTH_TOKEN_CACHE_SIZE": cache_size,
        "TOKENAUTH_TRUSTED_ISSUERS": [issuer_with(scopes=["read"])] if trusts else None,
        "TESTING": True,
    } | config
    TokenAuth(app)
    app.add_url_rule("/", view_func=login_required(lambda: "hello"))
    return app


def own_token(app: Flask) -> str:
    with app.app_context():
        return create_token("alice", scopes=["read"])


def their_token() -> str:
    now = int(time.time())
    return sign(iat=now, exp=now + 600)


def known_calls(drive: Drive, app: Flask, token: str) -> Any:  # noqa: F811
    """Return the calls of a request after two with the same token."""
    for _ in range(2):
        drive(app, token)
    status, calls = drive(app, token)
    assert status == "200 OK"
    return calls


def test_our_own_remembered_tokens_cost_the_same_calls(drive: Drive) -> None:  # noqa: F811
    alone, trusting = (make_app(trusts=trusts, cache_size=REMEMBERED) for trusts in (False, True))
    token = own_token(alone)

    assert known_calls(drive, trusting, token) == known_calls(drive, alone, token)


def test_our_own_new_tokens_cost_a_look_at_their_issuer(drive: Drive) -> None:  # noqa: F811
    alone, trusting = (make_app(trusts=trusts, cache_size=NEW) for trusts in (False, True))
    token = own_token(alone)

    more = known_calls(drive, trusting, token) - known_calls(drive, alone, token)

    assert more == {"TrustedIssuers.are_ours": 1, "dict.get": 1}


def test_their_remembered_tokens_are_neither_decoded_nor_verified(drive: Drive) -> None:  # noqa: F811
    calls = known_calls(drive, make_app(trusts=True, cache_size=REMEMBERED), their_token())

    assert calls.of(BASE64 | JSON | CHECKS) == 0


def test_their_remembered_tokens_cost_the_same_calls_if_they_are_encrypted(drive: Drive) -> None:  # noqa: F811
    app = make_app(trusts=True, cache_size=REMEMBERED, **keys_setting())

    assert known_calls(drive, app, encrypt(their_token())) == known_calls(drive, app, their_token())


def test_encryption_keys_cost_tokens_that_are_remembered_no_call(drive: Drive) -> None:  # noqa: F811
    plain, encrypting = (make_app(trusts=True, cache_size=REMEMBERED, **more) for more in ({}, keys_setting()))

    for token in (their_token(), None):
        counts = [known_calls(drive, app, token or own_token(app)).total() for app in (plain, encrypting)]
        assert counts[0] == counts[1]


def test_their_new_tokens_are_decoded_and_verified_once(drive: Drive) -> None:  # noqa: F811
    calls = known_calls(drive, make_app(trusts=True, cache_size=NEW), their_token())

    assert (calls.of({"Decoder.decode"}), calls.of(CHECKS)) == (1, 1)
