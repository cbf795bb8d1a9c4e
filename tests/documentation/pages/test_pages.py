"""The test run executes every block of a page, and fails where a page is wrong."""

import logging
import os
import sqlite3
import sys
from pathlib import Path
from textwrap import dedent, indent
from types import ModuleType

import pytest
from sybil.example import SybilFailure

from .collecting import run_page

pytest_plugins = ["pytester"]

CONFTEST = (Path(__file__).parents[3] / "docs" / "conftest.py").read_text()

APP = """
from flask import Flask, g, request
from flask_tokenauth import TokenAuth, login_required, token_response

app = Flask(__name__)
app.config.from_prefixed_env()
auth = TokenAuth(app)

@app.post("/login")
def login():
    return token_response(request.form["username"], scopes=["a"])

@app.get("/me")
@login_required
def me():
    return {"user_id": g.user_id}

@app.post("/echo")
def echo():
    credentials = request.authorization
    return {
        "form": request.form, "json": request.get_json(silent=True), "user": credentials and credentials.username
    }
"""


def block(language: str, source: str, *, caption: str = "", hidden: bool = False) -> str:
    """Return a code block as a page has it."""
    start = f".. invisible-code-block: {language}" if hidden else f".. code-block:: {language}"
    options = f"   :caption: {caption}\n" if caption else ""
    return f"{start}\n{options}\n{indent(dedent(source).strip(), '   ')}\n\n"


def check(tmp_path: Path, *blocks: str) -> None:
    """Run a page of these blocks."""
    page = tmp_path / "page.rst"
    page.write_text("Title\n=====\n\n" + "".join(blocks))
    run_page(page)


@pytest.mark.slow
def test_blocks_run_in_order_with_the_same_names(tmp_path: Path) -> None:
    check(
        tmp_path, block("python", "a = 1"), block("python", "b = a + 1", hidden=True), block("python", "assert b == 2")
    )


@pytest.mark.parametrize("hidden", [True, False])
def test_an_assertion_that_fails_fails_the_page(tmp_path: Path, *, hidden: bool) -> None:
    with pytest.raises(AssertionError):
        check(tmp_path, block("python", "assert 1 == 2", hidden=hidden))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("ini", "[uwsgi]\nmodule = reporting:app\nenv = A=1\nenv = B=2", "module = reporting"),
        ("json", '{"a": 1}', "{a: 1}"),
        ("javascript", 'await fetch("/me")', "await fetch("),
        ("pycon", ">>> print(1)\n1", ">>> print(1)\n2"),
        ("pycon", ">>> print('abc')\na…", "print(1)"),
        ("sh", "pip install .", "if true"),
        ("sh", "pip install 'flask-tokenauth-jwt[sql]'", "pip install flask-tokenauth"),
        ("sh", "pip install './flask-tokenauth[sql]'", "pip install 'flask-tokenauth[sql]'"),
        ("toml", "a = 1", "a ="),
        ("text", "anything", None),
    ],
)
def test_blocks_of_other_languages_are_parsed(tmp_path: Path, language: str, good: str, bad: str | None) -> None:
    check(tmp_path, block(language, good))
    if bad is not None:
        with pytest.raises((SybilFailure, ValueError, LookupError, OSError, Exception)) as caught:
            check(tmp_path, block(language, bad))
        assert "unknown" not in str(caught.value)


@pytest.mark.parametrize("language", ["cobol", ""])
def test_a_block_of_an_unknown_language_fails_the_page(tmp_path: Path, language: str) -> None:
    with pytest.raises(SybilFailure, match="unknown here"):
        check(tmp_path, block(language, "x = 1"))


@pytest.mark.slow
@pytest.mark.parametrize("start", ["Like this::", ".. code:: python", ".. parsed-literal::"])
def test_a_block_that_no_test_runs_fails_the_page(tmp_path: Path, start: str) -> None:
    with pytest.raises(ValueError, match="no test runs this block"):
        check(tmp_path, f"{start}\n\n    raise LookupError\n")


@pytest.mark.slow
def test_a_file_is_saved_and_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    check(
        tmp_path,
        block("python", "limit = 1", caption="shop/limits.py"),
        block("python", "from shop.limits import limit\nassert limit == 1"),
        block("python", "limit = 2", caption="shop/limits.py"),
        block("python", "from shop.limits import limit\nassert limit == 2"),
        block("text", "a fact", caption="notes.txt"),
        block("console", "$ cat notes.txt\na fact"),
        block("python", "from reporting import limit"),
    )
    assert {"shop", "shop.limits", "reporting"}.isdisjoint(sys.modules)


@pytest.mark.once
@pytest.mark.slow
def test_tests_are_saved_and_run_by_pytest(tmp_path: Path) -> None:
    blocks = [
        block("python", "def test_one():\n    assert 1 == 1\n", caption="test_one.py"),
        block("python", "def test_other():\n    assert 1 == 2\n", caption="tests/test_other.py"),
    ]
    check(tmp_path, *blocks, block("console", "$ pytest -q test_one.py\n…\n1 passed in …\n$ echo $?\n0"))
    check(tmp_path, *blocks, block("console", "$ pytest -q\n…\n1 failed, 1 passed in …\n$ echo $?\n1"))


