"""A search of the package's output during the whole test run for tokens, secrets and keys.

It covers the log, signals, exceptions and commands. Those of ``create``, ``inspect``, ``token``, ``secret`` and
``client-secret`` are left out: they print secrets on purpose.
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

SIGNALS = tuple(signal for signal in vars(signals).values() if isinstance(signal, NamedSignal))

# The beginnings of all secrets in the tests.
SECRETS = ("4f1d9a3c7b2e8056", "91c05d7be2af4368", "7b1e5c9d0a2b48f3", "hunter2")
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]{8,}|(?:rt1|cs1)_[\w-]{20,}|\b(?:ta|tr)_[0-9A-Za-z]{20,}")
_PRIVATE = re.compile(r"""PRIVATE KEY-----|["'](?:k|d|p|q|dp|dq|qi)["']: *["'][\w-]{20,}""")
_ON_PURPOSE = frozenset({"create", "inspect", "token", "secret", "client-secret", "--private"})


def find_leak(output: str) -> str | None:
    """Return a secret in *output*, or None."""
    found = _TOKEN.search(output) or _PRIVATE.search(output)
    return found[0] if found else next((secret for secret in SECRETS if secret in output), None)


@contextmanager
def record_output() -> Iterator[list[str]]:
    """Yield a list that collects all output of the package."""
    outputs: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for kind in (Refusal, SettingsError, InvalidKey, StoreUnavailable):
            patch.setattr(kind, "__init__", _record_error(outputs), raising=False)
        patch.setattr(AuthError, "__init__", _record_answer(outputs, AuthError.__init__))
        patch.setattr(CliRunner, "invoke", _record_command(outputs, CliRunner.invoke))
        handler = logging.Handler()
        handler.emit = lambda record: outputs.append(record.getMessage())  # type: ignore[method-assign]  # all it needs
        logger = logging.getLogger("flask_tokenauth")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)

        def record_signal(_: object, **facts: object) -> None:
            outputs.append(repr(facts))

        for signal in SIGNALS:
            signal.connect(record_signal)
        yield outputs
        logger.removeHandler(handler)


def _record_error(outputs: list[str]) -> Callable[..., None]:
    def init(self: Exception, *args: object) -> None:
        Exception.__init__(self, *args)
        outputs.append(f"{self} {self!r}")

    return init


def _record_answer(outputs: list[str], real: Callable[..., None]) -> Callable[..., None]:
    def init(self: AuthError, *args: object, **options: object) -> None:
        real(self, *args, **options)
        outputs.append(f"{self.data} {self.get_response().headers}")

    return init


def _record_command(outputs: list[str], real: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(*args: Any, **options: Any) -> Any:
        result = real(*args, **options)
        words = options.get("args") or (args[2] if len(args) > 2 else ())  # runner, command, words
        if _ON_PURPOSE.isdisjoint(words):
            outputs.append(f"{result.output} {result.exception}")
        return result

    return invoke
