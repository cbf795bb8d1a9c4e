"""Ask sentinels, or nodes of a cluster, in turn: some of them may be dead."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from redis.exceptions import RedisError

from ...core.time_limit import remaining, time_limit
from .connecting import Command, LimitedConnection
from .errors import LASTING, PASSING, SLOW, NotFound, describe, find_code, is_passing, is_timeout
from .places import Login, Place

T = TypeVar("T")

NO_SENTENCES: Mapping[str, str] = MappingProxyType({})


def _ask(place: Place, login: Login, command: Command) -> Any:
    """Send one command over a connection of its own, and return the answer.

    Raises:
        OSError: the server cannot be reached.
        redis.exceptions.RedisError: it answered with an error, or not in time.
    """
    connection = LimitedConnection(place, login)
    try:
        connection.connect()
        [answer] = connection.exchange([command])
    finally:
        connection.close()
    if isinstance(answer, RedisError):
        raise answer
    return answer


def ask_in_turn(
    places: Sequence[Place],
    login: Login,
    command: Command,
    read: Callable[[Place, Any], T | None],
    sentences: Mapping[str, str] = NO_SENTENCES,
) -> T:
    """Ask servers in turn until one gives an answer that counts. Each gets an equal share of the time that is left.

    Args:
        places: of the servers. There is at least one.
        login: how to log in there.
        command: to send.
        read: returns the result; None if the answer does not count.
        sentences: for codes of errors, in place of those for all servers.

    Raises:
        NotFound: none of them has given such an answer. The message is about the failure that tells most.
    """
    failures: list[tuple[int, str]] = []
    for tried, place in enumerate(places):
        try:
            with time_limit(remaining() / (len(places) - tried)):
                answer = _ask(place, login, command)
        except (NotFound, OSError, RedisError) as error:
            failures.append((_find_reason(error), sentences.get(find_code(error)) or describe(error)))
            continue
        if (result := read(place, answer)) is not None:
            return result
        failures.append((LASTING, "it has answered, but does not know it"))
    reason, message = max(failures)
    raise NotFound(message, reason=reason)


def _find_reason(error: BaseException) -> int:
    if is_timeout(error):
        return SLOW
    return PASSING if is_passing(error) else LASTING
