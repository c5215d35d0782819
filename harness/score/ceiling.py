"""The human ceiling: how well a person scores against the other people, and the judge against the same.

Not for agreement among people as such (`harness.score.alpha`), nor for whether the judge may stand in for one of them
(`harness.score.alt_test`); both are put beside the ceiling here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse

from harness.api import AnswerSpace, Metric, Score, Units, Verdict
from harness.score.agreement import Kappa
from harness.score.alpha import krippendorff
from harness.score.alt_test import alt_test
from harness.score.correlation import Kendall, Pearson, Spearman, WeightedKappa
from harness.score.intervals import Statistic, divide
from harness.score.metrics import CoreMetric, MeanAbsoluteError, MeanMetric, averages_credit, bind
from harness.score.people import Lines
from harness.score.records import Ceiling, MetricCeiling
from harness.score.sampling import _over_categories, distinct
from harness.score.spread import (
    Interval,
    correlation_interval,
    effective_clusters,
    plain_interval,
    share_interval,
)
from harness.score.table import NOTHING, CellTable, Floats, Ints

_OWN_BLOCK = 30  # items from which an annotator's metric is taken alone; those with fewer are taken together
_MOST_WEIGHT = 840  # of a line; so many parts of an item are told apart exactly, more by rounding
_MOST_CELLS = 5_000_000  # of the matrix clusters x types; beyond, clusters are first put together into so many groups
_GROUPS = 200
_CHUNK = 300_000


def human_ceiling(table: CellTable, metrics: Mapping[str, Metric], *, confidence: float = 0.95) -> Ceiling | None:
    """Everything about people for one cell; `None` where no item has the verdicts of two people.

    Args:
        table: The cell.
        metrics: By name; each has a ceiling of its own.
        confidence: Of the intervals, and 1 - the false discovery rate of the test.
    """
    people = table.people
    if people is None:
        return None
    alpha = krippendorff(people, table.units.space, confidence=confidence)
    if not alpha.items:
        return None
    low, high = alpha.interval or (None, None)
    return Ceiling(
        annotators=alpha.annotators,
        items=alpha.items,
        annotations=alpha.annotations,
        alpha=alpha.value,
        alpha_low=low,
        alpha_high=high,
        distance=alpha.distance,
        metrics=tuple(ceiling_of(table, metric, name=name, confidence=confidence) for name, metric in metrics.items()),
        alt_test=alt_test(
            people.duels,
            people.annotators,
            item=table.units.item,
            cluster=table.units.cluster,
            epsilon=table.protocol.alt_test_epsilon,
            confidence=confidence,
        ),
    )


def ceiling_of(table: CellTable, metric: Metric, *, name: str, confidence: float = 0.95) -> MetricCeiling:
    """The leave-one-annotator-out value of a metric, and the judge's on the very same golds.

    Each annotator in turn is scored against the consensus of the others (`harness.score.people.consensus`), by the
    metric and the protocol of the judge. Each item weighs the same, however many people said something. A metric that
    is no plain mean is taken within each annotator, and averaged over annotators by what they did; those with fewer
    than 30 items are taken together as if they were one.

    The interval is by the delete-one-cluster jackknife (`harness.score.spread`).

    Args:
        table: The cell, with people.
        metric: What to compute.
        name: Its name, with its own average where it has one.
        confidence: Of the intervals.
    """
    assert table.people is not None
    if reason := _why_not(table, metric, name):
        return MetricCeiling(metric=name, n=0, reason=reason)
    lines = table.people.lines
    if not len(lines.unit):
        return MetricCeiling(metric=name, n=0, reason="no unit that counts has the verdicts of two people")
    average = table.protocol.average_of(name)
    kinds = _kinds(table, lines, metric, by_category=average == "category")
    statistic = _statistic(table, kinds, metric, by_category=average == "category")
    value, judge, gap = _estimates(kinds, statistic, _scale_of(metric, table), confidence=confidence)
    return MetricCeiling(
        metric=name,
        n=len(np.unique(lines.unit)),
        value=value.value,
        ci_low=value.low,
        ci_high=value.high,
        judge=judge.value,
        judge_low=judge.low,
        judge_high=judge.high,
        difference=gap.value,
        difference_low=gap.low,
        difference_high=gap.high,
    )


def _why_not(table: CellTable, metric: Metric, name: str) -> str:
    """Why a metric has no ceiling, if it has none."""
    uses = getattr(metric, "uses", ())
    if "positive" in uses:
        return "reads probabilities, and people give none"
    if table.protocol.average_of(name) == "group" or getattr(metric, "of_groups", False):
        return "is taken within groups of items"
    if table.units.space.kind == "score" and "credit" in uses:
        return "asks for the very score, and the consensus of people is a mean"
    return ""


class _Scale(NamedTuple):
    """Where the values of a metric lie: between two ends, or on the scale of correlations, or nobody knows."""

    low: float = 0.0
    high: float = 1.0
    kind: Literal["between", "correlation", "unknown"] = "between"

    def interval(self, of: _Moments, *, df: float, confidence: float) -> Interval | None:
        """The interval of a value."""
        if self.kind == "correlation":
            return correlation_interval(of.value, of.variance, df, confidence=confidence)
        if self.kind == "unknown":
            return plain_interval(of.value, of.variance, df, confidence=confidence)
        width = self.high - self.low
        share, smoothed = (of.value - self.low) / width, (of.smoothed - self.low) / width
        found = share_interval(share, smoothed, of.variance / width**2, df, confidence=confidence)
        return None if found is None else (self.low + width * found[0], self.low + width * found[1])


def _scale_of(metric: Metric, table: CellTable) -> _Scale:
    if isinstance(metric, Pearson | Spearman | Kendall):
        return _Scale(-1, 1, "correlation")
    if isinstance(metric, Kappa | WeightedKappa):
        return _Scale(-1, 1)
    if isinstance(metric, MeanAbsoluteError) and isinstance(table.units.space, Score):
        return _Scale(0, table.units.space.high - table.units.space.low)
    return _Scale() if isinstance(metric, CoreMetric) else _Scale(kind="unknown")


class _Moments(NamedTuple):
    """A value, and what its interval is made of."""

    value: float
    smoothed: float
    variance: float


class _Measured(NamedTuple):
    """A value with its interval, each `None` where it is not defined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kinds:
    """T distinct lines, sorted by block and category, and how often each cluster has them."""

    columns: Mapping[str, Ints]
    """Shape (T,) each: block, category, kept, gold, person, judge."""
    person_credit: Floats
    judge_credit: Floats
    """Shape (T,)."""
    verdicts: tuple[Verdict, ...]
    weights: sparse.csr_array
    """Shape (C, T), whole numbers."""
    halves: Floats
    """Shape (E, T): half pseudo-clusters; in the first of two the person is right and the judge wrong."""
    df: float
    """Effective clusters less one."""


