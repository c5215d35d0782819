"""A task: its judges side by side, what they say, where they err, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.api import write_interval, write_number
from harness.report import ceilings, notes
from harness.report.numbers import NOTHING, p_value, size
from harness.score.consistency import fair_share
from harness.score.records import Comparison, Estimate
from harness.view import charts
from harness.view.book import BookCell
from harness.view.charts import Bar, Chart, Point, Series
from harness.view.pages.common import (
    bounds,
    flags_of,
    headline,
    list_notes,
    make_bar,
    metric_name,
    percent,
    place,
    show_estimate,
    trail,
    why_unranked,
    write_tick,
)
from harness.view.pages.confusion import confusion_charts
from harness.view.pages.cost import cost_chart
from harness.view.site import Page, Site

_MOST_PAIRS = 28  # of eight judges; more are in the table


def make_page(site: Site, task: str) -> Page:
    """The page of a task."""
    cells = site.book.of_task(task)
    pairs = _sort(site.book.comparisons(task))
    rows = [cell.row for cell in cells if cell.row is not None]
    board = site.book.board
    return Page(
        path=("task", task),
        title=task,
        template="task.html",
        trail=trail(site),
        content={
            "facts": notes.facts(rows) if rows else [cells[0].cell.protocol.summary()],
            "notes": list_notes(board, rows) if board and rows else [],
            "items": site.links.to("items", task),
            "split": site.links.to("items", task, split="yes"),
            "others": [(name, site.links.to("task", name)) for name in site.book.tasks],
            "forest": _forest(site, cells),
            "rows": [_row(site, cell) for cell in cells],
            "pairs": _pairs_chart(site, task, pairs),
            "comparisons": [_pair(site, task, pair) for pair in pairs],
            "confusion": confusion_charts(site, task),
            "coverage": _coverage(site, cells),
            "position": _consistency(
                site,
                cells,
                "first_position",
                "First position",
                "of decided answers name the first place shown",
                _fair_share(cells),
            ),
            "swaps": _consistency(
                site, cells, "swap_consistency", "Swap consistency", "of items have one verdict in every order", None
            ),
            "repeats": _consistency(site, cells, "repeat_consistency", "Repeat consistency", "of repeats agree", None),
            "calibration": _calibration(site, cells),
            "risk": _risk(site, cells),
            "categories": _categories(site, cells),
            "metrics": _metrics(cells),
            "cost": cost_chart(site, cells),
            "ceilings": ceilings.notes(rows) if rows else [],
        },
    )


def _forest(site: Site, cells: Sequence[BookCell]) -> Chart | None:
    found = next((number for cell in cells if (number := headline(cell)) is not None), None)
    if found is None:
        return None
    return charts.intervals(
        [
            make_bar(
                cell.judge,
                headline(cell),
                href=site.links.to("items", cell.cell.task, judge=cell.judge, outcome="differs"),
                dim=bool(why_unranked(site, cell)),
            )
            for cell in cells
        ],
        title=f"{metric_name(found)} of each judge",
        description="Each judge with its interval. A mark leads to the items where it differs from the gold.",
        bounds=bounds(found.unit),
        write=write_tick(found.unit),
    )


def _row(site: Site, cell: BookCell) -> dict[str, Any]:
    """A judge in the table of the task."""
    row, scores, found = cell.row, cell.scores, headline(cell)
    return {
        "judge": cell.judge,
        "href": site.links.to("judge", cell.judge),
        "rank": place(row),
        "letters": "" if row is None else row.letters,
        "shown": show_estimate(found),
        "why": why_unranked(site, cell),
        "n": NOTHING if found is None else f"{found.n:,}",
        "asked": NOTHING if scores is None else f"{scores.asked:,}",
        "coverage": NOTHING if scores is None else percent(scores.coverage),
        "worst": NOTHING if found is None else write_number(found.unit, found.worst_case, found.ci_low, found.ci_high),
        "flags": () if row is None else row.flags,
        "said": [] if row is None else flags_of(site, row),
        "listed": site.links.to("items", cell.cell.task, judge=cell.judge),
        "unread": site.links.to("items", cell.cell.task, judge=cell.judge, outcome="unread"),
    }


def _sort(pairs: Iterable[Comparison]) -> list[Comparison]:
    """The most certain difference first, as in `leaderboard.md`."""
    return sorted(
        pairs,
        key=lambda pair: (
            2.0 if pair.p_adjusted is None else pair.p_adjusted,
            -abs(pair.difference or 0.0),
            pair.judge_a,
            pair.judge_b,
        ),
    )


def _pairs_chart(site: Site, task: str, pairs: Sequence[Comparison]) -> Chart | None:
    shown = [pair for pair in pairs if pair.difference is not None and pair.p_adjusted is not None][:_MOST_PAIRS]
    if not shown:
        return None
    return charts.intervals(
        [
            Bar(
                label=f"{pair.judge_a} − {pair.judge_b}",
                value=pair.difference,
                low=pair.ci_low,
                high=pair.ci_high,
                href=site.links.to("items", task, judge=pair.judge_a, against=pair.judge_b),
                said=write_number(pair.unit, pair.difference, pair.ci_low, pair.ci_high, signed=True)
                + f" ({write_interval(pair.unit, pair.ci_low, pair.ci_high, signed=True)})",
                kind="" if pair.better else "dim",
            )
            for pair in shown
        ],
        title="Paired differences",
        description="Each pair of ranked judges: the difference of their values with an interval that holds for all "
        "pairs at once. A mark leads to the items where the two do not say the same.",
        zero=0.0,
        write=write_tick(shown[0].unit),
        room=236,
    )


def _pair(site: Site, task: str, pair: Comparison) -> dict[str, str]:
    """A pair in the table."""
    return {
        "a": pair.judge_a,
        "b": pair.judge_b,
        "href": site.links.to("pair", *sorted((pair.judge_a, pair.judge_b), key=site.book.judges.index)),
        "difference": write_number(pair.unit, pair.difference, pair.ci_low, pair.ci_high, signed=True),
        "interval": write_interval(pair.unit, pair.ci_low, pair.ci_high, signed=True),
        "p": p_value(pair.p_value),
        "p_all": p_value(pair.p_adjusted),
        "above": "depends on missing" if pair.depends_on_missing else pair.better or NOTHING,
        "detectable": NOTHING if pair.detectable is None else size(pair.unit, pair.detectable),
        "n": f"{pair.n:,}",
        "disagree": f"{pair.disagreements:,}",
        "listed": site.links.to("items", task, judge=pair.judge_a, against=pair.judge_b),
    }


def _coverage(site: Site, cells: Sequence[BookCell]) -> Chart | None:
    """What became of the requests. There is nothing to see where every answer has a verdict."""
    rows = [
        (
            cell.judge,
            [
                (name, count, _linker(site, cell)(outcome=None if name == "ok" else "unread"))
                for name, count in cell.scores.statuses.items()
            ],
        )
        for cell in cells
        if cell.scores is not None
    ]
    if not any(name != "ok" and count for _, own in rows for name, count, _ in own):
        return None
    return charts.parts(
        rows,
        title="What became of the requests",
        description="Each judge's requests by status. A part leads to its items.",
    )


def _linker(site: Site, cell: BookCell) -> Callable[..., str]:
    """Addresses of lists of a cell's items."""
    return lambda **query: site.links.to("items", cell.cell.task, judge=cell.judge, **query)


