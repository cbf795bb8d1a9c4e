"""Tokens that are decoded but not verified: read as far as possible, and used by the inspector only."""

import ast
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flask_tokenauth
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.tokens.unverified import MAX_UNVERIFIED, UnverifiedToken, parse_unverified

from ...conftest import NOW, Mint


def segment(value: object) -> str:
    return base64url.encode(json.dumps(value).encode()).decode()


def test_the_header_and_the_claims_are_read(mint: Mint) -> None:
    said = parse_unverified(mint(roles=["a"]))

    assert said.header == {"alg": "HS256", "kid": mint.key.kid, "typ": "at+jwt"}
    assert said.claims is not None
    assert (said.claims["sub"], said.claims["roles"]) == ("alice", ("a",))


def test_what_was_read_is_not_shown_in_tracebacks(mint: Mint) -> None:
    assert repr(parse_unverified(mint())) == "UnverifiedToken()"


@pytest.mark.parametrize("signature", ["", "!", "AAAA", "\x1b[31m", "é"])
def test_no_signature_is_looked_at(signature: str) -> None:
    said = parse_unverified(f"{segment({'alg': 'none'})}.{segment({'sub': 'alice'})}.{signature}")

    assert said == UnverifiedToken(header={"alg": "none"}, claims={"sub": "alice"})


@pytest.mark.parametrize(
    "part",
    [
        "",
        "!",
        "é",
        "\udcff",
        "e30=",
        "\x1b]0;x\x07",
        segment([]),
        segment("x"),
        base64url.encode(b"{").decode(),
        base64url.encode(b"\xff").decode(),
        base64url.encode(b'{"a": NaN}').decode(),
        base64url.encode(b'{"a": 1' + b"0" * 5000 + b"}").decode(),
        base64url.encode(b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}").decode(),
        base64url.encode(rb'{"a": "\ud800"}').decode(),
    ],
)
def test_what_cannot_be_read_is_left_out(part: str) -> None:
    good = segment({"a": 1})

    assert parse_unverified(f"{part}.{good}.x") == UnverifiedToken(header=None, claims={"a": 1})
    assert parse_unverified(f"{good}.{part}.x") == UnverifiedToken(header={"a": 1}, claims=None)


@pytest.mark.parametrize("rest", ["", ".x", ".e30.e30.e30", ".e30.e30.e30.e30"])
def test_of_anything_but_three_parts_only_the_header_is_read(rest: str) -> None:
    """RFC 7516 section 7.1: an encrypted token has five parts, and its header is not encrypted."""
    assert parse_unverified(segment({"enc": "A"}) + rest) == UnverifiedToken(header={"enc": "A"}, claims=None)


@pytest.mark.parametrize(("size", "read"), [(MAX_UNVERIFIED, True), (MAX_UNVERIFIED + 1, False)])
def test_what_is_too_long_is_not_looked_at(size: int, read: bool) -> None:  # noqa: FBT001
    text = "e30.e30."

    said = parse_unverified(text + "A" * (size - len(text)))

    assert (said.header is not None) is read
    assert (said.claims is not None) is read


def test_times_are_told_in_utc(mint: Mint) -> None:
    said = parse_unverified(mint(nbf=0, auth_time=NOW - 0.5))

    assert said.times == {
        "auth_time": datetime(2023, 11, 14, 22, 13, 19, 500_000, UTC),
        "iat": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        "nbf": datetime(1970, 1, 1, tzinfo=UTC),
        "exp": datetime(2023, 11, 14, 22, 28, 20, tzinfo=UTC),
    }


@pytest.mark.parametrize("value", [..., None, True, "1", [], {}, -1, 253402300800, 1e300, 10**18])
def test_what_is_no_time_is_not_told_as_one(mint: Mint, value: Any) -> None:
    assert "exp" not in parse_unverified(mint(exp=value)).times


def test_the_last_second_that_clocks_show_is_told(mint: Mint) -> None:
    assert parse_unverified(mint(exp=253402300799)).times["exp"].year == 9999


def test_without_claims_there_are_no_times() -> None:
    assert parse_unverified("x").times == {}


@pytest.mark.slow
@given(st.text() | st.lists(st.binary().map(base64url.encode).map(bytes.decode), max_size=5).map(".".join))
def test_nothing_makes_it_raise(text: str) -> None:
    assert isinstance(parse_unverified(text), UnverifiedToken)


def imports_of(path: Path) -> set[str]:
    """Return the last part of each module name that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names = {name.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for name in node.names}
    return {module.rpartition(".")[2] for module in modules | names}


@pytest.mark.slow
def test_nobody_but_the_inspector_reads_what_is_not_verified() -> None:
    modules = Path(flask_tokenauth.__file__).parent.rglob("*.py")

    assert [path.name for path in modules if "unverified" in imports_of(path)] == ["tokens.py"]
