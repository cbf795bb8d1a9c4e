"""The findings of the doctor about keys."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_ring import AnyKey, KeyRing, RingKey
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import SQLStore

from ..conftest import NOW, MakeApp
from ..stores.memory_kit import ring_ager
from .doctor_kit import GOOD, find

ISSUER = "https://issuer.example"
DAY = 86_400
A, B = (Key.generate("EdDSA", kid=kid) for kid in "ab")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a file in a folder that nobody else can write to."""
    tmp_path.chmod(0o700)
    return tmp_path / "keys.json"


def put(path: Path, *members: tuple[AnyKey, str], age: float = 0) -> None:
    ring = KeyRing(RingKey.of(key, status, NOW - age) for key, status in members)  # type: ignore[arg-type]
    path.write_text(json.dumps(ring.to_jwks()))
    path.chmod(0o600)


@pytest.fixture
def app_of(make_app: MakeApp, path: Path) -> MakeApp:
    """Return a function that makes an application with the file."""

    def make(**config: object) -> Flask:
        return make_app(**GOOD, TOKENAUTH_KEYS=str(path), TOKENAUTH_ISSUER=ISSUER, **config)

    return make


def about_keys(app: Flask) -> list[str]:
    found = [f"{finding.severity}: {finding.sentence}" for finding in find(app)]
    return [line for line in found if "KEYS" in line or "RESOURCE" in line]


def test_a_ring_in_a_safe_file_has_no_findings(path: Path, app_of: MakeApp) -> None:
    put(path, (A, "active"), (B, "next"))

    assert about_keys(app_of()) == []


def test_keys_without_a_file_have_no_findings(make_app: MakeApp) -> None:
    assert about_keys(make_app(**GOOD)) == []


@pytest.mark.parametrize(
    ("mode", "finding"),
    [
        (0o602, "error: The file in TOKENAUTH_KEYS is not safe: {path} must not be writable for all users"),
        (0o604, "warning: TOKENAUTH_KEYS: all users of this machine can read {path}, and make tokens"),
        (0o620, "warning: TOKENAUTH_KEYS: the group of {path} can change it"),
    ],
)
def test_the_rights_of_others_are_reported(path: Path, app_of: MakeApp, mode: int, finding: str) -> None:
    put(path, (A, "active"), (B, "next"))
    path.chmod(mode)

    [line] = about_keys(app_of())

    assert line.startswith(finding.format(path=path))


def test_a_ring_without_a_next_key_is_reported(path: Path, app_of: MakeApp) -> None:
    put(path, (A, "active"))

    assert about_keys(app_of()) == ["hint: TOKENAUTH_KEYS has no next key, so keys rotate refuses: run keys generate."]


@pytest.mark.parametrize(("age", "findings"), [(90 * DAY, 0), (90 * DAY + 1, 1)])
def test_a_key_that_signs_for_long_is_reported(path: Path, app_of: MakeApp, age: float, findings: int) -> None:
    put(path, (A, "active"), (B, "next"), age=age)

    found = about_keys(app_of())

    assert (
        found
        == ["hint: The key in TOKENAUTH_KEYS has signed for more than 90 days: run keys rotate once a day."][:findings]
    )


@pytest.mark.parametrize("content", ["{", json.dumps({"keys": [A.to_jwk(private=True)]})], ids=["broken", "no ring"])
def test_a_file_that_has_changed_since_has_no_further_findings(path: Path, app_of: MakeApp, content: str) -> None:
    put(path, (A, "active"))
    app = app_of()
    path.write_text(content)

    assert about_keys(app) == []


def test_keys_without_states_have_no_findings(path: Path, app_of: MakeApp) -> None:
    path.write_text(json.dumps({"keys": [A.to_jwk(private=True)]}))
    path.chmod(0o600)

    assert about_keys(app_of()) == []


def test_rings_that_differ_are_an_error(path: Path, app_of: MakeApp) -> None:
    put(path, (A, "active"), (B, "next"))
    store = MemoryStore(clock=lambda: int(NOW * 1000))
    store.report_ring("one")
    store.report_ring("two")
    ring_ager(store)(timedelta(seconds=30))
    store.report_ring("one")
    store.report_ring("two")

    [line] = about_keys(app_of(TOKENAUTH_STORE=store))

    assert line.startswith("error: TOKENAUTH_KEYS: the processes of this issuer must have one ring of keys, but for ")
    assert "30 seconds" in line


def test_workers_with_another_ring_than_this_file_are_an_error(path: Path, app_of: MakeApp) -> None:
    put(path, (A, "active"), (B, "next"))
    app, store = app_of(), MemoryStore()
    key_file = state_of(app).key_file
    assert key_file is not None
    store.clock = lambda: int((key_file.written_at + 60) * 1000)
    store.report_ring("other")

    [line] = about_keys(app_of(TOKENAUTH_STORE=store))

    assert line.startswith("error: TOKENAUTH_KEYS: the processes of this issuer must use this file of TOKENAUTH_KEYS")


