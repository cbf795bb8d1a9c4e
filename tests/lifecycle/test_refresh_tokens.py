"""Refresh tokens: each has one form, only the application can make one, and any change makes it invalid."""

import string
from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.endpoint_errors import InvalidRefreshToken, RefreshTokenReused, SessionOver
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.opaque.refresh_token import RefreshToken
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.records.session import Outcome, Redemption, Terms
from flask_tokenauth.core.rotation import Sessions
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import ISSUER, SECRET
from .conftest import MakeSessionApp
from .kit import DAY, INVALID_GRANT, claims_of, record_calls, refresh, session_id_of, sign_in, store_of, successor

NEW_SECRET = "7b1e5c9d0a2b48f391c05d7be2af4368b7d0c1e5f9a2468d"
TERMS = Terms(idle_lifetime=DAY, retry_window=timedelta(0), retention=DAY)
PRINTED = string.ascii_letters + string.digits + string.punctuation + " "
HANDLE = bytes(range(16))
PURPOSE = b"flask-tokenauth refresh token v1\0"


def make_sessions(*secrets: str, issuer: str = ISSUER, purpose: str = "refresh", store: Any = None) -> Sessions:
    keys = [Key.derive(secret.encode(), purpose=purpose, issuer=issuer) for secret in secrets or (SECRET,)]
    return Sessions(store or MemoryStore(), KeySet(keys), terms=TERMS, lifetime=DAY, most=100)


def encode(data: bytes) -> str:
    return "rt1_" + base64url.encode(data).decode()


def decode(text: str) -> bytes:
    return base64url.decode(text.removeprefix("rt1_").encode())


def is_accepted(sessions: Sessions, text: str) -> bool:
    try:
        sessions.read(text)
    except InvalidRefreshToken:
        return False
    return True


SESSIONS = make_sessions()
GOOD = SESSIONS.write(RefreshToken(HANDLE, 7))


def test_a_refresh_token_has_74_characters_and_a_prefix() -> None:
    assert len(GOOD) == 74
    assert GOOD.startswith("rt1_")
    assert set(GOOD) <= set(string.ascii_letters + string.digits + "-_")


@pytest.mark.parametrize("generation", [0, 1, 255, 256, 2**31, 2**32 - 3, 2**32 - 2])
def test_read_returns_the_written_token(generation: int) -> None:
    token = RefreshToken(HANDLE, generation)

    assert SESSIONS.read(SESSIONS.write(token)) == token


def test_the_last_generation_is_never_redeemed() -> None:
    """Its successor would have no number."""
    assert not is_accepted(SESSIONS, SESSIONS.write(RefreshToken(HANDLE, 2**32 - 1)))


def test_one_token_is_always_written_in_the_same_way() -> None:
    assert SESSIONS.write(RefreshToken(HANDLE, 7)) == GOOD


def test_each_session_has_a_new_handle() -> None:
    assert len({RefreshToken.first().handle for _ in range(100)}) == 100
    assert {len(RefreshToken.first().handle) for _ in range(100)} == {16}


def test_a_successor_has_the_same_session_and_the_next_generation() -> None:
    token = RefreshToken(HANDLE, 7)

    assert token.successor() == token.successor() == RefreshToken(HANDLE, 8)
    assert token.successor().session_id == token.session_id


def test_the_session_id_is_a_digest_of_the_handle() -> None:
    token = RefreshToken(HANDLE)

    assert token.session_id == session_id_of(GOOD)
    assert len(token.session_id) == 22
    assert token.session_id not in GOOD
    assert base64url.decode(token.session_id.encode()) != HANDLE


def test_repr_does_not_show_the_handle() -> None:
    shown = repr(RefreshToken(HANDLE, 7))

    assert shown == "RefreshToken(generation=7)"


def test_a_refresh_token_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        RefreshToken(HANDLE).generation = 1  # type: ignore[misc]  # the error under test


@pytest.mark.parametrize("place", range(74))
def test_a_changed_character_makes_a_token_invalid(place: int) -> None:
    others = [*PRINTED, "\n", "\0", "\x7f", "é", "\u0661", "\ud800", ""]

    read = [other for other in others if is_accepted(SESSIONS, GOOD[:place] + other + GOOD[place + 1 :])]

    assert read == [GOOD[place]]


