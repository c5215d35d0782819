"""Tables of the comparison: means over seeds with intervals, and paired differences from MT-RL-Judge.

    python benchmarks/train/tables.py benchmarks/train/results.json

`results.json` is the `grid.json` that the page `The paper in miniature` of the documentation shows.

An answer without a verdict counts as wrong. `outside` is the share of answers in the form asked for with what is none
of the answers: the form is lost, which says nothing of the sight.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy import stats

INSIDE = ("alignment-digit", "alignment-relation", "safety", "technical", "naturalness", "rationality")
OUTSIDE = ("pairwise-alignment", "pairwise-safety", "technical-unseen", "alignment-unseen")
NEVER_MET = ("quality-score", "quality-ranking")
"""Forms that not even the base has met."""
PAIRS = ("pairwise-alignment", "pairwise-safety")
REFERENCE = "mt-rl-judge"
PAPER = ("off-the-shelf", "sft-single", "sft-unified", "rl-single", "mt-rl-judge")
"""Rows of the paper."""
ORDER = (
    *PAPER,
    "sft-rationale",
    "sft-replay",
    "rl-verdict-only",
    "sft-unified (verdict)",
    "off-the-shelf (verdict)",
    "weaker base",
    "mt-rl from weaker",
    "stronger base",
    "mt-rl from stronger",
    "mt-rl-adaptive",
    "mt-rl-calibrated",
    "mt-rl-swap",
)
"""All rows, as they are shown."""
GIVEN = ("off-the-shelf", "off-the-shelf (verdict)", "weaker base", "stronger base")
"""Rows that are the same whatever the seed."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One judge on one task."""

    row: str
    seed: int
    task: str
    metric: str
    value: float
    """The task's headline, every missing answer counted as wrong as can be."""
    answered: float | None
    """The same over answers with a verdict."""
    low: float | None
    high: float | None
    """95 % interval of `answered` over test items, by whole clusters."""
    coverage: float
    """Share of answers with a verdict."""
    outside: float
    """Share of answers in the form asked for with what is none of the answers."""
    n: int
    """Answers asked for."""

    @classmethod
    def of_cell(cls, cell: Mapping[str, Any], *, row: str, seed: int) -> Result:
        """From a cell of `scores.json`."""
        first = cell["estimates"][0]
        return cls(
            row=row,
            seed=seed,
            task=cell["task"],
            metric=first["metric"],
            value=first["worst_case"],
            answered=first["excluded"],
            low=first["ci_low"],
            high=first["ci_high"],
            coverage=cell["coverage"],
            outside=cell["statuses"]["outside"] / cell["asked"],
            n=cell["asked"],
        )


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its interval, by Student's t over seeds; NaN where there is one seed."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.nan
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1))
    return mean, reach * statistics.stdev(values) / math.sqrt(len(values))


def by_seed(results: Sequence[Result], row: str, task: str) -> dict[int, float]:
    """Values of a row on a task, in per cent."""
    return {one.seed: 100 * one.value for one in results if (one.row, one.task) == (row, task)}


def means(results: Sequence[Result], row: str, tasks: Sequence[str]) -> dict[int, float]:
    """Means of a row over tasks, of the seeds that have all of them."""
    columns = [by_seed(results, row, task) for task in tasks]
    seeds = set.intersection(*(set(column) for column in columns))
    return {seed: statistics.fmean(column[seed] for column in columns) for seed in sorted(seeds)}


def differences(results: Sequence[Result], row: str, tasks: Sequence[str]) -> list[float]:
    """Of a row's means from those of the reference, by seed; one of `GIVEN` has one mean for all seeds."""
    mine, reference = means(results, row, tasks), means(results, REFERENCE, tasks)
    if row in GIVEN and mine:
        mine = dict.fromkeys(reference, *mine.values())
    return [mine[seed] - reference[seed] for seed in sorted(set(mine) & set(reference))]


def p_values(results: Sequence[Result], rows: Sequence[str], tasks: Sequence[str]) -> dict[str, float]:
    """Of no difference from the reference: paired t over seeds, corrected by Holm over the rows of the table."""
    raw: dict[str, float] = {}
    for row in rows:
        found = differences(results, row, tasks)
        if row != REFERENCE and len(found) > 1 and statistics.stdev(found) > 0:
            raw[row] = float(stats.ttest_1samp(found, 0).pvalue)
    corrected: dict[str, float] = {}
    highest = 0.0
    for place, row in enumerate(sorted(raw, key=raw.__getitem__)):
        highest = max(highest, min(1.0, (len(raw) - place) * raw[row]))
        corrected[row] = highest
    return corrected


def table(results: Sequence[Result], rows: Sequence[str], tasks: Sequence[str], *, over: Sequence[str]) -> str:
    """Rows by tasks, in per cent.

    Args:
        results: Of all rows.
        rows: Names in their order.
        tasks: The columns.
        over: The tasks that the mean, the difference and the share outside are about.
    """
    titles = [*tasks, "mean", f"difference from {REFERENCE}", "p", "outside", "seeds"]
    lines = [f"| row | {' | '.join(titles)} |", f"| --- |{' ---: |' * len(titles)}"]
    known = {one.row for one in results}
    rows = [row for row in rows if row in known]
    likely = p_values(results, rows, over)
    for row in rows:
        cells = [shown(list(by_seed(results, row, task).values())) for task in tasks]
        mine = means(results, row, over)
        against = "" if row == REFERENCE else shown(differences(results, row, over), sign=True)
        lost = [one.outside for one in results if one.row == row and one.task in over]
        cells += [shown(list(mine.values())), against, f"{likely[row]:.2g}" if row in likely else ""]
        cells += [f"{100 * statistics.fmean(lost):.1f}" if lost else "", str(len(mine))]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(values: Sequence[float], *, sign: bool = False) -> str:
    """`71.2 ± 1.3`, or `71.2` alone where one seed tells no interval."""
    if not values:
        return "–"
    mean, half = interval(values)
    number = f"{mean:+.1f}" if sign else f"{mean:.1f}"
    return number if math.isnan(half) or half == 0 else f"{number} ± {half:.1f}"


def document(results: Sequence[Result]) -> str:
    """Both tables, and the forms that nobody has met."""
    inside = table(results, ORDER, INSIDE, over=INSIDE)
    outside = table(results, ORDER, OUTSIDE, over=PAIRS)
    met = [one.coverage for one in results if one.task in NEVER_MET and one.row in PAPER]
    most = f"{100 * max(met, default=0.0):.1f} %"
    never = f"{', '.join(NEVER_MET)}: at most {most} of answers with a verdict, over the rows of the paper."
    return f"## In distribution\n\n{inside}\n\n## Out of distribution\n\n{outside}\n\n{never}\n"


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    results = [Result(**record) for record in found]
    print(document(results), end="")  # noqa: T201
