"""``ExchangeAuth`` of httpx: files, forms, streams, and clients in views that are coroutine functions."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from flask import Flask

from flask_tokenauth.core.tokens.unverified import parse_unverified
from flask_tokenauth.downstream.httpx import ExchangeAuth

from ..conftest import bearer
from .clients import OTHER
from .conftest import token_of
from .services import REFUSAL, Answer, Seen, Service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    auth = ExchangeAuth(OTHER, [service.url])
    with httpx.Client(auth=auth, trust_env=False, verify=False, base_url=service.url) as client:
        yield client


def test_a_file_is_sent_again(as_alice: str, client: httpx.Client, service: Service, tmp_path: Path) -> None:
    service.answer_in_turn(REFUSAL, Answer())
    (tmp_path / "a").write_bytes(b"x" * 200_000)

    with (tmp_path / "a").open("rb") as file:
        assert client.post("/", content=file).status_code == 200

    assert service.bodies == [b"x" * 200_000] * 2


@pytest.mark.parametrize("name", ["data", "json", "content"])
def test_a_form_and_json_are_sent_again(as_alice: str, client: httpx.Client, service: Service, name: str) -> None:
    service.answer_in_turn(REFUSAL, Answer())
    values: dict[str, Any] = {"data": {"a": "b"}, "json": {"a": "b"}, "content": "a"}

    assert client.post("/", **{name: values[name]}).status_code == 200

    assert service.bodies[0] == service.bodies[1] != b""


def subject_of(header: str | None) -> object:
    return dict(parse_unverified(str(header).removeprefix("Bearer ")).claims or {})["sub"]


class Pipe(io.BytesIO):
    """A file that cannot be rewound."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation("seek")

    tell = seek


def test_a_form_with_a_file_that_cannot_be_rewound_is_sent_once(
    as_alice: str, client: httpx.Client, service: Service
) -> None:
    service.answers = lambda seen: REFUSAL

    answer = client.post("/", files={"a": Pipe(b"abc"), "b": b"def"}, data={"c": "d"})

    assert (answer.status_code, len(service.seen)) == (401, 1)


def test_a_stream_of_other_code_is_sent_once(as_alice: str, client: httpx.Client, service: Service) -> None:
    service.answers = lambda seen: REFUSAL

    class Stream(httpx.SyncByteStream):
        def __init__(self) -> None:
            self._stream = io.BytesIO(b"abc")
            self.fields: list[object] = []

        def __iter__(self) -> Iterator[bytes]:
            yield self._stream.read()

    request = client.build_request("POST", "/", headers={"Content-Length": "3"})
    request.stream = Stream()

    assert client.send(request).status_code == 401
    assert service.bodies == [b"abc"]


class AsyncFile:
    """A file whose methods are coroutine functions, as those of anyio."""

    tell = AsyncMock(return_value=0)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"abc"


def test_a_file_of_coroutines_is_sent_once(as_alice: str, service: Service) -> None:
    service.answers = lambda seen: REFUSAL

    async def ask() -> int:
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            answer = await client.post(service.url, content=AsyncFile(), auth=ExchangeAuth(OTHER, [service.url]))
            return answer.status_code

    assert (asyncio.run(ask()), service.bodies, AsyncFile.tell.called) == (401, [b"abc"], False)


def test_a_streamed_answer_is_closed_before_the_second_request(
    as_alice: str, client: httpx.Client, service: Service
) -> None:
    service.answer_in_turn(REFUSAL, Answer(body=b"done"))

    with client.stream("GET", "/") as answer:
        assert answer.history[0].is_closed
        assert answer.read() == b"done"


def test_tasks_of_different_users_have_tokens_of_their_own(exchanging: Flask, service: Service) -> None:

    def refuse_first(seen: Seen) -> Answer:
        user = seen.headers["x-user"]
        first = next(earlier for earlier in service.seen if earlier.headers["x-user"] == user)
        return REFUSAL if seen is first else Answer()

    service.answers = refuse_first

    ask_at_once(exchanging, service.url, ("alice", "bob", "alice", "bob"))

    users = [seen.headers["x-user"] for seen in service.seen if seen.token is not None]
    assert (len(users), users) == (6, [subject_of(token) for token in service.tokens])


def ask_at_once(app: Flask, url: str, users: tuple[str, ...]) -> None:
    """Send a request for each of some users, each in a task of its own, with one client."""
    auth = ExchangeAuth(OTHER, [url])
    tokens = {user: token_of(app, user) for user in users}

    async def ask(client: httpx.AsyncClient, user: str) -> None:
        with app.test_request_context("/", headers=bearer(tokens[user])):
            await client.get(url, headers={"X-User": user})

    async def ask_all() -> None:
        async with httpx.AsyncClient(auth=auth, trust_env=False, verify=False) as client:
            await asyncio.gather(*(ask(client, user) for user in users))

    asyncio.run(ask_all())


def test_a_view_that_is_a_coroutine_function_can_use_it(exchanging: Flask, service: Service) -> None:
    auth = ExchangeAuth(OTHER, [service.url])

    @exchanging.get("/later")
    async def later() -> str:
        async with httpx.AsyncClient(auth=auth, trust_env=False, verify=False) as client:
            return str((await client.get(service.url)).status_code)

    answer = exchanging.test_client().get("/later", headers=bearer(token_of(exchanging)))

    assert answer.text == "200"
    assert service.tokens != [None]
