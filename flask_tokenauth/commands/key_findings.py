"""The findings of the doctor about the keys, their file, and what is published of them."""

from collections.abc import Iterator
from datetime import timedelta

from ..application.app_state import AppState
from ..application.setting_types import PREFIX
from ..core.errors import InvalidKey
from .findings import Finding, finding_for
from .keys.file_rights import check_rights, find_weak_rights
from .keys.ring_file import RingFile

LONG_USE = timedelta(days=90)
_WELL_KNOWN = "flask_tokenauth.endpoints.well_known"  # import name of the blueprint: neither room imports the other


def _rights(state: AppState) -> Iterator[Finding]:
    if state.settings.keys_path is None:
        return
    path = state.settings.keys_path.resolve()
    try:
        check_rights(path)
    except InvalidKey as error:
        yield finding_for("error", f"The file in {PREFIX}KEYS is not safe", error)
        return
    for weakness in find_weak_rights(path):
        yield Finding("warning", f"{PREFIX}KEYS: {weakness}.")


def _rotation(state: AppState) -> Iterator[Finding]:
    """Report a ring that nobody rotates."""
    if state.settings.keys_path is None or state.settings.keys.ring is None:
        return
    try:
        ring = RingFile(state.settings.keys_path).read().read_ring(now=state.clock())
    except InvalidKey:  # it has changed since it was loaded, or has a finding of its own
        return
    if ring is None:
        return
    for kid in ring.ahead:
        yield Finding(
            "warning",
            f"{PREFIX}KEYS: status_since of the key {kid} is in the future, and counts as now: check the clock of the "
            "machine that rotates, whose next keys rotate corrects the file.",
        )
    if ring.upcoming is None:
        yield Finding("hint", f"{PREFIX}KEYS has no next key, so keys rotate refuses: run keys generate.")
    if state.clock() - ring.active.since > LONG_USE.total_seconds():
        yield Finding(
            "hint",
            f"The key in {PREFIX}KEYS has signed for more than {LONG_USE.days} days: run keys rotate once a day.",
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
