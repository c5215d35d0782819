"""Accuracies of pairs that people may call a tie, for judges whose scores are almost never equal.

A judge that scores two candidates says "tie" only where its scores are exactly equal, so a plain accuracy over three
classes counts every tie of people against it. Tie calibration (Deutsch, Foster and Freitag 2023, arXiv 2305.14324,
algorithm 1) calls two candidates a tie where their scores are at most a threshold apart, and takes the threshold with
the highest accuracy on these very data. So the value is the best that the scores allow, for every judge alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.api import Unit, Units, UserError, Verdict

Floats = NDArray[np.float64]

_EQUAL = 1e-9  # two probabilities of equal scores differ by rounding
# Decimals of a distance. Those of pairs that are equally far apart, one for A and one for B, differ in the last digits.
_DIGITS = 12
_CELLS = 4_000_000  # weights that are worked on at once, so that memory stays small for any number of pairs


class CalibratedTies:
    """Accuracy of pairs, ties of people included, at the threshold for the judge's ties that suits it best.

    The distance of a judge's two scores is read from its probability p of the first candidate. The probability of
    Bradley and Terry grows with the difference of the scores, so that |2p - 1| sorts pairs as their distances do, and
    nothing but the order matters. A judge without probabilities, or one that gives a tie a share of its own, has called
    its ties itself: its verdicts are then the scores 1, 0 and -1, and 0 is a threshold. A missing answer that counts as
    wrong is wrong at every threshold.
    """

    uses: ClassVar[tuple[str, ...]] = ("positive", "gold", "predicted")
    answers: ClassVar[frozenset[str]] = frozenset({"preference"})
    unit: ClassVar[Unit] = "share"

    def __init__(self, *, from_zero: bool) -> None:
        """Choose the thresholds.

        Args:
            from_zero: Whether 0 is a threshold, so that a judge may have no ties. Otherwise only distances that occur
                are, as in algorithm 1, and the closest pair is a tie at every threshold.
        """
        self._from_zero = from_zero

    def prepare(self, units: Units) -> Callable[[Floats], Floats]:
        """The accuracy as a function of weights of shape (B, T), which returns shape (B,).

        Raises:
            UserError: The questions are of more than two candidates.
        """
        if units.space.n != 2:
            raise UserError(f"metric calibrated_ties: is of pairs, and the task has {units.space.n} candidates")
        sides = np.array([_side(said) for said in units.predicted])
        golds = np.array([_side(gold) for gold in units.gold])
        known = _distances(units.positive, sides)
        # A judge that never says tie has no distance of 0, and must not be given ties in all of its answers.
        from_zero = self._from_zero or known is None
        distances = np.abs(sides) if known is None else known
        answered = ~np.isnan(sides)
        order = np.argsort(distances, kind="stable")[: answered.sum()]  # NaN, which is no answer, comes last
        tied = (golds == 0)[order].astype(np.float64)
        right = ((golds == sides) & (golds != 0))[order].astype(np.float64)
        # A threshold takes in all pairs of one distance, so only the last of them is the end of a threshold.
        ends = np.flatnonzero(np.r_[np.diff(distances[order]) > 0, np.ones(min(1, len(order)), dtype=np.bool_)])
        # With 0 as a threshold, a judge without equal scores may have no ties at all.
        first = distances[order[:1]] == 0
        zero = from_zero and not first.any()

        def accuracy(weights: Floats) -> Floats:
            ordered = weights[:, order]
            # Up to a threshold only the ties of people are right, and beyond it the sides that are named rightly.
            gains = np.cumsum(ordered * (tied - right), axis=1)[:, ends]
            # Distances of pairs that a resample leaves out are no thresholds; 0 stays one.
            reached = np.cumsum(ordered, axis=1)[:, ends] > 0
            reached[:, :1] |= from_zero and first
            best = np.where(reached, gains, -np.inf).max(axis=1, initial=0.0 if zero else -np.inf)
            total = weights.sum(axis=1)
            # Where every answer is missing there is no threshold, and none is right.
            points = np.where(np.isfinite(best), ordered @ right + best, 0.0)
            return _divide(points, total)

        def value(weights: Floats) -> Floats:
            rows = max(1, _CELLS // max(1, weights.shape[1]))
            parts = [accuracy(weights[start : start + rows]) for start in range(0, len(weights), rows)]
            return np.concatenate(parts) if parts else np.zeros(0)

        return value

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """Value for each row of weights; see `harness.api.Metric`."""
        return self.prepare(units)(weights)


class DecidedAccuracy:
    """Accuracy of the pairs that people decided. A tie of people is left out, and a judge's tie is wrong.

    It is C / (C + D) of `calc_accuracy_without_ties` in https://github.com/KwaiVGI/VideoAlign, where equal scores are
    one of D. `accuracy_without_ties` of the core is another number: it leaves a judge's ties out as well.
    """

    uses: ClassVar[tuple[str, ...]] = ("gold", "predicted")
    answers: ClassVar[frozenset[str]] = frozenset({"preference"})
    unit: ClassVar[Unit] = "share"

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """Value for each row of weights, NaN where people decided no pair; see `harness.api.Metric`."""
        decided = np.array([not isinstance(gold, str) for gold in units.gold], dtype=np.float64)
        pairs = zip(units.gold, units.predicted, strict=True)
        right = decided * np.array([said == gold for gold, said in pairs], dtype=np.float64)
        return _divide(weights @ right, weights @ decided)


def _divide(points: Floats, total: Floats) -> Floats:
    """`points / total`, NaN where there is nothing."""
    share: Floats = np.divide(points, total, out=np.full(len(total), np.nan), where=total > 0)
    return share


def _side(verdict: Verdict | None) -> float:
    """1 for the first candidate, -1 for the second, 0 for a tie, NaN for no verdict."""
    if verdict is None:
        return np.nan
    return 0.0 if isinstance(verdict, str) else 1.0 if verdict == 0 else -1.0


def _distances(positive: Floats, sides: Floats) -> Floats | None:
    """How far apart the scores of each pair are, on a scale of its own, shape (T,). NaN without an answer.

    `None` where there are no scores: the judge has called its ties itself.
    """
    known = ~np.isnan(positive)
    said = known & (np.abs(sides) == 1)
    # A probability of exactly 0 or 1 is no evidence: it says nothing that the verdict does not.
    inside = said & (positive > 0) & (positive < 1)
    against = inside & ((positive - 0.5) * sides < -_EQUAL)
    if not inside.any() or against.any():
        return None
    distances = np.where(sides == 0, 0.0, np.round(np.abs(2 * positive - 1), _DIGITS))
    return np.where(known, distances, np.abs(sides))


def ties_by_distance(options: Any, context: Any) -> CalibratedTies:
    """Factory of `preference/calibrated_ties`."""
    return CalibratedTies(from_zero=False)


def ties_by_distance_from_zero(options: Any, context: Any) -> CalibratedTies:
    """Factory of `preference/calibrated_ties_from_zero`."""
    return CalibratedTies(from_zero=True)


def accuracy_of_decided(options: Any, context: Any) -> DecidedAccuracy:
    """Factory of `preference/decided_accuracy`."""
    return DecidedAccuracy()
