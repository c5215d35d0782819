"""Two judges side by side. Where they differ, with both reasons, is a list of items, which its own page shows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from harness.api import write_interval, write_number
from harness.report.numbers import NOTHING, p_value
from harness.score.records import Comparison
from harness.view import charts
from harness.view.answers import reason_text
from harness.view.charts import Bar, Chart
from harness.view.filters import Filter
from harness.view.pages.common import headline, metric_name, place, show_estimate, trail, write_tick
from harness.view.pages.items import LONGEST_REASON, SIGNS
from harness.view.records import ShownAnswer, ShownItem
from harness.view.site import Page, Site


def make_page(site: Site, a: str, b: str) -> Page:
    """The page of two judges."""
    return Page(
        path=("pair", a, b),
        title=f"{a} and {b}",
        template="pair.html",
        trail=trail(site),
        content={
            "a": a,
            "b": b,
            "a_href": site.links.to("judge", a),
            "b_href": site.links.to("judge", b),
            "rows": [row for task in site.book.tasks if (row := _row(site, task, a, b)) is not None],
            "drawing": _chart(site, a, b),
            "differences": [],
        },
    )


def _row(site: Site, task: str, a: str, b: str) -> dict[str, Any] | None:
    """Both on one task. `None` where one of them was not asked."""
    cells = site.book.find(task, a), site.book.find(task, b)
    if cells[0] is None or cells[1] is None:
        return None
    pair = _find(site, task, a, b)
    found = headline(cells[0]) or headline(cells[1])
    query = {"judge": a, "against": b}
    return {
        "task": task,
        "href": site.links.to("task", task),
        "metric": "" if found is None else metric_name(found),
        "shown": [show_estimate(headline(cell)) for cell in cells if cell is not None],
        "ranks": [place(cell.row) for cell in cells if cell is not None],
        "difference": NOTHING if pair is None else _write(pair, flip=pair.judge_a != a),
        "interval": NOTHING if pair is None else _write_interval(pair, flip=pair.judge_a != a),
        "p": NOTHING if pair is None else p_value(pair.p_adjusted),
        "above": NOTHING if pair is None else pair.better or NOTHING,
        "differ": site.links.to("items", task, **query),
        "only_a": site.links.to("items", task, **query, outcome="agrees"),
        "only_b": site.links.to("items", task, judge=b, against=a, outcome="agrees"),
        "disagree": "" if pair is None else f"{pair.disagreements:,}",
        "better_a": "" if pair is None else f"{_only(pair, a):,}",
        "better_b": "" if pair is None else f"{_only(pair, b):,}",
    }


def _chart(site: Site, a: str, b: str) -> Chart | None:
    """The difference on each task whose metric is a share."""
    bars = []
    for task in site.book.tasks:
        pair = _find(site, task, a, b)
        if pair is None or pair.difference is None or pair.unit != "share":
            continue
        # Comparisons have the judges in the order of their names, and the page in that of the manifest.
        sign = 1 if pair.judge_a == a else -1
        low, high = sorted((sign * (pair.ci_low or 0.0), sign * (pair.ci_high or 0.0)))
        bars.append(
            Bar(
                label=task,
                value=sign * pair.difference,
                low=None if pair.ci_low is None else low,
                high=None if pair.ci_high is None else high,
                href=site.links.to("items", task, judge=a, against=b),
                said=f"{_write(pair, flip=sign < 0)} ({_write_interval(pair, flip=sign < 0)})",
                kind="" if pair.better else "dim",
            )
        )
    if not bars:
        return None
    return charts.intervals(
        bars,
        title=f"{a} − {b}, points",
        description="The difference on each task with its interval. A mark leads to the items where the two differ.",
        zero=0.0,
        write=write_tick("share"),
    )


def _find(site: Site, task: str, a: str, b: str) -> Comparison | None:
    return next((pair for pair in site.book.comparisons(task) if {pair.judge_a, pair.judge_b} == {a, b}), None)


def _only(pair: Comparison, judge: str) -> int:
    """Units that get more credit from a judge than from the other one."""
    return pair.only_a if pair.judge_a == judge else pair.only_b


def _write(pair: Comparison, *, flip: bool) -> str:
    if pair.difference is None:
        return NOTHING
    sign = -1 if flip else 1  # ends change places as well, see below
    return write_number(pair.unit, sign * pair.difference, pair.ci_low, pair.ci_high, signed=True)


def _write_interval(pair: Comparison, *, flip: bool) -> str:
    if pair.ci_low is None or pair.ci_high is None:
        return NOTHING
    low, high = (-pair.ci_high, -pair.ci_low) if flip else (pair.ci_low, pair.ci_high)
    return write_interval(pair.unit, low, high, signed=True)


def show_differences(site: Site, a: str, b: str, items: Iterable[ShownItem], *, most: int) -> list[dict[str, Any]]:
    """Items on which two judges differ, with both reasons: of each task some.

    Args:
        site: The pages.
        a: Name of the first judge.
        b: Name of the second one.
        items: Where to look.
        most: How many to show.
    """
    wanted = Filter(judge=a, against=b)
    found: dict[str, list[ShownItem]] = {}
    for shown in items:
        if wanted.matches(shown.line):
            found.setdefault(shown.line.task, []).append(shown)
    # Tasks take turns, so that each of them is seen.
    turns = [shown for turn in zip_longest(*found.values()) for shown in turn if shown is not None]
    return [
        {
            "item": shown.line.item,
            "task": shown.line.task,
            "gold": shown.line.gold,
            "href": site.links.to("item", shown.line.task, shown.line.item, **wanted.to_query()),
            "sides": [_side(*own) for own in zip((a, b), _meet(a, b, shown), strict=True)],
        }
        for shown in turns[:most]
    ]


def _meet(a: str, b: str, shown: ShownItem) -> tuple[ShownAnswer, ShownAnswer]:
    """The first two answers to one request that are not the same."""
    both = list(zip(shown.answers[a], shown.answers[b], strict=False))
    return next((pair for pair in both if pair[0].mark.verdict != pair[1].mark.verdict), both[0])


def _side(judge: str, answer: ShownAnswer) -> dict[str, Any]:
    """What a judge said of an item."""
    reason = reason_text(answer.judgement)
    return {
        "judge": judge,
        "kind": answer.mark.kind,
        "sign": SIGNS[answer.mark.kind],
        "verdict": answer.mark.verdict or answer.mark.reason,
        "reason": reason[:LONGEST_REASON],
        "more": len(reason) > LONGEST_REASON,
    }
