"""The training of judges: what their trainers logged, and some of what the policies wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.runner.folder import read_kept
from harness.training.folder import CURVES, read_curves
from harness.view import charts
from harness.view.charts import Chart, Point, Series
from harness.view.pages.common import trail
from harness.view.site import Page, Site

COMPLETIONS = "completions.jsonl"
"""Where a trainer keeps some of what its policy wrote, one JSON object a line."""

_SHOWN = ("step", "task", "item", "text", "verdict", "gold", "reward")
_MOST_CHARTS = 24
_MOST_POINTS = 400
_MOST_COMPLETIONS = 30


def has_curves(site: Site) -> bool:
    """Whether a judge of the runs was trained, and its log is here."""
    return bool(_folders(site))


def make_page(site: Site) -> Page | None:
    """The page of training; `None` where no judge was trained."""
    folders = _folders(site)
    if not folders:
        return None
    return Page(
        path=("training",),
        title="Training",
        template="training.html",
        trail=trail(site),
        content={
            "judges": [
                {
                    "judge": judge,
                    "href": site.links.to("judge", judge),
                    "folder": folder.name,
                    "charts": _charts(read_curves(folder)),
                    "completions": _completions(folder),
                }
                for judge, folder in folders
            ]
        },
    )


def _folders(site: Site) -> list[tuple[str, Path]]:
    """Judge and checkpoint folder of each judge whose log can be read."""
    found = []
    for judge in site.book.judges:
        cell = site.book.of_judge(judge)[0].cell
        judges = site.book.records.get(cell.run, {}).get("judges", {})
        own = judges.get(cell.judge, {}) if isinstance(judges, dict) else {}
        model = own.get("model") if isinstance(own, dict) else None
        # Only a log of this name, and only numbers of it, no matter who wrote the path.
        if isinstance(model, str) and (Path(model).parent / CURVES).is_file():
            found.append((judge, Path(model).parent))
    return found


def _charts(curves: Mapping[int, Mapping[str, float | None]]) -> list[Chart]:
    """A chart for each metric."""
    names = list(dict.fromkeys(name for metrics in curves.values() for name in metrics))
    drawn = []
    for name in names[:_MOST_CHARTS]:
        points = [
            (step, value)
            for step, metrics in curves.items()
            if isinstance(value := metrics.get(name), int | float) and math.isfinite(value)
        ]
        if len(points) < 2:  # a point is no curve
            continue
        kept = _thin(points)
        low, high = min(value for _, value in kept), max(value for _, value in kept)
        room = (high - low) * 0.06 or 0.5
        drawn.append(
            charts.plane(
                [
                    Series(
                        name=name,
                        points=[Point(x=step, y=value, label=f"step {step}: {value:.4g}") for step, value in kept],
                    )
                ],
                title=name,
                description=f"{name} at each step of the training.",
                x=("step", float(points[0][0]), float(points[-1][0])),
                y=(name, low - room, high + room),
                height=230,
            )
        )
    return drawn


def _thin(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Points spread evenly, with the last one."""
    step = max(1, math.ceil(len(points) / _MOST_POINTS))
    return [*points[:-1:step], points[-1]]


def _completions(folder: Path) -> list[dict[str, str]]:
    """The last of what the policy wrote."""
    try:
        lines = read_kept(folder / COMPLETIONS).decode("utf-8", "replace").split("\n")
    except OSError:
        return []
    found = []
    for line in lines[-_MOST_COMPLETIONS - 1 :]:
        try:
            record = json.loads(line)
            found.append({name: str(record.get(name, "–")) for name in _SHOWN})
        except (ValueError, AttributeError, RecursionError):
            continue  # half a line, of a process that was killed
    return found[::-1]
