"""The findings of the doctor about the store, its endpoints and revocation."""

import shlex
from collections.abc import Iterator
from datetime import timedelta
from stat import S_IRWXG, S_IRWXO

from ..application.app_state import AppState
from ..application.ring_check import find_disagreement, find_other_ring, tolerance_of
from ..application.setting_types import PREFIX
from ..core.errors import SettingsError, StoreUnavailable
from ..core.process import count_workers
from ..stores.memory import MemoryStore
from .findings import Finding, finding_for

LONG_INTERVAL = timedelta(seconds=10)
LONG_STALENESS = timedelta(minutes=5)
MANY_REVOKED = 1_000_000
_ONLY_WITH_FEED: tuple[str, ...] = (f"{PREFIX}REVOCATION_INTERVAL", f"{PREFIX}REVOCATION_MAX_STALENESS")
_CLIENTS = f"{PREFIX}INTROSPECTION_CLIENTS"
_STORE_PREFIX = f"{PREFIX}STORE_PREFIX"
_CONSEQUENCES = (
    "Otherwise all users have to log in again, and tokens that were revoked are accepted until they expire, unless you "
    f"change SECRET_KEY, and the keys in {PREFIX}KEYS if you set it."
)
_NO_TABLES = (
    f"The database of {PREFIX}STORE has no table of the store. If it is new, nothing is wrong: flask tokenauth init-db "
    "or the first use creates them, as a user who may create tables. If it was used before, a migration has dropped "
    f"all of them: restore a backup. {_CONSEQUENCES}"
)
_NO_KEYS = (
    f"The server of {PREFIX}STORE has no keys of the store. If it is new, nothing is wrong: flask tokenauth init-db or "
    "the first use writes them. If it was used before, the keys were deleted, the server has lost its data, or "
    f"{_STORE_PREFIX} was changed: set the old prefix, or restore a backup. {_CONSEQUENCES}"
)
_OLD_TABLES = (
    f"The tables of {PREFIX}STORE are those of an older release of Flask-TokenAuth: back up the database, and run "
    "flask tokenauth init-db. Otherwise the next process that starts upgrades them, and processes of the older release "
    "that start after that cannot use the store."
)
_ONLY_WITH_STORE = (
    _CLIENTS,
    f"{PREFIX}REFRESH_IDLE_LIFETIME",
    f"{PREFIX}REFRESH_RETRY_WINDOW",
    f"{PREFIX}SESSION_LIFETIME",
    _STORE_PREFIX,
    f"{PREFIX}STORE_TIMEOUT",
)
_ENDPOINTS = "flask_tokenauth.endpoints.blueprint"  # import name of the blueprint: neither room imports the other


def _store(state: AppState) -> Iterator[Finding]:
    if state.stored.opened is None:
        return
    if isinstance(state.stored.opened, MemoryStore) and not (state.app.debug or state.app.testing):
        yield Finding(
            "warning",
            f"{PREFIX}STORE is memory://, which is empty after each restart and is not shared between processes: set a "
            "database.",
        )
    url = state.app.config.get(f"{PREFIX}STORE")
    if isinstance(url, str) and url.startswith("sqlite") and not url.partition(":///")[2].startswith(("/", "file:/")):
        yield Finding(
            "warning",
            f"{PREFIX}STORE is a relative path, so each working directory has its own file, also for commands: set an "
            "absolute path, with four slashes.",
        )
    yield from _database_file(state)


def _database_file(state: AppState) -> Iterator[Finding]:
    """Report a file that others can read. It has user IDs and the ends of sessions."""
    path = state.stored.inspect_store("find_path")
    if path is not None and path.exists() and path.stat().st_mode & (S_IRWXG | S_IRWXO):
        yield Finding(
            "warning",
            f"The file of {PREFIX}STORE, {path}, is open to other users of this machine: run "
            f"chmod 600 {shlex.quote(str(path))}.",
        )


