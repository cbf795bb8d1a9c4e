"""A primary, its replica, and three sentinels, which make a primary of the replica when the primary is gone."""

from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Self

from .failovers import FailsOver
from .polling import poll
from .redis import ADMINISTRATOR, ADMINISTRATORS_PASSWORD, RedisServer
from .server import LOCAL, PASSWORD, USER

if TYPE_CHECKING:
    from redis import Redis

NAME = "tests"  # of the primary, for the sentinels
QUORUM = 2
DOWN_AFTER = 500  # milliseconds without an answer, after which a sentinel takes a server for dead
SENTINELS_PASSWORD = token_hex(8)  # of the same user as on the servers

OPTIONS = f"""
bind {LOCAL}
user default off
user {USER} on >{SENTINELS_PASSWORD} ~* &* +@all
sentinel sentinel-user {USER}
sentinel sentinel-pass {SENTINELS_PASSWORD}
sentinel monitor {NAME} {LOCAL} %s {QUORUM}
sentinel auth-user {NAME} {ADMINISTRATOR}
sentinel auth-pass {NAME} {ADMINISTRATORS_PASSWORD}
sentinel down-after-milliseconds {NAME} {DOWN_AFTER}
sentinel failover-timeout {NAME} 2000
"""

# In milliseconds. By default, sentinels need seconds to find each other, and a
# machine that is busy for two seconds stops all failovers for 30 seconds. If a server says that it is a primary, and a
# sentinel does not know of a failover, it makes it a replica after four publish periods. A failover has to be faster. A
# replica takes over only if it was asked within five ping periods. It is asked each second while the primary is gone.
PERIODS = {"PUBLISH-PERIOD": 500, "INFO-PERIOD": 200, "PING-PERIOD": 400, "ASK-PERIOD": 100, "TILT-PERIOD": 1000}


class Sentinel(RedisServer):
    """One sentinel.

    Args:
        program: as of a server. Redis 6.2 cannot change the periods.
        primary: the first one. It must run already, with its replica.
    """

    ready = b"Sentinel ID is"

    def __init__(self, program: Path, primary: RedisServer) -> None:
        super().__init__(program)
        self.primary = primary

    def configure(self) -> str:
        return f"port {self.port}\ndir {self.folder}\n" + OPTIONS % self.primary.port

    def command(self) -> list[str]:
        return [*super().command(), "--sentinel"]

    def connect(self, user: str = USER, password: str = SENTINELS_PASSWORD) -> "Redis":
        return super().connect(user, password)

    def client(self) -> "Redis":
        """Return a client for the one user, who is the administrator too."""
        if self._client is None:
            self._client = self.connect()
        return self._client

    def start(self, *options: str, **environ: str) -> None:
        super().start(*options, **environ)
        for name, period in PERIODS.items():
            self.ask("SENTINEL", "DEBUG", name, period)

    def sees(self, primary: RedisServer) -> bool:
        """Return whether the sentinel finds that the primary, its replica and the other sentinels are all well."""
        known = _to_dict(self.ask("SENTINEL", "MASTER", NAME))
        facts = [known[name] for name in ("port", "flags", "num-slaves", "num-other-sentinels")]
        replicas = [_to_dict(words) for words in self.ask("SENTINEL", "REPLICAS", NAME)]
        well = [(replica["flags"], replica["master-link-status"]) for replica in replicas]
        return (facts, well) == ([str(primary.port), "master", "1", "2"], [("slave", "ok")])


def _to_dict(words: list[bytes]) -> dict[str, str]:
    """Return names and values that come one after the other."""
    texts = [word.decode() for word in words]
    return dict(zip(texts[::2], texts[1::2], strict=True))


