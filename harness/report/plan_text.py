"""The plan of `harness plan` as people read it on a terminal. The record is `harness.report.plan`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.api import write_number, write_share
from harness.report.lines import print_notes, print_rows, print_title
from harness.report.numbers import exact_size, heading

if TYPE_CHECKING:
    from rich.console import Console

    from harness.report.plan import ItemPlan, PlanRow

# Ten judges are 45 pairs. A plan needs the easiest, the middle and the hardest.
_MOST_ROWS = 10
# What a narrow terminal can do without: `needs` and `show` are what is asked for.
_SPARE = ("items", "clusters", "discord.")


def plan_rows(plan: ItemPlan, rows: Sequence[PlanRow]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table, as people read them."""
    asked = f"{plan.n or 0:,} show"
    header = ["a", "b", "items", "clusters", "discord.", "shows", "needs", "in clusters", asked]
    return header, [
        [
            row.judge_a or "(assumed)",
            row.judge_b or "(assumed)",
            _count(row.items),
            _count(row.clusters if row.clusters != row.items else None),
            write_share(row.discordance),
            write_number(row.unit, row.detectable) if row.items is not None else "",
            _count(row.needed_items),
            _count(row.needed_clusters if row.clusters != row.items else None),
            write_number(row.unit, row.detectable_with_n) if plan.n is not None else "",
        ]
        for row in rows
    ]


def print_plan(plan: ItemPlan, console: Console) -> None:
    """Print a table for each task, and how to read it."""
    for task, same in itertools.groupby(plan.rows, key=lambda row: row.task):
        rows = list(same)
        print_title(" · ".join(part for part in (task, heading(rows[0].metric, rows[0].unit)) if part), console)
        chosen, left = _choose_rows(rows)
        print_rows(*plan_rows(plan, chosen), console, left=2, spare=_SPARE)
        notes = [f"{left:,} more pairs lie between these; --judge names one, --json has all"] if left else []
        # Of the middle pair: one example is enough to say what more orders or samples would do.
        notes += _explain_asking(chosen[len(chosen) // 2])
        print_notes(notes, console, style="")
        if notes:
            console.print()
    print_notes(list(_legend(plan)), console)


def _choose_rows(rows: list[PlanRow]) -> tuple[list[PlanRow], int]:
    """All pairs where they are few, else the one that varies least, the middle one and the one that varies most."""
    if len(rows) <= _MOST_ROWS:
        return rows, 0
    return [rows[0], rows[len(rows) // 2], rows[-1]], len(rows) - 3


def _explain_asking(row: PlanRow) -> Iterator[str]:
    """What more orders or samples would do."""
    if row.needed_items_once is not None:
        yield (
            f"{row.judge_a} / {row.judge_b}: {row.needed_items:,} items asked {row.asked} times each, as in this run; "
            f"{row.needed_items_once:,} asked once; never fewer than {row.needed_items_endless:,}, however often asked"
        )


def _legend(plan: ItemPlan) -> Iterator[str]:
    about = "a difference"
    if plan.difference is not None:
        about = f"a difference of {exact_size(plan.rows[0].unit, plan.difference)}"
    yield f"{about} is found with a chance of {plan.power * 100:g} % (power)"
    yield f"the chance of even one false difference is {(1 - plan.confidence) * 100:g} %{_family(plan)}"
    yield "discord.: % of verdicts that get more credit from one judge than from the other"
    if any(row.items is not None for row in plan.rows):
        yield "shows: the smallest difference that the run's own items show"
    if plan.difference is not None:
        yield "needs: so many items show the difference"
    if plan.correlation is not None:
        yield f"assumed: being right correlates {plan.correlation:g} between the two judges (--correlation)"
    if any(row.design_effect is not None and row.design_effect > 1.05 for row in plan.rows):
        most = max(row.design_effect or 1 for row in plan.rows)
        yield f"clusters are in these numbers: they make the variance up to {most:.1f} times as large"


def _family(plan: ItemPlan) -> str:
    """How many judges that is of, and which quantile comes of it."""
    low, high = (pick(row.quantile for row in plan.rows) for pick in (min, max))
    shown = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
    if plan.judges is None:
        # 1.97 is the quantile of a single test, with a little room for rounding.
        return f" among all judges of the run, which makes the quantile {shown}" if high > 1.97 else ""
    pairs = plan.judges * (plan.judges - 1) // 2
    return f", which for {plan.judges} judges ({pairs} pairs) makes the quantile {shown}" if pairs > 1 else ""


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
