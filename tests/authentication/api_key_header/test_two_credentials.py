"""The header for API keys beside an ``Authorization`` header: a bearer token there makes two credentials."""

import base64
from typing import Any

import pytest
from flask.testing import FlaskClient

from flask_tokenauth.authentication.credentials import check_key_header
from flask_tokenauth.core.errors import MalformedApiKeyHeader, TwoCredentials

from ...conftest import Mint, bearer
from ...guards.kinds_kit import HEADER
from .kit import outcome

BASIC = {"Authorization": f"Basic {base64.b64encode(b'alice:hunter2').decode()}"}


@pytest.mark.parametrize("token", ["good", "x.y.z", "a b", "", "tr_x", "a" * 9000, "the same key"])
@pytest.mark.parametrize("value", ["good", "ta_garbage", "a b", "x.y.z"])
def test_a_bearer_token_beside_the_header_is_refused(
    client: FlaskClient, mint: Mint, key: str, log: Any, *, token: str, value: str
) -> None:
    """RFC 6750 section 2: "Clients MUST NOT use more than one method"."""
    text = {"good": mint(), "the same key": key}.get(token, token)

    headers = {"Authorization": f"Bearer {text}", HEADER: key if value == "good" else value}

    assert outcome(client, headers, log) == (400, "credentials_two")


def test_the_refusal_of_two_headers_has_a_challenge(client: FlaskClient, mint: Mint, key: str) -> None:
    answer = client.get("/x", headers=bearer(mint()) | {HEADER: key})

    assert answer.get_json() == {
        "error": "invalid_request",
        "error_description": (
            "Two credentials were sent: send either Authorization: Bearer <token> or the header for API keys."
        ),
    }
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]
    assert "Authorization: Bearer <token>" in answer.headers["WWW-Authenticate"]


def test_two_headers_show_nobody_to_an_open_view(client: FlaskClient, mint: Mint, key: str) -> None:
    assert client.get("/open", headers=bearer(mint()) | {HEADER: key}).text == "of None"


@pytest.mark.parametrize("other", [BASIC, {"Authorization": "Token x"}, {"Authorization": ""}, {"Authorization": "x"}])
def test_another_scheme_is_no_credential(client: FlaskClient, key: str, log: Any, other: dict[str, str]) -> None:
    assert outcome(client, other | {HEADER: key}, log) == (200, None)
    assert outcome(client, other | {HEADER: "ta_garbage"}, log) == (401, "token_damaged")


@pytest.mark.parametrize(
    ("header", "refusal"),
    [(None, None), ("Basic x", None), ("Bearer", TwoCredentials), ("bearer x", TwoCredentials), ("Bearerx y", None)],
)
def test_the_scheme_decides_whether_there_are_two_credentials(header: str | None, refusal: Any) -> None:
    if refusal is None:
        check_key_header("ta_x", header)
    else:
        with pytest.raises(refusal):
            check_key_header("ta_x", header)


def test_two_credentials_come_before_a_malformed_one() -> None:
    with pytest.raises(TwoCredentials):
        check_key_header("a b", "Bearer x")
    with pytest.raises(MalformedApiKeyHeader):
        check_key_header("a b", "Basic x")
