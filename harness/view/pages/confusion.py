"""What each judge said to each gold: a table of confusion, or a scatter of scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.view import charts
from harness.view.book import BookCell
from harness.view.charts import Chart, Point, Series
from harness.view.site import Site

_MOST_NAMES = 12  # in a table that can be read
_MOST_POINTS = 250


def confusion_charts(site: Site, task: str) -> list[tuple[str, Chart]]:
    """A chart for each judge that has answers, with its name."""
    found = []
    for cell in site.book.of_task(task):
        counts = {pair: count for pair, count in site.counts.of(task, cell.judge).items() if pair[1]}
        chart = _chart(site, cell, counts) if counts else None
        if chart is not None:
            found.append((cell.judge, chart))
    return found


def _chart(site: Site, cell: BookCell, counts: Mapping[tuple[str, str], int]) -> Chart | None:
    task, judge = cell.cell.task, cell.judge
    golds = sorted({gold for gold, _ in counts}, key=_place)
    names = sorted({said for _, said in counts} | set(golds), key=_place)
    if len(names) <= _MOST_NAMES:
        return charts.grid(
            counts,
            golds,
            names,
            title=judge,
            description=f"{judge} on {task}: how often it gave each verdict to each gold. A cell leads to its items.",
            link=lambda gold, said: site.links.to("items", task, judge=judge, gold=gold, verdict=said),
        )
    points = _points(site, task, judge, counts)
    if not points:
        return None  # rankings of many candidates have no axis
    low, high = (end(min(p.x, p.y) if end is min else max(p.x, p.y) for p in points) for end in (min, max))
    return charts.plane(
        [Series(name=judge, points=points, joins=False)],
        title=judge,
        description=f"{judge} on {task}: its scores against the gold. A point leads to its items.",
        x=("gold", low, high),
        y=("score", low, high),
        diagonal=True,
    )


def _points(site: Site, task: str, judge: str, counts: Mapping[tuple[str, str], int]) -> list[Point]:
    """Scores against golds, the most frequent ones. Empty where they are no numbers."""
    points = []
    for (gold, said), count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_POINTS]:
        x, y = _number(gold), _number(said)
        if x is None or y is None:
            return []
        href = site.links.to("items", task, judge=judge, gold=gold, verdict=said)
        points.append(Point(x=x, y=y, label=f"gold {gold}, score {said}: {count:,}", href=href))
    return points


def _place(name: str) -> tuple[bool, Any, str]:
    """Numbers by size, and names by letter."""
    value = _number(name)
    return value is None, 0.0 if value is None else value, name


def _number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None
