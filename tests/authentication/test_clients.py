"""A client is authenticated by its ID and secret in HTTP Basic (RFC 6749 section 2.3.1, RFC 7617)."""

from base64 import b64encode
from contextlib import suppress
from urllib.parse import quote_plus

import pytest

from flask_tokenauth.authentication import clients as module
from flask_tokenauth.authentication.clients import MAX_HASHES, Client, Clients, is_client_id
from flask_tokenauth.authentication.credentials import is_basic
from flask_tokenauth.core.client_errors import (
    InvalidClient,
    MalformedClientCredential,
    UnknownClient,
    WrongClientSecret,
)
from flask_tokenauth.core.encoding.limits import MAX_IDENTIFIER
from flask_tokenauth.core.opaque.client_secret import digest_of

from .basic import basic, basic_of, percent_encode

OURS = frozenset({"https://api.example"})
REPORTS = frozenset({"https://reports.example"})
SECRET, OTHER = "cs1_" + "aZ09-_" * 7 + "x", "cs1_" + "b" * 43
ODD_ID = "billing.example/v1?a=1&b=2;~!$'()*,-_@[]{}|^`\"\\#<>"
LONGEST_ID = "~" * MAX_IDENTIFIER  # each character becomes three in a form


def make_clients(*client_ids: str, audience: frozenset[str] = frozenset()) -> Clients:
    hashes = (digest_of(SECRET),)
    return Clients([Client(client_id, hashes, audience) for client_id in client_ids], audience=OURS)


CLIENTS = make_clients("billing", ODD_ID, LONGEST_ID)


@pytest.mark.parametrize("client_id", ["billing", ODD_ID, LONGEST_ID])
@pytest.mark.parametrize("encode", [str, quote_plus, percent_encode], ids=["plain", "form", "every byte"])
def test_an_id_and_a_secret_may_be_encoded_as_in_a_form(client_id: str, encode: object) -> None:
    """Authlib sends both as they are, Spring Security encodes what a form must encode, oauth4webapi encodes more."""
    assert callable(encode)
    header = basic(encode(client_id), encode(SECRET))

    assert CLIENTS.authenticate(header).client_id == client_id


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
def test_the_case_of_the_scheme_does_not_matter(scheme: str) -> None:
    header = basic("billing", SECRET).replace("Basic", scheme)

    assert is_basic(header)
    assert CLIENTS.authenticate(header).client_id == "billing"


def test_several_spaces_may_follow_the_scheme() -> None:
    """RFC 9110 section 11.4: "1*SP"."""
    assert CLIENTS.authenticate(basic("billing", SECRET).replace(" ", "   ")).client_id == "billing"


@pytest.mark.parametrize("header", ["", "Basi", "Basicx YTpi", "Basic-a YTpi", "Bearer YTpi", "Digest a", "YTpi"])
def test_another_scheme_is_not_basic(header: str) -> None:
    assert not is_basic(header)


GOOD = basic("billing", SECRET)
ENCODED = GOOD.removeprefix("Basic ")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic\t" + ENCODED,
        "Basic," + ENCODED,
        "Basic/" + ENCODED,
        "Basic=" + ENCODED,
        "Basic =",
        "Basic ====",
        "Basic é",
        "Basic \0",
        GOOD + " ",
        GOOD + "\n",
        GOOD + "=",
        GOOD + "\0",
        GOOD + "," + GOOD,
        GOOD + ", " + GOOD,
        GOOD + ",Bearer a.b.c",
        f'Basic "{ENCODED}"',
        GOOD.replace("Y", "-", 1),
        "Basic " + ENCODED[:8] + "\n" + ENCODED[8:],
        "Basic " + ENCODED[:8] + "=" + ENCODED[8:],
        basic_of(b"billing"),
        basic_of(b""),
        basic_of(b"\xff\xfe:" + SECRET.encode()),
        basic_of("é:".encode() + SECRET.encode()),
        basic_of(b"%FF:" + SECRET.encode()),
        basic_of(b"billing:%ff"),
    ],
)
def test_a_header_that_breaks_the_grammar_is_malformed(header: str) -> None:
    assert is_basic(header)
    with pytest.raises(MalformedClientCredential):
        CLIENTS.authenticate(header)


@pytest.mark.parametrize("pair", ["a:bc", "a:bcd"], ids=["two", "one"])
def test_base64_must_have_its_padding(pair: str) -> None:
    encoded = b64encode(pair.encode()).decode()
    assert encoded.endswith("=")

    with pytest.raises(UnknownClient):
        CLIENTS.authenticate(f"Basic {encoded}")
    with pytest.raises(MalformedClientCredential):
        CLIENTS.authenticate(f"Basic {encoded.rstrip('=')}")


def test_base64_has_one_spelling_only() -> None:
    """The last character before the padding has four bits that must be zero (RFC 4648 section 3.5)."""
    with pytest.raises(UnknownClient):
        CLIENTS.authenticate("Basic YTpiYg==")
    with pytest.raises(MalformedClientCredential):
        CLIENTS.authenticate("Basic YTpiYh==")


