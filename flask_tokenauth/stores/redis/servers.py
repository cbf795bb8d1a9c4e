"""Runs scripts on the servers of the store, and reads hashes from them, within time limits."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

import redis
from redis.exceptions import AskError, InvalidResponse, MovedError, NoScriptError, RedisError, ResponseError

from ...core.process import PerProcess
from ...core.time_limit import remaining, time_limit
from .connecting import Command, LimitedConnection
from .connections import Connections
from .errors import NotPrimary, TooFewReplicas, translated
from .places import Place
from .retries import retry_while_passing
from .script import TOUCH, Script
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
        source: what the servers are, and how to connect to them.
        is_cluster: whether a script can only use keys of one slot.

    Raises:
        SettingsError: *source* is neither, or asks for something that the store must not do.
    """

    def __init__(self, source: object) -> None:
        self.timeout: float | None = None
        self.source = read_source(source)
        self.is_cluster = self.source.kind == "cluster"
        self._connections = PerProcess(lambda _: Connections(self.source))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def limit_of_reads(self) -> float:
        """Return the seconds for a read, with all waiting."""
        return LONGEST_WRITE if self.timeout is None else self.timeout

    def limit_of_writes(self) -> float:
        """Return the seconds for a write, with all waiting."""
        return LONGEST_WRITE

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
        usual = LONGEST_WRITE if script.writes else self.limit_of_reads()
        limit, repeated = (usual, math.inf) if longest is None else (longest, usual)
        wait = self.source.wait if script.waits else 0
        exchange = partial(_exchange_write, wait=wait) if script.writes else _exchange_read
        ask = partial(exchange, ways=_ways(script, keys, arguments))
        return self._call(lambda: self._send(keys[0], ask, for_feed=for_feed, longest=repeated), limit)

    def fetch(self, keys: Sequence[bytes]) -> list[dict[bytes, bytes]]:
        """Return the fields of hashes: no fields for a key that is not there. Each server is asked once.

        Raises:
            StoreUnavailable: a server cannot be asked, or is no primary.
        """
        return self._call(lambda: self._fetch(keys), self.limit_of_reads())

    def run_each(self, script: Script, calls: Mapping[bytes, Sequence[bytes | str | int]]) -> None:
        """Run a script for each of many keys. Each server is asked once, and no replica is waited for.

        Args:
            script: has one key, and may run twice.
            calls: the arguments by the key.

        Raises:
            StoreUnavailable: a server cannot be asked, or is no primary.
        """
        if calls:
            ways = {key: _ways(script, [key], arguments) for key, arguments in calls.items()}
            self._call(lambda: self._ask_each(ways), LONGEST_WRITE)

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

    def close(self) -> None:
        """Close the connections that are not in use. The next call opens new ones."""
        for connections in self._connections.made_here():
            connections.close()

    def _call(self, run: Callable[[], T], limit: float) -> T:
        """Call *run* within a limit in seconds, unless the caller has set one for several calls."""
        with time_limit(limit) if math.isinf(remaining()) else nullcontext():
            return translated(run)

    def _ask(self, place: Place, command: Command) -> Any:
        """Return the answer of one server to a command."""
        exchange = partial(_exchange_with_role, commands=[command])
        [answer] = self._connections.get().pool(place).use(exchange, for_feed=False)
        if isinstance(answer, Exception):
            raise answer
        return answer

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
        if not keys:
            return []
        answers = self._ask_each({key: [("HGETALL", key)] for key in keys})
        return [_read_fields(answers[key]) for key in keys]

    def _ask_each(self, commands: Mapping[bytes, Sequence[Command]]) -> dict[bytes, Any]:
        """Send a command for each key, to each server together, and return the answers.

        Args:
            commands: one for each key; further ones for a server that does not know the script of the first.
        """
        connections = self._connections.get()
        answers: dict[bytes, Any] = {}

        def attempt() -> None:
            for place, keys in connections.topology.find([key for key in commands if key not in answers]).items():
                exchange = partial(_exchange_with_role, commands=[commands[key][0] for key in keys])
                try:
                    found = connections.pool(place).use(exchange, for_feed=False)
                except (NotPrimary, RedisError, OSError) as error:
                    connections.note(place, error)
                    raise
                answers.update(zip(keys, found, strict=True))

        retry_while_passing(attempt, may_change=connections.topology.may_change, longest=math.inf)
        for key, answer in answers.items():
            if isinstance(answer, ResponseError):
                answers[key] = self._send(key, partial(_exchange_read, ways=commands[key]))
        return answers

    def _inspect(self, place: Place, work: Callable[["redis.Redis"], T]) -> T:
        pool = redis.ConnectionPool(
            connection_class=LimitedConnection, place=place, login=self.source.login, protocol=2
        )
        try:
            return work(redis.Redis(connection_pool=pool))
        finally:
            pool.disconnect()


def _ways(script: Script, keys: Sequence[bytes], arguments: Sequence[bytes | str | int]) -> list[Command]:
    """Return the commands that run a script: the short one, and the one for a server that does not know it yet."""
    rest = (len(keys), *keys, *arguments)
    return [("EVALSHA", script.sha, *rest), ("EVAL", script.text, *rest)]


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
    """Run a script, and let the primary wait until so many replicas have what it has written, or had written before.

    A replica refuses to write, but it runs a script that finds nothing to write, such as one that ends a session which
    this replica does not know. So the role counts here too.
    """
    if not wait:
        return _exchange_read(connection, ways=ways, is_asking=is_asking)
    *_, command = ways  # it is the one that each server knows: after an error, WAIT would take the time of the next way
    milliseconds = max(1, int(remaining() * 1000 * _SHARE_OF_WAIT))  # 0 would mean to wait for ever
    before: list[Command] = [("ASKING",)] if is_asking else []
    touch: Command = ("EVAL", TOUCH.text, 1, command[3])
    answers = connection.exchange([*before, command, ("ROLE",), *before, touch, ("WAIT", wait, milliseconds)])
    answer, role = answers[len(before) : len(before) + 2]
    for result in answer, *answers[-2:]:
        if isinstance(result, Exception):
            return result
    _check_role(role)
    acknowledged = answers[-1]
    if not isinstance(acknowledged, int):
        return InvalidResponse()
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


def _read_fields(answer: Any) -> dict[bytes, bytes]:
    if not isinstance(answer, list) or len(answer) % 2 or not all(isinstance(each, bytes) for each in answer):
        raise InvalidResponse
    return dict(zip(answer[::2], answer[1::2], strict=True))


def _check_role(role: Any) -> None:
    if isinstance(role, Exception):
        raise role
    if not isinstance(role, list) or not role or role[0] != _PRIMARY:
        raise NotPrimary
