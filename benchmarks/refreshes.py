"""Measure how many refreshes and sign-ins a second each store serves, beside two other ways to keep sessions."""

from collections.abc import Mapping
from contextlib import ExitStack
from random import Random
from statistics import median

from .clients import REFRESH, SIGN_IN, Client, Clients
from .databases import ENGINES, VALKEY, Database, empty_database, is_redis
from .measure import iqr
from .round_trips import count_round_trips
from .section import Check, Options, Section, Table

COUNTS, QUICK_COUNTS = (1, 8, 32), (1, 4)
OURS, BY_HAND = "ours", "by hand, Flask-SQLAlchemy"
CONTENDERS = {OURS: "sessions", BY_HAND: "handwritten", "djangorestframework-simplejwt": "simplejwt"}
BY_HAND_ON_VALKEY = "by hand, SET NX"
ON_VALKEY = {
    OURS: "sessions",
    BY_HAND_ON_VALKEY: "handwritten_redis",
    "Flask-JWT-Extended, blocklist": "blocklist_of_refresh",
}
MOST_OF_BY_HAND = 1.5  # time of a refresh
MOST_ROUND_TRIPS = 2  # of a refresh on Valkey

_TURNS = 5
_CALLS, _QUICK_CALLS = 256, 32  # in a turn, of all clients together

_ABOUT = (
    "`POST /auth/refresh`, and `POST /login` of a user without sessions and without a check of a password, through "
    "the WSGI application: the whole request, from the body to the answer. Each client is a process with a connection "
    "of its own, as a worker of a web server: threads of one process would wait for each other. A client has one "
    "session and redeems its newest refresh token. All write to the disk before they answer (`synchronous=FULL` on "
    "SQLite). Ours and the code by hand, `benchmarks/apps/handwritten.py`, commit once for a refresh; "
    "djangorestframework-simplejwt, with `ROTATE_REFRESH_TOKENS` and `BLACKLIST_AFTER_ROTATION`, commits each "
    "statement. Valkey writes to the disk before it answers too (`appendfsync always`). Beside ours, JWTs as refresh "
    "tokens: by hand, `benchmarks/apps/handwritten_redis.py`, each is spent by one `SET … NX`; with "
    "Flask-JWT-Extended it is looked up in a blocklist and put there afterwards. Neither has sessions that can be "
    "listed, or that end when a token is used twice, and neither writes anything for a sign-in. The round trips of "
    "ours are counted by Valkey (`total_reads_processed`): a request looks the session up, and redeems the token when "
    "all checks have passed. Medians of calls per second, by turns, and the range that holds the middle half. The last "
    "column and the target compare the times of one call, with the median of the ratios within a turn."
)

_Rates = dict[tuple[str, str, int], list[float]]  # by application, action and number of clients


def run(options: Options) -> Section:
    """Measure one engine after the other, and all applications on it by turns."""
    counts = QUICK_COUNTS if options.quick else COUNTS
    rows: list[list[str]] = []
    checks: list[Check] = []
    growth: dict[str, Mapping[str, Mapping[int, float]]] = {}
    memory = _measure("memory://", {OURS: CONTENDERS[OURS]}, counts[:1], options)  # each process has its own
    rows += _to_rows("memory", memory)
    for engine in ENGINES:
        with ExitStack() as stack:
            database = stack.enter_context(empty_database(engine, options.urls))
            if database is None:
                rows.append([engine, "", "", "", "no server", "", ""])
                continue
            contenders = ON_VALKEY if engine == VALKEY else CONTENDERS
            taken = _measure(database.url, contenders, counts, options)
            if is_redis(database.url):
                checks += _check_round_trips(database)
        rows += _to_rows(database.name, taken)
        if engine != VALKEY:  # by hand, nothing is kept there but used IDs
            checks += [
                Check(f"{database.name}, clients: {count}: time of a refresh / by hand", ratio, MOST_OF_BY_HAND)
                for count in counts
                for ratio in [_of_by_hand(taken, OURS, REFRESH, count)]
            ]
        growth[f"{database.name}: refreshes/s, by clients"] = {
            name: {count: median(taken[name, REFRESH, count]) for count in counts} for name in contenders
        }
    headers = ("store", "", "", "clients", "calls/s", "IQR", "time / by hand")
    return Section("Refreshing", _ABOUT, [Table(headers, rows, word_columns=3)], checks, growth=growth)


def _check_round_trips(database: Database) -> list[Check]:
    """Count the round trips of the whole request, which looks the session up first, and of the redemption alone."""
    client = Client(CONTENDERS[OURS], database.url)
    token = client.refresh(client.sign_in("alice"))

    def refresh() -> None:
        nonlocal token
        token = client.refresh(token)

    whole = count_round_trips(database.url, refresh)
    refresh_token = client.state.sessions.read(token)
    alone = count_round_trips(database.url, lambda: client.state.sessions.redeem(refresh_token))
    client.state.store.close()
    return [
        Check(f"{database.name}: round trips of a redemption", alone, MOST_ROUND_TRIPS),
        Check(f"{database.name}: round trips of a request for a refresh", whole, MOST_ROUND_TRIPS),
    ]


def _measure(url: str, contenders: Mapping[str, str], counts: tuple[int, ...], options: Options) -> _Rates:
    rates: _Rates = {}
    calls = _QUICK_CALLS if options.quick else _CALLS
    with Clients(counts, url, contenders.values()) as clients:
        for turn in range(1 if options.quick else _TURNS):
            for name in Random(turn).sample(list(contenders), len(contenders)):
                for action in (REFRESH, SIGN_IN):
                    for count in counts:
                        rate = clients.rate(contenders[name], action, clients=count, calls=calls // count)
                        rates.setdefault((name, action, count), []).append(rate)
    return rates


def _to_rows(store: str, taken: _Rates) -> list[list[str]]:
    order = [*CONTENDERS, *ON_VALKEY]
    return [
        [store, action, name, str(count), f"{median(rates):,.0f}", f"{iqr(rates):,.0f}", _ratio_cell(taken, *key)]
        for key, rates in sorted(taken.items(), key=lambda item: (item[0][1], order.index(item[0][0]), item[0][2]))
        for name, action, count in [key]
    ]


def _ratio_cell(taken: _Rates, name: str, action: str, count: int) -> str:
    is_compared = any((by_hand, action, count) in taken for by_hand in (BY_HAND, BY_HAND_ON_VALKEY))
    return f"{_of_by_hand(taken, name, action, count):.2f}" if is_compared else ""


def _of_by_hand(taken: _Rates, name: str, action: str, count: int) -> float:
    """Return the time of one call, in times of the code written by hand."""
    by_hand = BY_HAND if (BY_HAND, action, count) in taken else BY_HAND_ON_VALKEY
    pairs = zip(taken[by_hand, action, count], taken[name, action, count], strict=True)
    return median(theirs / rate for theirs, rate in pairs)
