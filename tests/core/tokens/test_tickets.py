"""Tickets: their policy, their paths, and how they are issued."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.claim_errors import LifetimeTooLong, MalformedClaim, MissingClaim
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.token_errors import WrongType
from flask_tokenauth.core.tokens import jws
from flask_tokenauth.core.tokens.issuing import TokenIssuer
from flask_tokenauth.core.tokens.ticket_paths import MAX_PATH, check_path, decode_path, is_path
from flask_tokenauth.core.tokens.tickets import LONGEST_TICKET, TicketToken, ticket_policy
from flask_tokenauth.core.tokens.verifier import Verifier

from ...conftest import NOW, Mint
from .claims_kit import POLICY

TICKETS = ticket_policy(POLICY)
BAD_PATHS = [
    "",
    "x",
    "x/y",
    "//x",
    "//host/x",
    "https://host/x",
    "/x?a=1",
    "/x?",
    "/x#a",
    "/x\n",
    "/x\x00",
    "/\ud800",
    "/" + "x" * MAX_PATH,
]
GOOD_PATHS = ["/", "/x", "/x/", "/x//y", "/a/../b", "/a%20b", "/%3F", "/é", "/" + "x" * (MAX_PATH - 1)]


def claims(mint: Mint, **changes: object) -> dict[str, object]:
    return mint.claims(**{"ticket_path": "/x"} | changes)


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_a_ticket_opens_a_path(mint: Mint, path: str) -> None:
    check_path(path)
    assert is_path(path)
    TICKETS.check(claims(mint, ticket_path=path), typ="ticket+jwt", now=NOW)


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_string_that_is_no_path_is_refused(mint: Mint, path: str) -> None:
    with pytest.raises(ValueError, match=r"^path must"):
        check_path(path)
    with pytest.raises(MalformedClaim, match=r"claim ticket_path must be a path of at most 1024 characters"):
        TICKETS.check(claims(mint, ticket_path=path), typ="ticket+jwt", now=NOW)


@pytest.mark.parametrize("path", [None, b"/x", 5, ["/x"]])
def test_a_path_is_a_string(path: Any) -> None:
    with pytest.raises(TypeError, match=rf"^path must be a string, got {type(path).__name__}: pass what url_for"):
        check_path(path)
    assert not is_path(path)


@pytest.mark.parametrize("path", ["/x?a=1", "/x#a", "x?"])
def test_the_error_says_that_a_query_would_not_be_protected(path: str) -> None:
    with pytest.raises(ValueError, match=r"^path must have no query and no fragment.*the ticket would not protect it"):
        check_path(path)


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("/a%20b", b"/a b"),
        ("/%C3%A9", b"/\xc3\xa9"),
        ("/é", b"/\xc3\xa9"),
        ("/%252F", b"/%2F"),
        ("/a+b", b"/a+b"),
        ("/%zz%", b"/%zz%"),
        ("/a//../b", b"/a//../b"),
        ("/%FF", b"/\xff"),
    ],
)
def test_a_path_is_decoded_once(path: str, decoded: bytes) -> None:
    assert decode_path(path) == decoded


@pytest.mark.parametrize("typ", ["at+jwt", "JWT", None, ""])
def test_a_token_of_another_type_is_no_ticket(mint: Mint, typ: str | None) -> None:
    with pytest.raises(WrongType):
        TICKETS.check(claims(mint), typ=typ, now=NOW)


def test_a_ticket_is_no_access_token(mint: Mint) -> None:
    with pytest.raises(WrongType):
        POLICY.check(claims(mint), typ="ticket+jwt", now=NOW)


def test_a_ticket_needs_a_path(mint: Mint) -> None:
    with pytest.raises(MissingClaim, match="ticket_path"):
        TICKETS.check(mint.claims(), typ="ticket+jwt", now=NOW)


@pytest.mark.parametrize("value", [5, None, "x", "/x"])
def test_the_path_means_nothing_in_an_access_token(mint: Mint, value: object) -> None:
    POLICY.check(mint.claims(ticket_path=value), typ="at+jwt", now=NOW)
    POLICY.check(mint.claims(ticket_path=value, exp=NOW + 900.5), typ="at+jwt", now=NOW)  # not by the fast path


@pytest.mark.parametrize(
    ("setting", "longest"),
    [
        (None, LONGEST_TICKET),
        (timedelta(hours=24), LONGEST_TICKET),
        (LONGEST_TICKET, LONGEST_TICKET),
        (timedelta(minutes=5), timedelta(minutes=5)),
    ],
)
def test_a_ticket_lives_for_an_hour_at_most(mint: Mint, setting: timedelta | None, longest: timedelta) -> None:
    policy = ticket_policy(replace(POLICY, max_lifetime=setting))
    seconds = longest.total_seconds()

    policy.check(claims(mint, exp=NOW + seconds), typ="ticket+jwt", now=NOW)
    with pytest.raises(LifetimeTooLong):
        policy.check(claims(mint, exp=NOW + seconds + 1), typ="ticket+jwt", now=NOW)


def test_the_other_rules_stay(mint: Mint) -> None:
    assert (TICKETS.issuer, TICKETS.audience, TICKETS.leeway) == (POLICY.issuer, POLICY.audience, POLICY.leeway)
    assert TICKETS.required == POLICY.required | {"ticket_path"}


def test_a_ticket_that_is_issued_is_verified(mint: Mint) -> None:
    keys = KeySet([mint.key])
    issuer = TokenIssuer(keys, TICKETS, lifetime=timedelta(minutes=1))
    text = issuer.issue("alice", ["a"], now=NOW, path="/a%20b", session_id="s", epoch=3)

    ticket = TicketToken.of(Verifier(keys, POLICY).for_tickets().verify(text, now=NOW))

    assert (ticket.kind, ticket.path, ticket.subject) == ("ticket", "/a%20b", "alice")
    assert ticket.scopes == {"a"}
    assert (ticket.session_id, ticket.epoch) == ("s", 3)
    assert jws.verify(text, keys).header["typ"] == "ticket+jwt"
    assert ticket.opens(b"/a b")
    assert not ticket.opens(b"/a%20b")
    assert "/a" not in repr(ticket)


def test_no_access_token_is_issued_with_the_claim_of_tickets(mint: Mint) -> None:
    issuer = TokenIssuer(KeySet([mint.key]), POLICY, lifetime=timedelta(minutes=1))

    with pytest.raises(ValueError, match="reserved names, got ticket_path"):
        issuer.issue("alice", now=NOW, claims={"ticket_path": "/x"})


def test_no_ticket_is_issued_without_a_path(mint: Mint) -> None:
    issuer = TokenIssuer(KeySet([mint.key]), TICKETS, lifetime=timedelta(minutes=1))

    with pytest.raises(ValueError, match="claim_missing"):
        issuer.issue("alice", now=NOW)
