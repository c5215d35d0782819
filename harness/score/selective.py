"""Selective judging: keep the verdicts that the judge is sure of, leave the others to people. What is kept worth?

Not for calibration: here only the order of the confidences matters. Risk and coverage are those of El-Yaniv and Wiener
(2010). The area under their curve is that of Geifman, Uziel and El-Yaniv (2019). The threshold is chosen as by Jung,
Brahman and Choi (Trust or Escalate, arXiv 2407.18370), by a sequence of tests that is fixed in advance (Bauer 1991;
Angelopoulos et al., Learn then Test, arXiv 2110.01052).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from harness.score.arrays import Floats, Ints
from harness.score.clusters import Clusters, effective_n, interval_of_share
from harness.score.intervals import agresti_coull
from harness.score.trust import CoveragePoint, Guarantee

# The first is about how often people agreed with one another in MT-Bench (81 %, Zheng et al. 2023).
AGREEMENTS = (0.8, 0.9, 0.95)
"""Agreements for which a threshold is looked for."""
STEPS = 20
"""Thresholds that are tried, at equal steps of coverage."""
_POINTS = 10


def aurc(confidence: Floats, right: Floats) -> tuple[float, Floats]:
    """The area under the risk-coverage curve, and what each unit does to it.

    The risk at coverage k/n is the share of wrong verdicts among the k most confident ones. The area is its mean over
    k. Units of equal confidence come in random order, and the area is the mean over these orders.

    Args:
        confidence: Shape (n,).
        right: Shape (n,): 0 or 1.

    Returns:
        The area, and the influence of each unit, shape (n,), whose mean is 0.

    Example:
        The two surest verdicts are right and the two others wrong: the risks are 0, 0, 1/3 and 1/2.

        >>> area, _ = aurc(np.array([0.9, 0.8, 0.6, 0.5]), np.array([1.0, 1.0, 0.0, 0.0]))
        >>> round(area, 4)
        0.2083
    """
    order = np.argsort(-confidence, kind="stable")
    # Units of equal confidence are one block: any order within it would be ours, and each has the block's mean risk.
    block = np.cumsum(np.r_[0, np.diff(confidence[order]) != 0])
    wrong = 1 - right[order]
    mean_wrong = (np.bincount(block, weights=wrong) / np.bincount(block))[block]
    # Mean over the n coverages, so the area needs no interpolation.
    rank = np.arange(1, len(order) + 1)
    risk = np.cumsum(mean_wrong) / rank
    area = float(risk.mean())
    # A unit is in the risk of its own rank and of all that follow: there it adds (wrong - risk) / rank.
    share = np.cumsum((1 / rank)[::-1])[::-1]
    less = np.cumsum((risk / rank)[::-1])[::-1]
    counts = np.bincount(block)
    share, less, here = ((np.bincount(block, weights=part) / counts)[block] for part in (share, less, risk))
    moved = wrong * share - less + here - area
    influence = np.empty(len(order))
    # Rounding leaves a mean beside 0, which sums over large clusters would carry along.
    influence[order] = moved - moved.mean()
    return area, influence


def interval_of_aurc(area: float, influence: Floats, clusters: Clusters, confidence: float) -> tuple[float, float]:
    """The interval of the area, from the influence of whole clusters.

    The most confident verdicts are in the risk at every coverage, so that few of them carry most of the area. As if
    half of the clusters told all, the quantile is that of Student's t with half of their degrees of freedom.
    """
    quantile = clusters.quantile(confidence, part=0.5)
    return agresti_coull(area, effective_n(influence, area, clusters), quantile=quantile)


def curve(confidence: Floats, right: Floats, cluster: Ints, *, level: float) -> tuple[CoveragePoint, ...]:
    """Points of the risk-coverage curve at about equal steps of coverage, the most confident first.

    Args:
        confidence: Shape (n,).
        right: Shape (n,): 0 or 1.
        cluster: Shape (n,).
        level: Confidence of the intervals.
    """
    points = []
    for threshold in _thresholds(confidence, _POINTS):
        kept = confidence >= threshold
        wrong = 1 - right[kept]
        low, high = interval_of_share(wrong, Clusters(cluster[kept]), level)
        points.append(
            CoveragePoint(
                threshold=threshold,
                coverage=float(kept.mean()),
                n=int(kept.sum()),
                risk=float(wrong.mean()),
                ci_low=low,
                ci_high=high,
            )
        )
    return tuple(points)


def guarantee(confidence: Floats, right: Floats, cluster: Ints, agreement: float, *, level: float = 0.95) -> Guarantee:
    """The lowest threshold above which verdicts agree with the gold often enough, in all data like these.

    The thresholds and their order, the highest first, are fixed by the confidences before any verdict is looked at. At
    each the agreement is tested. The last one that passes before the first that fails is chosen. Because the sequence
    stops at its first failure, the chance that the agreement does not hold at the chosen threshold is at most
    1 - `level`, however many thresholds there are and however badly the judge is calibrated.

    The first threshold keeps so many verdicts that the test may pass in spite of some that are wrong.

    Args:
        confidence: Shape (n,).
        right: Shape (n,): 0 or 1.
        cluster: Shape (n,).
        agreement: The share of right verdicts that is asked for.
        level: Confidence of the guarantee.
    """
    chosen = Guarantee(agreement=agreement, threshold=None, coverage=None, n=0, right=None, ci_low=None)
    least = verdicts_needed(agreement, wrong=ALLOWED, level=level)
    for threshold in _thresholds(confidence, STEPS):
        kept = confidence >= threshold
        clusters = Clusters(cluster[kept])
        # A test that cannot pass yet is left out before any verdict is looked at, so the sequence stays fixed in
        # advance.
        if len(clusters.sizes) < least and not kept.all():
            continue
        bound = lower_bound(right[kept], clusters, level=level)
        if bound < agreement:
            break
        chosen = Guarantee(
            agreement=agreement,
            threshold=threshold,
            coverage=float(kept.mean()),
            n=int(kept.sum()),
            right=float(right[kept].mean()),
            ci_low=bound,
        )
    return chosen


ALLOWED = 2
"""Wrong verdicts in spite of which the first test passes."""


def verdicts_needed(agreement: float, *, wrong: int, level: float) -> int:
    """The fewest independent verdicts that show an agreement when some of them are wrong.

    Example:
        0.9 to the power of 29 is below 0.05, and to the power of 28 it is not:

        >>> verdicts_needed(0.9, wrong=0, level=0.95)
        29
    """
    n = wrong + 1
    # Counted up: the bound has no inverse in closed form, and n is some hundreds at most.
    while _clopper_pearson(n - wrong, n, level=level) < agreement:
        n += 1
    return n


def lower_bound(right: Floats, clusters: Clusters, *, level: float) -> float:
    """The one-sided lower bound of a share (Clopper and Pearson 1934), on the effective number of units.

    Exact where units are independent. In clusters it is the bound of Korn and Graubard (1998): on as many independent
    units as have the variance of these clusters, made fewer by the ratio of Student's t to the normal quantile.

    Args:
        right: Shape (n,): 0 or 1.
        clusters: Of the units.
        level: Such as 0.95.
    """
    value, n = float(right.mean()), float(clusters.units)
    if not clusters.alone:
        n = min(n, effective_n(right - value, value, clusters))
        t = special.stdtrit(max(clusters.effective - 1, 1.0), level)
        # Few clusters estimate their own variance badly. Korn and Graubard (1998) pay for it with fewer units.
        n *= min(1.0, float(special.ndtri(level) / t) ** 2)
    return _clopper_pearson(value * n, n, level=level)


def _clopper_pearson(hits: float, n: float, *, level: float) -> float:
    # The beta function takes counts that are not whole, as effective numbers are.
    return float(special.betaincinv(hits, n - hits + 1, 1 - level)) if hits > 0 else 0.0


def _thresholds(confidence: Floats, steps: int) -> list[float]:
    """Distinct thresholds that keep about 1/steps, 2/steps, ... of the units. The last one keeps all."""
    descending = np.sort(confidence)[::-1]
    ranks = [math.ceil(len(descending) * step / steps) - 1 for step in range(1, steps + 1)]
    # Thresholds are confidences that occur, so that each keeps a share that is known exactly.
    return list(dict.fromkeys(float(descending[rank]) for rank in ranks))
