"""The chart: how much each guard adds to a request, for each algorithm."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

_HEIGHT = 0.8  # height of a group of bars; the space for it has the height 1


def write(bars: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Write the chart as SVG. The same figures make the same file.

    Args:
        bars: for each algorithm, the time that each subject adds, in bare requests.
        path: the file.
    """
    names = list(dict.fromkeys(name for group in bars.values() for name in group))
    height = _HEIGHT / len(names)
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(9, 8), layout="constrained")
        axes = figure.add_subplot()
        for position, name in enumerate(names):
            here = [(row, group[name]) for row, group in enumerate(bars.values()) if name in group]
            ours = name.startswith("ours")
            drawn = axes.barh(
                [row - _HEIGHT / 2 + height * (position + 0.5) for row, _ in here],
                [max(added, 0) for _, added in here],
                height,
                label=name,
                edgecolor="black" if ours else "none",
                color=f"C{position}",
            )
            axes.bar_label(drawn, [f"{added:.2f}" for _, added in here], padding=3, fontsize=8)
        axes.set_yticks(range(len(bars)), list(bars))
        axes.invert_yaxis()
        axes.margins(x=0.08)
        axes.set_xlabel("added to a bare Flask request, in bare requests")
        axes.legend(loc="lower right" if len(bars) == 1 else "best")
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, format="svg", metadata={"Date": None})
