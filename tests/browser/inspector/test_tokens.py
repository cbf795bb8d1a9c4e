"""Tokens as the page explains them: their kind, their claims and times, and warnings."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from flask_tokenauth.core.encoding import base64url

from ..kit import SKIPPED
from .conftest import Inspector, Open, unsigned

pytestmark = SKIPPED

NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC
GOOD = {"iss": "i", "sub": "alice", "aud": "a", "exp": NOW + 900, "iat": NOW, "jti": "t1"}
JWE_HEADER = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "k1"}


def claims(**changes: object) -> dict[str, Any]:
    """Return the claims of a good token with *changes*. The value ``...`` leaves a claim out."""
    return {name: value for name, value in (GOOD | changes).items() if value is not ...}


def encrypted(header: dict[str, Any]) -> str:
    return f"{base64url.encode(json.dumps(header).encode()).decode()}.a2V5.aXY.Y2lwaGVydGV4dA.dGFn"


@pytest.fixture(scope="module")
def fixed_inspector(open_page: Open) -> Inspector:
    """A context in New York, in which it is always the same time."""
    inspector = open_page(timezone_id="America/New_York")
    inspector.page.clock.set_fixed_time(datetime.fromtimestamp(NOW, UTC))
    return inspector


@pytest.fixture
def then(fixed_inspector: Inspector) -> Iterator[Inspector]:
    """The page, as it is after it was opened at that time."""
    yield from fixed_inspector.use()


@pytest.fixture
def moving(open_inspector: Open) -> Inspector:
    """The page at that time, which passes when a test says so."""
    inspector = open_inspector()
    inspector.page.clock.install(time=datetime.fromtimestamp(NOW - 60, UTC))
    inspector.page.clock.pause_at(datetime.fromtimestamp(NOW, UTC))
    inspector.page.goto(inspector.address)
    return inspector


def test_a_good_token_has_no_warning(then: Inspector) -> None:
    then.show(unsigned(GOOD))

    assert then.warnings() == []
    assert then.page.inner_text("section:has(#warnings-title)").split("\n")[-1] == "None."


def test_the_header_and_the_claims_are_shown_with_their_meanings_and_sizes(then: Inspector) -> None:
    then.show(unsigned(GOOD))

    assert then.value("alg", "Header") == '"ES256"'
    assert then.row("Claims", "sub").get_by_role("cell").all_inner_texts() == [
        '"alice"',
        "Subject: whom the token is about, usually the ID of the user. RFC 7519 section 4.1.2",
        "14",
    ]


def test_a_time_is_shown_in_utc_on_the_clock_of_the_device_and_relative(then: Inspector) -> None:
    then.show(unsigned(GOOD))

    assert then.value("exp") == str(NOW + 900)
    assert then.times("exp") == [
        "2023-11-14 22:28:20 UTC",
        "2023-11-14 17:28:20 UTC-05:00 (local time)",
        "in 15 minutes",
    ]
    assert then.times("iat")[2] == "now"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "in 1 second"),
        (59, "in 59 seconds"),
        (60, "in 1 minute"),
        (3_599, "in 59 minutes and 59 seconds"),
        (3_661, "in 1 hour and 1 minute"),
        (86_399, "in 23 hours and 59 minutes"),
        (2 * 86_400 + 3_600, "in 2 days and 1 hour"),
        (364 * 86_400, "in 364 days"),
        (366 * 86_400, "in 1 year and 1 day"),
        (-1, "1 second ago"),
        (-60, "1 minute ago"),
    ],
)
def test_a_duration_has_its_two_largest_units(then: Inspector, seconds: int, words: str) -> None:
    then.show(unsigned(claims(nbf=NOW + seconds)))

    assert then.times("nbf")[2] == words


def test_the_expiry_counts_down_and_only_the_end_is_announced(moving: Inspector) -> None:
    moving.show(unsigned(claims(exp=NOW + 65)))
    clock = moving.page.locator("[data-clock=expiry]")
    moving.page.evaluate(
        """() => {
            window.said = [];
            const element = document.getElementById("announcement");
            new MutationObserver(() => said.push(element.textContent)).observe(element, {childList: true});
        }"""
    )
    assert clock.inner_text() == "Expires in 1 minute and 5 seconds"

    moving.page.clock.run_for(4_000)
    assert clock.inner_text() == "Expires in 1 minute and 1 second"
    moving.page.clock.run_for(60_000)
    assert clock.inner_text() == "Expires in 1 second"
    assert moving.page.evaluate("said") == []
    assert moving.warnings() == []

    moving.page.clock.run_for(1_000)
    assert clock.inner_text() == "Expired now"
    assert moving.page.evaluate("said") == ["Expired now"]
    assert moving.warnings() == [("Warning", "The token has expired.")]

    moving.page.clock.run_for(5_000)
    assert clock.inner_text() == "Expired 5 seconds ago"
    assert moving.page.evaluate("said") == ["Expired now"]


def test_a_token_becomes_good_when_its_time_comes(moving: Inspector) -> None:
    moving.show(unsigned(claims(nbf=NOW + 2)))
    clock = moving.page.locator("[data-clock=expiry]")
    assert clock.inner_text() == "Not good before 2023-11-14 22:13:22 UTC, in 2 seconds"

    moving.page.clock.run_for(2_000)

    assert clock.inner_text() == "Expires in 14 minutes and 58 seconds"
    assert moving.page.inner_text("#announcement") == "Expires in 14 minutes and 58 seconds"
    assert moving.warnings() == []


@pytest.mark.parametrize(
    ("changes", "level", "sentence"),
    [
        ({"exp": ...}, "Danger", "There is no exp: the token never expires"),
        ({"exp": "tomorrow"}, "Danger", "exp must be a number of seconds since 1970"),
        ({"exp": None}, "Danger", "exp must be a number of seconds since 1970"),
        ({"exp": -1}, "Danger", "exp must be a number of seconds since 1970"),
        ({"exp": 253402300800}, "Danger", "exp must be a number of seconds since 1970"),
        ({"exp": (NOW + 900) * 1000}, "Danger", "It is not. Perhaps it is in milliseconds."),
        ({"exp": NOW}, "Warning", "The token has expired."),
        ({"exp": NOW - 1}, "Warning", "The token has expired."),
        ({"exp": NOW + 0.9}, "Warning", "The token has expired."),
        ({"exp": NOW - 60, "iat": NOW - 60}, "Warning", "exp is not after iat: the token was never good."),
        ({"nbf": NOW + 1}, "Warning", "The token is not good yet"),
        ({"iat": NOW + 11}, "Warning", "iat is in the future"),
        ({"exp": NOW + 86401}, "Warning", "The token lives 1 day."),
        ({"exp": NOW + 86401, "iat": ...}, "Warning", "The token is good for another 1 day."),
        ({"exp": NOW + 86400}, "Note", "The token lives 1 day."),
        ({"exp": NOW + 3601}, "Note", "The token lives 1 hour."),
        ({"aud": ...}, "Note", "There is no aud"),
        ({"iss": ...}, "Note", "There is no iss"),
        ({"password": "x"}, "Danger", 'a claim looks like a secret: "password".'),
        (
            {"email": "a@example.com"},
            "Note",
            "The claims have personal data, which everybody who has the token can read",
        ),
        ({"id": 2**53 + 1}, "Note", 'round these numbers, which are shown as they stand in the token: "id".'),
        ({"x": "y" * 2900}, "Note", "The token is too long for a cookie"),
        ({"x": "y" * 6000}, "Warning", "The token is longer than 8,000 characters"),
    ],
)
def test_what_is_dangerous_or_unusual_is_said(
    then: Inspector, changes: dict[str, Any], level: str, sentence: str
) -> None:
    then.show(unsigned(claims(**changes)))

    assert [found for found, text in then.warnings() if sentence in text] == [level]


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW + 3600},
        {"exp": NOW + 1},
        {"nbf": NOW},
        {"iat": NOW + 10},
        {"auth_time": 0},
        {"id": 2**53 - 1},
        {"id": 9007199254740992},
        {"x": "y" * 2500},
    ],
)
def test_what_is_usual_has_no_warning(then: Inspector, changes: dict[str, Any]) -> None:
    then.show(unsigned(claims(**changes)))

    assert then.warnings() == []


@pytest.mark.parametrize(
    ("header", "level", "sentence"),
    [
        ({"alg": "none", "typ": "at+jwt"}, "Danger", "alg is none: nothing protects this token"),
        ({"typ": "at+jwt"}, "Danger", "The header has no alg"),
        ({"alg": "RS1", "typ": "at+jwt"}, "Warning", "It uses SHA-1, which is broken."),
        ({"alg": "ES256"}, "Warning", "The header has no typ."),
        ({"alg": "ES256", "typ": 5}, "Warning", "typ is not a string."),
        ({"alg": "ES256", "typ": "JWT"}, "Note", "typ is JWT"),
        ({"alg": "ES256", "typ": "application/dpop+jwt"}, "Note", "a DPoP proof (RFC 9449), so it is no access token."),
        ({"alg": "ES256", "typ": "at+jwt2"}, "Warning", 'typ is "at+jwt2", which is unusual.'),
        (
            {"alg": "ES256", "typ": "at+jwt", "jku": "https://a.example"},
            "Warning",
            "The header has jku, a URL of keys.",
        ),
        ({"alg": "ES256", "typ": "at+jwt", "x5u": "https://a.example"}, "Warning", "The header has x5u"),
        ({"alg": "ES256", "typ": "at+jwt", "jwk": {"kty": "EC"}}, "Warning", "The header has jwk, a key."),
        ({"alg": "ES256", "typ": "at+jwt", "crit": ["x"]}, "Warning", "The header has crit"),
    ],
)
def test_a_dangerous_header_is_said(then: Inspector, header: dict[str, Any], level: str, sentence: str) -> None:
    then.show(unsigned(GOOD, header))

    assert [found for found, text in then.warnings() if sentence in text] == [level]


@pytest.mark.parametrize("typ", ["AT+JWT", "application/at+jwt"])
def test_a_media_type_is_compared_as_one(then: Inspector, typ: str) -> None:
    then.show(unsigned(GOOD, {"alg": "ES256", "typ": typ}))

    assert then.warnings() == []


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"The true sign of intelligence", 'The payload is not JSON: a value must come at character 1, got "T".'),
        (b"[1]", "The payload is JSON, but not an object."),
        (b'{"a": 1,}', 'a name in quotation marks must come at character 9, got "}".'),
        (b'{"a": 01}', '"," or "}" must come at character 8, got "1".'),
        (b'{"a": NaN}', 'a value must come at character 7, got "N".'),
        (b'{"a": 1} x', 'the end must come at character 10, got "x".'),
        (b'{"a": "\n"}', "a string has a control character without an escape, at character 8."),
        (b'{"a": "\\x"}', "the string that begins at character 7 has a wrong escape."),
        (b'{"a": "', "the string that begins at character 7 does not end."),
        (b'{"a"', '":" must come at character 5, got the end.'),
        (b"\xef\xbb\xbf{}", 'a value must come at character 1, got "\\ufeff".'),
        (b'{"a": "\xff"}', "The payload is not UTF-8."),
    ],
)
def test_a_payload_that_has_no_claims_is_shown_as_it_is(inspector: Inspector, payload: bytes, sentence: str) -> None:
    inspector.show(unsigned(payload))

    assert [level for level, text in inspector.warnings() if sentence in text] == ["Danger"]
    assert sentence in inspector.page.inner_text("section:has(#claims-title)")


def test_a_name_that_comes_twice_is_a_danger_and_both_are_shown(inspector: Inspector) -> None:
    inspector.show(unsigned(b'{"sub": "alice", "a": {"b": 1, "b": 2}, "sub": "bob"}'))

    [text] = [text for level, text in inspector.warnings() if "names twice" in text]
    assert 'The payload has names twice: "b", "sub".' in text
    assert inspector.row("Claims", "sub").locator(".value").all_inner_texts() == ['"alice"', '"bob"']


@pytest.mark.parametrize(
    ("pasted", "kind"),
    [
        ("rt1_AAAA", "a refresh token of Flask-TokenAuth"),
        ("tr_AAAA", "a reference token of Flask-TokenAuth"),
        ("Bearer ta_AAAA", "an API key of Flask-TokenAuth"),
        ("cs1_AAAA", "a client secret of Flask-TokenAuth"),
        ("opaque", "an opaque token or an API key"),
        ("a.b", "a signed token has three parts with dots between them, an encrypted one has five. This has 2."),
        ('{"access_token": "a.b.c"}', "This is the whole answer of a login."),
        ('{"payload": "", "signatures": []}', "a signature in the JSON serialization"),
        ('{"kty": "EC"}', "This is a key. It belongs into the other field."),
        ("{", "this begins with a brace"),
        ("-----BEGIN PUBLIC KEY-----", "This is a key or a certificate. It belongs into the other field."),
    ],
)
def test_what_is_no_jwt_is_named(inspector: Inspector, pasted: str, kind: str) -> None:
    inspector.show(pasted)

    assert kind.lower() in inspector.page.inner_text("#result").lower()
    assert kind.lower() in inspector.page.inner_text("#announcement").lower()


@pytest.mark.parametrize(("length", "is_read"), [(1_999_999, True), (2_000_000, True), (2_000_001, False)])
def test_a_string_is_read_up_to_a_limit(inspector: Inspector, length: int, is_read: object) -> None:
    inspector.page.evaluate("(length) => { fields.token.value = 'a'.repeat(length); return update(); }", length)

    reason = "A signed token has three parts" if is_read else "This page reads 2,000,000 characters at most."
    assert inspector.page.inner_text("#result").startswith(reason)


@pytest.mark.parametrize(
    "around", ["{}", "  {}\n", "Bearer {}", "bearer  {}", "Authorization: Bearer {}", '"{}",', "DPoP {}"]
)
def test_what_stands_around_a_token_is_left_out(then: Inspector, around: str) -> None:
    then.show(around.format(unsigned(GOOD)))

    assert then.value("sub") == '"alice"'
    assert then.warnings() == []


def test_line_ends_within_a_token_are_left_out_with_a_warning(then: Inspector) -> None:
    then.show(unsigned(GOOD).replace(".", ".\n  "))

    assert then.value("sub") == '"alice"'
    assert [text for _, text in then.warnings() if "white space within the token" in text] != []


def test_an_encrypted_token_shows_its_header_and_its_sizes(inspector: Inspector) -> None:
    inspector.show(encrypted(JWE_HEADER), "some key")

    text = inspector.page.inner_text("#result")
    assert inspector.value("enc", "Header") == '"A256GCM"'
    assert "An encrypted token (JWE)" in text
    assert "The claims are encrypted." in text
    assert "Ciphertext\n14 bytes" in text
    assert inspector.warnings() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"alg": "RSA1_5"}, "alg is RSA1_5, which is weak"),
        ({"alg": "PBES2-HS256+A128KW"}, "The key comes from a password"),
        ({"zip": "DEF"}, "The content was compressed"),
        ({"jku": "https://a.example"}, "The header has jku"),
    ],
)
def test_a_weak_encryption_is_said(inspector: Inspector, changes: dict[str, Any], sentence: str) -> None:
    inspector.show(encrypted(JWE_HEADER | changes))

    assert [text for _, text in inspector.warnings() if sentence in text] != []


def test_the_sizes_of_the_parts_are_those_of_the_token(inspector: Inspector) -> None:
    token = unsigned(GOOD)
    header, payload, signature = token.split(".")

    inspector.show(token)

    assert inspector.page.locator(".sizes dd").all_inner_texts() == [
        f"{len(header)} bytes",
        f"{len(payload)} bytes",
        f"{len(signature)} bytes",
        f"{len(token)} bytes, with 2 dots",
    ]