def _consistency(
    site: Site, cells: Sequence[BookCell], metric: str, title: str, meaning: str, zero: float | None
) -> Chart | None:
    bars = []
    for cell in cells:
        found = _find(cell.scores.consistency, metric) if cell.scores is not None else None
        if found is not None and found.value is not None:
            # What a number is about: answers for the first place, and items with different verdicts for the others.
            query = {"first": "yes"} if metric == "first_position" else {"outcome": "mixed"}
            bars.append(make_bar(cell.judge, found, href=_linker(site, cell)(**query)))
    if not bars:
        return None
    return charts.intervals(
        bars,
        title=f"{title}, %",
        description=f"{title}: how many per cent {meaning}, with intervals.",
        bounds=(0.0, 1.0),
        zero=zero,
        write=write_tick("share"),
    )


def _fair_share(cells: Sequence[BookCell]) -> float | None:
    """Where the line of no preference for a place stands; `None` where the judges have no such place in common."""
    found = set()
    for cell in cells:
        # Orders and candidates are the same for all items of a task.
        answer = next(cell.cell.answers(), None)
        if answer is not None:
            found.add(fair_share(cell.cell.protocol.order, answer.space.candidate_count))
    return found.pop() if len(found) == 1 else None


def _find(estimates: Iterable[Estimate], metric: str) -> Estimate | None:
    return next((found for found in estimates if found.metric == metric), None)


