"""What a right verdict of a judge costs, and how long it lets one wait. Money by answers is `harness.report.usage`.

With c_g the cost of cluster g and y_g its right verdicts, a right one costs the ratio R = sum of c / sum of y.
Its variance is C / (C - 1) times the sum of (c_g - R y_g)^2, over (sum of y)^2 (Cochran 1977, Sampling Techniques, 6.4
and 9A), for C clusters. A task of scores or rankings has no right verdicts: then there is no such price.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from harness.recorded.load import JournalAnswers
from harness.report.scored import ScoredCell
from harness.report.usage import Spending, nearest_rank
from harness.runner.folder import JOURNAL
from harness.runner.journal import ANSWERS, Journal
from harness.runner.rows import quantity
from harness.score.arrays import Floats
from harness.score.intervals import t_quantile

_DECIDED = ("choice", "preference", "rubric")
"""Kinds of answer space in which a verdict is right or wrong."""


def spending_of(cells: Sequence[ScoredCell], *, confidence: float) -> Spending:
    """What a judge's right verdicts cost, over those of its tasks that know right and wrong.

    Args:
        cells: All cells of one judge of one run.
        confidence: Of the interval.
    """
    parts = [part for cell in cells if (part := _clusters(cell)) is not None]
    if not parts:
        return Spending()
    costs, right = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    usd, correct = math.fsum(costs), float(right.sum())
    if correct <= 0:
        return Spending(correct=0, usd=usd)
    ratio = usd / correct
    low, high = _interval(costs, right, ratio, confidence=confidence) or (None, None)
    return Spending(correct=round(correct), usd=usd, usd_per_correct=ratio, low=low, high=high)


def _interval(costs: Floats, right: Floats, ratio: float, *, confidence: float) -> tuple[float, float] | None:
    """By the linearised variance; `None` with fewer than four clusters, or where nothing varies."""
    clusters = len(costs)
    left = costs - ratio * right
    error = math.sqrt(clusters / max(1, clusters - 1) * float(left @ left)) / float(right.sum())
    if clusters < 4 or not error > 0:
        return None
    half = t_quantile(confidence, clusters - 1) * error
    return max(0.0, ratio - half), ratio + half


def _clusters(cell: ScoredCell) -> tuple[Floats, Floats] | None:
    """Cost and right verdicts of each cluster. `None` where the task has none, or no answer says its cost."""
    costs = _costs(cell)
    if not costs:
        return None
    table = cell.table()
    if table.units.space.kind not in _DECIDED:
        return None
    # Missing answers cost money too, and none of them is right.
    units = table.view("worst")
    place = {table.items[row]: row for row in range(len(table.items))}
    # An item of which an answer does not say its cost is left out with its verdict. It would look free.
    by_item = np.full(len(table.items), np.nan)
    for item, cost in costs.items():
        if item in place and cost is not None:
            by_item[place[item]] = cost
    priced = np.isfinite(by_item)
    marks = np.unique(units.cluster, return_inverse=True)[1].reshape(-1)
    # An item that no unit counts, as of a tie that is skipped, was paid for all the same.
    clusters = np.arange(len(table.items)) + int(marks.max(initial=-1)) + 1
    clusters[units.item] = marks
    clusters = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    count = int(clusters.max(initial=0)) + 1
    # An answer is right with its whole credit: a half for a tie is no right verdict.
    counts = (units.credit >= 1) & priced[units.item]
    right = np.bincount(clusters[units.item], weights=counts.astype(float), minlength=count)
    spent = np.bincount(clusters[priced], weights=by_item[priced], minlength=count)
    known = np.bincount(clusters[priced], minlength=count) > 0
    return spent[known].astype(np.float64), right[known].astype(np.float64)


def _costs(cell: ScoredCell) -> dict[str, float | None]:
    """US dollars of all answers to each item; `None` where one of them does not say. Empty where none says."""
    if not isinstance(cell.source, JournalAnswers):
        return {}
    journal = Journal(cell.source.journal, readonly=True)
    try:
        if not journal.usage(cell.judge_key).priced:
            return {}
        rows = journal.select_all(
            f"SELECT a.item, j.more FROM asks a JOIN judgements j ON j.judge=? AND {ANSWERS} WHERE a.task=?",
            (cell.judge_key, cell.task),
        )
    finally:
        journal.close()
    return _add_costs((str(item), quantity(json.loads(more).get("cost_usd"))) for item, more in rows)


def _add_costs(answers: Iterable[tuple[str, float | None]]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for item, cost in answers:
        before = found.get(item, 0.0)
        found[item] = None if before is None or cost is None else before + cost
    return found


def latency_lines(folders: Sequence[Path]) -> list[str]:
    """How long the answers of each judge of some runs took, one line for each that says so.

    Raises:
        JournalError: A journal cannot be read.
    """
    said = []
    for folder in folders:
        journal = Journal(folder / JOURNAL, readonly=True)
        try:
            judges = json.loads(journal.meta("plan") or "{}").get("judges", ())
            found = {str(judge["name"]): journal.latencies(str(judge["key"])) for judge in judges}
        finally:
            journal.close()
        where = f" ({folder.name})" if len(folders) > 1 else ""
        said += [f"{name}{where}: {_latency_text(taken)}" for name, taken in found.items() if taken]
    return said


def _latency_text(latencies: Sequence[float]) -> str:
    shown = ", ".join(f"{nearest_rank(latencies, part):.3g} s (p{100 * part:g})" for part in (0.5, 0.95, 0.99))
    return f"latency {shown} of {len(latencies):,} answers"
