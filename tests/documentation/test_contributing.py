"""CONTRIBUTING.rst and ``.ci/run`` know every session of noxfile.py."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SESSIONS = [
    node.name
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body
    if isinstance(node, ast.FunctionDef) and any("nox.session" in ast.unparse(each) for each in node.decorator_list)
]


def test_the_table_of_sessions_is_that_of_the_noxfile() -> None:
    listed = re.findall(r"^``(\w+)``  ", (ROOT / "CONTRIBUTING.rst").read_text(), re.MULTILINE)

    assert listed == SESSIONS


def test_ci_runs_every_session() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    calls = re.findall(r"^ *(?:step \"|PATH=).*sessions((?: [\w.-]+)+)$", script, re.MULTILINE)
    names = [name for call in calls for name in call.split()]

    assert {name.partition("-")[0] for name in names} == set(SESSIONS)
    assert {"tests-3.12", "coverage", "lowest"} <= set(names)  # which run on all versions
