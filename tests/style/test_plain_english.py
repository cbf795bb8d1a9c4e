"""The check of the project's English finds what it must find, and the project passes it."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from .plain_english import LIMIT, PHRASES, STRING, Passage, hide_code, main, measure, read_comments, read_strings


def find(english: str) -> list[str]:
    return [name for name, _ in Passage("x.rst", 1, english).find(PHRASES | STRING)]


@pytest.mark.parametrize(
    ("english", "found"),
    [
        ("Refuse what is not a scope.", "what is"),
        ("Refuse what\n    is not a scope.", "what is"),
        ("Nobody may pass.", "nobody"),
        ("if somebody has it", "somebody"),
        ("It helps whoever has it.", "whoever"),
        ("It helps, whatever it is.", "whatever"),
        ("a table of ours", "of ours"),
        ("It is made anew.", "anew"),
        ("It raises likewise.", "likewise"),
        ("Say whether it is good.", "say whether"),
        ("It tells whether it is good.", "tell whether"),
        ("It needs tables, for one.", "for one"),
        ("tables for one", "for one"),
        ("What a guard adds.", "What begins a sentence"),
        ("what a guard adds", "What begins a sentence"),
        ("It is good. What it adds is small.", "What begins a sentence"),
        ("Title\n\nWho calls\n=========\n", "Who begins a sentence"),
        ("- Who calls it", "Who begins a sentence"),
        ("Raises: Of these, none.", "Of begins a sentence"),
        ("a scope is a text", "text instead of string"),
        ("two texts", "text instead of string"),
    ],
)
def test_a_phrase_is_found(english: str, found: str) -> None:
    assert find(english) == [found]


@pytest.mark.parametrize(
    "english",
    [
        "a new one",
        "The store knows what it is.",
        "What does it do? It guards.",
        "It is good: of these, two.",
        "for one request",
        "a context of plaintext, text/html, PEM text, plain text and text files",
        "Args:\n    text: the token\n    whoever (str): the user\n",
        "the argument *text*, the value ``what is``, <https://example.org/nobody> and https://example.org/nobody",
        "the value ``what\nis``",
        "It is what ``is``.",
        ".. code-block:: python\n\n    what is\n\n    nobody\n",
        "An example::\n\n    what is\n",
        "of the same kind",
    ],
)
def test_what_only_looks_like_a_phrase_is_left_alone(english: str) -> None:
    assert find(english) == []


def test_english_after_a_block_of_code_is_read() -> None:
    assert find("One::\n\n    nobody\n\nIt helps whoever has it.\n\nAnd::\n\n    nobody\n") == ["whoever"]


def test_hidden_code_keeps_lines_and_length() -> None:
    english = "a ``b c`` d\n\n.. code-block:: sh\n\n    e f\n\ng\n"

    assert hide_code(english) == "a xxx xxx d\n\n" + " " * 18 + "\n\n       \n\ng\n"


def test_code_within_a_sentence_counts_as_words_and_a_block_does_not() -> None:
    assert Passage("x", 1, "It's ``a`` re-read 42\n\n::\n\n    b c\n").count_words() == 3


def test_a_use_is_shown_with_its_file_and_line() -> None:
    [(_, shown)] = Passage("x.py", 7, "One.\n\nTwo, and what\nis three.").find(PHRASES)

    assert shown == "x.py:10: what is: …One. Two, and what is three.…"


SOURCE = '''"""Module."""

LIMIT = 3
"""Attribute,
two lines."""

def function(name):
    """Function."""
    log("one two", "a message of words", "a message "
        "that goes on", f"a message for {name} too")
'''


def test_docstrings_and_messages_are_read() -> None:
    read = [(passage.line, passage.english) for passage in read_strings("x.py", SOURCE, messages=True)]

    assert sorted(read) == [
        (1, "Module."),
        (4, "Attribute,\ntwo lines."),
        (8, "Function."),
        (9, "a message of words"),
        (9, "a message that goes on"),
        (10, "a message for x too"),
    ]


def test_docstrings_are_read_without_messages() -> None:
    read = [passage.english for passage in read_strings("x.py", SOURCE, messages=False)]

    assert sorted(read) == ["Attribute,\ntwo lines.", "Function.", "Module."]


def test_lines_of_comment_that_follow_each_other_are_one_passage() -> None:
    source = "# One,\n# two.\n\n# Three.\na = 1  # four\nb = 2  # five\n'# six'\n"
    read = [(passage.line, passage.english) for passage in read_comments("x.py", source)]

    assert read == [(1, "One,\ntwo."), (4, "Three."), (5, "four\nfive")]


def test_a_module_without_comments_has_none() -> None:
    assert list(read_comments("x.py", "a = 1\n")) == []


@pytest.mark.parametrize(("words", "excesses"), [(9_999, ["nobody: 0.30 in 1 000 words, allowed: 0.3"]), (10_000, [])])
def test_three_uses_in_10_000_words_are_allowed(words: int, excesses: list[str]) -> None:
    passages = [Passage("x", 1, "Nobody " * 3), Passage("y", 1, "word " * (words - 3))]
    uses, found = measure(passages, PHRASES, LIMIT)

    assert len(uses) == 3
    assert found == excesses


def test_one_text_instead_of_a_string_is_too_much() -> None:
    passages = [Passage("x", 1, "a text " + "word " * 10_000)]

    assert measure(passages, STRING, LIMIT)[1] == ["text instead of string: 0.10 in 1 000 words, allowed: 0"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one use of a phrase in each kind of file."""
    for path, source in {
        "flask_tokenauth/a.py": '"""Refuse a text."""\nraise ValueError("nobody may pass")\n',
        "examples/b.py": '"""It helps whoever has it."""\n',
        "tests/c.py": '"""It is good."""  # made anew\nassert "a text of words"\n',
        "README.rst": "It raises likewise.\n",
        "docs/page.rst": "A table of ours, and no text.\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(source)
    return tmp_path


@pytest.mark.parametrize(("arguments", "status"), [([], 1), (["--report"], 0)])
def test_phrases_that_are_too_frequent_fail_the_command(project: Path, arguments: list[str], status: int) -> None:
    result = CliRunner().invoke(main, ["--root", str(project), *arguments])

    assert result.exit_code == status
    assert [line.partition(": …")[0] for line in result.output.splitlines() if line[0].islower() and "…" in line] == [
        "flask_tokenauth/a.py:1: text instead of string",
        "flask_tokenauth/a.py:2: nobody",
        "examples/b.py:1: whoever",
        "tests/c.py:1: anew",
        "docs/page.rst:1: of ours",
    ]
    assert "README.rst:1: likewise: …It raises likewise.…" in result.output
    assert "documentation: 2 uses, 2 phrases too often" in result.output


@pytest.mark.parametrize(
    ("message", "status", "printed"),
    [
        ("Refuse tokens that are too long\n\nThey cost time.", 0, "commits: 0 uses, 0 phrases too often\n"),
        ("Refuse tokens\n\nNobody needs them.", 1, ":3: nobody: …Refuse tokens Nobody needs them.…\n"),
    ],
)
def test_messages_of_commits_allow_no_phrase(tmp_path: Path, message: str, status: int, printed: str) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    for subject in ("Begin: nobody reads this", message):
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", subject], cwd=tmp_path, check=True)

    result = CliRunner().invoke(main, ["--root", str(tmp_path), "--commits", "HEAD~1"])

    assert result.exit_code == status
    assert printed in result.output


@pytest.mark.once
@pytest.mark.slow
def test_the_project_is_written_in_plain_english() -> None:
    result = CliRunner().invoke(main)

    assert result.exit_code == 0, result.output
