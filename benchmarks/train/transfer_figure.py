"""A picture of the experiment on transfer: each arm on pairs, a dot for each base and a line for the interval.

    python benchmarks/train/transfer_figure.py transfer/records/validation transfer/items/validation.json transfer.svg

Needs matplotlib, which nothing else in the project does.
"""

from __future__ import annotations

import sys
from pathlib import Path

from transfer_analysis import level
from transfer_design import ARMS, WEAKNESSES
from transfer_scores import Records, estimate, read_records


def draw(records: Records, path: Path) -> None:
    """Draw macro-F1 on a judge's own pairs, one panel for each kind of weakness, as an SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same records give the same bytes.
    mpl.rcParams.update(
        {"svg.hashsalt": "transfer", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    from matplotlib import pyplot

    names = [arm.name for arm in ARMS if any(record["arm"] == arm.name for record in records.records)]
    figure, axes = pyplot.subplots(
        1, len(WEAKNESSES), figsize=(8, 0.6 + 0.32 * len(names)), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, weakness in zip(axes.flat, WEAKNESSES, strict=True):
        for place, name in enumerate(reversed(names)):
            by_base = level(records, name, weakness, "own", "macro_f1")
            if not by_base:
                continue
            found = estimate(by_base)
            values = [value.whole for value in by_base.values()]
            axis.plot(values, [place] * len(values), "o", color="#9db4cc", markersize=4)
            axis.plot(found.value, place, "|", color="#1f4e79", markersize=12, markeredgewidth=2)
            if found.bases > 1:
                axis.plot(found.interval, [place, place], color="#1f4e79", linewidth=1.5)
        axis.set_title(f"{weakness} weakness", fontsize=9)
        axis.axvline(50, color="#bbbbbb", linewidth=0.8, linestyle=":")  # a judge that guesses
        axis.set_xlim(0, 100)
        axis.grid(axis="x", alpha=0.25)
    axes.flat[0].set_yticks(range(len(names)), list(reversed(names)))
    figure.supxlabel("macro-F1 on pairs, %", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    draw(read_records(Path(sys.argv[1]), Path(sys.argv[2])), Path(sys.argv[3]))
