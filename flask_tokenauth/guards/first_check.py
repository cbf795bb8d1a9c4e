"""A check that the first request makes. Requests that come in the meantime wait for it, and do not repeat it."""

import threading
from collections.abc import Callable

from ..core.errors import SettingsError
from ..core.process import ProcessLock, process_id

LONGEST_WAIT = 10.0  # seconds for which a request waits for the check of another one


class FirstCheck:
    """Runs a check until it has succeeded once.

    Args:
        check: checks something, and raises ``SettingsError`` if it finds a mistake. It may run more than once, and in
            many threads.

    Attributes:
        longest_wait: seconds; a request that has waited for so long checks by itself.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self.longest_wait = LONGEST_WAIT
        self._check = check
        self._checking = ProcessLock()
        self._checker: tuple[int, int] | None = None  # the process and the thread that check now
        self._done = False
        self._mistakes: list[str] = []  # the last one that was found: a new list each time

    def run(self) -> None:
        """Check, or wait for the check of another thread.

        Raises:
            SettingsError: a mistake was found, by this thread or by the one that it has waited for.
        """
        here, found_before = (process_id(), threading.get_ident()), self._mistakes
        # The check may lead into a request of this thread, by code of the application that it calls.
        if self._checker == here or not self._checking.acquire(timeout=self.longest_wait):
            self._check()
            return
        try:
            if self._done:
                return
            if self._mistakes is not found_before:
                raise SettingsError(*self._mistakes)
            self._checker = here
            self._check_and_note()
        finally:
            self._checker = None
            self._checking.release()

    def _check_and_note(self) -> None:
        try:
            self._check()
        except SettingsError as error:
            self._mistakes = [str(error)]
            raise
        self._done = True
