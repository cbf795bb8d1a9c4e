"""The charts: how much each guard adds to a request, and how refreshes grow with the number of clients."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .section import Section

_HEIGHT = 0.8  # height of a group of bars; the space for it has the height 1
_BARS, _LINES = 8, 3.5  # inches


def write(sections: Sequence[Section], path: Path) -> None:
    """Write the charts of all sections that have one, as one SVG. The same figures make the same file.

    Args:
        sections: at least one of them has a chart.
        path: the file.
    """
    import matplotlib as mpl  # noqa: PLC0415  # takes long, and only a chart needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    bars = [section.bars for section in sections if section.bars]
    lines = [chart for section in sections for chart in section.growth.items()]
    heights = [_BARS] * len(bars) + [_LINES] * len(lines)
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(9, sum(heights)), layout="constrained")
        axes = figure.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
        for place, groups in zip(axes, bars, strict=False):
            _draw_bars(place, groups)
        for place, (title, growth) in zip(axes[len(bars) :], lines, strict=True):
            _draw_growth(place, title, growth)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_bars(axes: Any, bars: Mapping[str, Mapping[str, float]]) -> None:
    names = list(dict.fromkeys(name for group in bars.values() for name in group))
    height = _HEIGHT / len(names)
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


def _draw_growth(axes: Any, title: str, growth: Mapping[str, Mapping[int, float]]) -> None:
    for name, points in growth.items():
        axes.plot(list(points), list(points.values()), marker="o", label=name)
    axes.set_xscale("log", base=2)
    counts = sorted({count for points in growth.values() for count in points})
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.set_ylim(bottom=0)
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
