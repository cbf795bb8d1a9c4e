"""``curl`` against an application in this process, for the sessions that the documentation shows."""

import argparse
import base64
import json
from pathlib import Path
from urllib.parse import quote

from flask import Flask
from werkzeug.test import TestResponse

FORM = "application/x-www-form-urlencoded"


def curl(app: Flask, words: list[str]) -> str:
    """Send the request that these arguments of ``curl`` describe, and return what ``curl`` prints."""
    given = read_arguments(words)
    answer = send(app, given)
    shown = head(answer) + "\n" if given.include else ""
    shown += answer.text
    if given.output:
        if given.output != "/dev/null":
            Path(given.output).write_text(shown)
        shown = ""
    written: str = given.write_out.replace("\\n", "\n")
    return shown + written.replace("%{http_code}", str(answer.status_code))


def read_arguments(words: list[str]) -> argparse.Namespace:
    """Read the arguments of ``curl`` that the pages use; any other one ends in SystemExit."""
    parser = argparse.ArgumentParser("curl", allow_abbrev=False)
    parser.add_argument("-s", "--silent", action="store_true")
    parser.add_argument("-S", "--show-error", action="store_true")
    parser.add_argument("-i", "--include", action="store_true")
    parser.add_argument("-X", "--request")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-u", "--user")
    parser.add_argument("-d", "--data", action="append", default=[])
    parser.add_argument("--data-urlencode", action="append", default=[])
    parser.add_argument("--json")
    parser.add_argument("-o", "--output")
    parser.add_argument("-w", "--write-out", default="")
    parser.add_argument("url")
    return parser.parse_args(words)


def send(app: Flask, given: argparse.Namespace) -> TestResponse:
    """Send the request to the application; each call is a client of its own, without cookies."""
    fields = [*given.data, *map(quoted, given.data_urlencode)]
    body = given.json or "&".join(fields) or None
    headers = dict(header.split(": ", 1) for header in given.header)
    if given.user:
        headers["Authorization"] = "Basic " + base64.b64encode(given.user.encode()).decode()
    if given.json:
        json.loads(given.json)
        headers.setdefault("Content-Type", "application/json")
    elif body:
        headers.setdefault("Content-Type", FORM)
    method = given.request or ("POST" if body else "GET")
    return app.test_client().open(given.url, method=method, headers=headers, data=body, buffered=True)


def quoted(field: str) -> str:
    """Return one field of a form as ``--data-urlencode`` sends it."""
    name, _, value = field.partition("=")
    return f"{name}={quote(value, safe='')}"


def head(answer: TestResponse) -> str:
    """Return the status line and the headers of an answer."""
    return f"HTTP/1.1 {answer.status}\n" + "".join(f"{name}: {value}\n" for name, value in answer.headers)
