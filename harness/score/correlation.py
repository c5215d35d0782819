"""Metrics of scores: Pearson, Spearman, Kendall's tau-b, quadratic-weighted kappa. Not for classes or rankings.

Checked against scipy and scikit-learn on the expanded sample. A missing answer that counts as wrong is at the end of
the scale farther from the gold. All are NaN if gold or answers are constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.api import Metric, Units
from harness.score import concordance
from harness.score.arrays import Floats, Ints
from harness.score.metrics import CoreMetric, as_numbers
from harness.score.patterns import Statistic, Without, divide

_PAIRS = 1_500  # types up to which Kendall's tau is a matrix product over all pairs of them
_TINY = 1e-12  # a variance below this share of the scale's is rounding


class _OfScores(CoreMetric):
    answers = frozenset({"score"})
    unit = "correlation"


class Pearson(_OfScores):
    """Pearson's correlation of answer and gold."""

    def prepare(self, units: Units) -> Statistic:
        """Weighted moments."""
        gold, predicted = as_numbers(units)
        return lambda weights: _correlation(weights, _centre(gold)[None, :], _centre(predicted)[None, :])


class Spearman(_OfScores):
    """Spearman's correlation: Pearson's of the midranks, which are taken again for each row of weights."""

    def prepare(self, units: Units) -> Statistic:
        """Midranks from cumulative sums over the distinct values."""
        sides = [_Midranks(values) for values in as_numbers(units)]

        def value(weights: Floats) -> Floats:
            gold, predicted = (midranks(weights) for midranks in sides)
            return _correlation(weights, gold, predicted)

        return value


class Kendall(_OfScores):
    """Kendall's tau-b (1945), corrected for ties on either side.

    Up to 1,500 distinct pairs of gold and answer, it is a matrix product over all pairs of them. With more, scipy's
    sorting algorithm, and `without` for leaving units out.
    """

    def prepare(self, units: Units) -> Statistic:
        """By pairs of types where they are few."""
        gold, predicted = as_numbers(units)
        # The matrix of signs has T^2 entries: 18 MB at 1,500 types, and quadratic from there.
        if len(gold) > _PAIRS:
            return lambda weights: np.array([_kendall_tau(row, gold, predicted) for row in weights])
        signs = np.sign(gold[:, None] - gold[None, :]) * np.sign(predicted[:, None] - predicted[None, :])
        levels = [np.eye(code.max() + 1)[code] for code in (_codes(gold), _codes(predicted))]

        def value(weights: Floats) -> Floats:
            difference = ((weights @ signs) * weights).sum(axis=1) / 2
            n = weights.sum(axis=1)
            pairs = n * (n - 1) / 2
            tied = [((t := weights @ level) * (t - 1)).sum(axis=1) / 2 for level in levels]
            return divide(difference, np.sqrt((pairs - tied[0]) * (pairs - tied[1])))

        return value

    def without(self, units: Units) -> Without | None:
        """Tau with some units left out, from the pairs that these units are part of."""
        gold, predicted = as_numbers(units)
        if len(gold) <= _PAIRS:
            return None
        return lambda total: concordance.tau_without(gold, predicted, total)


class WeightedKappa(_OfScores):
    """Quadratic-weighted kappa (Cohen 1968), in closed form: 1 - E(x - y)^2 / E'(x - y)^2, E' over independent margins.

    Equal to `sklearn.metrics.cohen_kappa_score(weights="quadratic", labels=<every step of the scale>)`.
    """

    def prepare(self, units: Units) -> Statistic:
        """First and second moments."""
        gold, predicted = as_numbers(units)
        # Moments about the mean of the gold: on a scale of 1,001 to 1,005 plain squares would cancel.
        centre = gold.mean()
        x, y = gold - centre, predicted - centre
        table = np.stack([np.ones_like(x), x, y, (x - y) ** 2, x * x + y * y], axis=1)

        def value(weights: Floats) -> Floats:
            n, sum_x, sum_y, squared_errors, squares = (weights @ table).T
            # E'(x - y)^2 for independent x and y is E x^2 + E y^2 - 2 E x E y.
            expected = divide(squares, n) - 2 * divide(sum_x, n) * divide(sum_y, n)
            expected = np.where(expected > _TINY * (1 + np.abs(centre)), expected, 0)
            return 1 - divide(divide(squared_errors, n), expected)

        return value


def _codes(values: Floats) -> Ints:
    codes: Ints = np.unique(values, return_inverse=True)[1]
    return codes


def _centre(values: Floats) -> Floats:
    """Centred and scaled, which changes no correlation and keeps sums of squares from cancelling."""
    scale = np.abs(values - values.mean()).max()
    centred: Floats = (values - values.mean()) / (scale or 1.0)
    return centred


def _correlation(weights: Floats, x: Floats, y: Floats) -> Floats:
    """Weighted Pearson correlation of each row. `x` and `y` have shape (B, T) or (1, T)."""
    n = weights.sum(axis=1, keepdims=True)
    dx = x - divide((weights * x).sum(axis=1, keepdims=True), n)
    dy = y - divide((weights * y).sum(axis=1, keepdims=True), n)
    xx, yy, xy = ((weights * product).sum(axis=1) for product in (dx * dx, dy * dy, dx * dy))
    # Rounding gives constant columns a tiny variance, and a correlation of it would be noise from -1 to 1.
    floor = _TINY * n[:, 0] * np.maximum(1, np.abs(x).max(initial=0) ** 2)
    return divide(xy, np.where((xx > floor) & (yy > floor), np.sqrt(xx * yy), 0))


class _Midranks:
    """Midranks of values of shape (T,), which are sorted once for all weights."""

    def __init__(self, values: Floats) -> None:
        self._codes = _codes(values)
        self._order = np.argsort(self._codes, kind="stable")
        self._starts = np.flatnonzero(np.r_[True, np.diff(self._codes[self._order]) > 0])

    def __call__(self, weights: Floats) -> Floats:
        """Midranks for each row of weights, shape (B, T)."""
        levels = np.add.reduceat(weights[:, self._order], self._starts, axis=1)
        # The mean of the ranks before + 1, ..., before + w of a level of weight w.
        ranks = np.cumsum(levels, axis=1) - (levels - 1) / 2
        out: Floats = ranks[:, self._codes]
        return out


def _kendall_tau(row: Floats, gold: Floats, predicted: Floats) -> float:
    times = row.astype(np.int64)
    from scipy import stats  # a second to import, for this one metric

    return float(stats.kendalltau(np.repeat(gold, times), np.repeat(predicted, times)).statistic)


def make_pearson(options: Any, context: Any) -> Metric:
    """Factory of `harness/pearson`."""
    return Pearson()


def make_spearman(options: Any, context: Any) -> Metric:
    """Factory of `harness/spearman`."""
    return Spearman()


def make_kendall(options: Any, context: Any) -> Metric:
    """Factory of `harness/kendall`."""
    return Kendall()


def make_weighted_kappa(options: Any, context: Any) -> Metric:
    """Factory of `harness/weighted_kappa`."""
    return WeightedKappa()
