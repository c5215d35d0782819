"""What a right verdict of a judge costs, and how long it lets one wait. Money by answers is `harness.report.usage`.

With c_g the cost of cluster g and y_g its right verdicts, a right one costs the ratio R = sum of c / sum of y. Its
interval is made as that of every metric: each cluster is left out in turn, beside a pseudo-cluster of average cost of
which half is right. It stands on the scale of logarithms, since few right verdicts leave a price open upwards. A
task of scores or rankings has no right verdicts: then there is no such price.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.recorded.load import JournalAnswers
from harness.report.scored import ScoredCell
from harness.report.usage import Spending, nearest_rank
from harness.runner.folder import JOURNAL
from harness.runner.journal import ANSWERS, Journal
from harness.runner.rows import quantity
from harness.score.arrays import Floats, Ints
from harness.score.columns import cluster_marks, hash_id
from harness.score.spread import interval_from_moves

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
    bill = _add_up(parts)
    usd, correct = math.fsum(bill.costs), float(bill.right.sum())
    if correct <= 0:
        return Spending(correct=0, usd=usd)
    low, high = _interval(bill, confidence=confidence) or (None, None)
    return Spending(correct=round(correct), usd=usd, usd_per_correct=usd / correct, low=low, high=high)


class _Bill(NamedTuple):
    """What clusters cost, and what there was for it. All have shape (C,)."""

    marks: Ints
    """Marks of the clusters, which tasks have in common."""
    costs: Floats
    """US dollars of all answers."""
    right: Floats
    """Right verdicts."""
    verdicts: Floats
    """Units, right or wrong: at most so many could have been right."""
    items: Floats
    """Items whose answers say what they cost."""


def _add_up(parts: Sequence[_Bill]) -> _Bill:
    """One bill for several tasks: what has one group in two of them is one cluster, and no two independent ones."""
    marks, place = np.unique(np.concatenate([part.marks for part in parts]), return_inverse=True)
    sums = (
        np.bincount(place.reshape(-1), weights=np.concatenate(column)) for column in list(zip(*parts, strict=True))[1:]
    )
    return _Bill(marks, *(column.astype(np.float64) for column in sums))


def _interval(bill: _Bill, *, confidence: float) -> tuple[float, float] | None:
    """By the jackknife of the logarithm; `None` with fewer than four clusters, or where nothing costs anything."""
    usd, correct, clusters = float(bill.costs.sum()), float(bill.right.sum()), len(bill.costs)
    if clusters < 4 or not usd > 0:
        return None
    # Without the pseudo-cluster, answers that are all right would leave a price without an interval, or with one
    # that knows of no errors.
    cost, verdicts = usd / clusters, float(bill.verdicts.mean())
    centre = math.log((usd + cost) / (correct + verdicts / 2))

    def leave_out(costs: Floats, right: Floats) -> Floats:
        moves: Floats = np.log((usd + cost - costs) / (correct + verdicts / 2 - right)) - centre
        return moves

    ends = interval_from_moves(
        centre,
        centre=centre,
        moves=leave_out(bill.costs, bill.right),
        pseudo=leave_out(np.full(2, cost / 2), np.array([verdicts / 2, 0.0])),
        sizes=bill.items,
        bounds=None,
        confidence=confidence,
    )
    if ends is None:
        return None
    ratio = usd / correct
    return min(ratio, math.exp(ends[0])), max(ratio, math.exp(ends[1]))


def _clusters(cell: ScoredCell) -> _Bill | None:
    """The bill of one task. `None` where it has no right verdicts, or no answer says its cost."""
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
    # No price of anything is not the price of no right verdict.
    if not priced.any():
        return None
    # An item that no unit counts, as of a tie that is skipped, was paid for all the same: as a cluster of its own.
    clusters = cluster_marks(array("Q", (hash_id(table.items[row]) for row in range(len(table.items)))))
    clusters[units.item] = units.cluster
    marks, place_of = np.unique(clusters[priced], return_inverse=True)
    place_of = place_of.reshape(-1)
    # An answer is right with its whole credit: a half for a tie is no right verdict.
    counts = np.bincount(units.item, weights=(units.credit >= 1).astype(float), minlength=len(table.items))
    verdicts = np.bincount(units.item, minlength=len(table.items))

    def add(column: Floats | Ints) -> Floats:
        sums = np.bincount(place_of, weights=column[priced], minlength=len(marks))
        return sums.astype(np.float64, copy=False)

    return _Bill(marks, add(by_item), add(counts), add(verdicts), add(np.ones(len(priced))))


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
