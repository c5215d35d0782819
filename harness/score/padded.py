"""Means of items in clusters with pseudo-items at either end, as the corrections of `harness.score.worth` need them.

A *pseudo-item* is as large as the average cluster. It keeps an interval honest where all values are equal.
"""

from __future__ import annotations

import numpy as np

from harness.api import Measurement
from harness.score.arrays import Floats, Ints
from harness.score.intervals import t_quantile

_CORRELATION = 0.02
"""Least correlation within clusters that degrees of freedom allow for: few and very unequal clusters then get less."""


class PaddedMean:
    """A mean with pseudo-items of average cluster size at either end, and how much each cluster moves it.

    Args:
        values: Shape (n,).
        cluster: Shape (n,).
        ends: The values of the pseudo-items.
        copies: Pseudo-items at each end.
        groups: G, where other items have clusters too. By default as many as `cluster` names.

    Attributes:
        mean: The mean with the pseudo-items.
        moved: Shape (G,): by how much the mean changes with each cluster.
        rest: The part of the variance that comes from the pseudo-items.
        df: Degrees of freedom of the variance.
    """

    def __init__(
        self,
        values: Floats,
        cluster: Ints,
        *,
        ends: tuple[float, float],
        copies: float = 1.0,
        groups: int | None = None,
    ) -> None:
        width = 1 + int(cluster.max()) if groups is None else groups
        sizes = np.bincount(cluster, minlength=width).astype(np.float64)
        sums = np.bincount(cluster, weights=values, minlength=width)
        size = len(values) / np.count_nonzero(sizes)
        total = len(values) + 2 * copies * size
        self.mean = (float(values.sum()) + copies * size * sum(ends)) / total
        # A cluster's own weight is taken out of the denominator, all but one item: the jackknife for clusters, and the
        # plain formula where each item is a cluster.
        self.moved: Floats = (sums - sizes * self.mean) / (total - np.maximum(sizes - 1, 0))
        self.rest = copies * sum((size * (end - self.mean) / (total - size + 1)) ** 2 for end in ends)
        self.df = effective_clusters(sizes) + 1

    @property
    def variance(self) -> float:
        """Of the mean."""
        return float(self.moved @ self.moved) + self.rest


def mean_of(
    values: Floats, cluster: Ints, *, low: float = 0.0, high: float = 1.0, confidence: float = 0.95
) -> Measurement:
    """The plain mean of items in clusters, and its interval.

    One pseudo-item at either end of the scale keeps the interval honest where all values are equal. For a share without
    clusters that is the interval of Agresti and Coull (1998), with one success and one failure added.

    Args:
        values: Shape (n,).
        cluster: Shape (n,).
        low: Lower end of the scale.
        high: Upper end of the scale.
        confidence: Of the interval.
    """
    if not len(values):
        return Measurement(None)
    padded = PaddedMean(values, cluster, ends=(low, high))
    return wald_interval(float(values.mean()), padded.mean, padded.variance, padded.df, low, high, confidence)


def kish(cluster: Ints) -> float:
    """Number of clusters of equal size that these are worth: n^2 / sum of squared sizes (Kish 1965).

    Example:
        One cluster of three items and two of one:

        >>> round(kish(np.array([0, 0, 0, 1, 2])), 2)
        2.27
    """
    sizes = np.bincount(cluster).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes @ sizes)) if len(cluster) else 0.0


def effective_clusters(sizes: Floats) -> float:
    """Effective clusters: fewer than there are where their sizes differ."""
    weights = sizes * (1 + _CORRELATION * np.maximum(sizes - 1, 0))
    return float(weights.sum() ** 2 / (weights @ weights))


def wald_interval(
    value: float, mean: float, variance: float, df: float, low: float, high: float, confidence: float
) -> Measurement:
    """The interval of a mean with its t quantile, kept on the scale and around the plain `value`."""
    half = t_quantile(confidence, df) * float(np.sqrt(variance))
    return Measurement(value, max(low, min(value, mean - half)), min(high, max(value, mean + half)))


def satterthwaite(*parts: tuple[float, float]) -> float:
    """Degrees of freedom of a sum of variances (Satterthwaite 1946)."""
    below = sum(variance**2 / df for variance, df in parts)
    return float(sum(variance for variance, _ in parts) ** 2 / below) if below else float("inf")
