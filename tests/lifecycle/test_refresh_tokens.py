"""Refresh tokens: one text each, made by nobody but us, and never believed when anything of it was changed."""

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
from .kit import DAY, INVALID_GRANT, asked, claims_of, refresh, session_id_of, sign_in, store_of, successor

NEW_SECRET = "7b1e5c9d0a2b48f391c05d7be2af4368b7d0c1e5f9a2468d"
TERMS = Terms(idle_lifetime=DAY, retry_window=timedelta(0), retention=DAY)
PRINTED = string.ascii_letters + string.digits + string.punctuation + " "
HANDLE = bytes(range(16))
PURPOSE = b"flask-tokenauth refresh token v1\0"


def make_sessions(*secrets: str, issuer: str = ISSUER, purpose: str = "refresh", store: Any = None) -> Sessions:
    keys = [Key.derive(each.encode(), purpose=purpose, issuer=issuer) for each in secrets or (SECRET,)]
    return Sessions(store or MemoryStore(), KeySet(keys), terms=TERMS, lifetime=DAY)


def text_of(data: bytes) -> str:
    return "rt1_" + base64url.encode(data).decode()


def data_of(text: str) -> bytes:
    return base64url.decode(text.removeprefix("rt1_").encode())


def is_read(sessions: Sessions, text: str) -> bool:
    try:
        sessions.read(text)
    except InvalidRefreshToken:
        return False
    return True


SESSIONS = make_sessions()
GOOD = SESSIONS.write(RefreshToken(HANDLE, 7))


def test_a_refresh_token_is_74_characters_of_which_the_first_say_what_it_is() -> None:
    assert len(GOOD) == 74
    assert GOOD.startswith("rt1_")
    assert set(GOOD) <= set(string.ascii_letters + string.digits + "-_")


@pytest.mark.parametrize("generation", [0, 1, 255, 256, 2**31, 2**32 - 3, 2**32 - 2])
def test_what_is_written_is_read(generation: int) -> None:
    token = RefreshToken(HANDLE, generation)

    assert SESSIONS.read(SESSIONS.write(token)) == token


def test_the_last_generation_is_never_redeemed() -> None:
    """Its successor would have no number."""
    assert not is_read(SESSIONS, SESSIONS.write(RefreshToken(HANDLE, 2**32 - 1)))


def test_one_token_has_one_text() -> None:
    assert SESSIONS.write(RefreshToken(HANDLE, 7)) == GOOD


def test_no_two_sessions_begin_alike() -> None:
    assert len({RefreshToken.first().handle for _ in range(100)}) == 100
    assert {len(RefreshToken.first().handle) for _ in range(100)} == {16}


def test_a_successor_is_of_the_same_session_and_the_next_generation() -> None:
    token = RefreshToken(HANDLE, 7)

    assert token.successor() == token.successor() == RefreshToken(HANDLE, 8)
    assert token.successor().session_id == token.session_id


def test_the_id_of_a_session_is_a_digest_from_which_nobody_finds_the_handle() -> None:
    token = RefreshToken(HANDLE)

    assert token.session_id == session_id_of(GOOD)
    assert len(token.session_id) == 22
    assert token.session_id not in GOOD
    assert base64url.decode(token.session_id.encode()) != HANDLE


def test_a_handle_is_not_shown() -> None:
    shown = repr(RefreshToken(HANDLE, 7))

    assert shown == "RefreshToken(generation=7)"


def test_a_refresh_token_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        RefreshToken(HANDLE).generation = 1  # type: ignore[misc]  # the attempt under test


@pytest.mark.parametrize("place", range(74))
def test_no_character_can_be_another(place: int) -> None:
    others = [*PRINTED, "\n", "\0", "\x7f", "é", "\u0661", "\ud800", ""]

    read = [each for each in others if is_read(SESSIONS, GOOD[:place] + each + GOOD[place + 1 :])]

    assert read == [GOOD[place]]


@pytest.mark.parametrize("place", range(52))
def test_no_bit_can_be_another(place: int) -> None:
    data = data_of(GOOD)

    changed = [bytes([*data[:place], data[place] ^ 1 << bit, *data[place + 1 :]]) for bit in range(8)]

    assert [each for each in changed if is_read(SESSIONS, text_of(each))] == []


@pytest.mark.parametrize("length", range(74))
def test_nothing_can_be_cut_off(length: int) -> None:
    assert not is_read(SESSIONS, GOOD[:length])
    assert not is_read(SESSIONS, GOOD[-length:] if length else "")


@pytest.mark.parametrize("more", ["=", "==", "A", "AA", "AAAA", " ", "\n", "\r\n", "\0", ".", "é", GOOD, "A" * 100_000])
def test_nothing_can_be_added(more: str) -> None:
    assert not is_read(SESSIONS, GOOD + more)
    assert not is_read(SESSIONS, more + GOOD)
    assert not is_read(SESSIONS, GOOD[:4] + more + GOOD[4:])


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase, str.title, lambda text: text.replace("_", "/")])
def test_case_and_alphabet_count(change: Any) -> None:
    assert change(GOOD) != GOOD
    assert not is_read(SESSIONS, change(GOOD))


@pytest.mark.parametrize("prefix", ["rt2_", "rt1-", "RT1_", "rt1", "", "eyJ_"])
def test_another_kind_of_token_is_none(prefix: str) -> None:
    assert not is_read(SESSIONS, prefix + GOOD[4:])
    assert not is_read(SESSIONS, (prefix + GOOD[4:]).ljust(74, "A"))


