"""Many judges at once: one quantile for every test and every interval of a family.

With k judges there are k (k - 1) / 2 differences, and the largest of them looks significant by luck alone. The family's
quantile is that of the largest T among judges who do not differ: the signs of whole clusters are flipped at random, for
all judges together, which keeps the clusters and what judges have in common (Romano and Wolf 2005, in one step). Tests,
rank sets, letters and intervals all use this one number, so that none contradicts another.

Not for one pair: alone its quantile is that of the normal distribution at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.score.arrays import Floats, Ints
from harness.score.intervals import normal_quantile
from harness.score.jackknife import Jackknife, common_blocks
from harness.score.pairs import Gap, p_value

_EXACT = 2_000  # clusters up to which their signs are flipped. Beyond, sums of them are as good as normal
_CHUNK = 4_000_000  # statistics held at once
_ROUNDING = 1e-9  # by which a draw's T is raised, so that one as large as the data's counts as that large


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """The largest T that there would be among equal judges, in many draws."""

    largest: Floats
    """Shape (B,): largest T of each draw, ascending. Empty for a family of none."""
    tests: int
    """Differences in the family."""

    def quantile(self, confidence: float) -> float:
        """q: T beyond it is significant, whichever difference it is of."""
        alone = normal_quantile(confidence)
        if self.tests < 2:
            return alone
        # The quantile is read off the very chances that `adjust_p` gives, so that the two never contradict each
        # other.
        chances = _safe_chance(np.arange(len(self.largest) + 1), len(self.largest))
        beyond = int(np.searchsorted(chances, 1 - confidence - 1e-12))  # so many draws may be as large as T
        # Bonferroni's quantile needs no draws, and is at most too wide.
        if beyond == 0:  # too few draws to show so small a chance
            return max(normal_quantile(1 - (1 - confidence) / self.tests), float(self.largest[-1]))
        return max(alone, float(self.largest[len(self.largest) - beyond]))

    def adjust_p(self, statistic: float) -> float:
        """P after correction for the family: how often its largest T is as large as this one.

        If no draw is, it is Bonferroni's bound, which no number of draws limits.
        """
        alone = p_value(statistic)
        if self.tests < 2:
            return alone
        draws = len(self.largest)
        beyond = draws - int(np.searchsorted(self.largest, statistic, side="left"))
        found = float(_safe_chance(np.array(beyond), draws))
        # A family can only make a p-value larger. Draws are random, and might say otherwise by a little.
        return min(1.0, max(alone, found if beyond else min(found, self.tests * alone)))


def _safe_chance(beyond: Ints, draws: int) -> Floats:
    """The chance of what happened in `beyond` draws, one standard error higher, so that it errs on the safe side."""
    share = (beyond + 1) / (draws + 1)
    return share + np.sqrt(share * (1 - share) / draws)


def family_of_judges(judges: Sequence[Jackknife], *, draws: int, seed: int) -> Family:
    """The family of all differences between judges of one task.

    Args:
        judges: One value of each.
        draws: B, the random flips.
        seed: Of the flips.
    """
    pairs = np.array(list(combinations(range(len(judges)), 2)), dtype=np.int64).reshape(-1, 2)
    blocks = common_blocks(judge.blocks for judge in judges)
    judges = [judge.in_blocks(blocks) for judge in judges]
    columns = _align_columns([(judge.clusters, judge.parts) for judge in judges])
    steps = np.array([judge.step for judge in judges])
    # The variance of each difference from those of two judges and their covariance: k^2 products serve k (k - 1) / 2
    # pairs.
    products = columns.T @ columns
    squares = np.diag(products)
    first, second = pairs[:, 0], pairs[:, 1]
    variances = np.maximum(0, squares[first] + squares[second] - 2 * products[first, second])
    scales = np.sqrt(variances + (steps[first] + steps[second]) / 2)
    return _draw_family(columns, scales, (first, second), draws=draws, seed=seed)


def family_of_gaps(gaps: Sequence[Gap], *, draws: int, seed: int) -> Family:
    """The family of some differences, such as that of two judges on each of several tasks.

    Args:
        gaps: The differences.
        draws: B, the random flips.
        seed: Of the flips.
    """
    blocks = common_blocks(gap.blocks for gap in gaps)
    gaps = [gap.in_blocks(blocks) for gap in gaps]
    columns = _align_columns([(gap.clusters, gap.parts) for gap in gaps])
    scales = np.array([gap.scale for gap in gaps])
    return _draw_family(columns, scales, None, draws=draws, seed=seed)


def _align_columns(columns: Sequence[tuple[Ints, Floats]]) -> Floats:
    """Columns over some clusters each, over all of them: shape (C, J)."""
    clusters = np.unique(np.concatenate([own for own, _ in columns]) if columns else np.empty(0, dtype=np.int64))
    table = np.zeros((len(clusters), len(columns)))
    for k, (own, column) in enumerate(columns):
        table[np.searchsorted(clusters, own), k] = column
    return table


def _draw_family(columns: Floats, scales: Floats, pairs: tuple[Ints, Ints] | None, *, draws: int, seed: int) -> Family:
    if len(scales) < 2:
        return Family(largest=np.empty(0), tests=len(scales))
    # Two judges with the same answers differ by 0 with certainty. Their T would be 0 / 0.
    known = scales > 0
    rng = np.random.default_rng(seed)
    largest = []
    # In pieces of at most 32 MB: draws times clusters, or draws times pairs, may be more than memory holds.
    step = max(1, _CHUNK // max(columns.shape[0], len(scales)))
    root = _matrix_root(columns.T @ columns) if len(columns) > _EXACT else None
    for start in range(0, draws, step):
        size = min(step, draws - start)
        if root is None:
            # A sign for each cluster and all judges: what judges have in common stays in common (Romano and Wolf
            # 2005).
            sums = (2.0 * rng.integers(0, 2, (size, len(columns)), dtype=np.int8) - 1) @ columns
        else:
            sums = rng.standard_normal((size, len(root))) @ root
        differences = sums if pairs is None else sums[:, pairs[0]] - sums[:, pairs[1]]
        largest.append((np.abs(differences[:, known]) / scales[known]).max(axis=1, initial=0.0))
    # Few clusters give few different T, and the data's own is often one of them: rounding must not tell the two apart.
    return Family(largest=np.sort(np.concatenate(largest)) * (1 + _ROUNDING), tests=len(scales))


def _matrix_root(covariance: Floats) -> Floats:
    """R with R^T R = covariance, which need not have full rank."""
    # Not a Cholesky factor: judges with equal answers make the matrix singular.
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    return root
