"""Pictures of the curves: validation accuracy by step, seeds as thin lines and their mean as a thick one.

    python benchmarks/train/curves.py grid/checkpoints docs/explanation/images

Needs matplotlib, which nothing else in the project does.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tables import INSIDE

RECIPES = (
    "mt-rl-judge",
    "mt-rl-adaptive",
    "mt-rl-calibrated",
    "mt-rl-swap",
    "rl-verdict-only",
    "sft-unified",
    "sft-rationale",
    "sft-replay",
)
"""What the first picture shows: every recipe of six tasks that starts from the base."""
REFERENCE = "mt-rl-judge"
"""Whose tasks the second picture shows."""

Curve = dict[int, list[float]]
"""Values of all seeds by step."""


def read(folder: Path, recipe: str, metric: str) -> Curve:
    """A metric's values of all seeds of a recipe."""
    curve: Curve = defaultdict(list)
    for path in sorted(folder.glob(f"{recipe}-*/curves.jsonl")):
        if path.parent.name.rpartition("-")[0] != recipe or not (path.parent / "trained.json").is_file():
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            point = json.loads(line)
            if metric in point["metrics"]:
                curve[point["step"]].append(100 * point["metrics"][metric])
    return curve


def draw(curves: Mapping[str, Curve], path: Path, *, columns: int) -> None:
    """One small picture for each curve, all on the same scale, as one SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same curves give the same bytes.
    mpl.rcParams.update(
        {"svg.hashsalt": "curves", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    from matplotlib import pyplot

    rows = -(-len(curves) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(2.5 * columns, 2.0 * rows), sharey=True, squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(curves) :]:
        axis.set_visible(False)
    for axis, (title, curve) in zip(axes.flat, curves.items(), strict=False):
        steps = sorted(curve)
        for seed in range(min(len(values) for values in curve.values())):
            axis.plot(steps, [curve[step][seed] for step in steps], color="#9db4cc", linewidth=0.8)
        axis.plot(steps, [statistics.fmean(curve[step]) for step in steps], color="#1f4e79", linewidth=2)
        axis.set_title(title, fontsize=9)
        axis.grid(alpha=0.25)
    figure.supxlabel("step", fontsize=9)
    figure.supylabel("validation accuracy, %", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main(arguments: Sequence[str]) -> None:
    """Draw both pictures."""
    folder, images = Path(arguments[0]), Path(arguments[1])
    found = {recipe: read(folder, recipe, "validation/accuracy") for recipe in RECIPES}
    draw({name: curve for name, curve in found.items() if curve}, images / "recipes.svg", columns=4)
    tasks = {task: read(folder, REFERENCE, f"validation/{task}/accuracy") for task in INSIDE}
    draw({name: curve for name, curve in tasks.items() if curve}, images / "tasks.svg", columns=3)


if __name__ == "__main__":
    main(sys.argv[1:])