_CODES = ("block", "category", "kept", "gold", "person", "judge", "person_points", "judge_points")


def _kinds(table: CellTable, lines: Lines, metric: Metric, *, by_category: bool) -> _Kinds:
    """Collapse the lines to distinct ones, with the pseudo-clusters among them."""
    assert table.people is not None
    own = averages_credit(metric)
    judge, points = (lines.judge, lines.judge_credit) if own else (lines.guess, lines.guess_credit)
    points_known, credit_codes = np.unique(np.r_[0.0, 1.0, lines.person_credit, points], return_inverse=True)
    person_points, judge_points = np.split(credit_codes[2:].astype(np.int64), 2)
    parts = np.unique(lines.parts)
    whole = min(lcm(*parts.tolist()), _MOST_WEIGHT)
    weight = np.maximum(np.rint(whole / lines.parts), 1)
    columns = {
        "block": _blocks(lines, mean=isinstance(metric, MeanMetric)),
        "category": table.units.category[lines.unit] if by_category else np.zeros_like(lines.unit),
        "kept": lines.kept.astype(np.int64),
        "gold": lines.gold,
        "person": lines.person,
        "judge": judge,
        "person_points": person_points,
        "judge_points": judge_points,
    }
    cluster = np.unique(table.units.cluster[lines.unit], return_inverse=True)[1].astype(np.int64)
    sizes = np.bincount(cluster[np.unique(lines.unit, return_index=True)[1]])
    verdicts = list(table.people.verdicts)
    ends = (int(credit_codes[0]), int(credit_codes[1]))
    fake, share, half = _pseudo(columns, weight, verdicts, metric, space=table.units.space, ends=ends)
    joint = [np.r_[columns[name], fake[name]] for name in _CODES]
    first, types = distinct(joint)
    own_types, fake_types = types[: len(weight)], types[len(weight) :]
    cluster, clusters = _grouped(cluster, len(first))
    halves = np.zeros((half.max(initial=-1) + 1, len(first)))
    np.add.at(halves, (half, fake_types), share * weight.sum() / clusters / 2)
    found = dict(zip(_CODES, (column[first] for column in joint), strict=True))
    return _Kinds(
        columns=found,
        person_credit=points_known[found["person_points"]],
        judge_credit=points_known[found["judge_points"]],
        verdicts=tuple(verdicts),
        weights=sparse.csr_array((weight, (cluster, own_types)), shape=(clusters, len(first))),
        halves=halves,
        df=min(effective_clusters(sizes), clusters) - 1,
    )


