"""Means over clusters: their variance, how many clusters there are in effect, and intervals that are never of no width.

Not for metrics of weights: these are means of values that each unit has by itself, such as a loss.

The variance deletes one cluster at a time, with one cluster more than there is: a *pseudo-cluster* of average size,
half of it at either end of the scale. Data without a single error have no variance of their own, and the pseudo-cluster
is what makes an interval honest there. The value itself is always the plain one.
"""

from __future__ import annotations

import numpy as np

from harness.score.arrays import Floats, Ints
from harness.score.intervals import agresti_coull, normal_quantile, t_quantile

_CORRELATION = 0.015
"""Correlation within clusters that is taken for granted where they are unequal: a large one then tells less than its
size says, even where the data show no correlation."""


class Clusters:
    """The clusters of n units.

    Args:
        cluster: Shape (n,): any code of the cluster of each unit.

    Attributes:
        code: Shape (n,): the same from 0 to C - 1.
        sizes: Shape (C,): units of each cluster.

    Example:
        >>> clusters = Clusters(np.array([3, 3, 8, 5, 5, 5]))
        >>> clusters.sizes.tolist(), round(clusters.effective, 2)
        ([2, 3, 1], 2.55)
    """

    def __init__(self, cluster: Ints) -> None:
        _, code, sizes = np.unique(cluster, return_inverse=True, return_counts=True)
        self.code: Ints = code.reshape(-1).astype(np.int64)
        self.sizes: Ints = sizes.astype(np.int64)

    @property
    def units(self) -> int:
        """Number of units: n."""
        return len(self.code)

    @property
    def mean_size(self) -> float:
        """Units for each cluster: n / C."""
        return len(self.code) / len(self.sizes)

    @property
    def alone(self) -> bool:
        """Whether each unit is a cluster of its own."""
        return len(self.sizes) == len(self.code)

    @property
    def effective(self) -> float:
        """Number of clusters of equal size that tell as much: C where they are of equal size."""
        # A cluster of m units with correlation r has a variance in proportion to m (1 + r (m - 1)) (Kish 1965).
        weight = self.sizes * (1 + _CORRELATION * (self.sizes - 1))
        return float(weight.sum() ** 2 / (weight**2).sum())

    def sums(self, values: Floats) -> Floats:
        """The sum of each cluster's values, shape (C,)."""
        return np.bincount(self.code, weights=values, minlength=len(self.sizes)).astype(np.float64, copy=False)

    def quantile(self, confidence: float, *, part: float = 1.0) -> float:
        """The quantile of Student's t with as many degrees of freedom as effective clusters, less one.

        Args:
            confidence: Such as 0.95.
            part: Of the clusters: for a variance that few of them make.
        """
        return t_quantile(confidence, part * self.effective - 1)

    def quantile_of_share(self, confidence: float) -> float:
        """The same for a share: the normal quantile where units are independent trials."""
        return normal_quantile(confidence) if self.alone else self.quantile(confidence)


def effective_n(influence: Floats, value: float, clusters: Clusters) -> float:
    """Number of independent right-or-wrong trials that tell as much as these units about a value from 0 to 1.

    Args:
        influence: Shape (n,): what each unit does to n times the value, without its mean. For a mean the unit's own
            value less the mean.
        value: The plain value.
        clusters: Of the units.
    """
    n, mean = clusters.units, clusters.mean_size
    # With the pseudo-cluster the value is off both ends, so that no error seen does not mean no variance.
    padded = (value * n + mean / 2) / (n + mean)
    # The influence is centred on the plain value. For each unit of a cluster it moves to the padded one.
    moved = clusters.sums(influence) + (value - padded) * clusters.sizes
    halves = (mean / 2) ** 2 * ((1 - padded) ** 2 + padded**2) / (n + mean / 2) ** 2
    variance = float(((moved / (n + mean - clusters.sizes)) ** 2).sum() + 2 * halves)
    # The variance of a share is p (1 - p) / n: solved for n.
    return padded * (1 - padded) / variance


def interval_of_share(right: Floats, clusters: Clusters, confidence: float) -> tuple[float, float]:
    """The interval of a share: that of scores, on the effective number of units, which are never more than there are.

    Args:
        right: Shape (n,): 0 or 1.
        clusters: Of the units.
        confidence: Such as 0.95.
    """
    value = float(right.mean())
    n = float(clusters.units) if clusters.alone else min(clusters.units, effective_n(right - value, value, clusters))
    return agresti_coull(value, n, quantile=clusters.quantile_of_share(confidence))


def interval_of_mean(influence: Floats, value: float, clusters: Clusters, confidence: float) -> tuple[float, float]:
    """The interval of a value from 0 to 1 that is no share, such as a mean loss: the same, on the effective number.

    Args:
        influence: As for `effective_n`.
        value: The plain value.
        clusters: Of the units.
        confidence: Such as 0.95.
    """
    return agresti_coull(value, effective_n(influence, value, clusters), quantile=clusters.quantile(confidence))
