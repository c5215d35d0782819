"""From a jackknifed value to its interval. Not for differences of two judges: `harness.score.pairs`.

One rule for every metric that has a range. On the scale from 0 to 1, with u the metric with pseudo-clusters and V its
jackknife variance, the value is worth as much as a share of n_eff = u (1 - u) / V independent trials (the effective
sample size of Korn and Graubard 1998). Its interval has the centre of Wilson's score interval (1927) for such a share.

- A share of independent trials has the length of Agresti and Coull's interval (1998), which has none of the dips in
  the coverage of Wilson's, and the normal quantile.
- All else has the mean of both lengths, since V is made longer by pseudo-clusters already. The quantile is Student's t,
  with the effective number of clusters less one as degrees of freedom.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from harness.score.jackknife import Jackknife

AGRESTI_COULL = "agresti-coull"
"""`Estimate.method` of a share of independent trials."""
JACKKNIFE = "cluster-jackknife"
"""`Estimate.method` of everything else."""

_ROUNDING = 1e-12


def interval(value: Jackknife, *, confidence: float = 0.95) -> tuple[float, float] | None:
    """The confidence interval of one value.

    Returns:
        Lower and upper end. `None` if the data say nothing about the variance.
    """
    variance = value.variance
    # Also false for NaN. A variance from rounding alone would give an interval of no width.
    if not variance > _ROUNDING**2 * max(1.0, value.value**2):
        return None
    # The interval of Agresti and Coull holds with the normal quantile. A variance that was estimated needs Student's
    # t.
    quantile = normal_quantile(confidence) if value.binomial else t_quantile(confidence, value.effective_clusters - 1)
    # Without a range, or for a metric that leaves the range it promised, only the plain interval is left.
    if value.bounds is None or not value.bounds[0] <= value.value <= value.bounds[1]:
        half = quantile * float(np.sqrt(variance))
        return value.value - half, value.value + half
    low, high = value.bounds
    share, centre = ((number - low) / (high - low) for number in (value.value, value.centre))
    # n_eff = u (1 - u) / V on the scale from 0 to 1, by the centre, since u (1 - u) is 0 at the ends.
    effective = min(value.most, centre * (1 - centre) * (high - low) ** 2 / variance)
    if not effective > 0:
        return None
    ends = (agresti_coull if value.binomial else half_way)(share, effective, quantile=quantile)
    return low + (high - low) * ends[0], low + (high - low) * ends[1]


def agresti_coull(share: float, trials: float, *, quantile: float) -> tuple[float, float]:
    """The interval of Agresti and Coull (1998) for a share of `trials`, which need not be a whole number.

    With q the quantile, q^2 / 2 successes and as many failures are added. The ends stay within 0 and 1.

    Example:
        45 of 50 answers are right:

        >>> low, high = agresti_coull(0.9, 50, quantile=normal_quantile(0.95))
        >>> round(low, 3), round(high, 3)
        (0.782, 0.961)
    """
    centre, half = _centre(share, trials, quantile), _agresti_coull(share, trials, quantile)
    return max(0.0, centre - half), min(1.0, centre + half)


def half_way(share: float, trials: float, *, quantile: float) -> tuple[float, float]:
    """The interval half-way between that of Agresti and Coull and the shorter one of Wilson (1927), of the same centre.

    For a share of `trials`, which need not be a whole number. The ends stay within 0 and 1.
    """
    squared = quantile * quantile
    # Half the length of Wilson's interval, which has the same centre.
    wilson = quantile * float(np.sqrt(share * (1 - share) * trials + squared / 4)) / (trials + squared)
    centre, half = _centre(share, trials, quantile), (_agresti_coull(share, trials, quantile) + wilson) / 2
    return max(0.0, centre - half), min(1.0, centre + half)


def _centre(share: float, trials: float, quantile: float) -> float:
    return (share * trials + quantile**2 / 2) / (trials + quantile**2)


def _agresti_coull(share: float, trials: float, quantile: float) -> float:
    """Half the length of the interval."""
    centre = _centre(share, trials, quantile)
    return quantile * float(np.sqrt(centre * (1 - centre) / (trials + quantile**2)))


def normal_quantile(confidence: float) -> float:
    """The two-sided quantile of the normal distribution: 1.96 for 0.95."""
    return float(special.ndtri((1 + confidence) / 2))


def t_quantile(confidence: float, freedom: float) -> float:
    """The two-sided quantile of Student's t. The degrees of freedom need not be whole, and count as 1 at least."""
    return float(special.stdtrit(max(1.0, freedom), (1 + confidence) / 2))
