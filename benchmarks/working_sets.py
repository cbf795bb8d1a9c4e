"""Measure requests with many tokens in use, beside the same requests with the memory of tokens turned off."""

from collections.abc import Sequence
from itertools import accumulate, repeat
from random import Random

from .apps import bare, ours
from .keys import Jwk
from .measure import Subject, Timing, measure_cases
from .section import Check, Options, Section, timing_table
from .tokens import make_jwk, mint
from .wsgi import make_caller_in_turn

BARE, ON, OFF = "bare", "memory of 1,024 tokens", "memory off"
MEMORY = 1024  # tokens
SIZES, QUICK_SIZES = (10, 1_000, 1_500, 100_000), (10, 100)
MOST_OF_OFF = 1.02  # time of a request, of the same one without the memory

_LEAST_CALLS, _MOST_CALLS = 50, 1_500  # of a batch: all tokens of a set, or more than the memory holds
_DRAWN = 100_000  # tokens, after which the same follow
_WARM_UP = 20 * MEMORY  # requests
_ROUNDS_EACH = 5  # every so many rounds, since a batch takes up to 0.1 s

_ABOUT = (
    "HS256: its signature costs least, so a memory has least to gain. So many tokens are in use. *In turn*: each "
    "request has the next one of the set. *Zipf*: they are drawn at random, the second half as often as the first, the "
    f"third a third as often. A batch has a request with each token of the set, or {_MOST_CALLS:,} requests. Before it "
    f"is timed, each application got at least {_WARM_UP:,} requests of the same kind, so its memory is in its steady "
    "state."
)


def run(options: Options) -> Section:
    """Measure each size of the set in both orders, all by turns."""
    jwk = make_jwk("HS256")
    cases = {
        f"{size:,} tokens, {order}": _make_subjects(jwk, make(tokens), size, quick=options.quick)
        for size in (QUICK_SIZES if options.quick else SIZES)
        for tokens in [_make_tokens(jwk, size)]
        for order, make in (("in turn", list), ("Zipf", _draw))
    }
    timings = measure_cases(cases, max(1, options.rounds // _ROUNDS_EACH))
    checks = [_check(case, taken) for case, taken in timings.items()]
    return Section("Working sets", _ABOUT, [timing_table(("in use", ""), timings, bare=BARE)], checks)


def _make_tokens(jwk: Jwk, size: int) -> list[str]:
    app = ours.make(jwk)
    return [mint(app, f"user-{number}") for number in range(size)]


def _draw(tokens: Sequence[str]) -> list[str]:
    """Draw tokens by the law of Zipf, in the same order in each run."""
    weights = list(accumulate(1 / rank for rank in range(1, len(tokens) + 1)))
    return Random(len(tokens)).choices(tokens, cum_weights=weights, k=_DRAWN)


def _make_subjects(jwk: Jwk, tokens: Sequence[str], size: int, *, quick: bool) -> list[Subject]:
    """Return the requests with *tokens*, one after the other. Both memories are in their steady state."""
    apps = {
        BARE: bare.make(),
        ON: ours.make(jwk, TOKENAUTH_TOKEN_CACHE_SIZE=MEMORY),
        OFF: ours.make(jwk, TOKENAUTH_TOKEN_CACHE_SIZE=0),
    }
    calls = {name: make_caller_in_turn(app, tokens) for name, app in apps.items()}
    for _ in repeat(None, 2 * size if quick else max(2 * size, _WARM_UP)):
        calls[ON]()
    batch = min(max(size, _LEAST_CALLS), _MOST_CALLS)
    return [Subject(name, call, calls=_LEAST_CALLS if name == BARE else batch) for name, call in calls.items()]


def _check(case: str, taken: dict[str, Timing]) -> Check:
    return Check(f"{case}: {ON} / {OFF}", taken[ON].p10 / taken[OFF].p10, MOST_OF_OFF)
