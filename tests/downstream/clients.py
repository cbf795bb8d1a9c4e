"""HTTP clients with ``ExchangeAuth``: requests, and httpx with and without coroutines. All have one interface."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

import httpx
import requests

from flask_tokenauth.downstream.httpx import ExchangeAuth as HttpxAuth
from flask_tokenauth.downstream.requests import ExchangeAuth as RequestsAuth

OTHER = "https://reports.example"  # the audience


class Result(NamedTuple):
    """An answer."""

    status: int
    text: str
    statuses_before: list[int]  # of the answers that came before it


class Client:
    """One HTTP client."""

    name = "requests"

    def auth(self, origins: Iterable[str], **options: Any) -> Any:
        return RequestsAuth(OTHER, origins, **options)

    def send(self, auth: Any, url: str, method: str = "GET", **options: Any) -> Result:
        """Send a request, and follow redirects. ``content`` is its body: bytes, a file or a generator."""
        if "content" in options:
            options["data"] = options.pop("content")
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, url, auth=auth, timeout=60, **options)
            return Result(answer.status_code, answer.text, [before.status_code for before in answer.history])


class HttpxClient(Client):
    name = "httpx"

    def auth(self, origins: Iterable[str], **options: Any) -> Any:
        return HttpxAuth(OTHER, origins, **options)

    def send(self, auth: Any, url: str, method: str = "GET", **options: Any) -> Result:
        with httpx.Client(trust_env=False, follow_redirects=True, verify=False, timeout=60) as client:
            return _read(client.request(method, url, auth=auth, **options))


class AsyncHttpxClient(HttpxClient):
    name = "httpx-async"

    def send(self, auth: Any, url: str, method: str = "GET", **options: Any) -> Result:
        async def ask() -> Result:
            async with httpx.AsyncClient(trust_env=False, follow_redirects=True, verify=False, timeout=60) as client:
                return _read(await client.request(method, url, auth=auth, **options))

        content = options.get("content")
        if content is not None and not isinstance(content, bytes):
            options["content"] = _iterate(content)
        return asyncio.run(ask())


def _read(answer: httpx.Response) -> Result:
    return Result(answer.status_code, answer.text, [before.status_code for before in answer.history])


async def _iterate(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in content:
        yield part


CLIENTS = [Client(), HttpxClient(), AsyncHttpxClient()]