@pytest.mark.parametrize(
    "other",
    [
        make_sessions(NEW_SECRET),
        make_sessions(issuer="https://other.example"),
        make_sessions(purpose="access"),
    ],
    ids=["secret", "issuer", "purpose"],
)
def test_who_has_another_key_makes_none(other: Sessions) -> None:
    assert not is_read(SESSIONS, other.write(RefreshToken(HANDLE, 7)))
    assert not is_read(other, GOOD)


@pytest.mark.parametrize(
    "message",
    [HANDLE + bytes(4), PURPOSE[:-1] + HANDLE + bytes(4), b"\0" + HANDLE + bytes(4), PURPOSE + HANDLE + bytes(3)],
)
def test_the_key_signs_refresh_tokens_by_their_purpose_only(message: bytes) -> None:
    key = Key.derive(SECRET.encode(), purpose="refresh", issuer=ISSUER)
    facts = HANDLE + bytes(4)

    assert is_read(SESSIONS, text_of(facts + key.sign(PURPOSE + facts)))
    assert not is_read(SESSIONS, text_of(facts + key.sign(message)))


@pytest.mark.parametrize("mac", [bytes(32), b"\xff" * 32, data_of(GOOD)[:32], data_of(GOOD)[20:][::-1]])
def test_a_made_up_mac_is_none(mac: bytes) -> None:
    assert not is_read(SESSIONS, text_of(HANDLE + bytes(4) + mac))


def test_without_a_key_that_signs_there_are_no_sessions() -> None:
    key = Key.generate("EdDSA").public()

    with pytest.raises(ValueError, match="keys must have a key that can sign"):
        Sessions(MemoryStore(), KeySet([key]), terms=TERMS, lifetime=DAY)


def test_a_session_that_was_never_kept_is_over() -> None:
    with pytest.raises(SessionOver):
        SESSIONS.find(RefreshToken(HANDLE))
    with pytest.raises(SessionOver):
        SESSIONS.redeem(RefreshToken(HANDLE))


def test_a_reuse_says_whose_session_it_was() -> None:
    sessions = make_sessions(store=MemoryStore())
    first = RefreshToken.first()
    sessions.start(first, user_id="alice", grant=Grant(), label=None, user_agent=None)
    sessions.redeem(first)

    with pytest.raises(RefreshTokenReused) as caught:
        sessions.redeem(first)

    assert (caught.value.session_id, caught.value.user_id) == (first.session_id, "alice")


@pytest.mark.parametrize("outcome", [Outcome.GONE, None, "swapped"])
def test_a_session_goes_on_only_where_the_outcome_says_so(outcome: Any) -> None:
    """Whatever else a store says with it."""

    class Talkative(MemoryStore):
        def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
            done = super().redeem(session_id, generation=generation, terms=terms)
            return Redemption(outcome=outcome, session=done.session)

    sessions, first = make_sessions(store=Talkative()), RefreshToken.first()
    sessions.start(first, user_id="alice", grant=Grant(), label=None, user_agent=None)

    with pytest.raises(SessionOver):
        sessions.redeem(first)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_session_of_which_nothing_is_said_is_over(outcome: Outcome) -> None:
    class Silent(MemoryStore):
        def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
            return Redemption(outcome=outcome)

    noted: list[str] = []
    keys = KeySet([Key.derive(SECRET.encode(), purpose="refresh", issuer=ISSUER)])
    sessions = Sessions(Silent(), keys, terms=TERMS, lifetime=DAY, on_revocation=lambda *told: noted.append(told[1]))

    with pytest.raises(SessionOver):
        sessions.redeem(RefreshToken(HANDLE))

    assert noted == ([RefreshToken(HANDLE).session_id] if outcome is Outcome.REUSED else [])


def mangled(text: str) -> list[str]:
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
        make_sessions(NEW_SECRET).write(RefreshToken(data_of(text)[:16])),
        make_sessions(issuer="https://other.example").write(RefreshToken(data_of(text)[:16])),
        make_sessions(purpose="access").write(RefreshToken(data_of(text)[:16])),
        make_sessions().write(RefreshToken(data_of(text)[:16], 2**32 - 1)),
        "eyJhbGciOiJub25lIn0.e30.",
    ]


@pytest.mark.parametrize("number", range(16))
def test_what_we_never_made_is_refused_and_no_store_is_asked(app: Flask, number: int) -> None:
    good = sign_in(app)["refresh_token"]

    with asked(store_of(app)) as called:
        answer = refresh(app, mangled(good)[number])

    assert (answer.status_code, answer.get_json()) == (400, INVALID_GRANT)
    assert called == []
    assert refresh(app, good).status_code == 200


def test_an_access_token_is_no_refresh_token(app: Flask) -> None:
    login = sign_in(app)

    assert refresh(app, login["access_token"]).get_json() == INVALID_GRANT


def test_a_refresh_token_opens_nothing(app: Flask) -> None:
    headers = {"Authorization": f"Bearer {sign_in(app)['refresh_token']}"}

    assert app.test_client().get("/me", headers=headers).status_code == 401


def test_the_id_in_the_access_token_is_that_of_the_session(app: Flask) -> None:
    login = sign_in(app)

    assert claims_of(login["access_token"])["sid"] == session_id_of(login["refresh_token"])


def test_an_old_secret_is_believed_while_it_is_a_fallback_and_makes_no_successor(
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
