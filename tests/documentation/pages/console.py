"""The sessions that the documentation shows: every command is run, and what it prints is compared with the page."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.cli import ScriptInfo

from .curl import curl

ROOT = Path(__file__).parents[3]
PROGRAM = "reporting"  # the module whose source the page shows

# Programs that may stand in a session besides curl, flask and python.
PROGRAMS = {"base64", "cat", "cut", "echo", "grep", "head", "ls", "pytest", "sed", "sort", "tail", "tr", "wc"}

ASSIGNMENT = re.compile(r"^(?:export )?([A-Za-z_]\w*)=(.*)$", re.DOTALL)
SUBSTITUTION = re.compile(r"^\"?\$\((.*)\)\"?$", re.DOTALL)
REDIRECTION = re.compile(r"\s*>\s*([\w./-]+)$")


@dataclass
class Console:
    """Runs the commands of one page, in its folder and with its variables."""

    namespace: dict[str, Any]
    status: int = 0
    served: str = PROGRAM
    loaded: dict[str, Flask] = field(default_factory=dict)

    def check(self, session: str) -> None:
        """Run a session, and compare what each command prints with what the page shows under it."""
        for command, shown in commands_of(session):
            printed = self.run(command)
            assert matches(shown, printed), f"$ {command}\nprints:\n{printed}\nbut the page shows:\n{shown}"

    def run(self, command: str) -> str:
        """Run a command line, and return what it prints."""
        if assigned := ASSIGNMENT.match(command):
            name, value = assigned.groups()
            inner = SUBSTITUTION.match(value)
            os.environ[name] = self.run(inner[1]).strip() if inner else expand(value)
            return ""
        target = REDIRECTION.search(command)
        printed = ""
        for stage in split_pipe(command[: target.start()] if target else command):
            printed = self.run_stage(stage, printed)
        if target:
            Path(target[1]).write_text(printed)
            return ""
        return printed

    def run_stage(self, stage: str, given: str) -> str:
        """Run one program of a pipe with what the program before it printed."""
        words = [os.path.expandvars(word.replace("$?", str(self.status))) for word in shlex.split(stage)]
        in_process: dict[str, Callable[[list[str], str], str]] = {"curl": self.run_curl, "flask": self.run_flask}
        if words[0] in in_process:
            return in_process[words[0]]([word for word in words[1:] if word not in ("2>&1", "&")], given)
        if words[0] == "python":
            words[0] = sys.executable
        elif words[0] == "pytest":
            words[:1] = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
        elif words[0] not in PROGRAMS:
            raise LookupError(f"a console block cannot run {words[0]!r}: write it in a block of sh instead")
        environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        ran = subprocess.run(
            words, input=given, env=environ, stdout=-1, stderr=subprocess.STDOUT, text=True, check=False
        )
        self.status = ran.returncode
        return ran.stdout

    def run_curl(self, words: list[str], given: str) -> str:
        """Send a request to the application that the page serves."""
        app = self.namespace.get("app") if self.served == PROGRAM else None
        self.status = 0
        return curl(app or self.load(self.served), words)

    def run_flask(self, words: list[str], given: str) -> str:
        """Run a command of an application, or note that it is served from now on."""
        assert words[0] == "--app", "the pages write: flask --app NAME COMMAND"
        _, name, *rest = words
        app = self.load(name)
        if rest[0] == "run":
            self.served = name
            return ""
        result = app.test_cli_runner().invoke(args=rest, input=given or None)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.status = int(result.exit_code)
        return result.output

    def load(self, name: str) -> Flask:
        """Return the application that ``flask --app`` would find by this name."""
        if name == PROGRAM and "app" in self.namespace:
            found: Flask = self.namespace["app"]
            return found
        if name not in self.loaded:
            example = ROOT / name
            is_example = example.with_suffix(".py").is_file() or example.is_dir()
            self.loaded[name] = ScriptInfo(app_import_path=str(example) if is_example else name).load_app()
        return self.loaded[name]


def commands_of(session: str) -> list[tuple[str, str]]:
    """Return the commands of a session, each with what the page shows under it."""
    assert session.startswith("$ "), "a console block begins with a command: $ …"
    found = re.findall(r"^\$ ((?:.*\\\n)*.*)\n?((?:(?!\$ ).*\n?)*)", session, re.MULTILINE)
    return [(re.sub(r"\\\n\s*(?:> )?", "", command), shown) for command, shown in found]


def split_pipe(command: str) -> list[str]:
    """Split a command line at each ``|`` that stands outside quotes."""
    parts = re.findall(r"((?:'[^']*'|\"[^\"]*\"|[^|'\"])+)(?:\||$)", command)
    return [part.strip() for part in parts]


def expand(value: str) -> str:
    """Return the value of an assignment, without quotes and with its variables."""
    return os.path.expandvars("".join(shlex.split(value)))


def matches(shown: str, printed: str) -> bool:
    """Return whether a page shows what was printed: ``…`` stands for any part of a line, alone for any lines."""
    pattern = ""
    for line in shown.strip("\n").split("\n"):
        if line.strip() in ("…", "..."):
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(map(re.escape, re.split(r"…|\.\.\.", line.rstrip()))) + r"[ \t]*\n"
    return re.fullmatch(pattern, printed.strip("\n") + "\n") is not None