def _calibration(site: Site, cells: Sequence[BookCell]) -> Chart | None:
    series = []
    for number, cell in enumerate(cells):
        sure = cell.scores.calibration if cell.scores is not None else None
        # A judge that is always as sure has no curve, and its one point says nothing.
        if sure is None or len(sure.bins) < 2:
            continue
        points = [
            Point(
                x=own.confidence,
                y=own.right,
                low=own.ci_low,
                high=own.ci_high,
                label=f"{cell.judge}: sure to {own.confidence:.0%}, right in {own.right:.0%} of {own.n:,}",
                href=_linker(site, cell)(low=f"{own.low:.6g}", high=f"{own.high:.6g}"),
            )
            for own in sure.bins
        ]
        series.append(Series(name=cell.judge, points=points, number=number))
    if not series:
        return None
    return charts.plane(
        series,
        title="Calibration",
        description="How often each judge is right among answers of which it is as sure. On the line it is as often "
        "right as it says. A point leads to these answers.",
        x=("probability of the verdict", 0.0, 1.0),
        y=("share that is right", 0.0, 1.0),
        diagonal=True,
    )


def _risk(site: Site, cells: Sequence[BookCell]) -> Chart | None:
    series = []
    for number, cell in enumerate(cells):
        sure = cell.scores.calibration if cell.scores is not None else None
        if sure is None or len(sure.curve) < 2:
            continue
        points = [
            Point(
                x=own.coverage,
                y=own.risk,
                label=f"{cell.judge}: {own.risk:.1%} wrong among the surest {own.coverage:.0%}",
                # Scores round probabilities to the sixth digit, and the answer at the threshold is one of those kept.
                href=_linker(site, cell)(outcome="differs", low=f"{max(0.0, own.threshold - 5e-7):.7f}"),
            )
            for own in sure.curve
        ]
        series.append(Series(name=cell.judge, points=points, number=number))
    if not series:
        return None
    return charts.plane(
        series,
        title="Risk and coverage",
        description="How many answers are wrong when only the surest part is kept. A point leads to the wrong ones.",
        x=("part that is kept", 0.0, 1.0),
        y=("share that is wrong", 0.0, max(point.y for own in series for point in own.points) or 1.0),
    )


def _categories(site: Site, cells: Sequence[BookCell]) -> dict[str, Any] | None:
    """The headline by category, a row for each."""
    by_judge: dict[str, Mapping[str, Estimate]] = {
        cell.judge: cell.scores.categories for cell in cells if cell.scores is not None and cell.scores.categories
    }
    names = sorted({name for own in by_judge.values() for name in own})
    # One category is the whole, which stands above already.
    if len(names) < 2:
        return None
    task = cells[0].cell.task
    return {
        "judges": list(by_judge),
        "rows": [
            (
                name,
                site.links.to("items", task, category=name),
                [
                    show_estimate(own.get(name), site.links.to("items", task, category=name, judge=judge))
                    for judge, own in by_judge.items()
                ],
            )
            for name in names
        ],
    }


def _metrics(cells: Sequence[BookCell]) -> dict[str, Any] | None:
    """All metrics of the protocol."""
    scored = [cell for cell in cells if cell.scores is not None]
    # In the order of the protocol, whose first metric is the headline.
    names = list(dict.fromkeys(found.metric for cell in scored if cell.scores for found in cell.scores.estimates))
    if len(names) < 2:
        return None
    titles = []
    for name in names:
        found = next(f for cell in scored if cell.scores and (f := _find(cell.scores.estimates, name)))
        titles.append(metric_name(found))
    return {
        "titles": titles,
        "rows": [
            (cell.judge, [show_estimate(_find(cell.scores.estimates, name)) for name in names])
            for cell in scored
            if cell.scores is not None
        ],
    }
