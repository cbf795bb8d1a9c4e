"""Foreign libraries verify our tokens with the published keys, through a rotation."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest
import requests
from joserfc import jwt as jwt_of_joserfc
from joserfc.jwk import KeySet

from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_ring import KeyRing

from .conftest import HERE, Issuer, needs_foreign_software

pytestmark = needs_foreign_software

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
NOT_IN_PYJWT = ["Ed25519"]  # RFC 9864

Verify = Callable[[str], dict[str, Any]]


@contextmanager
def jose(issuer: Issuer) -> Iterator[Verify]:
    """Yield a function that verifies a token with one and the same process of Node.js."""
    process = subprocess.Popen(
        ["node", HERE / "jose.mjs", issuer.url, issuer.audience],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def verify(token: str) -> dict[str, Any]:
        print(token, file=stdin, flush=True)
        found: dict[str, Any] = json.loads(stdout.readline())
        return found

    with process:
        yield verify
        stdin.close()


@contextmanager
def pyjwt(issuer: Issuer) -> Iterator[Verify]:
    """Yield a function that verifies a token with one and the same ``PyJWKClient``."""
    client = jwt.PyJWKClient(f"{issuer.url}/.well-known/jwks.json", cooldown_duration=0)

    def verify(token: str) -> dict[str, Any]:
        key = client.get_signing_key_from_jwt(token)
        found = jwt.decode_complete(
            token, key, algorithms=[key.algorithm_name], audience=issuer.audience, issuer=issuer.url
        )
        return {"subject": found["payload"]["sub"], **found["header"]}

    yield verify


@contextmanager
def joserfc(issuer: Issuer) -> Iterator[Verify]:
    """Yield a function that verifies a token with joserfc, as Authlib does, and the key set as it is then."""

    def verify(token: str) -> dict[str, Any]:
        answer = requests.get(f"{issuer.url}/.well-known/jwks.json", timeout=60)
        found = jwt_of_joserfc.decode(token, KeySet.import_key_set(answer.json()), algorithms=ALGORITHMS)
        return {"subject": found.claims["sub"], **found.header}

    yield verify


CASES = [
    pytest.param(client, alg, id=f"{name}-{alg}")
    for name, client in (("jose", jose), ("PyJWKClient", pyjwt), ("joserfc", joserfc))
    for alg in ALGORITHMS
    if client is not pyjwt or alg not in NOT_IN_PYJWT
]


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc prefers the name Ed25519
@pytest.mark.parametrize(("client", "alg"), CASES)
def test_a_client_follows_the_keys_through_two_rotations(
    serve: Callable[[KeyRing], Issuer], client: Any, alg: str
) -> None:
    ring = KeyRing.start(alg, now=time.time())
    issuer = serve(ring)
    with client(issuer) as verify:
        for _ in range(3):
            token = issuer.log_in()["access_token"]
            found = verify(token)
            assert (found["subject"], found["kid"], found["alg"]) == ("alice", ring.active.key.kid, alg)
            ring = ring.promote(Key.generate(alg), now=time.time())
            issuer.write(ring)
            assert verify(token)["kid"] != ring.active.key.kid  # the old key is still believed


def test_jose_refuses_a_key_that_was_removed(serve: Callable[[KeyRing], Issuer]) -> None:
    issuer = serve(KeyRing.start("EdDSA", now=time.time()))
    token = issuer.log_in()["access_token"]
    issuer.write(KeyRing.start("EdDSA", now=time.time()))

    with jose(issuer) as verify:
        assert verify(token) == {"error": "ERR_JWKS_NO_MATCHING_KEY"}
