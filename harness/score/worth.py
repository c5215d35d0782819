"""The worth of a judge's verdicts: from few labels and many verdicts to a rate, a mean, and labels saved.

Numbers in, numbers out. Not for reading runs or files. That is `harness.report.verdicts`.

Two corrections of the rate that a judge reports are here. Rogan and Gladen (1978) solve for the rate that explains what
the judge said, given how often it is right. The interval is that of Lee et al. (2025, arXiv 2511.21140), which goes
back to Lang and Reiczigel (2014). PPI++ (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453) adds to the labels' own
mean what the verdicts know. Both count a few *pseudo-items*, so that a judge without an observed error is not taken for
one that makes none. A pseudo-item is as large as the average cluster. Without clusters the first is exactly the
published interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from harness.api import Measurement
from harness.score.arrays import Floats, Ints
from harness.score.intervals import normal_quantile, t_quantile
from harness.score.padded import PaddedMean, effective_clusters, mean_of, satterthwaite, wald_interval

_WRONG = 1 / 3
"""The least distance of a pseudo-item's verdict from its gold, as a share of the scale. If nearly all scores are
the best one and the judge is rarely, and then wildly, wrong, a quarter covers 93 % of the time. A half is needlessly
wide."""
_SURE = 0.9999
"""Correlations count as at most this: the transformation of Fisher has no value at 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdicts:
    """Items that a judge judged, one row each, with or without the gold of people."""

    judged: Floats
    """Shape (n,): what the judge said as a number: 1 for the class and 0 for any other, or a score."""
    cluster: Ints
    """Shape (n,): code of the cluster. Equal codes are one cluster, in labelled and unlabelled items alike."""
    gold: Floats | None = None
    """Shape (n,): what people said, on the same scale. `None` if no one was asked."""

    def __len__(self) -> int:
        return len(self.judged)


class Rates(NamedTuple):
    """Rates at which a judge is right on items of each kind."""

    specificity: Measurement
    """Share of "not the class" among the verdicts on items that are not of the class (q0)."""
    sensitivity: Measurement
    """Share of "the class" among the verdicts on items of the class (q1)."""
    skill: Measurement
    """q0 + q1 - 1 (Youden 1950): 0 for a judge that knows nothing, 1 for one that is always right."""


def rates(labelled: Verdicts, *, confidence: float = 0.95) -> Rates:
    """Specificity, sensitivity and skill of a judge on labelled items whose gold is 1 or 0, with their intervals."""
    yes, cluster = _gold(labelled) == 1, labelled.cluster
    right = np.where(yes, labelled.judged, 1 - labelled.judged)
    # The two rates come from different items, so each has an interval of its own.
    q0, q1 = (mean_of(right[kind], cluster[kind], confidence=confidence) for kind in (~yes, yes))
    if q0.value is None or q1.value is None:
        return Rates(q0, q1, Measurement(None))
    groups = 1 + int(cluster.max())
    # One cluster may hold items of both kinds. The moves of its two rates are added before they are squared.
    own, other = (PaddedMean(right[kind], cluster[kind], ends=(0, 1), groups=groups) for kind in (~yes, yes))
    moved = own.moved + other.moved
    variance = float(moved @ moved) + own.rest + other.rest
    df = satterthwaite((own.variance, own.df), (other.variance, other.df))
    skill = wald_interval(q0.value + q1.value - 1, own.mean + other.mean - 1, variance, df, -1.0, 1.0, confidence)
    return Rates(q0, q1, skill)


