"""Is a judge right as often as it is sure? Calibration error, Brier score and reliability bins of its verdicts.

Not for the order of confidences alone. That is `harness.score.selective`. The *confidence* of a verdict is the
probability that the judge gave to it, and each verdict is right or wrong: calibration of the verdict, and not of whole
distributions (Guo et al. 2017). Everything is taken over clusters.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from harness.score import selective
from harness.score.arrays import Floats, Ints
from harness.score.clusters import Clusters, interval_of_mean, interval_of_share
from harness.score.table import ANSWERED, CellTable
from harness.score.trust import Calibration, ReliabilityBin

DECIMALS = 6
"""Of a confidence."""
BINS = 10
"""The most bins."""
PER_BIN = 20
"""Units for each bin: with fewer than `BINS` times as many there are fewer bins."""
LEAST = 20
"""Fewer units than this say nothing about calibration."""
LEAST_CLUSTERS = 10
"""Fewer clusters than this say nothing either."""
_MERGED = 10  # a bin of fewer units joins a neighbour


def calibration_of(table: CellTable, *, level: float = 0.95) -> Calibration | None:
    """The calibration of a cell: of its units that have a verdict and a confidence, and that are right or wrong.

    A unit that is worth part of a point, such as any verdict on a tied gold under `ties: half`, is neither.

    Args:
        table: The cell.
        level: Confidence of the intervals and guarantees.

    Returns:
        `None` if too few units have a confidence.
    """
    credit = table.units.credit
    # Half a point is not right and not wrong, and a probability of it cannot be checked.
    rows = (table.state == ANSWERED) & np.isfinite(table.confidence) & ((credit == 0) | (credit == 1))
    return calibrate(table.confidence[rows], credit[rows], table.units.cluster[rows], level=level)


def calibrate(confidence: Floats, right: Floats, cluster: Ints, *, level: float = 0.95) -> Calibration | None:
    """Everything that confidences and right answers say about each other.

    Confidences count to six decimals, so that a threshold that is printed is the one that was tested.

    Args:
        confidence: Shape (n,): from 0 to 1.
        right: Shape (n,): 0 or 1.
        cluster: Shape (n,): which units belong together.
        level: Confidence of the intervals and guarantees.

    Returns:
        `None` with fewer than 20 units or 10 clusters.
    """
    # Rounded before all else: bins, curve and guarantees then speak of the same thresholds.
    n, confidence = len(confidence), np.round(confidence, DECIMALS)
    clusters = Clusters(cluster)
    if n < LEAST or len(clusters.sizes) < LEAST_CLUSTERS:
        return None
    bins = equal_mass(confidence, min(BINS, max(1, n // PER_BIN)))
    error = calibration_error(confidence, right, bins, clusters)
    error_low, error_high = interval_of_error(confidence, right, bins, clusters, level=level)
    losses = (confidence - right) ** 2
    brier, share = float(losses.mean()), float(right.mean())
    brier_low, brier_high = interval_of_mean(losses - brier, brier, clusters, level)
    area, influence = selective.aurc(confidence, right)
    aurc_low, aurc_high = selective.interval_of_aurc(area, influence, clusters, level)
    # Murphy's decomposition (1973) of the Brier score: reliability - resolution + uncertainty.
    uncertainty = share * (1 - share)
    return Calibration(
        n=n,
        groups=len(clusters.sizes),
        confidence=float(confidence.mean()),
        right=share,
        ece=error,
        ece_low=error_low,
        ece_high=error_high,
        ece_plain=plain_error(confidence, right, bins),
        brier=brier,
        brier_low=brier_low,
        brier_high=brier_high,
        reliability=error**2,
        resolution=error**2 + uncertainty - brier,
        uncertainty=uncertainty,
        aurc=area,
        aurc_low=aurc_low,
        aurc_high=aurc_high,
        bins=_reliability(confidence, right, cluster, bins, level=level),
        curve=selective.curve(confidence, right, cluster, level=level),
        guarantees=tuple(
            selective.guarantee(confidence, right, cluster, agreement, level=level)
            for agreement in selective.AGREEMENTS
        ),
    )


def equal_mass(confidence: Floats, count: int) -> Ints:
    """The bin of each unit: bins of about n / count units, the least confident first. Equal confidences stay together.

    Args:
        confidence: Shape (n,).
        count: The most bins. There are fewer where many confidences are equal.

    Returns:
        Shape (n,): from 0 to the number of bins - 1, each of which occurs.
    """
    _, code, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    # A group of equal confidences goes where its middle lies. Splitting it would need an order that is not there.
    middle = (np.cumsum(sizes) - sizes / 2) / len(confidence)
    bins = np.minimum((middle * count).astype(np.int64), count - 1)[code.reshape(-1)]
    while True:
        _, bins = np.unique(bins, return_inverse=True)
        held = np.bincount(bins)
        least = int(held.argmin())
        if len(held) == 1 or held[least] >= _MERGED:
            return bins.reshape(-1).astype(np.int64)
        # A bin of very few units has no variance to speak of. It joins the smaller neighbour, which keeps the bins
        # even.
        beside = [place for place in (least - 1, least + 1) if 0 <= place < len(held)]
        bins = np.where(bins == least, min(beside, key=lambda place: held[place]), bins)


def plain_error(confidence: Floats, right: Floats, bins: Ints) -> float:
    """The usual ECE: the mean absolute gap between confidence and share right (Naeini, Cooper and Hauskrecht 2015).

    Example:
        Ten verdicts at 0.9 of which 8 are right, and ten at 0.6 of which 6 are:

        >>> confidence = np.repeat([0.9, 0.6], 10)
        >>> right = np.array([1.0] * 8 + [0.0] * 2 + [1.0] * 6 + [0.0] * 4)
        >>> round(plain_error(confidence, right, equal_mass(confidence, 2)), 3)
        0.05
    """
    weight, gaps = _gaps(right - confidence, bins)
    return float(weight @ np.abs(gaps))


def calibration_error(confidence: Floats, right: Floats, bins: Ints, clusters: Clusters) -> float:
    """Root of the mean squared gap between confidence and share right, debiased (Kumar, Liang and Ma 2019).

    The gap of a bin is never 0 in a finite sample, and its square is too large by its variance on average. That
    variance is taken off: here the variance over clusters, since verdicts in a cluster go wrong together. What is left
    is free of bias, and so at or below 0 for half of all perfectly calibrated judges. It is printed as 0 there.

    Args:
        confidence: Shape (n,).
        right: Shape (n,): 0 or 1.
        bins: Shape (n,): from `equal_mass`.
        clusters: Of the units.
    """
    return float(np.sqrt(max(mean_square_gap(confidence, right, bins, clusters), 0.0)))


def mean_square_gap(confidence: Floats, right: Floats, bins: Ints, clusters: Clusters) -> float:
    """The mean squared gap less its bias, which may lie below 0: see `calibration_error`."""
    differences = right - confidence
    weight, gaps = _gaps(differences, bins)
    covariance, _ = _covariance(differences - gaps[bins], bins, clusters)
    return float(weight @ gaps**2) - float(weight @ np.diag(covariance))


def _gaps(differences: Floats, bins: Ints) -> tuple[Floats, Floats]:
    """For each bin its share of the units, and the mean difference in it."""
    held = np.bincount(bins).astype(np.float64)
    return held / len(bins), np.bincount(bins, weights=differences) / held


def interval_of_error(
    confidence: Floats, right: Floats, bins: Ints, clusters: Clusters, *, level: float = 0.95
) -> tuple[float, float]:
    """The interval of the calibration error. It never has width 0.

    The gaps count as normal, with the covariance that the clusters show. Their mean square is then distributed as a
    scaled noncentral chi-squared (two moments, Satterthwaite 1946). The interval holds every error under which the
    gaps seen are not improbable.

    Args:
        confidence: Shape (n,).
        right: Shape (n,): 0 or 1.
        bins: Shape (n,): from `equal_mass`.
        clusters: Of the units.
        level: Confidence of the interval.
    """
    differences = right - confidence
    weight, gaps = _gaps(differences, bins)
    _, padded = _covariance(differences - gaps[bins], bins, clusters)
    mean_square = float(weight @ gaps**2)
    # Scaled by the root of its weight, each gap enters the mean square as a plain square.
    root = np.sqrt(weight)
    scaled = padded * np.outer(root, root)
    trace, direction = float(np.trace(scaled)), root * gaps
    # The scale of the distribution: that of the noise alone, or along the gaps seen where this is larger.
    scale = float((scaled**2).sum()) / trace
    if direction @ direction > 0:
        scale = max(scale, float(direction @ scaled @ direction / (direction @ direction)))
    freedom = trace / scale
    upper = float(special.ndtr(clusters.quantile_of_share(level)))  # further out where clusters are few
    # The upper end is the noncentrality under which a mean square as small as this one has the chance 1 - upper.
    low, high = 0.0, float(special.chndtrinc(max(mean_square / scale, freedom), freedom, 1 - upper)) * scale
    # Only if a calibrated judge would rarely show so much does the interval stay off 0.
    if special.chndtr(mean_square / scale, freedom, 0.0) > upper:
        low = float(special.chndtrinc(mean_square / scale, freedom, upper)) * scale
    value = calibration_error(confidence, right, bins, clusters)
    # Value and interval come from different estimates. The interval is widened where it would not hold the value.
    return min(value, float(np.sqrt(low))), max(value, min(1.0, float(np.sqrt(high))))


def _covariance(residuals: Floats, bins: Ints, clusters: Clusters) -> tuple[Floats, Floats]:
    """The covariance of the gaps over clusters, shape (bins, bins); and the same with a pseudo-cluster in each bin.

    The first is free of bias. The second is for intervals: in a bin without an error the first is 0.
    """
    count, held = int(bins.max()) + 1, np.bincount(bins)
    cells, places, which = clusters.code * count + bins, count * len(clusters.sizes), (len(clusters.sizes), count)
    sums: Floats = np.bincount(cells, weights=residuals, minlength=places).reshape(which).astype(np.float64, copy=False)
    # A cluster may lie in several bins: each bin counts the clusters in it, and the factor C / (C - 1) is its own.
    within = (np.bincount(cells, minlength=places).reshape(which) > 0).sum(axis=0)  # clusters in each bin
    fair = np.sqrt(within / np.maximum(within - 1, 1)) / held
    covariance: Floats = sums.T @ sums * np.outer(fair, fair)
    # 0.25 is the largest variance of a share: one more cluster in each bin, half of it right.
    return covariance, covariance + np.diag(0.25 / within**2)


def _reliability(
    confidence: Floats, right: Floats, cluster: Ints, bins: Ints, *, level: float
) -> tuple[ReliabilityBin, ...]:
    found = []
    for place in range(int(bins.max()) + 1):
        here = bins == place
        low, high = interval_of_share(right[here], Clusters(cluster[here]), level)
        found.append(
            ReliabilityBin(
                low=float(confidence[here].min()),
                high=float(confidence[here].max()),
                n=int(here.sum()),
                confidence=float(confidence[here].mean()),
                right=float(right[here].mean()),
                ci_low=low,
                ci_high=high,
            )
        )
    return tuple(found)
