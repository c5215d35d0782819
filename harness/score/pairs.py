"""Two judges on the same clusters: the test of their difference and its interval, which never contradict each other.

With z_g what cluster g adds to the difference d, M_g its share of the units, and s^2 what one more average cluster adds
on which only one of the two is right:

    T = |d| / sqrt(sum of z_g^2 + s^2)                    significant where T > q
    interval: all delta with (d - delta)^2 <= q^2 (sum of (z_g - M_g delta)^2 + s^2)

The second line is the first one for "the difference is delta" (a score test inverted, as Wilson's interval is for one
share), so that T > q says exactly that 0 lies outside. The variance is that of the clusters under the hypothesis. s^2
keeps few discordant items from being read as certain. Not for families of judges. That is `harness.score.families`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from harness.score import planning
from harness.score.arrays import Floats, Ints
from harness.score.jackknife import Jackknife, common_blocks, in_blocks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gap:
    """The difference of two values, and what each cluster that both have adds to it."""

    difference: float
    """The first value less the second: the sum of `parts`."""
    clusters: Ints
    """Shape (C,): marks of the clusters, or numbers of blocks, ascending."""
    blocks: int
    """Number of blocks. 0 if each cluster stands for itself."""
    parts: Floats
    """Shape (C,): what each cluster adds to it."""
    weights: Floats
    """Shape (C,): share of the units that each holds."""
    step: float
    """Variance that one more average cluster adds, right for one of the two only."""
    most: float
    """The greatest difference that two values of the metric can have. Infinite if its range has no end."""

    def in_blocks(self, count: int) -> Gap:
        """The same in so many blocks, to stand beside one that has no more. 0: as it is."""
        if self.blocks == count:
            return self
        numbers, weights, parts = in_blocks(count, self.clusters, self.weights, self.parts)
        return replace(self, clusters=numbers, blocks=count, weights=weights, parts=parts)

    @property
    def scale(self) -> float:
        """The standard error of the difference where there is none."""
        return float(np.sqrt(self.parts @ self.parts + self.step))

    @property
    def statistic(self) -> float:
        """T: the difference in standard errors. 0 if nothing differs."""
        return abs(self.difference) / self.scale if self.scale > 0 else 0.0

    @property
    def error(self) -> float:
        """The standard error of the difference as it is: for planning."""
        # About the difference itself, and not about 0 as in the test: a plan asks how far estimates scatter.
        around = self.parts - self.weights * self.difference
        return float(np.sqrt(around @ around + self.step))

    def testable(self, quantile: float) -> bool:
        """Whether there are clusters enough for a test at this quantile: more than q^2 of them by Kish's number."""
        # C clusters of equal size give a T of at most sqrt(C), so that with q^2 or fewer no data could be
        # significant.
        return float(self.weights @ self.weights) * quantile**2 < 1

    def significant(self, quantile: float) -> bool:
        """Whether T exceeds the quantile, and there are clusters enough for that to mean something."""
        return self.testable(quantile) and self.statistic > quantile

    def detectable(self, quantile: float, *, power: float) -> float | None:
        """The smallest true difference that is significant at this quantile with this power.

        Returns:
            `None` with too few clusters, where nothing varies, or where no two values differ by so much.
        """
        if not self.testable(quantile) or not self.scale > 0:
            return None
        clusters = 1 / float(self.weights @ self.weights)
        least = planning.detectable(self.error * float(np.sqrt(clusters)), clusters, quantile=quantile, power=power)
        # An accuracy cannot differ by more than 1: a larger answer means that no difference would be seen.
        return least if least <= self.most else None

    def interval(self, quantile: float) -> tuple[float, float] | None:
        """All possible differences that the test does not reject.

        Returns:
            Lower and upper end. `None` with too few clusters, or where nothing varies.
        """
        if not self.testable(quantile) or not self.scale > 0:
            return None
        squared = quantile * quantile
        # The bound of the module's second formula, written as a delta^2 - 2 b delta + c <= 0. `testable` says that a
        # > 0.
        a = 1 - squared * float(self.weights @ self.weights)
        b = self.difference - squared * float(self.parts @ self.weights)
        c = self.difference**2 - squared * self.scale**2
        # Rounding alone can make it negative: the difference itself always fulfils the inequality.
        root = float(np.sqrt(max(0.0, b * b - a * c)))
        return max(-self.most, (b - root) / a), min(self.most, (b + root) / a)


def gap(a: Jackknife, b: Jackknife) -> Gap:
    """The difference of two values of the same units."""
    blocks = common_blocks((a.blocks, b.blocks))
    # One judge may have clusters and the other blocks of them. The coarser of the two serves both.
    a, b = a.in_blocks(blocks), b.in_blocks(blocks)
    return Gap(
        difference=a.value - b.value,
        clusters=a.clusters,
        blocks=blocks,
        parts=a.parts - b.parts,
        weights=a.weights,
        step=(a.step + b.step) / 2,
        most=np.inf if a.bounds is None else a.bounds[1] - a.bounds[0],
    )


def p_value(statistic: float) -> float:
    """Two-sided p of T, by the normal distribution."""
    # The lower tail: 1 - ndtr(T) would be 0 from T = 8.3 on.
    return float(min(1.0, 2 * special.ndtr(-statistic)))
