"""The public keys of an issuer, fetched again when their ``max-age`` is over."""

import json
import logging
import time
from http.client import HTTPException
from threading import Thread
from urllib.request import urlopen

from werkzeug.http import parse_age, parse_cache_control_header

from flask_tokenauth.core import KeySet

TIMEOUT = 5  # seconds
LONGEST = 1024 * 1024  # bytes of a key set
USUAL_PAUSE, LONGEST_PAUSE = 300, 86_400  # seconds between two fetches, if the issuer does not say, and at most

log = logging.getLogger(__name__)


def follow_keys(issuer: str) -> KeySet:
    """Return the keys of an issuer. A thread fetches them again; while that fails, the last ones stay.

    A thread does not survive a fork, so call it in each worker of a server that forks.

    Args:
        issuer: its URL. It is trusted: use https, except on loopback.
    """
    keys, pause = fetch_keys(issuer)
    Thread(target=keep_fetching, args=(issuer, keys, pause), daemon=True).start()
    return keys


def keep_fetching(issuer: str, keys: KeySet, pause: int) -> None:
    """Fetch the keys and replace them, for ever."""
    while True:
        time.sleep(pause)
        try:
            fetched, pause = fetch_keys(issuer)
            keys.exchange(fetched)
        except (OSError, HTTPException, ValueError) as error:  # of the network, of HTTP, of JSON and keys
            log.warning("The keys of %s cannot be fetched, so the last ones stay: %s", issuer, error)


def fetch_keys(issuer: str) -> tuple[KeySet, int]:
    """Return the keys that an issuer publishes, and after how many seconds they have to be fetched again."""
    with urlopen(f"{issuer}/.well-known/jwks.json", timeout=TIMEOUT) as answer:  # the URL is a setting
        jwks = json.loads(answer.read(LONGEST))
        max_age = parse_cache_control_header(answer.headers.get("Cache-Control")).max_age
        age = parse_age(answer.headers.get("Age"))  # a cache on the way has had it for so long
    pause = USUAL_PAUSE if max_age is None else max_age - (int(age.total_seconds()) if age else 0)
    return KeySet.from_jwks(jwks), min(max(1, pause), LONGEST_PAUSE)
