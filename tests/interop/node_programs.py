"""Programs of Node.js that issue tokens: they get lines of JSON, and answer each with a line of JSON."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .conftest import HERE, MISSING


class NodeProgram:
    """A program that runs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self._stdin, self._stdout = process.stdin, process.stdout

    def ask(self, question: object) -> Any:
        """Return the answer to a question."""
        print(json.dumps(question), file=self._stdin, flush=True)
        return self.read()

    def read(self) -> Any:
        """Return the next line of the program."""
        return json.loads(self._stdout.readline())


@contextmanager
def running(program: str, *arguments: str) -> Iterator[NodeProgram]:
    """Run a program, which ends with its standard input: at the end of the block, or with this process."""
    assert MISSING is None, MISSING
    with subprocess.Popen(
        ["node", HERE / program, *arguments], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield NodeProgram(process)
