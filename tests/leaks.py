"""What the package says during the whole test run, searched for tokens, secrets and keys at its end.

Listened to are its log, its signals, its exceptions and its commands but ``inspect`` and ``token``, which print tokens
on purpose, and ``secret``.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from blinker import NamedSignal
from click.testing import CliRunner

from flask_tokenauth import AuthError, signals
from flask_tokenauth.core.errors import InvalidKey, Refusal, SettingsError, StoreUnavailable

SIGNALS = tuple(each for each in vars(signals).values() if isinstance(each, NamedSignal))

SECRETS = ("4f1d9a3c7b2e8056", "91c05d7be2af4368", "7b1e5c9d0a2b48f3", "hunter2")  # the beginnings of what tests use
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]{8,}|rt1_[\w-]{20,}")
_PRIVATE = re.compile(r"""PRIVATE KEY-----|["'](?:k|d|p|q|dp|dq|qi)["']: *["'][\w-]{20,}""")
_ON_PURPOSE = frozenset({"inspect", "token", "secret"})


def find_leak(said: str) -> str | None:
    """Return what must not be said, or None."""
    found = _TOKEN.search(said) or _PRIVATE.search(said)
    return found[0] if found else next((secret for secret in SECRETS if secret in said), None)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Listen to all that the package says, and give it to whoever asks."""
    heard: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for kind in (Refusal, SettingsError, InvalidKey, StoreUnavailable):
            patch.setattr(kind, "__init__", _overhear_error(heard), raising=False)
        patch.setattr(AuthError, "__init__", _overhear_answer(heard, AuthError.__init__))
        patch.setattr(CliRunner, "invoke", _overhear_command(heard, CliRunner.invoke))
        handler = logging.Handler()
        handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]  # all it has to do
        logger = logging.getLogger("flask_tokenauth")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)

        def hear(_: object, **told: object) -> None:
            heard.append(repr(told))

        for signal in SIGNALS:
            signal.connect(hear)
        yield heard
        logger.removeHandler(handler)


def _overhear_error(heard: list[str]) -> Callable[..., None]:
    def init(self: Exception, *args: object) -> None:
        Exception.__init__(self, *args)
        heard.append(f"{self} {self!r}")

    return init


def _overhear_answer(heard: list[str], real: Callable[..., None]) -> Callable[..., None]:
    def init(self: AuthError, *args: object, **options: object) -> None:
        real(self, *args, **options)
        heard.append(f"{self.data} {self.get_response().headers}")

    return init


def _overhear_command(heard: list[str], real: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(*args: Any, **options: Any) -> Any:
        result = real(*args, **options)
        words = options.get("args") or (args[2] if len(args) > 2 else ())  # runner, command, words
        if _ON_PURPOSE.isdisjoint(words):
            heard.append(f"{result.output} {result.exception}")
        return result

    return invoke
