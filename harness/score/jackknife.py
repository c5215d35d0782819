"""The part of each cluster in a value: every one left out in turn. The raw material of intervals and of tests.

The delete-one-cluster jackknife (Efron and Tibshirani 1993, chapter 11) with pseudo-clusters (`harness.score.pseudo`):
for cluster g of m_g of the n units, with h_g = m_g / n,

    move_g = theta(without g) - theta(with all)           the pseudo-clusters in both
    V      = sum of (1 - h_g) move_g^2 + what the pseudo-clusters add

(1 - h_g) is (C - 1) / C where all clusters have one size: the usual factor, by the weight of each cluster.

Two judges are compared by what each cluster adds to either. If a metric counts right and wrong answers, that is how
far the value falls if a coin answers the questions of the cluster, so that the difference of two judges stands in the
clusters, classes and categories in which they differ. Leaving out would not do: a class that all of one judge's answers
get right moves nothing when one of them goes, and its difference would look certain. For other metrics it is the
jackknife's pseudo-value times the weight.

Not for turning any of it into an interval. That is `harness.score.intervals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from harness.score.arrays import Floats, Ints
from harness.score.patterns import Statistic
from harness.score.sample import Sample

_CHUNK = 300_000  # weights held at once: a few megabytes, so that a metric's arrays stay in the processor's cache
_ROUNDING = 1e-12
_CORRELATION = 0.015  # within clusters, taken for granted where the effective number of clusters is counted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Jackknife:
    """One value, and what each cluster does to it. A mean of several is one too: see `mean_of`.

    All that is about clusters has shape (K,), in the order of `clusters`, which are marks that tasks have in common.
    """

    value: float
    """The metric of the data."""
    centre: float
    """The metric with the pseudo-clusters beside the data, which is never at an end of its range."""
    clusters: Ints
    """Marks of the clusters, or numbers of blocks, ascending."""
    blocks: int
    """Number of blocks. 0 if each cluster stands for itself."""
    weights: Floats
    """Share of the units that each cluster holds. They add up to 1."""
    moves: Floats
    """Changes of the value when a cluster is left out, times the root of 1 - h."""
    parts: Floats
    """Parts of the value by cluster, less what is the same for every judge. They add up to the value."""
    pseudo: float
    """Variance that the pseudo-clusters add."""
    step: float
    """Variance that one more average cluster, right for one of two judges only, adds to a difference."""
    design: Floats
    """Shape (K',): weight of each real cluster in the effective number of clusters. It adds up to 1."""
    design_clusters: Ints
    """Marks of the real clusters, ascending."""
    bounds: tuple[float, float] | None
    """Range of the metric."""
    binomial: bool
    """Whether the value is a share of independent trials."""
    most: float
    """The greatest effective sample size: that of independent trials where each is right or wrong, else infinite."""
    graded: bool
    """Whether answers are more than right or wrong: scores, probabilities, rankings, values of groups."""

    @property
    def variance(self) -> float:
        """V: the variance of the value."""
        return float(self.moves @ self.moves) + self.pseudo

    @property
    def largest_move(self) -> float:
        """The share of the variance that one cluster alone, or one block, makes up."""
        variance = self.variance
        return float((self.moves**2).max(initial=0.0)) / variance if variance > 0 else 0.0

    @property
    def effective_clusters(self) -> float:
        """(sum d)^2 / sum d^2 over clusters of m units, d = m (1 + 0.015 (m - 1)). C for C clusters of one size.

        Never more than there are blocks, since the variance is that of the blocks.
        """
        if not len(self.design):
            return 0.0
        return min(float(1 / (self.design @ self.design)), self.blocks or np.inf)

    @property
    def kish(self) -> float:
        """n^2 / sum of m_g^2 (Kish 1965): what the weights of the clusters leave of their number."""
        # Weights add up to 1, so this is (sum m)^2 / sum m^2.
        return float(1 / (self.weights @ self.weights)) if len(self.weights) else 0.0

    def in_blocks(self, count: int) -> Jackknife:
        """The same in so many blocks, to stand beside one that has no more. 0: as it is."""
        if self.blocks == count:
            return self
        numbers, weights, moves, parts = in_blocks(count, self.clusters, self.weights, self.moves, self.parts)
        return replace(self, clusters=numbers, blocks=count, weights=weights, moves=moves, parts=parts)


def in_blocks(count: int, clusters: Ints, *columns: Floats) -> tuple[NDArray[Any], ...]:
    """Clusters put into blocks by their marks: the numbers of the blocks, and the columns summed over each."""
    # The same rule in every table, so that the clusters of two judges fall into the same blocks.
    numbers, place = np.unique(clusters % count, return_inverse=True)
    return numbers, *(np.bincount(place, weights=column).astype(np.float64) for column in columns)


def common_blocks(counts: Iterable[int]) -> int:
    """The number of blocks that some values can all be put into. 0 if every one has its clusters still."""
    return min((count for count in counts if count), default=0)


def jackknife(
    sample: Sample, marks: Ints, *, binomial: bool = False, cap: bool = False, paired: bool = False
) -> Jackknife | None:
    """Leave out every cluster in turn.

    Args:
        sample: The metric of one cell.
        marks: Marks of the real clusters, ascending.
        binomial: Whether the value is a share of independent trials.
        cap: Whether it is a share of trials at all, whose sample size no clustering can raise.
        paired: Whether its parts will be held against those of another judge.

    Returns:
        `None` if the metric is not defined.
    """
    total = sample.patterns.total()
    value = _snap_to_bounds(float(sample.statistic(total[None, :])[0]), sample.bounds)
    if not np.isfinite(value):
        return None
    sizes = sample.patterns.sizes()
    n = float(sizes.sum())
    clusters = n / len(sample.sizes)  # units of an average cluster
    # All weights twice, and those of the pseudo-clusters rounded: a third-party metric may only take whole numbers.
    # At least one unit each: a half-cluster without units would not be there.
    half = np.maximum(1, np.round(2 * sample.pseudo_clusters * clusters))
    rows = _round_rows(sample.pseudo, half)
    with_pseudo = 2 * total + rows.sum(axis=0)
    centre = float(sample.statistic(with_pseudo[None, :])[0])
    # A strange metric may not be defined with pseudo-units. It is then taken without them, as the plain jackknife.
    if not np.isfinite(centre):
        rows, half, centre = rows[:0], half[:0], value
    # Beside right and wrong answers the pseudo-clusters stand while others are left out. A metric that sees more has
    # a variance of its own, and they would thin it out.
    thin = sample.pseudo_weight < 1
    base = 2 * total if thin else with_pseudo
    at = float(sample.statistic(base[None, :])[0])  # not `value`: a stranger's metric may change with the sample's size
    # Where the metric is not defined without a cluster, its move is not known and counts as none.
    moves = np.nan_to_num(_without_each(sample, base) - at)[sample.patterns.of]
    added = base[None, :] + (rows if thin else -rows)
    # Effects are for one unit, and then scaled to a half-cluster of its true size.
    own = rows.sum(axis=1) / 2  # units of each half-cluster, which rounding has moved
    effects = np.nan_to_num(sample.statistic(added) - at) / own if len(rows) else own
    # The base holds every weight twice, and the pseudo-clusters where they stand beside the data.
    weights, units = sizes / n, float(base.sum()) / 2
    parts = weights * at - (units - sizes) * moves / n
    if paired and sample.coin is not None:
        parts = np.nan_to_num(_drop_to_coins(sample, sample.coin))[sample.patterns.of]
    return Jackknife(
        value=value,
        centre=value + sample.pseudo_weight * (centre - value),
        clusters=sample.patterns.clusters,
        blocks=sample.blocks,
        weights=weights,
        moves=moves * np.sqrt(np.maximum(0, 1 - sizes / units)),
        # Parts of a metric that is no mean need not add up to its value. What is left is shared out by weight.
        parts=parts + weights * (value - parts.sum()),
        pseudo=sample.pseudo_weight * clusters * float(own @ effects**2),
        step=_variance_step(effects * clusters, sample.gold_share[: len(rows)]),
        design=design_of(sample.sizes),
        design_clusters=marks,
        bounds=sample.bounds,
        binomial=binomial,
        most=n if cap else np.inf,
        graded=thin,
    )


def design_of(sizes: Floats) -> Floats:
    """Weight of each cluster in the effective number of clusters, by its units. They add up to 1."""
    # The same as in `harness.score.clusters`. It is the design effect of Kish (1965).
    worth = sizes * (1 + _CORRELATION * (sizes - 1))
    design: Floats = worth / worth.sum()
    return design


def _snap_to_bounds(value: float, bounds: tuple[float, float] | None) -> float:
    """The value, or the end of its range that rounding alone keeps it from: a correlation of 1 + 2e-16 is 1."""
    if bounds is None:
        return value
    near = _ROUNDING * (bounds[1] - bounds[0])
    return next((end for end in bounds if abs(value - end) <= near), value)


def _round_rows(pseudo: Floats, weights: Floats) -> Floats:
    """Rows of whole numbers: each half-cluster's weight, spread over its types."""
    rows = np.round(pseudo * weights[:, None])
    # A weight of 1 spread over three classes rounds to nothing. The class with the largest part has it then.
    short = np.flatnonzero(rows.sum(axis=1) == 0)
    rows[short, pseudo[short].argmax(axis=1)] = weights[short]
    return rows


def _without_each(sample: Sample, total: Floats) -> Floats:
    """The metric without each pattern, shape (P,)."""
    without = (lambda out: sample.statistic(total[None, :] - out)) if sample.without is None else sample.without(total)
    return _evaluate_patterns(sample, lambda rows: without(2 * rows))


def _evaluate_patterns(sample: Sample, value: Statistic) -> Floats:
    """A function of the units of one pattern, for each pattern that occurs, shape (P,)."""
    patterns = sample.patterns
    # Each distinct pattern is evaluated once, for all clusters that have it.
    here = np.flatnonzero(np.bincount(patterns.of, minlength=patterns.count))  # some types are of pseudo-units only
    # Many patterns at once are quick in numpy. Too many leave the processor's cache and are slow again.
    size = max(1, _CHUNK // max(1, patterns.types))
    found = np.zeros(patterns.count)
    for some in np.split(here, range(size, len(here), size)):
        found[some] = value(patterns.rows(some))
    return found


def _drop_to_coins(sample: Sample, coins: sparse.csr_array) -> Floats:
    """Fall of the metric if a coin answers the questions of one pattern, for each in turn, shape (P,)."""
    base = 2 * sample.patterns.total()

    def value(rows: Floats) -> Floats:
        # A coin that is right half of the time: one right and one wrong answer for the two copies of each unit.
        return sample.statistic(base[None, :] - 2 * rows + rows @ coins)

    return float(sample.statistic(base[None, :])[0]) - _evaluate_patterns(sample, value)


def _variance_step(effects: Floats, shares: Floats) -> float:
    """Mean over gold classes, by share, of (effect of a right cluster - effect of a wrong one)^2."""
    if not len(effects):
        return 0.0
    return float(((effects[::2] - effects[1::2]) ** 2) @ shares[::2] / shares[::2].sum())


def mean_of(tasks: Sequence[Jackknife]) -> Jackknife:
    """The plain mean of several values, such as a judge's on each task of a suite, jackknifed by shared clusters.

    A cluster is left out of every task that has it. The pseudo-clusters of two tasks count as shared as far as their
    clusters are. Of one value it is that value.
    """
    if len(tasks) == 1:
        return tasks[0]
    count = len(tasks)
    real = [task.design_clusters for task in tasks]
    overlap = np.array(
        [[len(np.intersect1d(a, b, assume_unique=True)) / np.sqrt(len(a) * len(b)) for b in real] for a in real]
    )
    blocks = common_blocks(task.blocks for task in tasks)
    tasks = [task.in_blocks(blocks) for task in tasks]
    clusters = np.unique(np.concatenate([task.clusters for task in tasks]))
    weights, moves, parts = (
        _sum_columns(clusters, [(task.clusters, getattr(task, name)) for task in tasks]) / count
        for name in ("weights", "moves", "parts")
    )
    marks = np.unique(np.concatenate(real))
    bounds = [task.bounds for task in tasks if task.bounds is not None]
    pseudo, step = (np.sqrt([getattr(task, name) for task in tasks]) for name in ("pseudo", "step"))
    centre = float(np.mean([task.centre for task in tasks]))
    # A small task may have most of the variance, which is then known no better than its own (Satterthwaite 1946).
    whole = sum(task.variance for task in tasks)
    shares = [task.variance / whole if whole > 0 else 1 / count for task in tasks]
    # Tasks of unlike shares have less variance together than as many trials of their mean share.
    least = sum(task.centre * (1 - task.centre) / task.most for task in tasks) / count**2
    return Jackknife(
        value=float(np.mean([task.value for task in tasks])),
        centre=centre,
        clusters=clusters,
        blocks=blocks,
        weights=weights,
        moves=moves,
        parts=parts,
        pseudo=float(pseudo @ overlap @ pseudo) / count**2,
        step=float(step @ overlap @ step) / count**2,
        design=_sum_columns(
            marks, [(task.design_clusters, task.design * part) for task, part in zip(tasks, shares, strict=True)]
        ),
        design_clusters=marks,
        bounds=(_mean_end(bounds, 0), _mean_end(bounds, 1)) if len(bounds) == count else None,
        binomial=False,  # shares of unlike tasks are no trials of one share
        most=centre * (1 - centre) / least if least else np.inf,
        graded=any(task.graded for task in tasks),
    )


def _mean_end(bounds: Sequence[tuple[float, float]], end: int) -> float:
    return float(np.mean([own[end] for own in bounds]))


def _sum_columns(clusters: Ints, columns: Sequence[tuple[Ints, Floats]]) -> Floats:
    """Columns over some of the clusters, added up over all."""
    total = np.zeros(len(clusters))
    for own, column in columns:
        total[np.searchsorted(clusters, own)] += column
    return total
