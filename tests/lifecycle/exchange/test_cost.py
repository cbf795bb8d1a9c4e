"""The cost of the second look-up, in calls: only a token with a parent pays it."""

import pytest
from flask import Flask

from flask_tokenauth import login_required

from ...conftest import AUDIENCE, bearer, whoami
from ...test_cost import Calls
from .conftest import MakeWorker
from .kit import exchange, token_for


def calls_of(app: Flask, token: str) -> Calls:
    """Return the calls of a request with a token that is remembered."""
    client = app.test_client()
    client.get("/me", headers=bearer(token))
    with Calls() as calls:
        status = client.get("/me", headers=bearer(token)).status_code
    assert status == 200
    return calls


@pytest.mark.parametrize(
    ("mode", "asked"), [("feed", "RevocationFeed.is_revoked"), ("strict", "MemoryStore.is_revoked")]
)
def test_only_a_token_with_a_parent_is_looked_up_twice(make_worker: MakeWorker, mode: str, asked: str) -> None:
    worker = make_worker(TOKENAUTH_REVOCATION=mode)
    worker.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    token = token_for(worker)

    plain, of_delegate = (calls_of(worker, text) for text in (token, exchange(worker, token, AUDIENCE)))

    assert (plain[asked], of_delegate[asked]) == (1, 2)
