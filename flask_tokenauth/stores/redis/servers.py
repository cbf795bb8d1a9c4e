"""Runs scripts on the servers of the store, and reads hashes from them, within time limits."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import redis
from redis.exceptions import AskError, MovedError, NoScriptError, RedisError, ResponseError

from ...core.process import PerProcess
from ...core.time_limit import remaining, time_limit
from .connecting import Command, LimitedConnection
from .connections import Connections
from .errors import NotPrimary, TooFewReplicas, translated
from .places import Place
from .retries import retry_while_passing
from .scripts import TOUCH, Script
from .source import read_source

LONGEST_WRITE = 5.0  # seconds, with all waiting

_SCANNED = 1000  # keys that a server looks at for one page
_PRIMARY = b"master"  # the word of ROLE
_SHARE_OF_WAIT = 0.8  # of the time that is left: the answer to WAIT must come before its end

T = TypeVar("T")


class Servers:
    """The servers of one store. Nothing is connected before the first call.

    A lost connection is asked again. Behind Sentinel and in a cluster, calls go on during a failover, within their
    time limit.

    Args:
        source: a URL, or a client object of redis-py or valkey-py.

    Attributes:
        timeout: seconds for a read, with all waiting; None: as long as a write.

    Raises:
        SettingsError: *source* is neither, or asks for something that the store must not do.
    """

    def __init__(self, source: object) -> None:
        self.timeout: float | None = None
        self._source = read_source(source)
        self._connections = PerProcess(lambda _: Connections(self._source))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        arguments: Sequence[bytes | str | int] = (),
        *,
        for_feed: bool = False,
        longest: float | None = None,
    ) -> Any:
        """Run a script on the server that has its keys, and return the answer: bytes, integers, lists or None.

        Args:
            script: may run twice.
            keys: at least one; all of them in one slot.
            arguments: of the script.
            for_feed: True to use the connection that only the revocation feed uses.
            longest: seconds after which the call is over; None for the usual limit. An error is never repeated after
                the usual limit.

        Raises:
            StoreUnavailable: the server cannot be asked, is no primary, or too few replicas have acknowledged a write.
        """
        rest = (len(keys), *keys, *arguments)
        ways = [("EVALSHA", script.sha, *rest), ("EVAL", script.text, *rest)]
        usual = LONGEST_WRITE if script.writes else self._limit_of_reads()
        wait = self._source.wait if script.waits else 0
        exchange = partial(_exchange_write, wait=wait) if script.writes else _exchange_read
        return self._call(
            lambda: self._send(keys[0], partial(exchange, ways=ways), for_feed=for_feed, longest=usual),
            usual if longest is None else longest,
        )

    def fetch(self, keys: Sequence[bytes]) -> list[dict[bytes, bytes]]:
        """Return the fields of hashes: no fields for a key that is not there. Each server is asked once.

        Raises:
            StoreUnavailable: a server cannot be asked, or is no primary.
        """
        return self._call(lambda: self._fetch(keys), self._limit_of_reads())

    def inspect(self, work: Callable[["redis.Redis"], T]) -> list[T]:
        """Call *work* with a client for each primary, and return the results. Each has the time of a write.

        Raises:
            StoreUnavailable: a server cannot be asked, or refuses a command.
        """
        found = self._call(lambda: list(self._connections.get().topology.primaries()), LONGEST_WRITE)
        return [self._call(partial(self._inspect, place, work), LONGEST_WRITE) for place in found]

    def scan(self, pattern: bytes) -> Iterator[list[bytes]]:
        """Yield the names of keys, page by page, of all primaries. Each page has the time of a write.

        Args:
            pattern: of the names.

        Raises:
            StoreUnavailable: a server cannot be asked.
        """
        for place in self._call(lambda: list(self._connections.get().topology.primaries()), LONGEST_WRITE):
            cursor: bytes | None = b"0"
            while cursor is not None:
                command = ("SCAN", cursor, "MATCH", pattern, "COUNT", _SCANNED)
                cursor, page = self._call(partial(self._ask, place, command), LONGEST_WRITE)
                cursor = None if cursor == b"0" else cursor
                if page:
                    yield page

    def _ask(self, place: Place, command: Command) -> Any:
        """Return the answer of one server to a command."""
        exchange = partial(_exchange_with_role, commands=[command])
        [answer] = self._connections.get().pool(place).use(exchange, for_feed=False)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Close the connections that are not in use. The next call opens new ones."""
        for connections in self._connections.made_here():
            connections.close()

    def _limit_of_reads(self) -> float:
        return LONGEST_WRITE if self.timeout is None else self.timeout

    def _call(self, run: Callable[[], T], limit: float) -> T:
        with time_limit(limit):
            return translated(run)

    def _send(
        self, key: bytes, exchange: Callable[..., Any], *, for_feed: bool = False, longest: float = math.inf
    ) -> Any:
        """Let *exchange* ask the server that has a key, and return the answer. Repeat it for *longest* seconds."""
        connections = self._connections.get()
        topology = connections.topology
        sent_to: list[tuple[Place, bool]] = []  # where a node has sent us, and whether for this one command

        def attempt() -> Any:
            place, is_asking = sent_to.pop() if sent_to else (next(iter(topology.find([key]))), False)
            try:
                pool = connections.pool(place)
                answer = pool.use(lambda connection: exchange(connection, is_asking=is_asking), for_feed=for_feed)
                if isinstance(answer, Exception):
                    raise answer
            except MovedError as error:
                sent_to.append((topology.move(key, error.node_addr, told_by=place), False))
                raise
            except AskError as error:
                sent_to.append((topology.locate(error.node_addr, told_by=place), True))
                raise
            except (NotPrimary, RedisError, OSError) as error:
                connections.note(place, error)
                raise
            return answer

        return retry_while_passing(attempt, may_change=topology.may_change, longest=longest)

    def _fetch(self, keys: Sequence[bytes]) -> list[dict[bytes, bytes]]:
        connections = self._connections.get()
        found: dict[bytes, Any] = {}

        def attempt() -> None:
            for place, group in connections.topology.find([key for key in keys if key not in found]).items():
                exchange = partial(_exchange_with_role, commands=[("HGETALL", key) for key in group])
                try:
                    answers = connections.pool(place).use(exchange, for_feed=False)
                except (NotPrimary, RedisError, OSError) as error:
                    connections.note(place, error)
                    raise
                found.update(zip(group, answers, strict=True))

        retry_while_passing(attempt, may_change=connections.topology.may_change, longest=math.inf)
        for key, answer in found.items():
            if isinstance(answer, ResponseError):
                found[key] = self._send(key, partial(_exchange_read, ways=[("HGETALL", key)]))
        return [dict(zip(found[key][::2], found[key][1::2], strict=True)) for key in keys]

    def _inspect(self, place: Place, work: Callable[["redis.Redis"], T]) -> T:
        pool = redis.ConnectionPool(
            connection_class=LimitedConnection, place=place, login=self._source.login, protocol=2
        )
        try:
            return work(redis.Redis(connection_pool=pool))
        finally:
            pool.disconnect()


