"""Helpers for tests with several processes: they run the programs of ``children.py``, and read their output."""

import subprocess
import sys
from collections.abc import Callable

Spawn = Callable[..., "subprocess.Popen[str]"]


def read(child: "subprocess.Popen[str]") -> str:
    """Return the next line of a child."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def run(child: "subprocess.Popen[str]") -> list[str]:
    """Wait until a child has ended without an error, and return the lines that it printed."""
    out, err = child.communicate("go\n", timeout=90)
    sys.stderr.write(err)  # pytest shows it if the test fails
    assert child.returncode == 0, err
    return out.splitlines()


def run_at_once(children: list["subprocess.Popen[str]"]) -> list[str]:
    """Wait until all children are ready, let them go, and return the lines that they print."""
    assert [read(child) for child in children] == ["ready"] * len(children)
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    return [line for child in children for line in run(child)]
