"""The criteria of a rubric as a table of their own: a row for each criterion and judge, a column for each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from harness.api import Protocol, Unit, write_interval, write_number
from harness.report.numbers import NOTHING, heading
from harness.report.records import LeaderboardRow


def table_rows(rows: Sequence[LeaderboardRow]) -> tuple[list[str], list[list[str]]]:
    """Header and lines of the table. No lines where no metric is of a criterion.

    Args:
        rows: A block of the leaderboard.
    """
    found = {row.judge: _metrics_of(row) for row in rows}
    keys = list(dict.fromkeys(key for own in found.values() for key in own))
    criteria = list(dict.fromkeys(criterion for criterion, _ in keys))
    metrics = list(dict.fromkeys(metric for _, metric in keys))
    titles = {
        metric: heading(metric, cast("Unit", numbers["unit"]))
        for own in found.values()
        for (_, metric), numbers in own.items()
    }
    lines = []
    for criterion in criteria:
        for judge, own in found.items():
            numbers = [own.get((criterion, metric)) for metric in metrics]
            counts = {f"{shown['n']:,}" for shown in numbers if shown is not None}
            lines.append([criterion, judge, "/".join(sorted(counts)), *map(_write, numbers)])
    return ["criterion", "judge", "n", *(titles[metric] for metric in metrics)], lines


def _metrics_of(row: LeaderboardRow) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The numbers of a row by criterion and metric, the one on show among them."""
    shown = {"value": row.value, "ci_low": row.ci_low, "ci_high": row.ci_high, "n": row.n, "unit": row.unit}
    every: dict[str, Mapping[str, Any]] = {row.metric: shown, **row.others}
    found = {}
    for name, numbers in every.items():
        if criterion := Protocol.criterion_of(name):
            found[criterion, name.replace(f"[{criterion}]", "")] = numbers
    return found


def _write(numbers: Mapping[str, Any] | None) -> str:
    """`66.7 (58.9–73.6)`."""
    if numbers is None:
        return ""
    unit, ends = cast("Unit", numbers["unit"]), (numbers["ci_low"], numbers["ci_high"])
    value, within = write_number(unit, numbers["value"], *ends), write_interval(unit, *ends)
    return value if within == NOTHING else f"{value} ({within})"
