"""A thief with the store, the log and all signals cannot log in, not even with the key."""

import base64
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.opaque.refresh_token import RefreshToken
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, StandingClock, bearer
from .conftest import MakeSessionApp
from .devices import end_device, id_of, list_devices, log_out, me, revoke
from .kit import IDLE, Backend, SignalLog, refresh, sessions_of, sign_in, store_of, unavailable

_LIKE_A_TOKEN = re.compile(rb"[\w.~+/=-]{16,}", re.ASCII)


@pytest.fixture
def app(make_session_app: MakeSessionApp, caplog: pytest.LogCaptureFixture) -> Flask:
    """An application that logs everything. SQLAlchemy reads its log level when its engine is made."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="sqlalchemy")
    return make_session_app()


@pytest.fixture
def dump(backend: Backend, tmp_path: Path) -> Callable[[], bytes]:
    """Return a function that copies all data of the store: the memory of the process, or the files on the disk."""
    if isinstance(backend.source, MemoryStore):
        return lambda: repr(vars(backend.source)).encode()
    return lambda: b"".join(path.read_bytes() for path in sorted(tmp_path.glob("sessions.db*")))


def read_log(caplog: pytest.LogCaptureFixture) -> bytes:
    """Return all logged messages, and the values in them."""
    return "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records).encode()


def run_all_events(app: Flask, backend: Backend, clock: StandingClock) -> list[str]:
    """Run through all events of sessions, and return all tokens that clients were given."""
    given: list[str] = []

    def log_in(name: str) -> dict[str, Any]:
        login: dict[str, Any] = app.test_client().post("/login", data={"username": name, "label": "x"}).get_json()
        given.extend([login["access_token"], login["refresh_token"]])
        return login

    def use_refresh_token(token: str) -> str:
        body = refresh(app, token).get_json()
        given.extend([body["access_token"], body["refresh_token"]])
        return str(body["refresh_token"])

    alice, bob = log_in("alice"), log_in("bob")
    use_refresh_token(use_refresh_token(alice["refresh_token"]))
    use_refresh_token(bob["refresh_token"])
    use_refresh_token(bob["refresh_token"])  # within the window
    stolen = log_in("carol")
    backend.age(id_of(stolen), IDLE / 2)
    use_refresh_token(use_refresh_token(stolen["refresh_token"]))
    assert refresh(app, stolen["refresh_token"]).status_code == 400
    log_out(app, log_in("dave")["access_token"])
    revoke(app, log_in("erin")["refresh_token"])
    revoke(app, alice["access_token"])
    end_device(app, bob["access_token"], id_of(log_in("bob")))
    list_devices(app, alice["access_token"])
    with app.app_context():
        given.append(create_token("frank"))
        TokenAuth().revoke_user("frank", api_keys=True)
        given.append(create_token("frank"))
    refresh(app, alice["refresh_token"][:-4] + "+++=")
    refresh(app, alice["access_token"])
    me(app, bob["refresh_token"])
    me(app, alice["access_token"][:-4])
    with unavailable(store_of(app)):
        refresh(app, bob["refresh_token"])
        me(app, alice["access_token"])
        revoke(app, bob["refresh_token"])
    clock.now = NOW + 3600
    me(app, alice["access_token"])
    clock.now = NOW
    return given


def parts_of(token: str) -> list[bytes]:
    """Return all parts of a token that a thief could use, in each encoding."""
    if not token.startswith("rt1_"):
        signature = token.rpartition(".")[2].encode()
        return [token.encode(), signature, base64url.decode(signature)]
    text = token.removeprefix("rt1_").encode()
    handle, mac = base64url.decode(text)[:16], base64url.decode(text)[20:]
    encoded = [form for raw in (handle, mac) for form in (raw, raw.hex().encode(), raw.hex().upper().encode())]
    encoded += [repr(raw)[2:-1].encode() for raw in (handle, mac)]
    return [text, text[:21], base64.b64encode(handle)[:21], text[-40:], *encoded]


def find(given: list[str], stolen: bytes) -> list[bytes]:
    return [part for token in given for part in parts_of(token) if part in stolen]


def replay(app: Flask, stolen: bytes) -> list[str]:
    """Send all strings that look like tokens to all endpoints that take tokens, and return those that were accepted."""
    candidates = {found.decode() for found in _LIKE_A_TOKEN.findall(stolen)}
    attempts = sorted(candidates | {f"rt1_{text}" for text in candidates})
    living = [session.session_id for name in ("alice", "bob") for session in sessions_of(app, name)]

    def is_accepted(text: str) -> bool:
        client, headers = app.test_client(), bearer(text)
        answers = [
            client.get("/me", headers=headers),
            client.get("/auth/sessions", headers=headers),
            client.delete(f"/auth/sessions/{living[0]}", headers=headers),
            client.post("/auth/logout", headers=headers),
            refresh(app, text),
        ]
        revocation = revoke(app, text)
        return any(answer.status_code < 400 for answer in answers) or (revocation.status_code, revocation.data) != (
            200,
            b"",
        )

    useful = [text for text in attempts if is_accepted(text)]
    left = [session.session_id for name in ("alice", "bob") for session in sessions_of(app, name)]
    return useful + [session_id for session_id in living if session_id not in left]


def test_no_token_is_stored_logged_or_signalled(
    app: Flask,
    backend: Backend,
    clock: StandingClock,
    dump: Callable[[], bytes],
    *,
    signal_log: SignalLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = run_all_events(app, backend, clock)

    assert len(given) > 20
    assert find(given, dump()) == []
    assert find(given, read_log(caplog)) == []
    assert find(given, repr(signal_log).encode()) == []


@pytest.mark.once
@pytest.mark.slow
def test_no_string_in_the_store_the_log_or_the_signals_works_as_a_token(
    app: Flask,
    backend: Backend,
    clock: StandingClock,
    dump: Callable[[], bytes],
    *,
    signal_log: SignalLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_all_events(app, backend, clock)

    assert replay(app, dump() + read_log(caplog) + repr(signal_log).encode()) == []


def test_the_store_and_the_key_together_do_not_make_a_refresh_token(
    app: Flask, backend: Backend, clock: StandingClock, dump: Callable[[], bytes]
) -> None:
    run_all_events(app, backend, clock)
    sessions = app.extensions["tokenauth"].sessions
    handles = {base64url.decode(text) for text in re.findall(rb"(?<![\w-])[\w-]{21}[AQgw](?![\w-])", dump(), re.ASCII)}

    made = [sessions.write(RefreshToken(handle, generation)) for handle in handles for generation in range(4)]

    assert len(made) >= 4 * 2
    assert replay(app, "\n".join(made).encode()) == []


def test_the_events_leave_two_sessions(app: Flask, backend: Backend, clock: StandingClock) -> None:
    """Otherwise the tests above would have nothing to find."""
    run_all_events(app, backend, clock)

    names = "alice", "bob", "carol", "dave", "erin"
    assert [len(sessions_of(app, name)) for name in names] == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_the_search_finds_a_stored_token(app: Flask, dump: Callable[[], bytes], kind: str) -> None:
    login = sign_in(app)

    sign_in(app, "bob", claims={"x": login[kind]})

    assert find([login[kind]], dump())
    assert login[kind] in replay(app, dump())


@pytest.mark.parametrize("spell", [bytes.hex, lambda raw: base64url.encode(raw).decode()])
def test_the_search_finds_a_stored_handle(app: Flask, dump: Callable[[], bytes], spell: Callable[[bytes], str]) -> None:
    token = sign_in(app)["refresh_token"]
    sign_in(app, label=spell(base64url.decode(token.removeprefix("rt1_").encode())[:16]))

    assert find([token], dump())


def test_the_search_covers_the_log(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    login = sign_in(app)

    logging.getLogger("any").debug("got %s", login["access_token"])

    assert find([login["access_token"]], read_log(caplog))


def test_the_log_has_the_statements_of_sqlalchemy(
    app: Flask, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    login = sign_in(app)

    assert (id_of(login).encode() in read_log(caplog)) is not isinstance(backend.source, MemoryStore)


def test_the_search_covers_the_files_beside_the_database(
    app: Flask, backend: Backend, tmp_path: Path, dump: Callable[[], bytes]
) -> None:
    login = sign_in(app)

    assert id_of(login).encode() in dump()
    if not isinstance(backend.source, MemoryStore):
        assert id_of(login).encode() in (tmp_path / "sessions.db-wal").read_bytes()
