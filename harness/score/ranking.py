"""Metrics of rankings: normalised Levenshtein distance and rank accuracy. Not for scores or classes.

Both are means over units. A missing answer that counts as wrong is the reverse of the gold.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, cast

import numpy as np

from harness.api import AnswerSpace, Metric, Units
from harness.score.arrays import Floats
from harness.score.metrics import MeanMetric, fill_missing


class _OfRankings(MeanMetric):
    answers = frozenset({"ranking"})


class Levenshtein(_OfRankings):
    """Mean edit distance between ranking and gold, divided by their length (MLLM-as-a-Judge): 0 is best."""

    unit = "distance"
    greater_is_better = False

    def bounds(self, space: AnswerSpace) -> tuple[float, float]:
        """From 0 to 1: it is divided by the number of candidates."""
        return 0.0, 1.0

    def values(self, units: Units) -> Floats:
        """Distances from 0 to 1."""
        pairs = zip(_rankings(units.gold), _rankings(fill_missing(units)), strict=True)
        return np.array([edit_distance(gold, said) / len(gold) for gold, said in pairs])


class RankAccuracy(_OfRankings):
    """Mean share of pairs of candidates in the right order: 1 - inversions / (n (n - 1) / 2) (HPDv2)."""

    unit = "share"

    def values(self, units: Units) -> Floats:
        """Shares from 0 to 1."""
        pairs = zip(_rankings(units.gold), _rankings(fill_missing(units)), strict=True)
        return np.array([1 - inversions(gold, said) / (len(gold) * (len(gold) - 1) / 2) for gold, said in pairs])


def edit_distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Insertions, deletions and substitutions that turn `a` into `b` (Levenshtein 1966).

    Example:
        >>> edit_distance((0, 1, 2), (0, 2, 1))
        2
    """
    # One row of the table of Wagner and Fischer (1974) is enough for the distance itself.
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


def inversions(gold: Sequence[int], said: Sequence[int]) -> int:
    """Pairs of candidates that the two rankings put the other way round.

    Example:
        >>> inversions((0, 1, 2), (2, 1, 0))
        3
    """
    place = {candidate: k for k, candidate in enumerate(said)}
    # Rankings have at most some ten candidates, so that all pairs are quicker than a merge sort.
    return sum(place[better] > place[worse] for better, worse in combinations(gold, 2))


def _rankings(verdicts: Sequence[Any]) -> list[tuple[int, ...]]:
    return [cast("tuple[int, ...]", verdict) for verdict in verdicts]


def make_levenshtein(options: Any, context: Any) -> Metric:
    """Factory of `harness/levenshtein`."""
    return Levenshtein()


def make_rank_accuracy(options: Any, context: Any) -> Metric:
    """Factory of `harness/rank_accuracy`."""
    return RankAccuracy()
