"""Find the phrases that this project avoids, because readers had to read sentences with them twice.

``python -m tests.style.plain_english`` fails if a phrase is used more often than ``LIMIT`` allows. With ``--report``
it prints the same and does not fail. With ``--commits REVISION`` it reads the messages of the commits after REVISION,
and allows no use at all.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
LIMIT = 0.3  # uses of one phrase in 1 000 words

Phrases = dict[str, re.Pattern[str]]

_START = r"(?:[.!?:][)\"'*]*\s+|\n\s*\n\s*|^\s*[-*] +)"  # where a sentence begins within a passage
_WORDS = "nobody|somebody|whoever|whatever|anew|likewise|of ours|what is|say whether|tell whether"
PHRASES: Phrases = (
    {words: re.compile(r"\b" + words.replace(" ", r"s?\s+") + r"\b", re.I) for words in _WORDS.split("|")}
    | {"for one": re.compile(r"\bfor\s+one(?=[,.;:!)]|\s*\Z)", re.I)}
    | {
        f"{word} begins a sentence": re.compile(rf"(?:\A\s*{first}|{_START}{word})\b(?![^.!?]*\?)", re.M)
        for word, first in (("What", "(?i:what)"), ("Who", "(?i:who)"), ("Of", "Of"))
    }
)
STRING: Phrases = {
    "text instead of string": re.compile(r"(?<!PEM )(?<!plain )(?<![\w./-])texts?\b(?![\w/-]| files?\b)", re.I)
}

# Code is not English: a block of it counts as no word, code within a sentence as one word.
_BLOCK = re.compile(
    r"^( *)(?:\.\. (?:code-block|sourcecode|graphviz|raw|testcode|invisible-code-block)::.*|(?! *\.\. ).*::)\n"
    r"(?:\1 +\S.*(?:\n|\Z)| *(?:\n|\Z))+",
    re.M,
)
_INLINE = re.compile(r"``.+?``|\*[\w.]+\*|<[^<>\s]+>|https?://\S+|^ +\**\w+(?: \([^)\n]*\))?:(?=\s)", re.M | re.S)


def hide_code(english: str) -> str:
    """Return *english* with other characters in place of code; its length and its lines stay the same."""
    without_blocks = _BLOCK.sub(lambda block: re.sub(r".", " ", block[0]), english)
    return _INLINE.sub(lambda code: re.sub(r"\S", "x", code[0]), without_blocks)


@dataclass(frozen=True)
class Passage:
    """Some English, and the line of the file on which it begins."""

    where: str
    line: int
    english: str

    def find(self, phrases: Phrases) -> Iterator[tuple[str, str]]:
        """Yield each use of a phrase: the name of the phrase, and a line that shows where it is used."""
        prose = hide_code(self.english)
        for name, pattern in phrases.items():
            for match in pattern.finditer(prose):
                line = self.line + prose.count("\n", 0, match.end())
                excerpt = " ".join(self.english[max(0, match.start() - 20) : match.end() + 40].split())
                yield name, f"{self.where}:{line}: {name}: …{excerpt}…"

    def count_words(self) -> int:
        """Return the number of words, without code."""
        return len(re.findall(r"[^\W\d_][\w'-]*", hide_code(self.english)))


def read_strings(where: str, source: str, *, messages: bool) -> Iterator[Passage]:
    """Yield the docstrings of a module; with *messages* also every other string of three words or more."""
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield Passage(where, node.lineno, node.value.value)
        elif isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            words = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)
            if messages and len(words.split()) > 2:
                yield Passage(where, node.lineno, " ".join(words.split()))
        else:
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def read_comments(where: str, source: str) -> Iterator[Passage]:
    """Yield the comments of a module; lines of comment that follow each other are one passage."""
    lines: list[str] = []
    last = column = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if lines and token.start != (last + 1, column):
            yield Passage(where, last - len(lines) + 1, "\n".join(lines))
            lines = []
        last, column = token.start
        lines.append(token.string.lstrip("#: "))
    if lines:
        yield Passage(where, last - len(lines) + 1, "\n".join(lines))


def read_project(root: Path) -> dict[str, list[Passage]]:
    """Return the passages of the project by where they are read."""
    groups: dict[str, list[Passage]] = {"package": [], "other code": [], "comments": [], "documentation": []}
    folders = [root / name for name in ("flask_tokenauth", "benchmarks", "examples", "tests")]
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        where, source = path.relative_to(root), path.read_text()
        strings = read_strings(str(where), source, messages=where.parts[0] != "tests")  # there they are test data
        groups["package" if where.parts[0] == "flask_tokenauth" else "other code"].extend(strings)
        groups["comments"].extend(read_comments(str(where), source))
    for path in sorted([*root.glob("*.rst"), *root.glob("docs/*.rst")]):
        groups["documentation"].append(Passage(str(path.relative_to(root)), 1, path.read_text()))
    return groups


def read_commits(root: Path, revision: str) -> list[Passage]:
    """Return the messages of the commits that are in HEAD and not in *revision*."""
    command = ["git", "log", "-z", "--format=%h %B", f"{revision}..HEAD", "--"]
    output = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    commits = [commit.partition(" ") for commit in output.split("\0") if commit]
    return [Passage(f"commit {name}", 1, message) for name, _, message in commits]


def measure(passages: list[Passage], phrases: Phrases, limit: float) -> tuple[list[str], list[str]]:
    """Return a line for each use of a phrase, and a line for each phrase that is used more often than *limit*."""
    words = sum(passage.count_words() for passage in passages)
    uses = [use for passage in passages for use in passage.find(phrases)]
    rates = {name: 1000 * count / words for name, count in Counter(name for name, _ in uses).items()}
    excesses = [
        f"{name}: {rate:.2f} in 1 000 words, allowed: {allowed}"
        for name, rate in sorted(rates.items())
        if rate > (allowed := 0 if name in STRING else limit)
    ]
    return [line for _, line in uses], excesses


@click.command(help=__doc__)
@click.option("--report", is_flag=True, help="Exit with 0 in any case.")
@click.option("--commits", metavar="REVISION", help="Read the messages of the commits after REVISION.")
@click.option("--root", type=click.Path(path_type=Path), default=ROOT, hidden=True)
def main(root: Path, commits: str | None, *, report: bool) -> None:
    """Print each use, then the phrases that are used too often."""
    groups = read_project(root) if commits is None else {"commits": read_commits(root, commits)}
    failed = False
    for name, passages in groups.items():
        phrases = PHRASES | (STRING if name in ("package", "other code") else {})
        uses, excesses = measure(passages, phrases, LIMIT if commits is None else 0)
        for use in uses:
            click.echo(use)
        click.echo(f"{name}: {len(uses)} uses, {len(excesses)} phrases too often")
        for excess in excesses:
            click.echo(f"    {excess}")
        failed |= bool(excesses)
    raise SystemExit(failed and not report)


if __name__ == "__main__":  # pragma: no cover
    main()
