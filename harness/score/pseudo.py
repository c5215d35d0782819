"""Pseudo-clusters: invented answers, so that "no error was seen" is not read as "there are none".

An empirical distribution without an error has no variance, and one with few errors has too little. So for each gold
class that occurs, one more cluster of average size stands beside the data, half of it right and half of it wrong. It
enters the *variance* of a value only, never the value. This is what adding two successes and two failures is to a
plain share (Agresti and Coull 1998), for any metric.

Not for computing anything: it only makes units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from harness.api import Metric, Ranking, Score, Verdict
from harness.score.arrays import Floats, Ints
from harness.score.metrics import COLUMNS
from harness.score.table import NOTHING, UnitTable

# Quintiles: they follow the shape of the golds, and few half-clusters keep the work small.
_LEVELS = 5  # golds of a scale or ranking task that stand for all
_CLASSES = 2.0  # pseudo-clusters of a metric that knows no classes, as of a question with two answers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PseudoUnits:
    """Q invented units, in H half-clusters: one that is right and one that is wrong for each class."""

    view: UnitTable
    """The units, coded as those of the data."""
    half: Ints
    """Shape (Q,): the half-cluster of each."""
    part: Floats
    """Shape (Q,): its part of the half-cluster. The parts of one half-cluster add up to 1."""
    clusters: Floats
    """Shape (H,): how many whole clusters a half-cluster stands for, such as a half."""
    gold_share: Floats
    """Shape (H,): share of the real units whose gold is in this class."""
    kind: Ints
    """Shape (U,): the class of each real unit, whose half-clusters are 2 k and 2 k + 1. -1 if it has none."""


@dataclass(frozen=True, slots=True)
class _GoldClass:
    """One gold class in one category, and what a wrong answer to it is."""

    category: int
    gold: int
    wrong: tuple[int, ...]
    clusters: float
    share: float
    every: bool
    """Whether it stands for all golds."""


def with_pseudo_units(view: UnitTable, metric: Metric, *, by_category: bool) -> tuple[UnitTable, PseudoUnits]:
    """The view with all the verdicts that its pseudo-units need, and these units.

    Args:
        view: At least one unit.
        metric: What will be computed. Its `uses` decide what a class is.
        by_category: Whether the metric is averaged over categories: then each category has its own.
    """
    view, classes = _classes(view, metric, by_category=by_category)
    rows = [
        (k, kind.category, kind.gold, said, part, right)
        for k, kind in enumerate(classes)
        for right, answers in ((True, (kind.gold,)), (False, kind.wrong))
        for said, part in ((answer, 1 / len(answers)) for answer in answers)
    ]
    index, category, gold, said, part, right = (np.array(column) for column in zip(*rows, strict=True))
    known = np.isfinite(view.positive).any()
    first = view.space.verdicts()[0] if view.space.kind in ("choice", "preference") else None
    is_first = np.array([view.verdicts[code] == first for code in gold.tolist()])
    units = UnitTable(
        space=view.space,
        verdicts=view.verdicts,
        key=np.zeros(len(rows), dtype=np.uint64),
        item=np.zeros(len(rows), dtype=np.int64),
        cluster=np.zeros(len(rows), dtype=np.int64),
        category=category.astype(np.int64),
        gold=gold.astype(np.int64),
        predicted=said.astype(np.int64),
        credit=right.astype(np.float64),
        positive=(is_first == right).astype(np.float64) if known else np.full(len(rows), np.nan),
        categories=view.categories,
    )
    twice = [kind for kind in classes for _ in (True, False)]
    kinds = np.full(len(view), -1, dtype=np.int64)
    for k, kind in enumerate(classes):
        own = np.ones(len(view), dtype=np.bool_) if kind.every else view.gold == kind.gold
        kinds[own & (view.category == kind.category) if by_category else own] = k
    return view, PseudoUnits(
        view=units,
        half=(2 * index + ~right).astype(np.int64),
        part=part.astype(np.float64),
        clusters=np.array([kind.clusters / 2 for kind in twice]),
        gold_share=np.array([kind.share for kind in twice]),
        kind=kinds,
    )


def _classes(view: UnitTable, metric: Metric, *, by_category: bool) -> tuple[UnitTable, list[_GoldClass]]:
    # Unless categories are averaged, where a pseudo-unit lies makes no difference, and all are one.
    categories = view.category if by_category else np.zeros(len(view), dtype=np.int64)
    makers = {"score": _levels, "ranking": _rankings, "rubric": _rubrics}
    make = makers.get(view.space.kind, _labels)
    if tuple(getattr(metric, "uses", COLUMNS)) == ("credit",):
        make = _any_class
    found: list[_GoldClass] = []
    for category in np.unique(categories).tolist():
        inside = categories == category
        view, kinds = make(view, inside, category if by_category else int(view.category[0]))
        found += kinds
    return view, found


def _any_class(view: UnitTable, inside: Ints, category: int) -> tuple[UnitTable, list[_GoldClass]]:
    """Of a metric that only counts points: right or wrong, of any class."""
    gold = int(view.gold[inside][0])
    return view, [_GoldClass(category, gold, (NOTHING,), _CLASSES, float(inside.mean()), True)]


def _labels(view: UnitTable, inside: Ints, category: int) -> tuple[UnitTable, list[_GoldClass]]:
    """One for each class of the gold. A wrong answer is spread over the other classes that occur.

    If no candidate but the right one does, it is no verdict as well.
    """
    golds, counts = np.unique(view.gold[inside], return_counts=True)
    occur = np.union1d(golds, view.predicted[inside])
    of_pairs = view.space.kind == "preference"
    ties = {code for code, verdict in enumerate(view.verdicts) if of_pairs and isinstance(verdict, str)}
    kinds = []
    for gold, count in zip(golds.tolist(), counts.tolist(), strict=True):
        wrong = tuple(code for code in occur.tolist() if code not in (gold, NOTHING))
        # A half-cluster of ties only would leave an accuracy without ties, and its wrong half would be missing.
        if all(code in ties for code in wrong):  # which a metric may leave out, or there are none
            wrong = (*wrong, NOTHING)
        kinds.append(_GoldClass(category, gold, wrong, 1.0, count / len(view), False))
    return view, kinds


def _levels(view: UnitTable, inside: Ints, category: int) -> tuple[UnitTable, list[_GoldClass]]:
    """Some levels of a scale. A wrong answer is one standard deviation of the gold away, towards the far end."""
    space = cast("Score", view.space)
    values = np.array([cast("float", verdict) for verdict in view.verdicts])
    golds = np.sort(values[view.gold[inside]])
    # The middle of each fifth of the sorted golds. Equal ones are one level.
    levels = np.unique(golds[((np.arange(_LEVELS) + 0.5) / _LEVELS * len(golds)).astype(np.int64)]).tolist()
    # A wrong score is wrong by as much as scores differ. Constant golds have no spread, and a quarter of the scale
    # stands in.
    off = float(golds.std()) if golds[0] < golds[-1] else (space.high - space.low) / 4
    if space.step:
        off = max(1, round(off / space.step)) * space.step  # a metric may know the steps of the scale only
    # Towards the end that is farther away, so that it seldom has to be cut off there.
    away = (x + off if x < (space.low + space.high) / 2 else x - off for x in levels)
    wrong = [cast("float", space.snap(min(space.high, max(space.low, value)))) for value in away]
    view = _add_verdicts(view, (*levels, *wrong))
    code = {verdict: k for k, verdict in enumerate(view.verdicts)}
    each = _CLASSES / len(levels)
    share = float(inside.mean()) / len(levels)
    kinds = [
        _GoldClass(category, code[level], (code[off_by],), each, share, True)
        for level, off_by in zip(levels, wrong, strict=True)
    ]
    return view, kinds


def _rankings(view: UnitTable, inside: Ints, category: int) -> tuple[UnitTable, list[_GoldClass]]:
    """One gold. A wrong answer is its reverse."""
    # Distances of rankings depend on how two differ, and not on which they are, so one gold stands for all.
    gold = view.verdicts[int(view.gold[inside][0])]
    wrong = cast("Ranking", view.space).worst(gold)
    view = _add_verdicts(view, (gold, wrong))
    code = {verdict: k for k, verdict in enumerate(view.verdicts)}
    return view, [_GoldClass(category, code[gold], (code[wrong],), _CLASSES, float(inside.mean()), True)]


def _rubrics(view: UnitTable, inside: Ints, category: int) -> tuple[UnitTable, list[_GoldClass]]:
    """One gold, the one whose criteria differ most, which metrics of conflicts need. A wrong answer is none at all.

    The rubrics of two items may differ, so that no other answer is known to be as wrong as can be.
    """
    golds = np.unique(view.gold[inside]).tolist()
    gold = max(golds, key=lambda code: len(set(cast("tuple[Verdict, ...]", view.verdicts[code]))))
    return view, [_GoldClass(category, gold, (NOTHING,), _CLASSES, float(inside.mean()), True)]


def _add_verdicts(view: UnitTable, verdicts: Sequence[Verdict]) -> UnitTable:
    """The view with codes for some more verdicts."""
    return replace(view, verdicts=tuple(dict.fromkeys((*view.verdicts, *verdicts))))
