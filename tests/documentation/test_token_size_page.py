"""docs/token_size.rst has the sizes and the limits that the code has."""

import json
import re
from datetime import timedelta

import pytest
from flask import Flask

from flask_tokenauth.application.settings import FIELDS
from flask_tokenauth.authentication.cookies import MOST_BYTES
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp
from .reading import read_page

PAGE = read_page("token_size")
TABLE = re.findall(r"^   \* - (none|\d+)\n((?:     - \d+\n)+)", PAGE, re.MULTILINE)
COLUMNS = ("HS256", "EdDSA", "RS256", "dir", None)


@pytest.fixture
def api(make_app: MakeApp) -> Flask:
    """The application of the page."""
    return make_app(TOKENAUTH_ISSUER="https://api.example.com", TOKENAUTH_AUDIENCE="https://api.example.com")


def test_the_table_has_four_rows() -> None:
    assert [number for number, _ in TABLE] == ["none", "10", "100", "300"]


@pytest.mark.parametrize(("number", "cells"), TABLE)
def test_the_sizes_in_the_table_are_those_of_the_command(api: Flask, number: str, cells: str) -> None:
    scopes = [f"area{place:03}:read" for place in range(0 if number == "none" else int(number))]
    assert {len(scope) for scope in scopes} <= {len("reports:read")}
    options = [word for scope in scopes for word in ("--scope", scope)]

    printed = api.test_cli_runner().invoke(args=["tokenauth", "size", "alice", "--json", *options]).output

    sizes = {found["algorithm"]: found["bytes"] for found in json.loads(printed)["tokens"]}
    assert [int(cell) for cell in re.findall(r"\d+", cells)] == [sizes[column] for column in COLUMNS]


def test_the_sizes_of_the_session_and_the_epoch_are_right(make_app: MakeApp, store: MemoryStore) -> None:
    store.revoke_user("alice", retention=timedelta(days=1), api_keys=False)
    app = make_app(TOKENAUTH_STORE=store)

    claims = json.loads(app.test_cli_runner().invoke(args=["tokenauth", "size", "alice", "--json"]).output)["claims"]

    assert f"That is {claims['sid']} and {claims['epoch']} bytes of JSON" in " ".join(PAGE.split())


def test_the_limits_are_those_of_the_code() -> None:
    [limit] = [field.default for field in FIELDS if field.name == "max_token_bytes"]

    assert f"{limit} bytes for a token. Longer ones are not issued" in PAGE
    assert f"{MOST_BYTES} bytes for the name and the value of a cookie" in PAGE
