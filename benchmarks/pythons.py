"""Measure with another interpreter as well, and put the figures of both side by side."""

import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from .process import with_checkout
from .section import Check, Options, Section, Table

SECTIONS = ("guarded", "transports", "working_sets", "known_kinds", "issuing", "refusing")
MOST_APART = 0.10  # of the smaller one of two ratios

_ABOUT = (
    "The ratios above, on both. Each section was measured with one after the other. A figure counts as the same if "
    f"the larger one is at most {MOST_APART:.0%} above the smaller one. Figures with a unit are left out."
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Sections, and the version of the Python that they were measured with."""

    version: str
    sections: Sequence[Section]


def write(sections: Sequence[Section], path: Path) -> None:
    """Write what this process has measured to a file, as JSON."""
    path.write_bytes(msgspec.json.encode(Measured(platform.python_version(), sections)))


def measure_with(python: str, name: str, options: Options) -> Measured:
    """Measure a section in a process of another interpreter.

    Args:
        python: the path of the interpreter. It needs the same packages.
        name: of the section, one of SECTIONS.
        options: as here.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        more = ["--quick"] if options.quick else []
        command = [python, "-m", "benchmarks", name, "--rounds", str(options.rounds), "--json", str(path), *more]
        subprocess.run(command, env=with_checkout(), stdout=subprocess.DEVNULL, check=True)
        return msgspec.json.decode(path.read_bytes(), type=Measured)


def compare(here: Sequence[Section], there: Sequence[Measured]) -> list[Section]:
    """Return the sections of the other Python under titles of their own, and one with the ratios of both.

    Args:
        here: all sections of this process.
        there: some of them, measured with the other Python.
    """
    version = there[0].version
    others = [section for measured in there for section in measured.sections]
    pairs = list(_pair(here, others))
    rows = [[section, what, *_cells(one, other)] for section, what, one, other in pairs]
    apart = sum(not _is_same(one, other) for *_, one, other in pairs)
    headers = ("section", "", platform.python_version(), version, "ratio", "the same")
    check = Check("ratios that are not the same", apart, 0)
    titled = [replace(section, title=_title(section, version), bars={}, growth={}) for section in others]
    return [*titled, Section("Two versions of Python", _ABOUT, [Table(headers, rows, word_columns=2)], [check])]


def _title(section: Section, version: str) -> str:
    return f"{section.title}, Python {version}"


def _pair(here: Sequence[Section], there: Sequence[Section]) -> Iterator[tuple[str, str, float, float]]:
    """Yield the title, the name and both figures of each ratio that both have measured."""
    known: Mapping[tuple[str, str], float] = {
        (section.title, check.what): check.figure for section in here for check in section.checks
    }
    for section in there:
        for check in section.checks:
            if not check.unit:
                yield section.title, check.what, known[section.title, check.what], check.figure


def _is_same(one: float, other: float) -> bool:
    smaller, larger = sorted((one, other))
    return larger - smaller <= MOST_APART * abs(smaller)


def _cells(one: float, other: float) -> list[str]:
    ratio = f"{other / one:.2f}" if one else ""
    return [f"{one:.3f}", f"{other:.3f}", ratio, "yes" if _is_same(one, other) else "NO"]
