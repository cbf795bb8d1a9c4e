"""README.rst says what is true: its program runs, its session prints what it shows, its blocks are what they say."""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_tokenauth import TokenAuth, create_token

from .conftest import SECRET

README = (Path(__file__).parent.parent / "README.rst").read_text()


def blocks(language: str) -> list[str]:
    """Return the code blocks of one language, without their indentation."""
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)", README, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() + "\n" for block in found]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    app: Flask = names["app"]
    return app


def curl(client: FlaskClient, words: list[str]) -> str:
    """Do what ``curl`` does with these arguments, and print what it prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-d", action="append")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("url")
    asked = parser.parse_args(words)
    answer = client.open(
        asked.url,
        method="POST" if asked.d else "GET",
        headers=[header.split(": ", 1) for header in asked.H],
        data=dict(field.split("=", 1) for field in asked.d) if asked.d else None,
    )
    head = f"HTTP/1.1 {answer.status}\n" + "".join(f"{name}: {value}\n" for name, value in answer.headers)
    return (head + "\n" if asked.i else "") + answer.text


def test_the_session_prints_what_it_shows(client: FlaskClient) -> None:
    commands = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", blocks("console")[0], re.MULTILINE)
    token = ""

    for command, shown in commands[2:]:
        line, _, wanted = command.removesuffix("'").partition(" | grep -E '")
        if line.startswith("TOKEN=$("):
            words = shlex.split(line.removeprefix("TOKEN=$(").partition(" | ")[0])
            token = curl(client, words[1:]).split('"')[3]
            continue
        words = shlex.split(line.replace("$TOKEN", token))
        printed = curl(client, words[1:])
        assert [each for each in printed.splitlines() if re.search(wanted, each)] == shown.splitlines()

    assert len(commands) == 6


@pytest.mark.parametrize(("text", "printed"), [(None, "alice frozenset({'a'}) "), ("x", "refused: token_malformed")])
def test_keys_and_tokens_work_without_flask_as_shown(
    capsys: pytest.CaptureFixture[str], text: str | None, printed: str
) -> None:
    keys, without_flask = blocks("python")[1:]
    names: dict[str, Any] = {"app": Flask("reporting")}

    exec(keys, names)
    TokenAuth(names["app"])
    with names["app"].app_context():
        names["text"] = text or create_token("alice", ["a"])
    exec(without_flask, names)

    assert capsys.readouterr().out.startswith(printed)


def test_two_blocks_are_commands() -> None:
    quickstart, tests = blocks("sh")

    assert quickstart.rstrip().endswith("flask --app examples/quickstart run")
    assert tests.rstrip().endswith("pytest")


def test_nobody_is_told_to_install_the_abandoned_distribution() -> None:
    assert not re.search(r"install[^\n]*flask-tokenauth(?!-jwt)", README, re.IGNORECASE)