SESSION = """
    $ flask --app reporting run &
    $ TOKEN=$(curl -s -d username=alice http://127.0.0.1:5000/login | cut -d '"' -f 4)
    $ curl -s -H "Authorization: Bearer $TOKEN" \\
        http://127.0.0.1:5000/me
    {"user_id":"alice"}
    $ curl -si http://127.0.0.1:5000/me | grep -E 'HTTP|WWW-Authenticate'
    HTTP/1.1 401 UNAUTHORIZED
    WWW-Authenticate: Bearer realm="reporting"
    $ curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:5000/me
    401
    $ curl -s -o body.json http://127.0.0.1:5000/me
    $ grep -c unauthorized body.json
    1
    $ curl -s --json '{"a": 1}' -u alice:wonderland http://127.0.0.1:5000/echo
    {"form":{},"json":{"a":1},"user":"alice"}
    $ curl -s --data-urlencode 'a=1&2' http://127.0.0.1:5000/echo
    {"form":{"a":"1&2"},"json":null,"user":null}
    $ curl -s -X POST http://127.0.0.1:5000/echo > body.json
    $ cat body.json
    {"form":{},"json":null,"user":null}
    $ export FLASK_SECRET_KEY=$(python -m flask_tokenauth secret)
    $ NAME="two words"
    $ echo "$NAME"
    two words
    $ echo "$TOKEN" | flask --app reporting tokenauth inspect
    …
    $ flask --app reporting tokenauth routes --check
    …
    $ echo $?
    1
"""


@pytest.mark.slow
def test_a_session_is_run_and_compared(tmp_path: Path) -> None:
    check(tmp_path, block("python", APP), block("console", SESSION))


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    ("true", "false"),
    [
        ('{"user_id":"alice"}', '{"user_id":"bob"}'),
        ("401 UNAUTHORIZED", "401 Unauthorized"),
        ("    two words\n", "    two\n"),
        ("    two words\n", "    two words\n    …\n    more\n"),
        ('    WWW-Authenticate: Bearer realm="reporting"\n', ""),
        ("    $ echo $?\n    1\n", "    $ echo $?\n    0\n"),
    ],
)
def test_a_session_that_prints_something_else_fails_the_page(tmp_path: Path, true: str, false: str) -> None:
    assert true in SESSION
    with pytest.raises(SybilFailure, match="but the page shows"):
        check(tmp_path, block("python", APP), block("console", SESSION.replace(true, false)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("$ rm -r /tmp/x", LookupError),
        ("$ flask run", SybilFailure),
        ("curl http://127.0.0.1:5000/", SybilFailure),
        ("$ curl --frobnicate http://127.0.0.1:5000/", SystemExit),
    ],
)
def test_a_session_that_cannot_be_run_fails_the_page(
    tmp_path: Path, command: str, error: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error):
        check(tmp_path, block("python", APP), block("console", command))


def test_an_error_in_a_command_fails_the_page(tmp_path: Path) -> None:
    program = APP + '\n@app.cli.command("fail")\ndef fail():\n    raise ZeroDivisionError\n'
    with pytest.raises(ZeroDivisionError):
        check(tmp_path, block("python", program), block("console", "$ flask --app reporting fail\n…"))


@pytest.mark.slow
def test_applications_in_files_and_examples_are_served(tmp_path: Path) -> None:
    made = APP.replace("__name__", '"shop"')
    check(
        tmp_path,
        block("python", made, caption="shop/__init__.py"),
        block("console", "$ flask --app shop run &\n$ curl -s http://127.0.0.1:5000/me\n…unauthorized…"),
        block("console", "$ flask --app examples/quickstart run &\n$ curl -s http://127.0.0.1:5000/public\n{…}"),
    )


@pytest.mark.slow
def test_the_environment_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_TOKENAUTH_ISSUER", "https://elsewhere.example")
    before, folder = dict(os.environ), Path.cwd()

    check(
        tmp_path,
        block("python", "import os\nassert 'FLASK_TOKENAUTH_ISSUER' not in os.environ\nos.environ['SHOP'] = '1'"),
        block("console", "$ export FLASK_DEBUG=1"),
    )

    assert (dict(os.environ), Path.cwd()) == (before, folder)


@pytest.mark.slow
def test_a_page_knows_no_guards_of_other_pages(tmp_path: Path) -> None:
    check(tmp_path, block("python", APP))
    open_app = APP.replace("@login_required\n", "")
    check(
        tmp_path,
        block("python", open_app),
        block("console", "$ flask --app reporting tokenauth routes | grep -c REACHES\n0"),
    )


@pytest.mark.slow
def test_loggers_are_restored(tmp_path: Path) -> None:
    log, other = logging.getLogger("flask_tokenauth"), logging.getLogger("tests.pages")
    before = (log.handlers[:], log.level, log.disabled)
    source = """
        import logging

        for name in ("flask_tokenauth", "tests.pages"):
            logging.getLogger(name).addHandler(logging.NullHandler())
            logging.getLogger(name).setLevel(logging.ERROR)
            logging.getLogger(name).disabled = True
        raise LookupError
    """

    with pytest.raises(LookupError):
        check(tmp_path, block("python", source))

    assert (log.handlers, log.level, log.disabled) == before
    assert (other.handlers, other.level, other.disabled) == ([], logging.NOTSET, False)


@pytest.mark.once
@pytest.mark.slow
def test_pytest_shows_the_block_that_failed(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makefile(".rst", good="Good\n", wrong=block("json", "{"), false=block("console", "$ echo 1\n2"))

    result = pytester.runpytest_inprocess("-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts=")

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*false.rst, line 1, column 1 did not evaluate as expected:*", "*JSONDecodeError*"])


@pytest.mark.slow
def test_databases_are_closed(tmp_path: Path) -> None:
    kept: list[sqlite3.Connection] = []
    sys.modules["keeper"] = ModuleType("keeper")
    vars(sys.modules["keeper"])["kept"] = kept
    try:
        check(tmp_path, block("python", "import keeper, sqlite3\nkeeper.kept.append(sqlite3.connect('a.db'))"))
    finally:
        del sys.modules["keeper"]

    [database] = kept
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")
    assert sqlite3.connect is sqlite3.dbapi2.connect
    assert sqlite3.connect.__module__ == "_sqlite3"
