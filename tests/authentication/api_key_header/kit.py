"""Requests with an API key, in ``Authorization: Bearer`` or in a header of its own, and their outcome."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from ...conftest import bearer
from ...guards.kinds_kit import HEADER

REASON = "refused: "
CARRIERS: list[Callable[[str], dict[str, str]]] = [bearer, lambda key: {HEADER: key}]
each_carrier = pytest.mark.parametrize("carry", CARRIERS, ids=["Bearer", "a header of its own"])


def outcome(client: FlaskClient, headers: dict[str, str], log: pytest.LogCaptureFixture) -> tuple[int, str | None]:
    """Return the status and the logged reason of a request."""
    log.clear()
    answer = client.get("/x", headers=headers)
    reasons = [message.removeprefix(REASON) for message in log.messages if message.startswith(REASON)]
    assert (answer.status_code == 200) == (answer.text == "of alice")
    assert len(reasons) == (answer.status_code != 200)
    return answer.status_code, next(iter(reasons), None)
