"""A user of a server who has the rights of ``init-db --acl`` and no others."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.redis.rights import PLACEHOLDER

from ...engines.redis import RedisServer
from ...engines.server import PASSWORD
from ..calls import DAY

GUEST = "guest"
ENGINES = ["redis_6", "redis_7", "valkey_8", "valkey_9"]  # fixtures: one of each version


def grant(server: RedisServer, command: str, *more: str) -> None:
    """Run a command of ``init-db --acl`` as the administrator, with a password."""
    server.ask(*command.replace(PLACEHOLDER, PASSWORD).split(), *more)


def url_of_guest(url: str) -> str:
    """Return the URL of a store for the guest."""
    return re.sub(r"//[^:]+:[^@]+@", f"//{GUEST}:{PASSWORD}@", url)


@contextmanager
def opened(url: str) -> Iterator[RedisStore]:
    """Open a store, and bind it."""
    store = RedisStore(url)
    store.bind("https://issuer.example", timeout=DAY, lifetime=DAY, leeway=DAY)
    yield store
    store.close()
