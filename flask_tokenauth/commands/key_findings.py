"""The findings of the doctor about the keys, their file, and what is published of them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ..application.app_state import AppState
from ..application.setting_types import PREFIX
from ..core.errors import InvalidKey
from .findings import Finding, finding_for
from .keys.context import find_file
from .keys.file_rights import check_rights, find_weak_rights
from .keys.ring_file import RingFile
from .keys.ring_kinds import KINDS, RingKind

LONG_USE = timedelta(days=90)
_WELL_KNOWN = "flask_tokenauth.endpoints.well_known"  # import name of the blueprint: neither room imports the other


def _rights(state: AppState) -> Iterator[Finding]:
    for kind in KINDS:
        path = find_file(state, kind)
        if path is not None:
            yield from _rights_of(path.resolve(), f"{PREFIX}{kind.setting}")


def _rights_of(path: Path, setting: str) -> Iterator[Finding]:
    try:
        check_rights(path)
    except InvalidKey as error:
        yield finding_for("error", f"The file in {setting} is not safe", error)
        return
    for weakness in find_weak_rights(path):
        yield Finding("warning", f"{setting}: {weakness}.")


def _rotation(state: AppState) -> Iterator[Finding]:
    """Report rings that nobody rotates."""
    for kind in KINDS:
        path = find_file(state, kind)
        if path is not None:
            yield from _rotation_of(path, kind, now=state.clock())


def _rotation_of(path: Path, kind: RingKind, *, now: float) -> Iterator[Finding]:
    setting = f"{PREFIX}{kind.setting}"
    try:
        ring = RingFile(path, kind).read().read_ring(now=now)
    except InvalidKey:  # it has changed since it was loaded, or has a finding of its own
        return
    if ring is None:
        return
    for kid in ring.ahead:
        yield Finding(
            "warning",
            f"{setting}: status_since of the key {kid} is in the future, and counts as now: check the clock of the "
            "machine that rotates, whose next keys rotate corrects the file.",
        )
    if ring.upcoming is None:
        yield Finding("hint", f"{setting} has no next key, so keys rotate refuses: run keys {kind.option}generate.")
    if now - ring.active.since > LONG_USE.total_seconds():
        yield Finding(
            "hint",
            f"The key in {setting} has {kind.signed} for more than {LONG_USE.days} days: run keys {kind.option}rotate "
            "once a day.",
        )


def _published(state: AppState) -> Iterator[Finding]:
    names = {blueprint.import_name for blueprint in state.app.blueprints.values()}
    if _WELL_KNOWN in names and any(key.key_type == "oct" for key in state.settings.keys):
        yield Finding(
            "error",
            "auth.well_known is registered, but the keys are secrets, which are never published, so it answers 500: "
            f"make keys with python -m flask_tokenauth keys generate, and set {PREFIX}KEYS.",
        )
    if state.settings.resource is not None and _WELL_KNOWN not in names:
        yield Finding(
            "hint",
            f"{PREFIX}RESOURCE is set, so challenges name {state.resource_metadata}, but auth.well_known is not "
            "registered: call app.register_blueprint(auth.well_known), unless another program serves this document.",
        )


CHECKS = (_rights, _rotation, _published)
