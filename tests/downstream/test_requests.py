"""``ExchangeAuth`` of requests: files, streams, prepared requests and unusual sessions."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask

from flask_tokenauth.downstream.requests import ExchangeAuth

from ..conftest import bearer
from .clients import OTHER
from .conftest import token_of
from .services import REFUSAL, Answer, Service, redirect


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_a_file_is_sent_again_from_where_it_was(as_alice: str, session: requests.Session, service: Service) -> None:
    service.answer_in_turn(REFUSAL, Answer())
    file = io.BytesIO(b"not this, but this")
    file.seek(len(b"not this, "))

    answer = session.post(service.url, data=file, auth=ExchangeAuth(OTHER, [service.url]))

    assert answer.status_code == 200
    assert service.bodies == [b"but this", b"but this"]


def test_a_streamed_answer_is_closed_before_the_second_request(
    as_alice: str, session: requests.Session, service: Service
) -> None:
    service.answer_in_turn(REFUSAL, Answer(body=b"x" * 100_000))

    with session.get(service.url, auth=ExchangeAuth(OTHER, [service.url]), stream=True) as answer:
        [refused] = answer.history

        assert refused.raw.closed
        assert not answer.raw.closed
        assert len(answer.content) == 100_000


def test_a_session_sends_the_token_with_each_request(
    as_alice: str, session: requests.Session, service: Service, foreign: Service
) -> None:
    session.auth = ExchangeAuth(OTHER, [service.url])

    session.get(service.url)
    with pytest.raises(ValueError, match=r"^the URL must have one of the origins"):
        session.get(foreign.url)

    assert len(service.tokens) == 1
    assert foreign.seen == []


def test_a_session_that_keeps_credentials_in_redirects_does_not_keep_the_token(
    as_alice: str, service: Service, foreign: Service
) -> None:
    class Careless(requests.Session):
        def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
            pass

    service.answer_in_turn(REFUSAL, redirect("/a"), redirect(foreign.url))

    with Careless() as session:
        answer = session.get(service.url, auth=ExchangeAuth(OTHER, [service.url]))

    assert answer.status_code == 200
    assert [token is not None for token in service.tokens] == [True, True, True]
    assert foreign.tokens == [None]


def test_the_credential_of_another_place_stays_in_a_redirect_there(
    as_alice: str, service: Service, foreign: Service
) -> None:
    """A session may add one of its own, as from ``.netrc``."""

    class WithNetrc(requests.Session):
        def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
            prepared_request.headers["Authorization"] = "Basic YTpi"

    service.answer_in_turn(redirect(foreign.url))
    foreign.answer_in_turn(redirect(service.url.replace("127.0.0.1", "localhost")), Answer())
    service.answers = lambda seen: redirect(foreign.url) if len(service.seen) == 1 else REFUSAL

    with WithNetrc() as session:
        session.get(service.url, auth=ExchangeAuth(OTHER, [service.url]))

    assert foreign.tokens == ["Basic YTpi"]
    assert service.tokens[1:] == ["Basic YTpi"]


def test_a_prepared_request_of_one_user_gets_no_token_of_another(
    exchanging: Flask, session: requests.Session, service: Service
) -> None:
    service.answers = lambda seen: REFUSAL
    auth = ExchangeAuth(OTHER, [service.url])
    with exchanging.test_request_context("/", headers=bearer(token_of(exchanging, "alice"))):
        prepared = session.prepare_request(requests.Request("GET", service.url, auth=auth))

    with exchanging.test_request_context("/", headers=bearer(token_of(exchanging, "bob"))):
        assert session.send(prepared).status_code == 401
    with exchanging.test_request_context("/"):
        assert session.send(prepared).status_code == 401
    assert session.send(prepared).status_code == 401

    assert len(service.seen) == 3
    assert len(set(service.tokens)) == 1


def test_a_prepared_request_is_renewed_once(as_alice: str, session: requests.Session, service: Service) -> None:
    service.answers = lambda seen: REFUSAL
    auth = ExchangeAuth(OTHER, [service.url])
    prepared = session.prepare_request(requests.Request("GET", service.url, auth=auth))

    session.send(prepared)
    session.send(prepared)

    assert len(service.seen) == 3
    assert service.tokens[1] == service.tokens[2] != service.tokens[0]


def test_a_request_that_is_not_sent_yet_has_no_url(as_alice: str) -> None:
    with pytest.raises(ValueError, match=r"^the URL must have one of the origins"):
        ExchangeAuth(OTHER, ["https://reports.example"])(requests.PreparedRequest())


def test_a_redirect_that_is_not_followed_has_no_token_for_another_place(
    as_alice: str, session: requests.Session, service: Service, foreign: Service
) -> None:
    service.answer_in_turn(redirect(foreign.url))

    answer = session.get(service.url, auth=ExchangeAuth(OTHER, [service.url]), allow_redirects=False)

    assert answer.next is not None
    session.send(answer.next)
    assert foreign.tokens == [None]
