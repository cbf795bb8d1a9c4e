"""Measure a request with a token that has to be looked up: a reference token, or an API key."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from itertools import cycle
from multiprocessing import get_context
from typing import Any

from flask import Flask

from flask_tokenauth import TokenAuth, create_token, require_scope
from flask_tokenauth.core.encoding.prefixes import API_KEY_PREFIX
from flask_tokenauth.core.opaque.checksummed_text import make_text

from .apps import bare, blocklists, drf_tokens, token_keys, token_table
from .apps.sessions import SECRET, WAIT
from .databases import ENGINES, connect_to_redis, empty_database, is_redis, url_with_driver
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, timing_table
from .tokens import LIFETIME, make_credentials
from .wsgi import make_caller

BARE, JWT = "bare", "JWT, remembered"
REFERENCE, API_KEY = "reference token", "API key"
HTTPAUTH_REDIS, BLOCKLIST = "Flask-HTTPAuth, redis-py", "Flask-JWT-Extended, Redis blocklist"
HTTPAUTH, DRF = "Flask-HTTPAuth, Flask-SQLAlchemy", "Django REST framework, TokenAuthentication"
SCOPE = "reports:read"
MEMORY = "memory://"
MOST_OF_JWT = 1.15  # time of a request with a remembered token
LEAST_OF_PEERS = 5.0  # requests per second

_UNKNOWN = 4096  # strings: more than are remembered

_ABOUT = (
    "A GET request to a view that needs a scope. *Remembered*: the token was looked up within the last minute. *New*: "
    "it is looked up in the store for each request (`TOKENAUTH_TOKEN_CACHE_SIZE = 0`). *Unknown*: well-formed API keys "
    "that the store does not have, a new one for each request. Beside them Flask-HTTPAuth with a table of tokens by "
    "Flask-SQLAlchemy, and Django REST framework with its own `TokenAuthentication`, in the same database: both look "
    "each token up for each request. On Valkey, Flask-HTTPAuth with a key for each token, and Flask-JWT-Extended, "
    "which looks each JWT up in a blocklist. The first target compares the times of a request with those of a "
    "remembered JWT, the second the requests per second with those of the peers in SQL databases."
)


def run(options: Options) -> Section:
    """Measure each store in a process of its own, since Django can be configured once in a process."""
    timings = {"memory": _measure_apart(MEMORY, options.rounds)}
    for engine in ENGINES:
        with empty_database(engine, options.urls) as database:
            if database is not None:
                timings[database.name] = _measure_apart(database.url, options.rounds)
    checks = [check for store, taken in timings.items() for check in _check(store, taken)]
    return Section("Tokens that are looked up", _ABOUT, [timing_table(("store", ""), timings, bare=BARE)], checks)


def _measure_apart(url: str, rounds: int) -> dict[str, Timing]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measure, url, rounds).result()


def _measure(url: str, rounds: int) -> dict[str, Timing]:
    with ExitStack() as stack:
        remembering, asking = (_make_ours(stack, url, size) for size in (1024, 0))
        jwt, reference, key = _make_tokens(remembering if url == MEMORY else asking)
        calls = {BARE: make_caller(bare.make(), None, status=200)}
        calls[JWT] = _call(remembering, jwt)
        for name, token in ((REFERENCE, reference), (API_KEY, key)):
            calls[f"{name}, remembered"] = _call(remembering, token)
            if url != MEMORY:  # which one application has for itself
                calls[f"{name}, new"] = _call(asking, token)
        calls[f"{API_KEY}, unknown"] = _call_unknown(remembering)
        if is_redis(url):
            calls |= _call_peers_on_valkey(stack, url)
        elif url != MEMORY:
            table, text = token_table.make(url_with_driver(url))
            calls[HTTPAUTH] = make_caller(table, f"Bearer {text}", status=200)
            django, text = drf_tokens.make(url)
            calls[DRF] = make_caller(django, f"Token {text}", status=200)
        return measure([Subject(name, call) for name, call in calls.items()], rounds)


def _call_peers_on_valkey(stack: ExitStack, url: str) -> dict[str, Callable[[], None]]:
    client = stack.enter_context(closing(connect_to_redis(url)))
    app, text = token_keys.make(client)
    made = make_credentials("HS256")
    blocking = blocklists.make_with_client(made.jwk, client)
    return {
        HTTPAUTH_REDIS: make_caller(app, f"Bearer {text}", status=200),
        BLOCKLIST: make_caller(blocking, f"Bearer {made.token}", status=200),
    }


def _make_ours(stack: ExitStack, url: str, size: int) -> Flask:
    app = Flask("benchmarks", static_folder=None)
    app.config |= {
        "SECRET_KEY": SECRET,
        "TOKENAUTH_ISSUER": bare.ISSUER,
        "TOKENAUTH_STORE": url,
        "TOKENAUTH_STORE_TIMEOUT": WAIT,
        "TOKENAUTH_API_KEYS": True,
        "TOKENAUTH_TOKEN_CACHE_SIZE": size,
    }
    TokenAuth(app)
    app.add_url_rule(bare.PATH, view_func=require_scope(SCOPE)(bare.view))
    stack.enter_context(closing(app.extensions["tokenauth"].store))
    return app


def _make_tokens(app: Flask) -> tuple[str, str, str]:
    """Return a JWT, a reference token and an API key with the scope."""
    auth: TokenAuth[Any] = TokenAuth()
    with app.app_context():
        jwt, reference = (create_token("alice", [SCOPE], expires_in=LIFETIME, format=name) for name in _FORMATS)
        return jwt, reference, auth.create_api_key("alice", [SCOPE], name="benchmark").text


_FORMATS: Any = ("jwt", "reference")


def _call(app: Flask, token: str) -> Callable[[], None]:
    return make_caller(app, f"Bearer {token}", status=200)


def _call_unknown(app: Flask) -> Callable[[], None]:
    """Return a function that sends an API key that the store does not know, each time another one."""
    calls = [make_caller(app, f"Bearer {make_text(API_KEY_PREFIX)}", status=401) for _ in range(_UNKNOWN)]
    following = cycle(calls)

    def call() -> None:
        next(following)()

    return call


def _check(store: str, taken: dict[str, Timing]) -> list[Check]:
    remembered = [f"{name}, remembered" for name in (REFERENCE, API_KEY)]
    checks = [Check(f"{store}: {name} / {JWT}", taken[name].p10 / taken[JWT].p10, MOST_OF_JWT) for name in remembered]
    checks += [
        Check(
            f"{store}: requests/s with {name} / {peer}", taken[peer].p10 / taken[name].p10, LEAST_OF_PEERS, least=True
        )
        for name in remembered
        for peer in (HTTPAUTH, DRF)
        if peer in taken
    ]
    return checks