def _blocks(lines: Lines, *, mean: bool) -> Ints:
    """Which lines are taken together: all for a plain mean, else those of each annotator who has enough items."""
    if mean:
        return np.zeros_like(lines.unit)
    seen = np.unique(np.stack([lines.annotator, lines.unit]), axis=1)[0]
    few = np.bincount(seen)[lines.annotator] < _OWN_BLOCK
    return np.where(few, 0, lines.annotator + 1)


def _pseudo(
    columns: Mapping[str, Ints],
    weight: Floats,
    verdicts: list[Verdict],
    metric: Metric,
    *,
    space: AnswerSpace,
    ends: tuple[int, int],
) -> tuple[dict[str, Ints], Floats, Ints]:
    """Lines of the pseudo-clusters: for each class of the golds one, of other golds one in all; none of correlations.

    Args:
        columns: Of the real lines.
        weight: Of the real lines.
        verdicts: What codes stand for; a wrong answer that nobody gave is added.
        metric: What is computed.
        space: The answer space.
        ends: Codes of the points 0 and 1.

    Returns:
        The columns, the share of a pseudo-cluster that each line is, and the half that it belongs to.
    """
    found: dict[str, list[int]] = {name: [] for name in _CODES}
    share: list[float] = []
    half: list[int] = []
    if isinstance(metric, CoreMetric) and not isinstance(metric, Pearson | Spearman | Kendall):
        golds = _golds_and_wrongs(columns["gold"], verdicts, space)
        pairs, where = np.unique(np.stack([columns["block"], columns["category"]]), axis=1, return_inverse=True)
        shares = np.bincount(where.reshape(-1), weights=weight) / weight.sum()
        for place, (gold, wrongs) in enumerate(golds):
            for (block, category), part in zip(pairs.T.tolist(), shares.tolist(), strict=True):
                for wrong in wrongs:
                    for right in (0, 1):  # whether it is the judge who is right
                        person, judge = (wrong, gold) if right else (gold, wrong)
                        line = (block, category, 1, gold, person, judge, ends[1 - right], ends[right])
                        for name, value in zip(_CODES, line, strict=True):
                            found[name].append(value)
                        share.append(part / len(wrongs))
                        half.append(2 * place + right)
    return (
        {name: np.array(values, dtype=np.int64) for name, values in found.items()},
        np.array(share),
        np.array(half, dtype=np.int64),
    )


