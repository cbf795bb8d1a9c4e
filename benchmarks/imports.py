"""Measure the time of imports beyond ``import flask``, each in its own process."""

import os
import subprocess
import sys
from statistics import median

from .measure import iqr
from .section import Check, Options, Section, Table

OURS, PYJWT = "flask_tokenauth", "jwt"
STATEMENTS = {
    PYJWT: "jwt",
    OURS: "flask_tokenauth",
    "flask_httpauth, jwt": "flask_httpauth, jwt",
    "authlib": "authlib.integrations.flask_oauth2, authlib.oauth2.rfc9068",
    "flask_jwt_extended": "flask_jwt_extended",
}
MOST_OF_PYJWT = 1.5
_TIMES = 20

_ABOUT = (
    "Added to `import flask`, by `python -X importtime`; medians, and the range that holds the middle half. All "
    "modules are compiled beforehand, as pip does; a checkout may not be."
)


def run(options: Options) -> Section:
    """Import all modules by turns, many times."""
    for modules in STATEMENTS.values():
        _import(modules)
    taken: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(2 if options.quick else _TIMES):
        for name, modules in STATEMENTS.items():
            taken[name].append(_import(modules))
    medians = {name: median(times) for name, times in taken.items()}
    rows = [
        [name, f"{medians[name]:.1f}", f"{iqr(times):.1f}", f"{medians[name] / medians[PYJWT]:.2f}"]
        for name, times in taken.items()
    ]
    check = Check(f"import {OURS} / import {PYJWT}", medians[OURS] / medians[PYJWT], MOST_OF_PYJWT)
    return Section("Importing", _ABOUT, [Table(("", "median ms", "IQR ms", f"/ {PYJWT}"), rows)], [check])


def _import(modules: str) -> float:
    """Return how many milliseconds the import of *modules* adds to the import of flask."""
    command = [sys.executable, "-X", "importtime", "-c", f"import flask\nimport {modules}"]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    report = subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stderr
    lines = [line.split("|") for line in report.splitlines() if line.startswith("import time:")]
    outermost = [(name[1:].rstrip(), int(total)) for _, total, name in lines[1:] if not name.startswith("  ")]
    names = [name for name, _ in outermost]
    return sum(total for _, total in outermost[names.index("flask") + 1 :]) / 1000
