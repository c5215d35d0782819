"""Metrics of answers to a rubric as a whole. Those of one criterion are the usual ones: `kappa[clarity]`.

The rubrics of two items may differ, so an answer is compared with its gold place by place.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any, cast

import numpy as np

from harness.api import Metric, Preference, Rubric, Units, UserError, Verdict
from harness.score.arrays import Floats
from harness.score.metrics import CoreMetric, MeanMetric
from harness.score.patterns import Statistic, divide


class CriteriaAccuracy(MeanMetric):
    """Mean share of the criteria that are right. A missing answer that counts as wrong has none of them right.

    Each answer weighs the same, however many criteria its item has. A bare tie was resolved before.
    """

    answers = frozenset({"rubric"})
    unit = "share"

    def values(self, units: Units) -> Floats:
        """Shares from 0 to 1."""
        pairs = zip(units.gold, units.predicted, strict=True)
        return np.array([_share_right(cast("tuple[Verdict, ...]", gold), said) for gold, said in pairs])


class TradeoffSensitivity(CoreMetric):
    """Share of the items with a conflict in which the answer has one of these conflicts too (TOS of Multi-Crit).

    A conflict is a pair of criteria by which different candidates are better; a tie is none. The answer has it where it
    prefers different candidates by the same two criteria, in whichever direction. NaN without any conflict in the gold.
    """

    uses = ("gold", "predicted")
    answers = frozenset({"rubric"})
    unit = "share"

    def prepare(self, units: Units) -> Statistic:
        """Answers with a conflict among the items with one."""
        counts = [_count_conflicts(gold, said) for gold, said in _pairs_of(units)]
        there = np.array([float(pairs > 0) for pairs, _, _ in counts])
        seen = np.array([float(pairs > 0 and apart > 0) for pairs, apart, _ in counts])
        return lambda weights: divide(weights @ seen, weights @ there)


class ConflictMatching(CoreMetric):
    """Share of the conflicts in the gold that the answer resolves as the gold does (CMR of Multi-Crit).

    A conflict is a pair of criteria by which different candidates are better, and it is resolved where both criteria
    are right. Each pair weighs the same, so an item with many conflicts weighs more. NaN without any.
    """

    uses = ("gold", "predicted")
    answers = frozenset({"rubric"})
    unit = "share"

    def prepare(self, units: Units) -> Statistic:
        """Pairs that are right among all pairs."""
        counts = [_count_conflicts(gold, said) for gold, said in _pairs_of(units)]
        total = np.array([float(pairs) for pairs, _, _ in counts])
        right = np.array([float(matched) for _, _, matched in counts])
        return lambda weights: divide(weights @ right, weights @ total)


def _pairs_of(units: Units) -> Iterator[tuple[tuple[Verdict, ...], tuple[Verdict, ...] | None]]:
    """Gold and answer of each unit, with the preferences alone.

    Raises:
        UserError: The rubrics of the items differ, and have criteria that are no preferences.
    """
    spaces = cast("Rubric", units.space).spaces
    places = [place for place, own in enumerate(spaces) if isinstance(own, Preference)]
    for given, answer in zip(units.gold, units.predicted, strict=True):
        gold = cast("tuple[Verdict, ...]", given)
        said = cast("tuple[Verdict, ...] | None", answer)
        if len(places) == len(spaces):
            yield gold, said
            continue
        if len(gold) != len(spaces):
            raise UserError(
                "conflicts between criteria: the items have different rubrics, in which not every criterion compares "
                "candidates; ask every item by the same criteria, or leave the metric out"
            )
        yield tuple(gold[place] for place in places), None if said is None else tuple(said[place] for place in places)


def _count_conflicts(gold: tuple[Verdict, ...], said: tuple[Verdict, ...] | None) -> tuple[int, int, int]:
    """Conflicts in the gold; those that the answer has as well; those in which both of its criteria are right."""
    pairs = apart = matched = 0
    for a, b in combinations(range(len(gold)), 2):
        if isinstance(gold[a], str) or isinstance(gold[b], str) or gold[a] == gold[b]:
            continue
        pairs += 1
        if said is not None:
            apart += not isinstance(said[a], str) and not isinstance(said[b], str) and said[a] != said[b]
            matched += said[a] == gold[a] and said[b] == gold[b]
    return pairs, apart, matched


def _share_right(gold: tuple[Verdict, ...], said: Verdict | None) -> float:
    if said is None:
        return 0.0
    parts = zip(cast("tuple[Verdict, ...]", said), gold, strict=True)
    return sum(a == b for a, b in parts) / len(gold)


def make_criteria_accuracy(options: Any, context: Any) -> Metric:
    """Factory of `harness/criteria_accuracy`."""
    return CriteriaAccuracy()


def make_tradeoff_sensitivity(options: Any, context: Any) -> Metric:
    """Factory of `harness/tradeoff_sensitivity`."""
    return TradeoffSensitivity()


def make_conflict_matching(options: Any, context: Any) -> Metric:
    """Factory of `harness/conflict_matching`."""
    return ConflictMatching()
