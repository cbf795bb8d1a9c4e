"""Helpers for tests that stop a call of the store between two of its scripts, or that lose the answers of scripts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.redis.script import Script
from flask_tokenauth.stores.redis.servers import Servers

_run = Servers.run


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Yield the names of the scripts that run within the ``with`` block."""
    names: list[str] = []

    def run(self: Servers, script: Script, *arguments: Any, **options: Any) -> Any:
        names.append(script.name)
        return _run(self, script, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Servers, "run", run)
        yield names


@contextmanager
def stopped(step: int, *, has_run: bool) -> Iterator[None]:
    """Let scripts fail within the ``with`` block, as if the server had gone. The block has to notice it.

    Args:
        step: the number of the first script that fails, from 0.
        has_run: whether this one runs on the server before it fails.
    """
    number = 0

    def run(self: Servers, script: Script, *arguments: Any, **options: Any) -> Any:
        nonlocal number
        number += 1
        if number - 1 < step or (number - 1 == step and has_run):
            answer = _run(self, script, *arguments, **options)
            if number - 1 < step:
                return answer
        raise StoreUnavailable("the server has gone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Servers, "run", run)
        with pytest.raises(StoreUnavailable, match="the server has gone"):
            yield


@contextmanager
def repeated() -> Iterator[None]:
    """Let each script run twice within the ``with`` block, as if its first answer had been lost."""

    def run(self: Servers, *arguments: Any, **options: Any) -> Any:
        _run(self, *arguments, **options)
        return _run(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Servers, "run", run)
        yield
