"""Metrics of classes: balanced accuracy, F1, Cohen's kappa, ROC-AUC. Not for scores or rankings.

Every one checks against scikit-learn on the expanded sample. A missing answer that counts as wrong is a false negative
of its gold class and no other class's false positive: for scikit-learn it is a predicted label outside `labels`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.api import Metric, Unit, Units, Verdict
from harness.score.arrays import Floats, Ints
from harness.score.metrics import CoreMetric
from harness.score.patterns import Statistic, divide

_CLASSES = frozenset({"choice", "preference"})


class _Confusion(CoreMetric):
    """A metric of the row sums, the column sums and the diagonal of the confusion matrix."""

    answers = _CLASSES
    unit: Unit = "share"

    @abstractmethod
    def from_counts(self, right: Floats, gold: Floats, predicted: Floats) -> Floats:
        """The metric. All three have shape (B, K): units of each class that are right, that are, that are said to be.

        The units predicted to be nothing are in `gold` only.
        """

    def classes(self, units: Units) -> list[Verdict]:
        """The classes that occur, in any order."""
        return list(dict.fromkeys((*units.gold, *(verdict for verdict in units.predicted if verdict is not None))))

    def prepare(self, units: Units) -> Statistic:
        """Three matrix products, then `of`."""
        place = {verdict: k for k, verdict in enumerate(self.classes(units))}
        gold, predicted = np.zeros((2, len(units.gold), len(place)))
        for unit, (is_, said) in enumerate(zip(units.gold, units.predicted, strict=True)):
            if is_ in place:
                gold[unit, place[is_]] = 1
            if said is not None and said in place:
                predicted[unit, place[said]] = 1
        # All that is left for each row of weights are three products, so that leaving out thousands of clusters is
        # quick.
        right = gold * predicted
        return lambda weights: self.from_counts(weights @ right, weights @ gold, weights @ predicted)


class BalancedAccuracy(_Confusion):
    """Mean recall over the classes that occur in the gold (`sklearn.metrics.balanced_accuracy_score`)."""

    def from_counts(self, right: Floats, gold: Floats, predicted: Floats) -> Floats:
        """Mean of right / gold."""
        # A class that the weights leave empty has no recall. It drops out of the mean and is no zero in it.
        recall = np.where(gold > 0, divide(right, gold), 0)
        return divide(recall.sum(axis=1), (gold > 0).sum(axis=1).astype(np.float64))


def _mean_f1(right: Floats, together: Floats, counts: NDArray[np.bool_]) -> Floats:
    f1 = np.where(counts, divide(2 * right, together), 0)
    return divide(f1.sum(axis=1), counts.sum(axis=1).astype(np.float64))


class MacroF1(_Confusion):
    """Plain mean of the F1 of each class that occurs in the gold.

    As `sklearn.metrics.f1_score(labels=LABELS, average="macro", zero_division=0)`, where LABELS occur in the gold. An
    answer of another class, such as a tie where the gold knows none, is wrong and is no class of its own: it would be
    one with an F1 of 0, and a single such answer would take a third off the mean. A class without any weight drops out
    of the mean.
    """

    def classes(self, units: Units) -> list[Verdict]:
        """The classes that occur in the gold."""
        return list(dict.fromkeys(units.gold))

    def from_counts(self, right: Floats, gold: Floats, predicted: Floats) -> Floats:
        """Mean of 2 right / (gold + predicted)."""
        return _mean_f1(right, gold + predicted, gold > 0)


class MacroF1OfAll(_Confusion):
    """Plain mean of the F1 of each class that occurs in gold or answers.

    As `sklearn.metrics.f1_score(average="macro", zero_division=0)`, which is scikit-learn's default.
    """

    def from_counts(self, right: Floats, gold: Floats, predicted: Floats) -> Floats:
        """Mean of 2 right / (gold + predicted)."""
        return _mean_f1(right, gold + predicted, gold + predicted > 0)


class PositiveF1(_Confusion):
    """F1 of the positive class: the first label, or the first candidate (UnsafeBench: the class "unsafe")."""

    def classes(self, units: Units) -> list[Verdict]:
        """The positive class alone."""
        return [_positive(units)]

    def from_counts(self, right: Floats, gold: Floats, predicted: Floats) -> Floats:
        """2 right / (gold + predicted). NaN if the class occurs in neither."""
        return divide(2 * right[:, 0], gold[:, 0] + predicted[:, 0])


class Kappa(_Confusion):
    """Cohen's kappa (1960): agreement beyond what the two class distributions would give by chance.

    Missing answers that count as wrong are one more class of the answers, which never agrees.
    """

    unit = "correlation"

    def from_counts(self, right: Floats, gold: Floats, predicted: Floats) -> Floats:
        """(observed - expected) / (1 - expected)."""
        n = gold.sum(axis=1)
        observed = divide(right.sum(axis=1), n)
        expected = divide((gold * predicted).sum(axis=1), n * n)
        # Everyone always says one class: 1 - expected is 0 but for rounding, and kappa is not defined.
        return divide(observed - expected, np.where(np.abs(1 - expected) < 1e-12, 0, 1 - expected))


class RocAuc(CoreMetric):
    """Area under the ROC curve of the positive class (first label or candidate) against all others.

    A unit's score is its probability of the positive class. Units that were answered without one are left out, and are
    not in `n`. Only if no unit has one, the scores are the hard verdicts as 0 and 1, as in SeeTRUE's released script
    (for two classes that is balanced accuracy). The two are never ranked against each other: `harness.score.cell`
    decides for a whole cell, and says which it was.

    A missing answer that counts as wrong stands at the wrong end of the ranking. Among hard verdicts it is the wrong
    verdict. Tied scores count a half (midranks, Mann and Whitney 1947).
    """

    uses = ("positive", "gold", "predicted")
    answers = _CLASSES
    unit = "share"

    def prepare(self, units: Units) -> Statistic:
        """Sort once. What is left is a cumulative sum."""
        positive = _positive(units)
        is_positive = np.array([verdict == positive for verdict in units.gold], dtype=np.int64)
        score, counted = _rank_scores(units, is_positive, positive)
        # Stable, so that units of equal score keep their order and the same data give the same bytes.
        order = counted[np.argsort(score[counted], kind="stable")]
        sorted_already = bool(np.array_equal(order, np.arange(len(score))))
        starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
        sizes = np.diff(np.r_[starts, len(order)])
        tied = np.flatnonzero(np.repeat(sizes > 1, sizes))
        # Most probabilities are distinct. Only groups of tied ones are gone through a second time.
        tied_starts = np.r_[0, np.cumsum(sizes[sizes > 1])[:-1]].astype(np.int64)
        positive_types = is_positive[order]

        def area(weights: Floats) -> Floats:
            # Whole numbers, as the harness's weights are: a cumulative sum of them takes a sixth of the time.
            counts = (weights if sorted_already else weights[:, order]).astype(np.int64)
            positives = counts * positive_types
            counts -= positives  # from here on the negatives
            below = np.cumsum(counts, axis=1)
            total = below[:, -1]
            # For each positive the negatives below it: the count of pairs in the right order (Mann and Whitney 1947).
            pairs = np.einsum("bl,bl->b", positives, below).astype(np.float64)
            if len(tied):
                pairs += _tie_correction(positives[:, tied], counts[:, tied], tied_starts)
            return divide(pairs, positives.sum(axis=1) * total.astype(np.float64))

        return area


def _rank_scores(units: Units, is_positive: Ints, positive: Verdict) -> tuple[Floats, Ints]:
    """Scores of the units, shape (T,), and the places of those that are ranked."""
    known = ~np.isnan(units.positive)
    missing = np.array([said is None for said in units.predicted], dtype=np.bool_) & ~known
    if known.any():
        score = np.where(missing, np.where(is_positive, -1.0, 2.0), units.positive)  # beyond every probability
        return score, np.flatnonzero(known | missing)
    # No probabilities at all: the verdicts themselves are the scores, 1 for the positive class.
    hard = np.array([said == positive for said in units.predicted], dtype=np.float64)
    return np.where(missing, 1.0 - is_positive, hard), np.arange(len(hard))


def _tie_correction(positives: Ints, negatives: Ints, starts: Ints) -> Floats:
    """Correction after which each pair of tied scores counts a half, in any order of the sorting."""
    in_group = np.add.reduceat(positives, starts, axis=1), np.add.reduceat(negatives, starts, axis=1)
    below = np.cumsum(negatives, axis=1)
    before = below[:, starts] - negatives[:, starts]
    # What the cumulative sum counted within a group depends on the sorting. It is taken out, and half of all pairs
    # put in.
    counted = np.add.reduceat(positives * below, starts, axis=1) - in_group[0] * before
    out: Floats = (in_group[0] * in_group[1] / 2 - counted).sum(axis=1)
    return out


def _positive(units: Units) -> Verdict:
    # The convention of the data formats: what is looked for, such as `unsafe` or `yes`, is the first label.
    first: Verdict = units.space.verdicts()[0]
    return first


def make_balanced_accuracy(options: Any, context: Any) -> Metric:
    """Factory of `harness/balanced_accuracy`."""
    return BalancedAccuracy()


def make_macro_f1(options: Any, context: Any) -> Metric:
    """Factory of `harness/macro_f1`."""
    return MacroF1()


def make_macro_f1_of_all(options: Any, context: Any) -> Metric:
    """Factory of `harness/macro_f1_of_all`."""
    return MacroF1OfAll()


def make_f1(options: Any, context: Any) -> Metric:
    """Factory of `harness/f1`."""
    return PositiveF1()


def make_kappa(options: Any, context: Any) -> Metric:
    """Factory of `harness/kappa`."""
    return Kappa()


def make_roc_auc(options: Any, context: Any) -> Metric:
    """Factory of `harness/roc_auc`."""
    return RocAuc()
