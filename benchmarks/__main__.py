"""The command: ``python -m benchmarks``."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from .section import Options, Section

try:
    from . import chart, guarded, imports, issuing, memory, refreshes, refusing, report, revocation, served
except ModuleNotFoundError as error:
    raise SystemExit(f"{error}: the benchmarks need what `pip install '.[bench]'` installs") from error

SECTIONS: Mapping[str, Callable[[Options], Section]] = {
    "guarded": guarded.run,
    "issuing": issuing.run,
    "refusing": refusing.run,
    "refreshes": refreshes.run,
    "revocation": revocation.run,
    "served": served.run,
    "imports": imports.run,
    "memory": memory.run,
}
RESULTS = Path(__file__).parent / "RESULTS.md"
_ROUNDS, _QUICK_ROUNDS = 300, 3


@click.command()
@click.argument("names", nargs=-1, metavar="[SECTION]...", type=click.Choice(list(SECTIONS)))
@click.option("--rounds", type=click.IntRange(min=1), help=f"How often each subject is timed; {_ROUNDS} if not given.")
@click.option("--quick", is_flag=True, help="A few rounds, and nothing served: only show that it works.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write a chart to this file, as SVG.")
@click.option("--write", is_flag=True, help=f"Write {RESULTS.name} and its chart; not with SECTION.")
def main(names: tuple[str, ...], rounds: int | None, plot: Path | None, *, quick: bool, write: bool) -> None:
    """Measure what tokens cost and print it beside its targets.

    SECTION is one of guarded, issuing, refusing, refreshes, revocation, served, imports, memory;
    all of them if none is given.
    """
    if write and (names or quick):
        raise click.UsageError(f"{RESULTS.name} holds a whole run: --write goes with no SECTION and not with --quick")
    chosen = [name for name in SECTIONS if name in names or not names]
    options = Options(rounds or (_QUICK_ROUNDS if quick else _ROUNDS), quick)
    sections = []
    for name in chosen:
        click.echo(f"measuring: {name}", err=True)
        sections.append(SECTIONS[name](options))
    click.echo(report.render(sections, rounds=options.rounds))
    drawing = RESULTS.with_suffix(".svg")
    if write:
        RESULTS.write_text(report.render(sections, rounds=options.rounds, chart=drawing.name))
    bars = next((section.bars for section in sections if section.bars), None)
    for path in filter(None, (plot, drawing if write else None)):
        if bars is None:
            raise click.UsageError("the chart shows guarded requests: measure them")
        chart.write(bars, path)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