def _golds_and_wrongs(gold: Ints, verdicts: list[Verdict], space: AnswerSpace) -> list[tuple[int, list[int]]]:
    """The golds of the pseudo-clusters, each with what is wrong there: as far off as chance, not as can be."""
    if isinstance(space, Score):
        scores = np.array(verdicts, dtype=np.float64)[gold]
        low, high = (int(gold[np.argsort(scores, kind="stable")[len(gold) * k // 4]]) for k in (1, 3))
        return [(low, [high if high != low else _worst(verdicts, low, space)])]
    codes, counts = np.unique(gold, return_counts=True)
    if space.kind == "ranking":
        most = int(codes[np.argmax(counts)])
        return [(most, [_worst(verdicts, most, space)])]
    known = codes.tolist()
    return [(one, [code for code in known if code != one] or [_worst(verdicts, one, space)]) for one in known]


def _worst(verdicts: list[Verdict], gold: int, space: AnswerSpace) -> int:
    worst = space.worst(verdicts[gold])
    if worst not in verdicts:
        verdicts.append(worst)
    return verdicts.index(worst)


def _grouped(cluster: Ints, types: int) -> tuple[Ints, int]:
    """Clusters, put together at random where there are too many to leave out each (Kott 2001, delete-a-group)."""
    clusters = int(cluster.max()) + 1
    if clusters * types <= _MOST_CELLS or clusters <= _GROUPS:
        return cluster, clusters
    group = np.random.default_rng(0).permutation(clusters) % _GROUPS
    return group[cluster], _GROUPS


def _statistic(table: CellTable, kinds: _Kinds, metric: Metric, *, by_category: bool) -> Statistic:
    """Person, judge, and person where the judge counts: weights of shape (B, T) to values of shape (B, 3)."""
    kept = kinds.columns["kept"] > 0
    sides = (
        (kinds.columns["person"], kinds.person_credit, np.ones_like(kept)),
        (kinds.columns["judge"], kinds.judge_credit, kept),
        (kinds.columns["person"], kinds.person_credit, kept),
    )
    bound = []
    for said, credit, counted in sides:
        blocks: list[tuple[Ints, Statistic]] = []
        for block in np.unique(kinds.columns["block"][counted]):
            rows = np.flatnonzero(counted & (kinds.columns["block"] == block))
            units = Units(
                space=table.units.space,
                gold=tuple(kinds.verdicts[code] for code in kinds.columns["gold"][rows].tolist()),
                predicted=tuple(None if code == NOTHING else kinds.verdicts[code] for code in said[rows].tolist()),
                credit=credit[rows],
                positive=np.full(len(rows), np.nan),
            )
            if by_category:
                codes, weigh = kinds.columns["category"][rows], table.protocol.weights
                names = table.units.categories
                within = _over_categories(metric, [units], codes, names=names, weigh=weigh)
                blocks.append((rows, _first_of(within)))
            else:
                blocks.append((rows, bind(metric, units)))
        bound.append(blocks)
    return lambda weights: np.stack([_over_blocks(blocks, weights) for blocks in bound], axis=1)


def _first_of(statistic: Statistic) -> Statistic:
    return lambda weights: statistic(weights)[:, 0]


def _over_blocks(blocks: Sequence[tuple[Ints, Statistic]], weights: Floats) -> Floats:
    """The mean over annotators, by the weight of their lines; an annotator without a value leaves it."""
    total, present = np.zeros((2, len(weights)))
    for rows, statistic in blocks:
        own = np.ascontiguousarray(weights[:, rows])
        value, weight = statistic(own), own.sum(axis=1)
        defined = np.isfinite(value) & (weight > 0)
        total += np.where(defined, value * weight, 0)
        present += np.where(defined, weight, 0)
    return divide(total, present)


def _estimates(kinds: _Kinds, statistic: Statistic, scale: _Scale, *, confidence: float) -> list[_Measured]:
    """Person, judge, and judge - person, by the delete-one-cluster jackknife."""
    total = np.asarray(kinds.weights.sum(axis=0), dtype=np.float64)[None, :]
    smooth = total + kinds.halves.sum(axis=0)
    plain, smoothed = statistic(total)[0], statistic(smooth)[0]
    rows = max(1, _CHUNK // total.shape[1])
    clusters = kinds.weights.shape[0]
    moved = [
        statistic(smooth - kinds.weights[start : start + rows].toarray()) - smoothed
        for start in range(0, clusters, rows)
    ]
    real = np.concatenate(moved)
    fake = statistic(smooth - kinds.halves) - smoothed if len(kinds.halves) else np.zeros((0, 3))
    moves, half_moves = (np.column_stack([part, part[:, 1] - part[:, 2]]) for part in (real, fake))
    fakes = 2 * (half_moves**2).sum(axis=0)
    fakes[3] /= max(1, len(half_moves) // 2)  # a difference of 1 in one pseudo-cluster, whatever its gold
    variance = (moves**2).sum(axis=0) + fakes
    found = []
    for column in (0, 1):
        if not np.isfinite(plain[column]):
            found.append(_Measured())
            continue
        of = _Moments(float(plain[column]), float(smoothed[column]), float(variance[column]))
        found.append(_Measured(of.value, *(scale.interval(of, df=kinds.df, confidence=confidence) or ())))
    gap = float(plain[1] - plain[2])
    if not np.isfinite(gap):
        return [*found, _Measured()]
    apart = plain_interval(gap, float(variance[3]), kinds.df, confidence=confidence)
    most = np.inf if scale.kind == "unknown" else scale.high - scale.low
    return [*found, _Measured(gap, *(min(max(end, -most), most) for end in apart or ()))]
