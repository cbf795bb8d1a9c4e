"""The fast run, without the tests marked ``slow``, has tests from every file."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WITHOUT_FAST_TESTS = {  # they start processes
    "tests/lifecycle/revocation/test_gunicorn.py",
    "tests/servers/test_rotation.py",
    "tests/test_slow_marks.py",
}


def collect(*options: str) -> set[str]:
    """Return the names of the tests that pytest collects with these options."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--numprocesses=0", *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {line for line in ran.stdout.splitlines() if "::" in line}


@pytest.mark.once
@pytest.mark.slow
def test_the_fast_run_has_tests_from_every_file() -> None:
    fast, every = collect(), collect("-m", "")

    assert fast < every
    assert {name.split("::")[0] for name in every} - {name.split("::")[0] for name in fast} == WITHOUT_FAST_TESTS