def test_workers_with_the_ring_of_this_file_are_right(path: Path, app_of: MakeApp) -> None:
    put(path, (A, "active"), (B, "next"))
    store = MemoryStore()
    app = app_of(TOKENAUTH_STORE=store)
    store.report_ring(str(state_of(app).settings.keys.ring))

    assert about_keys(app) == []


def test_the_doctor_creates_no_tables_to_ask_for_rings(path: Path, app_of: MakeApp, tmp_path: Path) -> None:
    put(path, (A, "active"), (B, "next"))
    app = app_of(TOKENAUTH_STORE=f"sqlite:///{tmp_path / 'store.db'}")
    stored = state_of(app).stored.opened
    assert isinstance(stored, SQLStore)

    find(app)

    assert stored.inspection.is_empty()


@pytest.mark.parametrize("registered", [True, False])
def test_a_resource_without_its_document_is_reported(make_app: MakeApp, *, registered: bool) -> None:
    auth = TokenAuth()
    keys = KeySet([A])
    app = make_app(
        auth=auth,
        **GOOD,
        TOKENAUTH_KEYS=keys,
        TOKENAUTH_ISSUER=ISSUER,
        TOKENAUTH_RESOURCE=ISSUER,
        TOKENAUTH_AUDIENCE=ISSUER,
    )
    if registered:
        app.blueprints["well_known"] = auth.well_known

    assert about_keys(app) == [
        "hint: TOKENAUTH_RESOURCE is set, so challenges name "
        "https://issuer.example/.well-known/oauth-protected-resource, but auth.well_known is not registered: call "
        "app.register_blueprint(auth.well_known), unless another program serves this document."
    ] * (not registered)


def test_secrets_that_would_be_published_are_an_error(make_app: MakeApp) -> None:
    """The blueprint was registered before the application was set up."""
    auth = TokenAuth()
    app = make_app(auth=auth, **GOOD)
    app.blueprints["well_known"] = auth.well_known

    [line] = about_keys(app)

    assert line.startswith("error: auth.well_known is registered, but the keys are secrets, which are never published")


def test_a_status_from_the_future_is_reported(path: Path, app_of: MakeApp) -> None:
    put(path, (A, "active"), (B, "next"), age=-DAY)

    found = about_keys(app_of())

    assert [line.partition(",")[0] for line in found] == [
        f"warning: TOKENAUTH_KEYS: status_since of the key {kid} is in the future" for kid in "ab"
    ]


# Keys that encrypt


ENCRYPTION_A, ENCRYPTION_B = (EncryptionKey.generate("dir", kid=kid) for kid in "cd")


@pytest.fixture
def encrypting(make_app: MakeApp, path: Path) -> MakeApp:
    """Return a function that makes an application whose encryption keys are in the file."""
    return lambda **config: make_app(**GOOD, TOKENAUTH_ENCRYPTION_KEYS=path, TOKENAUTH_ISSUER=ISSUER, **config)


def test_a_ring_of_encryption_keys_in_a_safe_file_has_no_findings(path: Path, encrypting: MakeApp) -> None:
    put(path, (ENCRYPTION_A, "active"), (ENCRYPTION_B, "next"))

    assert about_keys(encrypting()) == []


def test_a_file_of_encryption_keys_has_the_findings_of_a_file_of_keys(path: Path, encrypting: MakeApp) -> None:
    put(path, (ENCRYPTION_A, "active"), age=91 * DAY)
    app = encrypting()
    path.chmod(0o604)

    weak, use, upcoming = sorted(about_keys(app), key=lambda line: ("hint" in line, "has no next" in line))

    assert weak.startswith(f"warning: TOKENAUTH_ENCRYPTION_KEYS: all users of this machine can read {path}")
    assert use == (
        "hint: The key in TOKENAUTH_ENCRYPTION_KEYS has encrypted for more than 90 days: run keys --encryption rotate "
        "once a day."
    )
    assert upcoming.endswith("run keys --encryption generate.")


def test_an_encryption_file_that_others_can_change_is_an_error(path: Path, encrypting: MakeApp) -> None:
    put(path, (ENCRYPTION_A, "active"), (ENCRYPTION_B, "next"))
    app = encrypting()
    path.chmod(0o606)

    [found] = about_keys(app)

    assert found.startswith("error: The file in TOKENAUTH_ENCRYPTION_KEYS is not safe")


def test_encryption_keys_without_a_status_have_no_findings(path: Path, encrypting: MakeApp) -> None:
    path.write_text(json.dumps({"keys": [ENCRYPTION_A.to_jwk(private=True)]}))
    path.chmod(0o600)

    assert about_keys(encrypting()) == []


@pytest.mark.parametrize(("seconds", "is_found"), [(1, False), (0, True), (-1, True)])
def test_a_time_for_plain_tokens_that_has_passed_can_go(
    path: Path, encrypting: MakeApp, seconds: int, *, is_found: bool
) -> None:
    put(path, (ENCRYPTION_A, "active"), (ENCRYPTION_B, "next"))

    found = find(encrypting(TOKENAUTH_ACCEPT_PLAIN_UNTIL=datetime.fromtimestamp(NOW + seconds, UTC)))

    assert any("TOKENAUTH_ACCEPT_PLAIN_UNTIL has passed" in finding.sentence for finding in found) is is_found
