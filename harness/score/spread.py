"""How far a number of clustered data may be from the truth, without resampling: the numbers of people use it.

V is the delete-one-cluster jackknife's sum of squares. Where errors are few an empirical distribution has no variance,
so V is of the data with *pseudo-clusters* in, half of them right and half wrong; the printed value is of the data.
Shares then have the score interval of Wilson (1927) on the effective sample size n_eff = u (1 - u) / V, u the value
with the pseudo-clusters in (Korn and Graubard 1998; Dean and Pagano 2015), with a quantile of Student's t.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

Interval: TypeAlias = tuple[float, float]

_ALIKE = 0.02  # taken for the correlation within a cluster when its weight among clusters is judged


def effective_clusters(sizes: ArrayLike) -> float:
    """How many equal clusters are worth as much as these; C for C equal ones.

    d = m (1 + 0.02 (m - 1)); the sum of d, squared, over the sum of squared d.

    Args:
        sizes: Shape (C,): units of each cluster, m.
    """
    m = np.asarray(sizes, dtype=np.float64)
    worth = m * (1 + _ALIKE * (m - 1))
    return float(worth.sum() ** 2 / (worth**2).sum())


def quantile(df: float, *, confidence: float) -> float | None:
    """Student's t of a two-sided interval; `None` with less than one degree of freedom."""
    return float(special.stdtrit(df, (1 + confidence) / 2)) if df >= 1 else None


def share_interval(value: float, smoothed: float, variance: float, df: float, *, confidence: float) -> Interval | None:
    """Wilson's score interval on the effective sample size, for a number from 0 to 1.

    Args:
        value: Of the data.
        smoothed: Of the data with the pseudo-clusters in.
        variance: Of the same.
        df: Degrees of freedom: effective clusters - 1.
        confidence: Such as 0.95.

    Returns:
        Lower and upper end, or `None` with less than two effective clusters.
    """
    t = quantile(df, confidence=confidence)
    if t is None or not 0 < smoothed < 1 or not variance > 0:
        return None
    n = smoothed * (1 - smoothed) / variance
    share = min(max(value, 0.0), 1.0)
    scale = 1 + t * t / n
    centre = (share + t * t / (2 * n)) / scale
    half = t / scale * float(np.sqrt(share * (1 - share) / n + t * t / (4 * n * n)))
    return max(0.0, centre - half), min(1.0, centre + half)


def plain_interval(value: float, variance: float, df: float, *, confidence: float) -> Interval | None:
    """The value, t standard errors either way; `None` without a variance."""
    t = quantile(df, confidence=confidence)
    if t is None or not variance > 0:
        return None
    half = t * float(np.sqrt(variance))
    return value - half, value + half


def correlation_interval(value: float, variance: float, df: float, *, confidence: float) -> Interval | None:
    """The same on Fisher's scale, atanh(value), where the standard error is that of the value over 1 - value^2."""
    if not abs(value) < 1:
        return None
    found = plain_interval(float(np.arctanh(value)), variance / (1 - value * value) ** 2, df, confidence=confidence)
    return None if found is None else (float(np.tanh(found[0])), float(np.tanh(found[1])))
