"""Work after an answer: no client waits for it."""

import pytest
from flask import Flask, Response

from flask_tokenauth.application.after_answer import call_after_answer


@pytest.fixture
def order() -> list[str]:
    return []


@pytest.fixture
def plain(order: list[str]) -> Flask:
    """An application whose views ask for work after the answer, and which notes what happens."""
    plain = Flask("plain")

    @plain.get("/")
    def view() -> Response:
        call_after_answer(lambda: order.append("work"))
        order.append("view")
        return Response("body")

    @plain.get("/fails")
    def fail() -> Response:
        call_after_answer(lambda: order.append("work"))
        raise LookupError

    @plain.after_request
    def note(response: Response) -> Response:
        order.append("after_request")
        return response

    plain.teardown_request(lambda error: order.append("teardown"))
    return plain


def test_the_work_is_done_when_the_answer_is_closed(plain: Flask, order: list[str]) -> None:
    answer = plain.test_client().get("/")
    assert order == ["view", "after_request", "teardown"]

    answer.close()

    assert order == ["view", "after_request", "teardown", "work"]


def test_the_work_is_done_after_an_answer_that_is_an_error(plain: Flask, order: list[str]) -> None:
    plain.test_client().get("/fails", buffered=True)

    assert order[-1] == "work"


def test_the_work_of_one_request_is_not_done_after_another(plain: Flask, order: list[str]) -> None:
    client = plain.test_client()
    client.get("/", buffered=True)
    order.clear()

    client.get("/missing", buffered=True)

    assert "work" not in order


def test_without_a_request_the_work_is_done_now(plain: Flask, order: list[str]) -> None:
    with plain.app_context():
        call_after_answer(lambda: order.append("work"))

    assert order == ["work"]
