"""The command: ``python -m benchmarks``."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from .section import ROUNDS, Options, Section

try:
    from . import (
        chart,
        cookies,
        databases,
        encrypted,
        exchanging,
        first_requests,
        guarded,
        imports,
        issuing,
        known_kinds,
        loads,
        looked_up,
        memory,
        polls,
        pythons,
        refreshes,
        refusing,
        replicas,
        report,
        revocation,
        served,
        transports,
        trusted,
        working_sets,
    )
except ModuleNotFoundError as error:
    raise SystemExit(f"{error}: the benchmarks need more packages: run `pip install '.[bench]'`") from error

SECTIONS: Mapping[str, Callable[[Options], Section]] = {
    "guarded": guarded.run,
    "transports": transports.run,
    "working_sets": working_sets.run,
    "known_kinds": known_kinds.run,
    "issuing": issuing.run,
    "refusing": refusing.run,
    "refreshes": refreshes.run,
    "replicas": replicas.run,
    "polls": polls.run,
    "loads": loads.run,
    "revocation": revocation.run,
    "trusted": trusted.run,
    "looked_up": looked_up.run,
    "cookies": cookies.run,
    "encrypted": encrypted.run,
    "exchanging": exchanging.run,
    "first_requests": first_requests.run,
    "served": served.run,
    "imports": imports.run,
    "memory": memory.run,
}
RESULTS = Path(__file__).parent / "RESULTS.md"
_QUICK_ROUNDS = 3


@click.command()
@click.argument("names", nargs=-1, metavar="[SECTION]...", type=click.Choice(list(SECTIONS)))
@click.option("--rounds", type=click.IntRange(min=1), help=f"How often each subject is timed; {ROUNDS} by default.")
@click.option("--quick", is_flag=True, help="Only show that it works: a few rounds, no web servers.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write charts to this file, as SVG.")
@click.option("--postgresql", metavar="URL", help="An empty database to use. Without it, a server is started.")
@click.option("--mariadb", metavar="URL", help="An empty database to use. Without it, a server is started.")
@click.option("--valkey", metavar="URL", help="An empty server to use. Without it, one is started.")
@click.option("--python", metavar="PATH", help="Another interpreter with the same packages, to compare this one with.")
@click.option("--json", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures to this file.")
@click.option("--write", is_flag=True, help=f"Write {RESULTS.name} and its chart; measures all sections.")
def main(
    names: tuple[str, ...],
    rounds: int | None,
    *,
    plot: Path | None,
    postgresql: str | None,
    mariadb: str | None,
    valkey: str | None,
    python: str | None,
    json: Path | None,
    quick: bool,
    write: bool,
) -> None:
    """Measure what tokens cost, and print the figures beside their targets.

    SECTION is one of guarded, transports, working_sets, known_kinds, issuing, refusing, refreshes, replicas, polls,
    loads, revocation, trusted, looked_up, cookies, encrypted, exchanging, first_requests, served, imports, memory.
    Without SECTION, all of them are measured. --python measures some of them with the other interpreter too: those that
    depend on nothing but the speed of Python.
    """
    if write and (names or quick):
        raise click.UsageError(f"{RESULTS.name} holds all sections: use --write without SECTION and without --quick")
    chosen = [name for name in SECTIONS if name in names or not names]
    given = {databases.POSTGRESQL: postgresql, databases.MARIADB: mariadb, databases.VALKEY: valkey}
    urls = {engine: url for engine, url in given.items() if url}
    options = Options(rounds or (_QUICK_ROUNDS if quick else ROUNDS), quick, urls)
    sections, elsewhere = [], []
    for name in chosen:
        click.echo(f"measuring: {name}", err=True)
        sections.append(SECTIONS[name](options))
        if python and name in pythons.SECTIONS:
            elsewhere.append(pythons.measure_with(python, name, options))
    if elsewhere:
        sections += pythons.compare(sections, elsewhere)
    if json:
        pythons.write(sections, json)
    click.echo(report.render(sections, rounds=options.rounds))
    drawing = RESULTS.with_suffix(".svg")
    if write:
        RESULTS.write_text(report.render(sections, rounds=options.rounds, chart=drawing.name))
    for path in filter(None, (plot, drawing if write else None)):
        if not any(section.bars or section.growth for section in sections):
            raise click.UsageError("the charts show guarded requests and refreshes: add such a section")
        chart.write(sections, path)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