def rogan_gladen(labelled: Verdicts, unlabelled: Verdicts, *, confidence: float = 0.95) -> Measurement:
    """The share of a class among unlabelled items, corrected for the judge's errors.

    theta = (p + q0 - 1) / (q0 + q1 - 1), p being the share that the judge reports, kept within 0 and 1. The interval is
    the adjusted one of Lee et al. (2025): one right and one wrong pseudo-item in each class, z^2 / 2 of each kind in p,
    and a shift towards the middle. Its variances are those of clusters, and for z stands the t quantile of
    Satterthwaite's degrees of freedom.

    Args:
        labelled: Items whose gold is 1 for the class and 0 for any other.
        unlabelled: Items judged by the same judge.
        confidence: Of the interval.

    Returns:
        No value if a class has no label or if q0 + q1 <= 1. The interval is then all of 0 to 1. No interval if
        all that the verdicts allow lies outside 0 to 1: such items are not like the labelled ones.

    Example:
        The judge says yes of 30 % of the items. On labelled ones it finds 90 % of the class, and takes 20 % of the
        others for it: (0.3 - 0.2) / (0.9 - 0.2).

        >>> gold = np.repeat([1.0, 0.0], 50)
        >>> judged = np.repeat([1.0, 0.0, 1.0, 0.0], [45, 5, 10, 40])
        >>> labelled = Verdicts(judged=judged, cluster=np.arange(100), gold=gold)
        >>> others = Verdicts(judged=np.repeat([1.0, 0.0], [300, 700]), cluster=np.arange(100, 1100))
        >>> found = rogan_gladen(labelled, others)
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.143, 0.0, 0.266)
    """
    yes = _gold(labelled) == 1
    # Without an item of one kind nothing is known of the judge's errors on it, and every share is possible.
    if yes.all() or not yes.any() or not len(unlabelled):
        return Measurement(None, 0.0, 1.0)
    groups = _count_codes(labelled, unlabelled)
    p = PaddedMean(unlabelled.judged, unlabelled.cluster, ends=(0, 1), copies=_pseudo_copies(confidence), groups=groups)
    q1 = PaddedMean(labelled.judged[yes], labelled.cluster[yes], ends=(0, 1), groups=groups)
    q0 = PaddedMean(1 - labelled.judged[~yes], labelled.cluster[~yes], ends=(0, 1), groups=groups)
    false_alarms = float(labelled.judged[~yes].mean())
    plain = float(labelled.judged[yes].mean()) - false_alarms
    skill = q0.mean + q1.mean - 1
    # A judge no better than chance: the formula divides by about 0, or turns the answer round.
    if plain <= 0 or skill <= 0:
        return Measurement(None, 0.0, 1.0)
    value = min(1.0, max(0.0, (float(unlabelled.judged.mean()) - false_alarms) / plain))
    # The centre rests on the rates with pseudo-items. The value itself is the plain one, as people expect.
    theta = (p.mean + q0.mean - 1) / skill
    # By the delta method: d theta is (dp + (1 - theta) dq0 - theta dq1) / skill. Labelled and unlabelled items may
    # share clusters.
    moved = p.moved + (1 - theta) * q0.moved - theta * q1.moved
    variance = float(moved @ moved) + p.rest + (1 - theta) ** 2 * q0.rest + theta**2 * q1.rest
    df = satterthwaite((p.variance, p.df), ((1 - theta) ** 2 * q0.variance, q0.df), (theta**2 * q1.variance, q1.df))
    quantile = t_quantile(confidence, df)
    centre = theta + 2 * quantile**2 * (theta * q1.variance - (1 - theta) * q0.variance)
    half = quantile * float(np.sqrt(variance)) / skill
    low, high = np.clip([centre - half, centre + half], 0, 1).tolist()
    return Measurement(value, min(low, value), max(high, value)) if low < high else Measurement(value)


def ppi(
    labelled: Verdicts, unlabelled: Verdicts, *, low: float = 0.0, high: float = 1.0, confidence: float = 0.95
) -> Measurement:
    """The mean of gold over the population, from labels and verdicts together (PPI++).

    theta = mean(Y) + lambda (mean_N(f) - mean_n(f)), lambda from `power_tuning`. The variance is that of clusters, with
    two pseudo-items of which the judge is wrong, one each way. With lambda = 0 this is `mean_of` the labels. For a
    share with lambda = 1 it is the interval of Bonett and Price (2012) for two paired shares.

    Args:
        labelled: Items with gold: a random sample of the population.
        unlabelled: Other items of it.
        low: Lower end of the scale.
        high: Upper end of the scale.
        confidence: Of the interval.
    """
    gold, others = _gold(labelled), unlabelled.judged
    if not len(gold) or not len(others):
        return Measurement(None)
    weight, groups = power_tuning(labelled, unlabelled), _count_codes(labelled, unlabelled)
    off = _pseudo_error(gold, low, high) * (high - low)
    # A pseudo-item of which the judge is wrong: gold at one end of the scale, the verdict `off` away from it.
    wrong = (high - weight * (high - off), low - weight * (low + off))
    own = PaddedMean(gold - weight * labelled.judged, labelled.cluster, ends=wrong, groups=groups)
    other = PaddedMean(others, unlabelled.cluster, ends=(low, high), copies=_pseudo_copies(confidence), groups=groups)
    moved = own.moved + weight * other.moved
    variance = float(moved @ moved) + own.rest + weight**2 * other.rest
    df = satterthwaite((own.variance, own.df), (weight**2 * other.variance, other.df))
    value = float(gold.mean() + weight * (others.mean() - labelled.judged.mean()))
    mean = own.mean + weight * other.mean
    return wald_interval(min(high, max(low, value)), mean, variance, df, low, high, confidence)


