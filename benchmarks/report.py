"""The report, in Markdown that is readable in a terminal."""

from collections.abc import Sequence

from tabulate import tabulate

from .machine import describe
from .section import Check, Section, Table

_CHECK_HEADERS = "", "figure", "target", "met"


def render(sections: Sequence[Section], *, rounds: int, chart: str | None = None) -> str:
    """Return the whole report.

    Args:
        sections: the sections, in order.
        rounds: how often each subject was timed.
        chart: the file name of the chart, which stands in the same folder as the report.
    """
    checks = [check for section in sections for check in section.checks]
    parts = [
        "# Benchmarks",
        "Written by `python -m benchmarks`. Ratios are comparable between machines, microseconds are not.",
        "\n".join(f"- {line}" for line in [*describe(), f"Rounds: {rounds}", _summarize(checks)]),
    ]
    if chart:
        parts.append(f"![How much each guard adds to a request, and refreshes by the number of clients]({chart})")
    for section in sections:
        parts += [f"## {section.title}", section.about, *map(render_table, section.tables)]
        if section.checks:
            rows = [check.row() for check in section.checks]
            parts.append(_tabulate(_CHECK_HEADERS, rows, ("left", "right", "right", "left")))
    return "\n\n".join(parts) + "\n"


def _summarize(checks: Sequence[Check]) -> str:
    return f"Targets met: {sum(check.met for check in checks)} of {len(checks)}"


def render_table(table: Table) -> str:
    """Return a table in Markdown."""
    numbers = len(table.headers) - table.word_columns
    return _tabulate(table.headers, table.rows, ("left",) * table.word_columns + ("right",) * numbers)


def _tabulate(headers: Sequence[str], rows: Sequence[Sequence[str]], align: Sequence[str]) -> str:
    return str(tabulate(rows, headers, tablefmt="github", disable_numparse=True, colalign=align))
