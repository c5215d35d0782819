"""How a judge sees conflicts between criteria that are asked one by one: TOS and CMR of Multi-Crit.

The questions about one pair of answers are a group, one question for each criterion, and a conflict is two criteria by
which people prefer different answers. The definitions are those of arXiv 2511.21662, section 3. Where all criteria are
asked at once, `harness/tradeoff_sensitivity` and `harness/conflict_matching` are the same of a rubric.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.api import Unit, Units

Floats = NDArray[np.float64]


class ConflictMetric(ABC):
    """A metric of the answers to one pair, one for each criterion."""

    uses: ClassVar[tuple[str, ...]] = ("gold", "predicted")
    answers: ClassVar[frozenset[str]] = frozenset({"preference"})
    unit: ClassVar[Unit] = "share"
    of_groups: ClassVar[bool] = True
    compares_candidates: ClassVar[bool] = True

    @abstractmethod
    def prepare(self, units: Units) -> Callable[[Floats], Floats]:
        """The value for each row of counts, shape (B, T) to (B,). NaN without a conflict."""

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """The value for each row of counts. See `harness.api.Metric`."""
        return self.prepare(units)(weights)


class PairedTradeoffSensitivity(ConflictMetric):
    """1 where the judge prefers different answers by two criteria that conflict, in whichever direction, else 0.

    The mean over groups is the share of pairs with a conflict in which it notices one. A tie and a missing answer
    notice nothing.
    """

    def prepare(self, units: Units) -> Callable[[Floats], Floats]:
        """Whether any conflict of the group is noticed."""
        conflict = _conflicts(units)
        apart = conflict * _differ(units.predicted)

        def value(weights: Floats) -> Floats:
            here = (weights > 0).astype(np.float64)
            there = np.einsum("bi,ij,bj->b", here, conflict, here)
            seen = np.einsum("bi,ij,bj->b", here, apart, here)
            noticed: Floats = np.where(there > 0, (seen > 0).astype(np.float64), np.nan)
            return noticed

        return value


class PairedConflictMatching(ConflictMetric):
    """Share of conflicts in which both criteria are answered as people did.

    A group counts for as many conflicts as it has, so that the mean over groups is over all conflicts alike.
    """

    def prepare(self, units: Units) -> Callable[[Floats], Floats]:
        """Conflicts that are resolved, among those of the group."""
        conflict = _conflicts(units)
        right = np.array([float(a == b) for a, b in zip(units.gold, units.predicted, strict=True)])
        both = conflict * np.outer(right, right)

        def value(weights: Floats) -> Floats:
            total = np.einsum("bi,ij,bj->b", weights, conflict, weights)
            matched = np.einsum("bi,ij,bj->b", weights, both, weights)
            share: Floats = np.divide(matched, total, out=np.full(len(total), np.nan), where=total > 0)
            return share

        return value

    def group_weight(self, units: Units) -> Callable[[Floats], Floats]:
        """The number of conflicts in the group."""
        conflict = _conflicts(units)

        def value(weights: Floats) -> Floats:
            # Each pair stands in the matrix twice.
            pairs: Floats = np.einsum("bi,ij,bj->b", weights, conflict, weights) / 2
            return pairs

        return value


def _differ(verdicts: tuple[Any, ...]) -> Floats:
    """Shape (T, T): 1 where two verdicts name different candidates."""
    places = [verdict if isinstance(verdict, int) else None for verdict in verdicts]
    return np.array([[float(a is not None and b is not None and a != b) for b in places] for a in places])


def _conflicts(units: Units) -> Floats:
    return _differ(units.gold)


def tradeoff_sensitivity(options: None, context: object) -> PairedTradeoffSensitivity:
    """The factory of `tos`."""
    return PairedTradeoffSensitivity()


def conflict_matching(options: None, context: object) -> PairedConflictMatching:
    """The factory of `cmr`."""
    return PairedConflictMatching()
