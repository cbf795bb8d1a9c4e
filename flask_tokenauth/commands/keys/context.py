"""The file and the times that the commands for keys work with: those of an application, or of the environment."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ...application.app_state import AppState
from ...application.ring_check import tolerance_of
from ...application.setting_types import PREFIX
from ...application.settings import read_settings
from ...core.errors import SettingsError
from ...core.keys.key_ring import RingTimes
from ...core.keys.loading import find_path
from ...core.records.ring_use import RingUse
from .ring_file import RingFile
from .ring_kinds import RingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysContext:
    """What a command works with.

    Attributes:
        kind: whether the keys sign or encrypt.
        file: of the ring.
        max_age: for how long other services keep the published key set.
        interval: how often a process looks at the file.
        tolerance: for how long processes may have different rings.
        times: that a rotation waits for.
        list_rings: returns the rings that processes use; None without a store. Raises ``StoreUnavailable``.
        clock: returns seconds since 1970-01-01T00:00:00Z.
    """

    kind: RingKind
    file: RingFile
    max_age: timedelta
    interval: timedelta
    tolerance: timedelta
    times: RingTimes
    list_rings: Callable[[], tuple[RingUse, ...]] | None
    clock: Callable[[], float]

    @property
    def longest_belief(self) -> float:
        """For how long other services may use an older key set, in seconds from a change of the file."""
        return (self.tolerance + self.max_age).total_seconds()

    @classmethod
    def of_settings(
        cls,
        path: Path,
        kind: RingKind,
        settings: Mapping[str, Any],
        clock: Callable[[], float],
        list_rings: Callable[[], tuple[RingUse, ...]] | None = None,
    ) -> "KeysContext":
        """Return the context for a file.

        Args:
            path: of the file.
            kind: whether its keys sign or encrypt.
            settings: the settings of the application, by their names.
            clock: as the attribute.
            list_rings: as the attribute.
        """
        interval = settings["keys_interval"]
        max_age = settings["keys_max_age"] if kind.is_published else timedelta(0)
        times = RingTimes.of(
            max_age=max_age,
            interval=interval,
            rollout=settings["keys_rollout"],
            max_lifetime=settings["max_lifetime"],
            leeway=settings["leeway"],
        )
        return cls(
            kind=kind,
            file=RingFile(path, kind),
            max_age=max_age,
            interval=interval,
            tolerance=tolerance_of(rollout=settings["keys_rollout"], interval=interval),
            times=times,
            list_rings=list_rings,
            clock=clock,
        )


NAMES = ("keys_max_age", "keys_interval", "keys_rollout", "max_lifetime", "leeway")


def context_of_application(state: AppState, kind: RingKind) -> KeysContext:
    """Return the context of an application.

    Args:
        state: of the application.
        kind: whether the keys sign or encrypt.

    Raises:
        SettingsError: its keys are in no file.
    """
    settings, path = state.settings, find_file(state, kind)
    if path is None:
        raise SettingsError(
            f"{PREFIX}{kind.setting} must be the path of a file to work with its keys, got something else: set it to a "
            f"path, or use python -m flask_tokenauth keys {kind.option}--file FILE"
        )
    found = {name: getattr(settings, name) for name in NAMES}
    has_rings = kind.is_published and state.stored.opened is not None
    list_rings = state.store.list_rings if has_rings else None
    return KeysContext.of_settings(path, kind, found, state.authenticator.clock, list_rings)


def find_file(state: AppState, kind: RingKind) -> Path | None:
    """Return the file of the keys of an application, or None if they are in no file.

    Args:
        state: of the application.
        kind: whether the keys sign or encrypt.
    """
    if kind.is_published:
        return state.settings.keys_path
    configured = state.settings.encryption_keys
    return None if configured is None else configured.path


def context_of_environment(path: str | None, config: Mapping[str, Any], kind: RingKind) -> KeysContext:
    """Return the context without an application.

    Args:
        path: of the file; None for that in *config*.
        config: the configuration, as Flask reads it from the environment.
        kind: whether the keys sign or encrypt.

    Raises:
        SettingsError: there is no path, or a setting is not allowed.
    """
    source = config.get(f"{PREFIX}{kind.setting}") if path is None else path
    found = find_path(source)
    if found is None:
        raise SettingsError(
            f"the file of the keys must be named with --file FILE, or in the environment variable "
            f"FLASK_{PREFIX}{kind.setting}, got {'neither' if source is None else 'something else than a path'}"
        )
    return KeysContext.of_settings(found, kind, read_settings(config, NAMES), time.time)


def format_time(seconds: float) -> str:
    """Return a time for people: "2026-01-31 12:00:00 UTC"."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