def test_the_longest_header_of_a_client_is_the_longest_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = basic(percent_encode(LONGEST_ID), percent_encode(SECRET))
    read: list[str] = []
    monkeypatch.setattr(module, "_decode", read.append)

    for header in (longest, longest + "=", longest * 10_000):
        with pytest.raises(MalformedClientCredential):
            CLIENTS.authenticate(header)

    assert read == [longest]


@pytest.mark.parametrize(
    "client_id", ["", "Billing", "billing ", " billing", "billing\0", "billing\n", "billin", "billing:", "%62illing"]
)
def test_an_id_matches_exactly(client_id: str) -> None:
    header = basic(percent_encode(client_id), SECRET)

    with pytest.raises(UnknownClient):
        CLIENTS.authenticate(header)


def test_the_first_colon_ends_the_id() -> None:
    with pytest.raises(WrongClientSecret):
        CLIENTS.authenticate(basic("billing", f"x:{SECRET}"))


@pytest.mark.parametrize(
    "secret", ["", "hunter2", OTHER, SECRET[:-1], SECRET + "x", SECRET + "\0", SECRET + "\n", SECRET + ":", "é", "\0"]
)
def test_another_secret_is_refused(secret: str) -> None:
    with pytest.raises(WrongClientSecret) as caught:
        CLIENTS.authenticate(basic("billing", percent_encode(secret)))

    assert caught.value.client_id == "billing"


def test_a_weak_secret_is_refused_even_if_its_hash_is_known() -> None:
    clients = Clients([Client("billing", (digest_of("hunter2"),))], audience=OURS)

    with pytest.raises(WrongClientSecret):
        clients.authenticate(basic("billing", "hunter2"))


def test_a_hash_is_not_a_secret() -> None:
    with pytest.raises(WrongClientSecret):
        CLIENTS.authenticate(basic("billing", f"sha256%3A{digest_of(SECRET).hex()}"))


def test_the_secret_of_another_client_is_refused() -> None:
    clients = Clients([Client("billing", (digest_of(SECRET),)), Client("reports", (digest_of(OTHER),))], audience=OURS)

    assert clients.authenticate(basic("reports", OTHER)).client_id == "reports"
    with pytest.raises(WrongClientSecret):
        clients.authenticate(basic("reports", SECRET))


@pytest.mark.parametrize("position", range(MAX_HASHES))
def test_each_secret_of_a_client_is_good(position: int) -> None:
    secrets = [f"cs1_{digit * 43}" for digit in "abcd"]
    clients = Clients([Client("billing", tuple(map(digest_of, secrets)))], audience=OURS)

    assert clients.authenticate(basic("billing", secrets[position])).client_id == "billing"


@pytest.mark.parametrize("client_id", ["billing", "reports", "stranger"])
@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_as_many_hashes_are_compared_for_every_id(monkeypatch: pytest.MonkeyPatch, client_id: str, secret: str) -> None:
    """So that the time does not show which IDs exist, how many secrets one has, or which of them matches."""
    hashes = (digest_of(SECRET), digest_of(OTHER))
    clients = Clients([Client("billing", hashes[:1]), Client("reports", hashes)], audience=OURS)
    compared: list[bytes] = []

    def compare(known: bytes, digest: bytes) -> bool:
        compared.append(known)
        return known == digest

    monkeypatch.setattr(module, "compare_digest", compare)

    with suppress(InvalidClient):
        clients.authenticate(basic(client_id, secret))

    assert len(compared) == len(set(compared)) == MAX_HASHES


def test_a_client_sees_what_its_own_audience_may_see() -> None:
    clients = make_clients("billing", audience=REPORTS)

    assert clients.authenticate(GOOD).audience == REPORTS


def test_a_client_without_an_audience_has_that_of_the_application() -> None:
    assert CLIENTS.authenticate(GOOD).audience == OURS


def test_no_representation_of_a_client_has_its_hashes() -> None:
    assert digest_of(SECRET).hex() not in repr(Client("billing", (digest_of(SECRET),)))
    assert str(digest_of(SECRET)) not in repr(Client("billing", (digest_of(SECRET),)))


@pytest.mark.parametrize("header", [GOOD + "=", basic_of(b"billing:%ff"), basic_of(SECRET.encode() + b":\xff")])
def test_no_context_of_a_refusal_has_the_header(header: str) -> None:
    """The errors of decoders have the whole string as an attribute, and tools that collect errors send it away."""
    with pytest.raises(MalformedClientCredential) as caught:
        CLIENTS.authenticate(header)

    assert caught.value.__context__ is caught.value.__cause__ is None
    assert caught.value.args == ()


@pytest.mark.parametrize("client_id", ["a", "~" * MAX_IDENTIFIER, ODD_ID])
def test_printable_ascii_can_be_an_id(client_id: str) -> None:
    assert is_client_id(client_id)


@pytest.mark.parametrize(
    "client_id", ["", "~" * (MAX_IDENTIFIER + 1), "a b", "a:b", "a%b", "a+b", "é", "a\0", "a\n", "\x7f", 1, None, b"a"]
)
def test_other_values_cannot_be_an_id(client_id: object) -> None:
    assert not is_client_id(client_id)
