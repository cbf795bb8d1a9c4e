"""Wait for other threads, processes and servers without sleeping."""

from collections.abc import Callable
from threading import Event

from flask_tokenauth.testing.store_contract.kit import Deadline


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again, until *holds* returns True. Fail if it does not within a long time."""
    deadline = Deadline("what the test waits for")
    while not holds():
        deadline.check()


class Held:
    """The base of a fake whose answers can be held. It calls ``before_answer`` in each of them."""

    def __init__(self) -> None:
        self.before_answer: Callable[[], object] = bool

    def hold(self) -> tuple[Event, Event]:
        """Let the next answers wait. Return events: a question has come, and the answers may go on."""
        asked, go_on = Event(), Event()

        def wait() -> None:
            asked.set()
            go_on.wait(60)

        self.before_answer = wait
        return asked, go_on