def _settings_without_effect(state: AppState) -> Iterator[Finding]:
    mode = state.settings.revocation
    unused = _ONLY_WITH_FEED if mode != "feed" else ()
    reason, advice = f'with {PREFIX}REVOCATION "{mode}"', "remove them"
    if state.settings.store is None:
        unused, reason, advice = _ONLY_WITH_FEED + _ONLY_WITH_STORE, f"without {PREFIX}STORE", "set it, or remove them"
    if named := sorted(key for key in unused if state.app.config.get(key) is not None):
        yield Finding("hint", f"These settings have no effect {reason}: {', '.join(named)}; {advice}.")


def _store_prefix(state: AppState) -> Iterator[Finding]:
    """Report a prefix that the store does not have. Without a store there is another finding."""
    opened, prefix = state.stored.opened, state.app.config.get(_STORE_PREFIX)
    if opened is not None and prefix is not None and getattr(opened, "prefix", None) != prefix:
        yield Finding(
            "hint",
            f"{_STORE_PREFIX} has no effect, since {PREFIX}STORE is neither a URL nor a client of Redis or Valkey: "
            "remove it, or pass the prefix to the store that you made.",
        )


def _endpoints(state: AppState) -> Iterator[Finding]:
    """Report refresh tokens that no client can redeem. An application may also use its store in another way."""
    gives_out = state.settings.store is not None and state.settings.keys.signing_key is not None
    if gives_out and not _find_endpoints(state):
        yield Finding(
            "hint",
            "With a store, token_response gives out refresh tokens, but auth.endpoints is not registered, so clients "
            "cannot redeem them here: call app.register_blueprint(auth.endpoints), unless another application with "
            "this store has done so.",
        )


def _clients(state: AppState) -> Iterator[Finding]:
    """Report clients and callers that can ask nothing. Without a store there is another finding."""
    settings = state.settings
    if settings.store is None or _find_endpoints(state):
        return
    for name, value in ((_CLIENTS, settings.introspection_clients), (f"{PREFIX}EXCHANGE", settings.exchange)):
        if value:
            yield Finding(
                "hint",
                f"{name} has no effect, since auth.endpoints is not registered: call "
                "app.register_blueprint(auth.endpoints), or remove the setting.",
            )


def _find_endpoints(state: AppState) -> list[str]:
    return [name for name, blueprint in state.app.blueprints.items() if blueprint.import_name == _ENDPOINTS]


def _keys(state: AppState) -> Iterator[Finding]:
    """Report endpoints that have to sign, in an application that cannot."""
    registered = _find_endpoints(state)
    if registered and state.settings.keys.signing_key is None:
        yield Finding(
            "error",
            f"{PREFIX}KEYS has no key that can sign, so {registered[0]}.refresh fails, and every login too: add a "
            "private key, or leave auth.endpoints to the application that has one.",
        )


def _refresh(state: AppState) -> Iterator[Finding]:
    if state.settings.store is not None and state.settings.refresh_idle_lifetime > state.settings.session_lifetime:
        yield Finding(
            "hint",
            f"{PREFIX}REFRESH_IDLE_LIFETIME is longer than {PREFIX}SESSION_LIFETIME, so it has no effect: every "
            "session ends before.",
        )


def _revocation(state: AppState) -> Iterator[Finding]:
    settings = state.settings
    if settings.store is None:
        return
    if settings.revocation == "off":
        yield Finding(
            "warning",
            f'{PREFIX}REVOCATION is "off", so a stolen token is accepted until it expires, even after a logout: set '
            '"feed".',
        )
    if settings.revocation == "feed" and settings.revocation_interval > LONG_INTERVAL:
        yield Finding(
            "warning",
            f"{PREFIX}REVOCATION_INTERVAL is {settings.revocation_interval}, and other processes accept a revoked "
            "token for so long: set ten seconds or less.",
        )
    if settings.revocation == "feed" and settings.revocation_max_staleness > LONG_STALENESS:
        yield Finding(
            "warning",
            f"{PREFIX}REVOCATION_MAX_STALENESS is {settings.revocation_max_staleness}, and during an outage of the "
            "store revoked tokens are accepted for so long: set five minutes or less.",
        )


