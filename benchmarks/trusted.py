"""Measure a request with a token of a trusted issuer, and what such issuers cost the application's own tokens."""

from typing import Any

from .apps import bare, ours
from .keys import public_half
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, timing_table
from .tokens import make_credentials, make_jwk
from .wsgi import make_caller

ALGORITHMS = ("RS256", "ES256", "EdDSA")  # trusted issuers have key pairs
BARE = "bare"
ALONE, BESIDE, THEIRS = "own", "own, trusts another issuer", "of a trusted issuer"
SIZES = {"uncached": 0, "cached": 1024}  # of the cache
MOST_OF_OURS = 1.1  # added with their token, of what is added with our own
GATEWAY = "https://gateway.example.com"

_ABOUT = (
    "The same token, of a key pair: in an application that has issued it itself, in one that also trusts another "
    "issuer, and in one that trusts the issuer of the token (profile `rfc9068`, shared users, keys in the settings)."
)


def run(options: Options) -> Section:
    """Measure the three applications with every algorithm."""
    timings = {algorithm: _measure(algorithm, options.rounds) for algorithm in ALGORITHMS}
    table = timing_table(("algorithm", "token"), timings, bare=BARE)
    checks = [check for algorithm, taken in timings.items() for check in _check(algorithm, taken)]
    return Section("Trusted issuers", _ABOUT, [table], checks)


def _measure(algorithm: str, rounds: int) -> dict[str, Timing]:
    made, other = make_credentials(algorithm), make_jwk(algorithm)
    theirs: dict[str, Any] = {
        "issuer": bare.ISSUER,
        "audience": bare.ISSUER,
        "users": "shared",
        "scopes": ["reports:read"],
    }
    another = theirs | {"issuer": GATEWAY, "keys": {"keys": [public_half(other)]}}
    theirs["keys"] = {"keys": [public_half(made.jwk)]}
    apps = {BARE: bare.make()}
    for name, size in SIZES.items():
        cache: dict[str, Any] = {"TOKENAUTH_TOKEN_CACHE_SIZE": size}
        apps[f"{ALONE}, {name}"] = ours.make(made.jwk, **cache)
        apps[f"{BESIDE}, {name}"] = ours.make(made.jwk, TOKENAUTH_TRUSTED_ISSUERS=[another], **cache)
        apps[f"{THEIRS}, {name}"] = ours.make(
            other, TOKENAUTH_ISSUER=GATEWAY, TOKENAUTH_TRUSTED_ISSUERS=[theirs], **cache
        )
    header = f"Bearer {made.token}"
    return measure([Subject(name, make_caller(app, header, status=200)) for name, app in apps.items()], rounds)


def _check(algorithm: str, taken: dict[str, Timing]) -> list[Check]:
    def added(name: str) -> float:
        return taken[name].p10 - taken[BARE].p10

    return [
        Check(f"{algorithm} {size}: {kind} / {ALONE}", added(f"{kind}, {size}") / added(f"{ALONE}, {size}"), most)
        for size in SIZES
        for kind, most in ((BESIDE, MOST_OF_OURS), (THEIRS, MOST_OF_OURS))
    ]
