"""Looks at the servers of a store for commands and for warnings, beside the methods that every store has."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import redis
from redis.exceptions import ResponseError

from ..clocks import clock_difference
from .errors import find_code
from .layout import Layout
from .rights import AccessList, list_rights
from .risks import Facts, check_version, find_risks, find_unseen
from .servers import Servers

T = TypeVar("T")


class StoreInspection:
    """Shows the state of a store, and writes nothing.

    Args:
        servers: of the store.
        layout: the names of its keys.
    """

    def __init__(self, servers: Servers, layout: Layout) -> None:
        self._servers, self._layout = servers, layout

    def is_new(self) -> bool:
        """Return whether there are no keys of the store: it is new, or all were deleted.

        Raises:
            StoreUnavailable: the server cannot be asked.
        """
        [about] = self._servers.fetch(self._layout.shared[:1])
        return not about

    def check_versions(self) -> None:
        """Check that all servers are new enough.

        Raises:
            SettingsError: one is too old.
            StoreUnavailable: a server cannot be asked.
        """
        for info in self._servers.inspect(_read_info):
            check_version(info)

    def find_risks(self, *, leeway: timedelta, processes: int | None) -> list[str]:
        """Return a sentence for each setting of a server or of this machine that puts a promise at risk.

        Args:
            leeway: by how much the clocks of the application and of a server may differ.
            processes: how many processes use the store; None if that is not known.

        Raises:
            SettingsError: a server is too old.
            StoreUnavailable: a server cannot be asked.
        """
        found = [
            risk
            for facts in self._look()
            for risk in find_risks(facts, self._servers.source, leeway=leeway, processes=processes)
        ]
        return list(dict.fromkeys(found))  # the servers of a cluster are alike

    def find_unseen(self) -> list[str]:
        """Return the settings that the servers do not show to this user, each with the value that is wanted.

        Raises:
            SettingsError: a server is too old.
            StoreUnavailable: a server cannot be asked.
        """
        return list(dict.fromkeys(name for facts in self._look() for name in find_unseen(facts)))

    def list_rights(self, user: str) -> list[AccessList]:
        """Return the commands that give a user exactly the rights that the store needs. No server is asked.

        Args:
            user: the name of the user.

        Raises:
            ValueError: it cannot be the name of a user.
        """
        return list_rights(self._servers.source, self._layout.prefix, user)

    def _look(self) -> list[Facts]:
        found = self._servers.inspect(_read_facts)
        for facts in found:
            check_version(facts.info)
        return found


def _read_facts(client: "redis.Redis") -> Facts:
    """Ask a server for its facts.

    ``CONFIG GET`` shows the passwords of a server too, so a user should not have it. It is asked for one name alone.
    """
    answer: dict[Any, Any] = _ask(lambda: dict(client.config_get("appendfsync")), {})
    difference = _ask(lambda: clock_difference(lambda: _read_time(client)), 0.0)
    return Facts(info=_read_info(client), appendfsync=answer.get("appendfsync"), difference=difference)


def _read_info(client: "redis.Redis") -> dict[str, Any]:
    return _ask(lambda: dict(client.info()), {})


def _read_time(client: "redis.Redis") -> float:
    seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def _ask(ask: Callable[[], T], otherwise: T) -> T:
    """Return the answer of a server; *otherwise* if the user may not ask, or a hoster has changed the command."""
    try:
        return ask()
    except ResponseError as error:
        if find_code(error) == "BUSY":
            raise
        return otherwise
    except (AttributeError, LookupError, TypeError, ValueError):  # of redis-py: the answer of a proxy has another form
        return otherwise