def power_tuning(labelled: Verdicts, unlabelled: Verdicts) -> float:
    """Weight of the judge: lambda = cov(Y, f) / ((1 + n / N) var(f)), kept within 0 and 1.

    The covariance is that of the labelled items, the variance that of all (Angelopoulos et al. 2023, section 6).
    """
    gold, judged = _gold(labelled), labelled.judged
    together = np.concatenate([judged, unlabelled.judged])
    # A judge that always says the same knows nothing, and its verdicts weigh nothing.
    if len(gold) < 2 or (spread := float(together.var(ddof=1))) <= 0:
        return 0.0
    shared = float(np.cov(gold, judged)[0, 1])
    return min(1.0, max(0.0, shared / ((1 + len(gold) / len(unlabelled)) * spread)))


def correlation(labelled: Verdicts, *, low: float = 0.0, high: float = 1.0, confidence: float = 0.95) -> Measurement:
    """Pearson's correlation of verdict and gold over labelled items, which says what the verdicts can save.

    The interval is Fisher's, with the jackknife over clusters and over two pseudo-items of which the judge is wrong.

    Args:
        labelled: Items with gold.
        low: Lower end of the scale.
        high: Upper end of the scale.
        confidence: Of the interval.

    Returns:
        No value if gold or verdict does not vary.
    """
    gold, judged = _gold(labelled), labelled.judged
    # All moments as sums by cluster, so that leaving out a cluster is a subtraction.
    columns = (np.ones(len(gold)), gold, judged, gold * judged, gold**2, judged**2)
    sums = np.array([np.bincount(labelled.cluster, weights=column) for column in columns])
    sums = sums[:, sums[0] > 0]
    total = sums.sum(axis=1, keepdims=True)
    (value,) = _correlations(total).tolist()
    if sums.shape[1] < 2 or not np.isfinite(value):
        return Measurement(None)
    size, off = len(gold) / sums.shape[1], _pseudo_error(gold, low, high) * (high - low)
    pairs = ((high, high - off), (low, low + off))
    half = size / 2 * np.array([[1, y, f, y * f, y * y, f * f] for y, f in pairs]).T
    smoothed = total + half.sum(axis=1, keepdims=True)
    (middle,) = _fisher(_correlations(smoothed)).tolist()
    variance = float(((_fisher(_correlations(smoothed - sums)) - middle) ** 2).sum())
    variance += 2 * float(((_fisher(_correlations(smoothed - half)) - middle) ** 2).sum())
    # Pseudo-items thin out what a cluster moves, so that the variance without them may be the larger one.
    if abs(value) < _SURE:
        (middle,) = _fisher(np.array([value])).tolist()
        variance = max(variance, float(((_fisher(_correlations(total - sums)) - middle) ** 2).sum()))
    df = max(1.0, effective_clusters(sums[0]) - 1)
    half_width = t_quantile(confidence, df) * float(np.sqrt(variance))
    ends = (float(np.tanh(middle - half_width)), float(np.tanh(middle + half_width)))
    return Measurement(value, min(value, ends[0]), max(value, ends[1]))


