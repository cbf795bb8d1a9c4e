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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysContext:
    """What a command works with.

    Attributes:
        file: of the ring.
        max_age: for how long other services keep the published key set.
        interval: how often a process looks at the file.
        tolerance: for how long processes may have different rings.
        times: that a rotation waits for.
        list_rings: returns the rings that processes use; None without a store. Raises ``StoreUnavailable``.
        clock: returns seconds since 1970-01-01T00:00:00Z.
    """

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
        settings: Mapping[str, Any],
        clock: Callable[[], float],
        list_rings: Callable[[], tuple[RingUse, ...]] | None = None,
    ) -> "KeysContext":
        """Return the context for a file.

        Args:
            path: of the file.
            settings: the settings of the application, by their names.
            clock: as the attribute.
            list_rings: as the attribute.
        """
        max_age, interval = settings["keys_max_age"], settings["keys_interval"]
        times = RingTimes.of(
            max_age=max_age,
            interval=interval,
            rollout=settings["keys_rollout"],
            max_lifetime=settings["max_lifetime"],
            leeway=settings["leeway"],
        )
        return cls(
            file=RingFile(path),
            max_age=max_age,
            interval=interval,
            tolerance=tolerance_of(rollout=settings["keys_rollout"], interval=interval),
            times=times,
            list_rings=list_rings,
            clock=clock,
        )


NAMES = ("keys_max_age", "keys_interval", "keys_rollout", "max_lifetime", "leeway")


def context_of_application(state: AppState) -> KeysContext:
    """Return the context of an application.

    Args:
        state: of the application.

    Raises:
        SettingsError: its keys are in no file.
    """
    settings = state.settings
    if settings.keys_path is None:
        raise SettingsError(
            f"{PREFIX}KEYS must be the path of a file to work with its keys, got something else: set it to a path, or "
            "use python -m flask_tokenauth keys --file FILE"
        )
    found = {name: getattr(settings, name) for name in NAMES}
    list_rings = None if state.stored.opened is None else state.store.list_rings
    return KeysContext.of_settings(settings.keys_path, found, state.authenticator.clock, list_rings)


def context_of_environment(path: str | None, config: Mapping[str, Any]) -> KeysContext:
    """Return the context without an application.

    Args:
        path: of the file; None for that in *config*.
        config: the configuration, as Flask reads it from the environment.

    Raises:
        SettingsError: there is no path, or a setting is not allowed.
    """
    source = config.get(f"{PREFIX}KEYS") if path is None else path
    found = find_path(source)
    if found is None:
        raise SettingsError(
            f"the file of the keys must be named with --file FILE, or in the environment variable FLASK_{PREFIX}KEYS, "
            f"got {'neither' if source is None else 'something else than a path'}"
        )
    return KeysContext.of_settings(found, read_settings(config, NAMES), time.time)


def format_time(seconds: float) -> str:
    """Return a time for people: "2026-01-31 12:00:00 UTC"."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