@pytest.mark.parametrize("place", range(52))
def test_a_changed_bit_makes_a_token_invalid(place: int) -> None:
    data = decode(GOOD)

    changed = [bytes([*data[:place], data[place] ^ 1 << bit, *data[place + 1 :]]) for bit in range(8)]

    assert [forged for forged in changed if is_accepted(SESSIONS, encode(forged))] == []


@pytest.mark.parametrize("length", range(74))
def test_a_shortened_token_is_invalid(length: int) -> None:
    assert not is_accepted(SESSIONS, GOOD[:length])
    assert not is_accepted(SESSIONS, GOOD[-length:] if length else "")


@pytest.mark.parametrize("more", ["=", "==", "A", "AA", "AAAA", " ", "\n", "\r\n", "\0", ".", "é", GOOD, "A" * 100_000])
def test_a_lengthened_token_is_invalid(more: str) -> None:
    assert not is_accepted(SESSIONS, GOOD + more)
    assert not is_accepted(SESSIONS, more + GOOD)
    assert not is_accepted(SESSIONS, GOOD[:4] + more + GOOD[4:])


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase, str.title, lambda text: text.replace("_", "/")])
def test_another_case_or_alphabet_makes_a_token_invalid(change: Any) -> None:
    assert change(GOOD) != GOOD
    assert not is_accepted(SESSIONS, change(GOOD))


@pytest.mark.parametrize("prefix", ["rt2_", "rt1-", "RT1_", "rt1", "", "eyJ_"])
def test_another_prefix_makes_a_token_invalid(prefix: str) -> None:
    assert not is_accepted(SESSIONS, prefix + GOOD[4:])
    assert not is_accepted(SESSIONS, (prefix + GOOD[4:]).ljust(74, "A"))


@pytest.mark.parametrize(
    "other",
    [
        make_sessions(NEW_SECRET),
        make_sessions(issuer="https://other.example"),
        make_sessions(purpose="access"),
    ],
    ids=["secret", "issuer", "purpose"],
)
def test_a_token_signed_with_another_key_is_invalid(other: Sessions) -> None:
    assert not is_accepted(SESSIONS, other.write(RefreshToken(HANDLE, 7)))
    assert not is_accepted(other, GOOD)


@pytest.mark.parametrize(
    "message",
    [HANDLE + bytes(4), PURPOSE[:-1] + HANDLE + bytes(4), b"\0" + HANDLE + bytes(4), PURPOSE + HANDLE + bytes(3)],
)
def test_the_mac_covers_the_purpose(message: bytes) -> None:
    key = Key.derive(SECRET.encode(), purpose="refresh", issuer=ISSUER)
    facts = HANDLE + bytes(4)

    assert is_accepted(SESSIONS, encode(facts + key.sign(PURPOSE + facts)))
    assert not is_accepted(SESSIONS, encode(facts + key.sign(message)))


@pytest.mark.parametrize("mac", [bytes(32), b"\xff" * 32, decode(GOOD)[:32], decode(GOOD)[20:][::-1]])
def test_a_token_with_an_invented_mac_is_invalid(mac: bytes) -> None:
    assert not is_accepted(SESSIONS, encode(HANDLE + bytes(4) + mac))


def test_sessions_need_a_key_that_can_sign() -> None:
    key = Key.generate("EdDSA").public()

    with pytest.raises(ValueError, match="keys must have a key that can sign"):
        Sessions(MemoryStore(), KeySet([key]), terms=TERMS, lifetime=DAY, most=100)


def test_an_unknown_session_is_over() -> None:
    with pytest.raises(SessionOver):
        SESSIONS.find(RefreshToken(HANDLE))
    with pytest.raises(SessionOver):
        SESSIONS.redeem(RefreshToken(HANDLE))