def _first_known(
    connection: LimitedConnection, ways: Sequence[Command], more: Sequence[Command], *, is_asking: bool
) -> list[Any]:
    """Send the first of *ways* that the server knows, with *more* behind it, and return the answers to both."""
    before: list[Command] = [("ASKING",)] if is_asking else []
    answers: list[Any] = []
    for way in ways:
        answers = connection.exchange([*before, way, *more])[len(before) :]
        if not isinstance(answers[0], NoScriptError):
            break
    return answers


def _exchange_write(connection: LimitedConnection, *, ways: Sequence[Command], is_asking: bool, wait: int) -> Any:
    """Run a script, and let the primary wait until so many replicas have what it has written, or had written before."""
    if not wait:  # a replica refuses a script only when it writes: its answer may be that there is nothing to change
        return _exchange_read(connection, ways=ways, is_asking=is_asking)
    *_, command = ways  # it is the one that each server knows: after an error, WAIT would take the time of the next way
    milliseconds = max(1, int(remaining() * 1000 * _SHARE_OF_WAIT))  # 0 would mean to wait for ever
    before: list[Command] = [("ASKING",)] if is_asking else []
    touch: Command = ("EVAL", TOUCH.text, 1, command[3])
    sent = [*before, command, *before, touch, ("ROLE",), ("WAIT", wait, milliseconds)]
    answer, *_, touched, role, acknowledged = connection.exchange(sent)[len(before) :]
    for result in answer, touched, acknowledged:
        if isinstance(result, Exception):
            return result
    _check_role(role)
    return answer if acknowledged >= wait else TooFewReplicas(acknowledged, wait)


def _exchange_read(connection: LimitedConnection, *, ways: Sequence[Command], is_asking: bool) -> Any:
    """Run a script, and ask in the same round trip whether this is a primary: a replica that is cut off answers too."""
    answer, role = _first_known(connection, ways, [("ROLE",)], is_asking=is_asking)
    if isinstance(answer, Exception):
        return answer
    _check_role(role)
    return answer


def _exchange_with_role(connection: LimitedConnection, *, commands: Sequence[Command]) -> list[Any]:
    *answers, role = connection.exchange([*commands, ("ROLE",)])
    _check_role(role)
    return answers


def _check_role(role: Any) -> None:
    if isinstance(role, Exception):
        raise role
    if not isinstance(role, list) or not role or role[0] != _PRIMARY:
        raise NotPrimary