class Sentinels(FailsOver):
    """A primary, its replica, and three sentinels. It is a context manager, and all end with the block.

    Args:
        program: of all of them.

    Attributes:
        servers: the first primary, and the first replica.
        sentinels: the three.
    """

    down_after = DOWN_AFTER

    def __init__(self, program: Path) -> None:
        self.servers = [RedisServer(program), RedisServer(program)]
        self.sentinels: list[Sentinel] = []
        self._stack = ExitStack()
        self._program = program

    def __enter__(self) -> Self:
        with self._stack as stack:
            primary, replica = (stack.enter_context(server) for server in self.servers)
            replica.replicaof(primary)
            replica.await_primary(primary)  # sentinels look for replicas at once, and then every ten seconds
            for _ in range(3):
                self.sentinels.append(stack.enter_context(Sentinel(self._program, primary)))
            self.await_well()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def url(self, database: str = "0") -> str:
        """Return the URL of the store for the user of the tests."""
        places = ",".join(f"{LOCAL}:{sentinel.port}" for sentinel in self.sentinels)
        of_sentinels = f"sentinel_username={USER}&sentinel_password={SENTINELS_PASSWORD}"
        return f"redis+sentinel://{USER}:{PASSWORD}@{places}/{NAME}/{database}?{of_sentinels}"

    @property
    def primary(self) -> RedisServer:
        """The server that the first sentinel that answers names."""
        return self._named_by(self._any_sentinel)

    @property
    def replica(self) -> RedisServer:
        """The other server."""
        return self._other(self.primary)

    def primaries(self) -> "list[Redis]":
        """Return the clients of the servers that accept writing: of the primary alone."""
        return [self.primary.client()]

    def flush(self) -> None:
        """Delete all keys."""
        self.primary.flush()

    def kill_primary(self) -> RedisServer:
        """Kill the primary, wait until the replica has taken its place, and return the new primary."""
        primary = self.primary
        replica = self._other(primary)
        primary.kill()
        self.await_failover(replica)
        return replica

    def fail_over(self) -> RedisServer:
        """Let the primary and the replica change their parts. Return the new primary when all is well again."""
        replica = self.replica
        poll(lambda: bool(self._any_sentinel.ask("SENTINEL", "FAILOVER", NAME)), "for a replica that may take over")
        self.await_failover(replica)
        self._rejoin()
        return replica

    def await_failover(self, server: RedisServer) -> None:
        """Wait until a server is the primary, and all sentinels that answer name it."""

        def is_primary() -> bool:
            asked = [sentinel for sentinel in self.sentinels if sentinel.answers]
            return server.role == "master" and all(self._named_by(sentinel) is server for sentinel in asked)

        poll(is_primary, "for a failover")

    def set_down_after(self, milliseconds: int) -> None:
        for sentinel in self.sentinels:
            sentinel.ask("SENTINEL", "SET", NAME, "down-after-milliseconds", milliseconds)

    def restore(self) -> None:
        """Start and resume all that a test has stopped, and wait until all is well."""
        for server in [*self.servers, *self.sentinels]:
            if server.process is None:
                server.start()
            if server.is_paused:
                server.resume()
        self._rejoin()

    def _rejoin(self) -> None:
        """Make a replica of an old primary, as sentinels would after two seconds, and wait until all is well."""
        poll(lambda: len({self._named_by(sentinel) for sentinel in self.sentinels}) == 1, "for sentinels that agree")
        primary = self.primary
        if self._other(primary).role == "master":
            self._other(primary).replicaof(primary)
        self.await_well()

    def await_well(self) -> None:
        """Wait until the replica follows the primary, and each sentinel knows both of them and the other sentinels."""
        poll(self._is_well, "for servers under sentinels that are well")

    def _is_well(self) -> bool:
        primary = self.primary
        agree = all(sentinel.sees(primary) for sentinel in self.sentinels)
        return agree and primary.role == "master" and self._other(primary).follows(primary)

    @property
    def _any_sentinel(self) -> Sentinel:
        return next(sentinel for sentinel in self.sentinels if sentinel.answers)

    def _named_by(self, sentinel: Sentinel) -> RedisServer:
        _, port = sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return next(server for server in self.servers if server.port == int(port))

    def _other(self, server: RedisServer) -> RedisServer:
        return next(other for other in self.servers if other is not server)