def labels_worth(of: Measurement, *, labels: int, verdicts: int | None) -> Measurement:
    """Number of labels without the judge that are worth as much as one label with it.

    The variance of the labels' mean over that of PPI++ with the best lambda: 1 / (1 - rho^2 N / (n + N)), which follows
    from the two variances of Angelopoulos et al. (2023). Items count as independent here.

    Args:
        of: From `correlation`.
        labels: n.
        verdicts: N. `None`: as many as one likes.

    Returns:
        At least 1: a judge that knows nothing saves nothing. The upper end is `None` if it has none.
    """
    if of.value is None or of.low is None or of.high is None:
        return Measurement(None)
    share = 1.0 if verdicts is None else verdicts / (labels + verdicts)
    ends = [_variance_ratio(end, share) for end in (of.low, of.high)]
    # The worth depends on rho^2: an interval across 0 holds a correlation that saves nothing.
    least = 1.0 if of.low <= 0 <= of.high else min(ends)
    value, most = _variance_ratio(of.value, share), max(ends)
    return Measurement(value if np.isfinite(value) else None, least, most if np.isfinite(most) else None)


def shift(labelled: Verdicts, unlabelled: Verdicts) -> float:
    """Two-sided p-value of "the judge says the same of labelled and unlabelled items", by clusters.

    A small one shows that the two are not samples of one population. A large one shows nothing: items may differ in
    what the judge does not see.
    """
    groups = _count_codes(labelled, unlabelled)
    values = np.concatenate([labelled.judged, unlabelled.judged])
    # The scale is not known here. Pseudo-items stand at the ends of what was said.
    ends = (float(values.min()), float(values.max()))
    own, other = (PaddedMean(side.judged, side.cluster, ends=ends, groups=groups) for side in (labelled, unlabelled))
    moved = own.moved - other.moved
    variance = float(moved @ moved) + own.rest + other.rest
    if variance <= 0:
        return 1.0
    df = satterthwaite((own.variance, own.df), (other.variance, other.df))
    gap = abs(float(labelled.judged.mean() - unlabelled.judged.mean())) / float(np.sqrt(variance))
    return float(2 * (special.stdtr(df, -gap) if np.isfinite(df) else special.ndtr(-gap)))


def _pseudo_copies(confidence: float) -> float:
    """Pseudo-items of each kind in a rate of many items: z^2 / 2, as in Wilson's interval."""
    return normal_quantile(confidence) ** 2 / 2


def _pseudo_error(gold: Floats, low: float, high: float) -> float:
    """Error of the judge on a pseudo-item, as a share of the scale: one step of it, which for a class is all."""
    # On a scale of five steps being wrong means one step at least. A class has one step: the whole scale.
    steps = np.diff(np.unique(gold))
    return max(_WRONG, float(steps.min()) / (high - low)) if len(steps) else 1.0


def _correlations(sums: Floats) -> Floats:
    """From sums of 1, y, f, yf, yy and ff, shape (6, B), to correlations, NaN if not defined."""
    n, y, f, yf, yy, ff = sums
    above, below = yf - y * f / n, (yy - y * y / n) * (ff - f * f / n)
    out = np.full(n.shape, np.nan)
    # Constant columns have a variance of rounding errors, and a correlation of it would be noise.
    scale = 1e-12 * np.maximum(1.0, yy * ff)
    np.divide(above, np.sqrt(np.maximum(below, 0)), out=out, where=below > scale)
    return out


def _fisher(correlations: Floats) -> Floats:
    """The inverse hyperbolic tangent. A correlation that is not defined counts as none."""
    return np.arctanh(np.clip(np.nan_to_num(correlations, nan=0.0), -_SURE, _SURE))


def _variance_ratio(rho: float, share: float) -> float:
    left = 1 - rho * rho * share
    # A perfect judge makes labels worth any number: without an end rather than a number of rounding.
    return 1 / left if left > 1e-9 else float("inf")


def _count_codes(labelled: Verdicts, unlabelled: Verdicts) -> int:
    return 1 + int(max(labelled.cluster.max(initial=0), unlabelled.cluster.max(initial=0)))


def _gold(labelled: Verdicts) -> Floats:
    if labelled.gold is None:
        raise TypeError("the labelled items have no gold")
    return labelled.gold
