"""Code that runs while the caller is not yet known, and asks for it: log filters, signals, events of a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..core.errors import MissingCredential


class CallerNotYetKnown(MissingCredential):
    """The caller is asked for while the request is authenticated, or the user while the user is loaded.

    For code that is called on the way, the request is anonymous. This is not reported as a refusal, because the request
    itself may be accepted.
    """


class CallChain:
    """Notes what the current chain of calls has begun, so that nested code does not start it twice.

    A thread or task that works beside this one has a chain of its own. Coroutines and threads that a coroutine starts
    with ``asyncio.to_thread`` belong to the chain that started them.

    Args:
        name: for debugging.
    """

    def __init__(self, name: str) -> None:
        self._begun: ContextVar[tuple[object, ...]] = ContextVar(name, default=())

    def has_begun(self, subject: object) -> bool:
        """Return whether the current chain of calls came through :meth:`begin` with the same object."""
        return any(begun is subject for begun in self._begun.get())

    @contextmanager
    def begin(self, subject: object) -> Iterator[None]:
        """Note *subject* within the context."""
        reset = self._begun.set((*self._begun.get(), subject))
        try:
            yield
        finally:
            self._begun.reset(reset)