def test_the_error_of_a_reuse_names_the_session_and_the_user() -> None:
    sessions = make_sessions(store=MemoryStore())
    first = RefreshToken.first()
    sessions.start(first, user_id="alice", grant=Grant(), label=None, user_agent=None)
    sessions.redeem(first)

    with pytest.raises(RefreshTokenReused) as caught:
        sessions.redeem(first)

    assert (caught.value.session_id, caught.value.user_id) == (first.session_id, "alice")


@pytest.mark.parametrize("outcome", [Outcome.GONE, None, "swapped"])
def test_an_unexpected_outcome_ends_the_session(outcome: Any) -> None:
    """The store returns a session with it."""

    class StoreWithOtherOutcome(MemoryStore):
        def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
            done = super().redeem(session_id, generation=generation, terms=terms)
            return Redemption(outcome=outcome, session=done.session)

    sessions, first = make_sessions(store=StoreWithOtherOutcome()), RefreshToken.first()
    sessions.start(first, user_id="alice", grant=Grant(), label=None, user_agent=None)

    with pytest.raises(SessionOver):
        sessions.redeem(first)


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_without_a_session_ends_the_session(outcome: Outcome) -> None:
    class StoreWithoutSession(MemoryStore):
        def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
            return Redemption(outcome=outcome)

    noted: list[str] = []
    keys = KeySet([Key.derive(SECRET.encode(), purpose="refresh", issuer=ISSUER)])
    sessions = Sessions(
        StoreWithoutSession(),
        keys,
        terms=TERMS,
        lifetime=DAY,
        most=100,
        on_revocation=lambda *told: noted.append(told[1]),
    )

    with pytest.raises(SessionOver):
        sessions.redeem(RefreshToken(HANDLE))

    assert noted == ([RefreshToken(HANDLE).session_id] if outcome is Outcome.REUSED else [])


def make_invalid_tokens(text: str) -> list[str]:
    return [
        " ",
        "x",
        text[:-1],
        text + "A",
        text + "=",
        f" {text}",
        f"{text}\n",
        text.upper(),
        text.replace("rt1_", "rt2_"),
        text[:-1] + "é",
        text[:8] + ("A" if text[8] != "A" else "B") + text[9:],
        make_sessions(NEW_SECRET).write(RefreshToken(decode(text)[:16])),
        make_sessions(issuer="https://other.example").write(RefreshToken(decode(text)[:16])),
        make_sessions(purpose="access").write(RefreshToken(decode(text)[:16])),
        make_sessions().write(RefreshToken(decode(text)[:16], 2**32 - 1)),
        "eyJhbGciOiJub25lIn0.e30.",
    ]


@pytest.mark.parametrize("number", range(16))
def test_an_invalid_refresh_token_is_refused_without_the_store(app: Flask, number: int) -> None:
    good = sign_in(app)["refresh_token"]

    with record_calls(store_of(app)) as called:
        answer = refresh(app, make_invalid_tokens(good)[number])

    assert (answer.status_code, answer.get_json()) == (400, INVALID_GRANT)
    assert called == []
    assert refresh(app, good).status_code == 200


def test_an_access_token_cannot_be_redeemed(app: Flask) -> None:
    login = sign_in(app)

    assert refresh(app, login["access_token"]).get_json() == INVALID_GRANT


def test_a_refresh_token_does_not_open_a_guarded_view(app: Flask) -> None:
    headers = {"Authorization": f"Bearer {sign_in(app)['refresh_token']}"}

    assert app.test_client().get("/me", headers=headers).status_code == 401


def test_the_access_token_carries_the_session_id(app: Flask) -> None:
    login = sign_in(app)

    assert claims_of(login["access_token"])["sid"] == session_id_of(login["refresh_token"])


def test_a_fallback_secret_verifies_refresh_tokens_but_does_not_sign_successors(
    make_session_app: MakeSessionApp,
) -> None:
    old = make_session_app()
    new = make_session_app(SECRET_KEY=NEW_SECRET, SECRET_KEY_FALLBACKS=[SECRET])
    last = make_session_app(SECRET_KEY=NEW_SECRET)
    first = sign_in(old)["refresh_token"]

    assert refresh(last, first).get_json() == INVALID_GRANT

    second = successor(new, first)

    assert refresh(old, second).get_json() == INVALID_GRANT
    assert refresh(last, second).status_code == 200
