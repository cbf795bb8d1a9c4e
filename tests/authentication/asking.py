"""Code that asks who is calling, as a log filter, a locale selector or a listener of a signal may at any time."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import g

from flask_tokenauth import NotAuthenticated, TokenAuth, current_user, get_token, get_user

Answers = dict[str, Any]

NOBODY: Answers = {"token": None, "g": (None, frozenset()), "current_user": False, "user": 401, "user_id": 401}
ALICE: Answers = {
    "token": "t1",
    "g": ("alice", {"reports:read"}),
    "current_user": True,
    "user": "alice",
    "user_id": "alice",
}


class Asker:
    """Asks in every way who is calling, and keeps the answers.

    Attributes:
        auth: the object whose ``user_id`` is asked for. Its users are their IDs.
        answers: one for each time.
    """

    def __init__(self, **options: Any) -> None:
        self.auth: TokenAuth[str] = TokenAuth(**options)
        self.auth.user_loader(lambda user_id: user_id)
        self.answers: list[Answers] = []

    def ask(self, *_: object, **__: object) -> bool:
        """Ask. It takes any arguments, so that it can be a listener or a filter that lets records pass."""
        token = get_token()
        answers = {
            "token": token and token.token_id,
            "g": (g.user_id, g.scopes),
            "current_user": bool(current_user),
            "user": _ask(get_user),
            "user_id": _ask(lambda: self.auth.user_id),
        }
        self.answers.append(answers)
        return True


def _ask(question: Callable[[], object]) -> object:
    try:
        return question()
    except NotAuthenticated as error:
        return error.code


@contextmanager
def log_filter(keep: Callable[[logging.LogRecord], bool]) -> Iterator[None]:
    """Let *keep* filter the records of the package, from level INFO on."""
    logger = logging.getLogger("flask_tokenauth")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addFilter(keep)
    yield
    logger.removeFilter(keep)
    logger.setLevel(level)