def _find_risks(state: AppState) -> list[str]:
    found = state.stored.inspect_store("find_risks", leeway=state.settings.leeway, processes=count_workers())
    return found or []


def _tables(state: AppState) -> Iterator[Finding]:
    """Report tables of an SQL database that are missing or old. The doctor neither creates nor upgrades them."""
    if lost := state.stored.inspect_store("find_lost_tables"):
        yield Finding(
            "error",
            f"The database of {PREFIX}STORE lacks the tables {', '.join(lost)}, which a migration has probably "
            "dropped: restore a backup, or run flask tokenauth init-db to create them empty, and keep migrations "
            f"from dropping the tables of the store. {state.stored.inspect_store('explain_loss', lost)}. MariaDB "
            "also hides tables from a user who has no right on them: check the rights first.",
        )
    elif state.stored.inspect_store("is_empty"):
        yield Finding("hint", _NO_TABLES)
    elif state.stored.inspect_store("is_outdated"):
        yield Finding("warning", _OLD_TABLES)


def _risks(state: AppState) -> Iterator[Finding]:
    if obstacle := state.stored.inspect_store("find_obstacle"):
        yield Finding("error", f"{PREFIX}STORE can be read, but not written: the store needs {obstacle}.")
    for risk in _find_risks(state):
        yield Finding("warning", f"{PREFIX}STORE: {risk}.")
    if unseen := state.stored.inspect_store("find_unseen"):
        yield Finding(
            "hint",
            f"{PREFIX}STORE: the server does not show these settings to the user of the store: {', '.join(unseen)}. "
            "Look at them as an administrator, with redis-cli CONFIG GET and the name.",
        )


def _rings(state: AppState) -> Iterator[Finding]:
    """Report processes whose keys differ."""
    settings, key_file = state.settings, state.key_file
    if key_file is None or settings.keys.ring is None:
        return
    tolerance = tolerance_of(rollout=settings.keys_rollout, interval=settings.keys_interval)
    uses = state.store.list_rings()
    fault = find_disagreement(uses, tolerance) or find_other_ring(
        uses, settings.keys.ring, written_at=key_file.written_at, tolerance=tolerance
    )
    if fault is not None:
        yield Finding("error", f"{PREFIX}KEYS: {fault}.")


def _revoked(state: AppState) -> Iterator[Finding]:
    """Ask the store, and report the revocations in it, as a worker that starts now would load them."""
    settings, feed = state.settings, state.stored.feed
    if state.stored.opened is None:
        return
    try:
        if problems := list(_tables(state)):
            yield from problems
            return
        if state.stored.inspect_store("is_new"):
            yield Finding("hint", _NO_KEYS)
            yield from _risks(state)
            return
        state.store.read_epoch("doctor")
        yield from _risks(state)
        yield from _rings(state)
    except (SettingsError, StoreUnavailable) as error:
        yield finding_for("error", f"{PREFIX}STORE cannot be asked", error)
        return
    kind = type(state.stored.opened).__name__
    if feed is None:
        yield Finding("info", f"{PREFIX}STORE is a {kind}, {PREFIX}REVOCATION is {settings.revocation}.")
        return
    try:
        feed.warm()
    except (SettingsError, StoreUnavailable) as error:
        yield finding_for("error", f"The revocations in {PREFIX}STORE cannot be loaded", error)
        return
    known = feed.describe()
    revoked = known.tokens + known.sessions + known.users
    yield Finding(
        "info",
        f"{PREFIX}STORE is a {kind}, {PREFIX}REVOCATION is feed, fetched {known.age or 0:.1f} s ago: "
        f"{known.tokens} tokens, {known.sessions} sessions and {known.users} users are revoked.",
    )
    if revoked > MANY_REVOKED:
        yield Finding(
            "hint",
            f"Every process holds {revoked} revocations: shorten {PREFIX}ACCESS_LIFETIME and {PREFIX}MAX_LIFETIME, or "
            f'set {PREFIX}REVOCATION to "strict".',
        )


CHECKS = (_store, _settings_without_effect, _store_prefix, _endpoints, _clients, _keys, _refresh, _revocation, _revoked)
