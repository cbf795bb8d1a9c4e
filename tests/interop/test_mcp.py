"""Clients of the Model Context Protocol find the metadata of the resource from a 401, and understand it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from flask_tokenauth.core.keys.key_ring import KeyRing

from .conftest import Issuer, needs_foreign_software, run_node

pytestmark = needs_foreign_software


@pytest.fixture
def issuer(serve: Callable[[KeyRing], Issuer]) -> Issuer:
    return serve(KeyRing.start("ES256", now=time.time()))


def test_the_sdk_for_javascript(issuer: Issuer) -> None:
    found = run_node("mcp.mjs", issuer.audience)

    assert found["status"] == 401
    assert found["url"] == f"{issuer.url}/.well-known/oauth-protected-resource/api"
    assert found["scope"] == "reports:read"
    assert found["metadata"] == found["guessed"]
    assert found["metadata"]["resource"] == issuer.audience
    assert found["metadata"]["authorization_servers"] == [issuer.url]


def test_the_sdk_for_python(issuer: Issuer) -> None:
    from mcp.client.auth import utils  # noqa: PLC0415  # it may be missing

    refused: Any = Answer(requests.post(issuer.audience, timeout=60))
    url = utils.extract_resource_metadata_from_www_auth(refused)
    assert url == f"{issuer.url}/.well-known/oauth-protected-resource/api"
    assert utils.extract_scope_from_www_auth(refused) == "reports:read"
    assert utils.build_protected_resource_metadata_discovery_urls(None, issuer.audience)[0] == url

    answer: Any = Answer(requests.get(url, timeout=60))
    metadata = asyncio.run(utils.handle_protected_resource_response(answer))

    assert metadata is not None
    assert str(metadata.resource) == issuer.audience
    assert [str(server).rstrip("/") for server in metadata.authorization_servers] == [issuer.url]


class Answer:
    """An answer as the SDK reads it. That of requests is false for a 401."""

    def __init__(self, answer: requests.Response) -> None:
        self.status_code, self.headers = answer.status_code, answer.headers
        self._content = answer.content

    async def aread(self) -> bytes:
        return self._content
