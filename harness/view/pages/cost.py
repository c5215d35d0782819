"""Cost against quality: dollars where judges say them, otherwise seconds, otherwise tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.view import charts
from harness.view.book import BookCell
from harness.view.charts import Chart, Point, Series
from harness.view.pages.common import headline, metric_name, show_estimate, write_tick
from harness.view.site import Site


def cost_chart(site: Site, cells: Sequence[BookCell]) -> Chart | None:
    """The judges of a task by what an answer costs. `None` where fewer than two say so."""
    # Money first, as that is what people ask for. Time is a stand-in where a model runs on one's own machine.
    for name, read in (("US dollars for 1,000 answers", _dollars), ("seconds for an answer (median)", _seconds)):
        points = []
        for cell in cells:
            cost, found = read(site, cell), headline(cell)
            if cost is None or found is None or found.value is None:
                continue
            points.append(
                Point(
                    x=cost,
                    y=found.value,
                    low=found.ci_low,
                    high=found.ci_high,
                    label=f"{cell.judge}: {show_estimate(found).text} for {cost:.3g} {name}",
                    href=site.links.to("judge", cell.judge),
                    name=cell.judge,
                )
            )
        if len(points) > 1:
            return _draw(points, name, cells)
    return None


def _draw(points: Sequence[Point], name: str, cells: Sequence[BookCell]) -> Chart:
    found = next(number for cell in cells if (number := headline(cell)) is not None)
    ends = [end for point in points for end in (point.low, point.high, point.y) if end is not None]
    low = min(0.0, *ends) if found.unit == "share" else min(ends)
    return charts.plane(
        [Series(name="judges", points=points, joins=False)],
        title="Cost and quality",
        description=f"Each judge by {name} and by its {metric_name(found)}.",
        x=(name, 0.0, max(point.x for point in points) * 1.08 or 1.0),
        y=(metric_name(found), low, max(ends) + 0.04 * (max(ends) - low)),
        write_y=write_tick(found.unit),
    )


def _dollars(site: Site, cell: BookCell) -> float | None:
    board = site.book.board
    for record in () if board is None else board.usage:
        if (record.judge, record.run) == (cell.judge, cell.cell.run) and record.usd_per_answer is not None:
            return 1000 * record.usd_per_answer
    return None


def _seconds(site: Site, cell: BookCell) -> float | None:
    return median_latency(site.book.records.get(cell.cell.run, {}), cell.cell.judge)


def median_latency(record: Mapping[str, Any], judge: str) -> float | None:
    """Seconds for an answer, from `run.json`, which somebody else may have written."""
    # Step by step, since any of it may be something else than a mapping.
    own = record.get("judges", {})
    for name in (judge, "latency_s"):
        own = own.get(name, {}) if isinstance(own, dict) else {}
    median = own.get("median") if isinstance(own, dict) else None
    return float(median) if isinstance(median, int | float) and 0 <= median < 1e9 else None
