"""A section of the benchmarks: tables of measurements, and figures beside their targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .measure import Timing

ROUNDS = 300  # by default


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure."""

    rounds: int
    quick: bool = False  # only show that it works
    urls: Mapping[str, str] = field(default_factory=dict)  # of empty databases, by engine; else servers are started


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of strings under their headers. The first *word_columns* columns are words, the others are numbers."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    word_columns: int = 1


@dataclass(frozen=True, slots=True)
class Check:
    """A figure and its target."""

    what: str
    figure: float
    target: float
    least: bool = False  # the target is a minimum, not a maximum
    fraction: bool = False  # show 1/9, not 0.11
    unit: str = ""  # of both; empty for a ratio, which other machines can be compared by

    @property
    def met(self) -> bool:
        """Whether the figure meets the target."""
        return self.figure >= self.target if self.least else self.figure <= self.target

    def row(self) -> list[str]:
        """Return this check as a row of the table of targets."""
        part = self.fraction and self.figure > 0
        unit = f" {self.unit}" if self.unit else ""
        figure = f"1/{1 / self.figure:.2f}" if part else f"{self.figure:.3f}{unit}"
        target = f"1/{1 / self.target:.3g}" if self.fraction else f"{self.target:g}{unit}"
        return [self.what, figure, f"{'>=' if self.least else '<='} {target}", "yes" if self.met else "NO"]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report."""

    title: str
    about: str
    tables: Sequence[Table] = ()
    checks: Sequence[Check] = ()
    bars: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # for the chart: group, subject, added
    growth: Mapping[str, Mapping[str, Mapping[int, float]]] = field(default_factory=dict)  # title, subject, x, y


def timing_table(headers: tuple[str, str], timings: Mapping[str, Mapping[str, Timing]], *, bare: str) -> Table:
    """Return a table with a row for each subject of each case.

    Args:
        headers: of the columns of the case and of the subject.
        timings: by case and subject.
        bare: the subject that the others are compared with in the same case.
    """
    rows = [
        [case, name, *_timing_cells(timing, taken[bare])]
        for case, taken in timings.items()
        for name, timing in taken.items()
    ]
    return Table((*headers, *_TIMING_HEADERS), rows, word_columns=2)


def _timing_cells(timing: Timing, bare: Timing) -> list[str]:
    """Return the cells for the columns of ``_TIMING_HEADERS``."""
    added = timing.p10 - bare.p10
    figures = timing.p10, timing.median, timing.iqr, added, timing.median - bare.median
    return [*(f"{figure:,.1f}" for figure in figures), f"{added / bare.p10:.2f}", str(timing.rounds)]


_TIMING_HEADERS = ("p10 µs", "median µs", "IQR µs", "added µs", "added (medians)", "added / bare", "rounds")
