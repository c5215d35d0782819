"""The cluster bootstrap, exact and fast, and the Wilson interval. Not for knowing what a metric is.

A bootstrap over C clusters with replacement only needs to know how often each cluster was drawn. Clusters that hold
the same units are interchangeable, so they are collapsed to P distinct *patterns*: the counts of drawn patterns are
Multinomial(C, pattern frequencies). Times the pattern matrix (P x T) they are the weights (B x T) of the T distinct
unit types, and a metric is a function of those weights. Nothing is approximated; 100,000 verdicts of a binary task
become a handful of types. See Efron and Tibshirani (1993), An Introduction to the Bootstrap, and Field and Welsh
(2007), Bootstrapping clustered data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import sparse, special

from harness.score.table import Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import NDArray

Statistic: TypeAlias = Callable[[Floats], Floats]
"""Weights of shape (B, T) to values of shape (B,) or (B, S); NaN where not defined."""

_CHUNK = 300_000  # weights held at once: a few megabytes, so that a metric's arrays stay in the processor's cache
_DEFINED = 0.9  # share of resamples on which a metric must be defined for an interval to be stated
_DENSE = 4_000_000  # entries up to which a pattern matrix is held densely


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patterns:
    """C clusters as P distinct vectors of counts over T unit types."""

    counts: Ints
    """Shape (P,): clusters that have the pattern."""
    matrix: Floats | sparse.csr_array | None
    """Shape (P, T): units of each type in the pattern; `None` for the identity (every cluster is one unit)."""
    types: int
    """T."""

    @property
    def clusters(self) -> int:
        """C."""
        return int(self.counts.sum())

    def weights(self, draws: NDArray[np.float64] | Ints) -> Floats:
        """Weights of the types, shape (B, T), for drawn patterns, shape (B, P)."""
        if self.matrix is None:
            return draws.astype(np.float64, copy=False)
        return np.asarray(draws.astype(np.float64, copy=False) @ self.matrix)

    def total(self) -> Floats:
        """Weights of the data as they are, shape (1, T)."""
        return self.weights(self.counts[None, :])


def collapse(cluster: Ints, types: Ints, count: int) -> Patterns:
    """Collapse clusters that hold the same units.

    Args:
        cluster: Shape (U,): cluster of each unit.
        types: Shape (U,): type of each unit, from 0 to `count` - 1; every type occurs.
        count: T.
    """
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(cluster[order]) != 0])
    if len(starts) == len(cluster):
        return Patterns(counts=np.bincount(types, minlength=count), matrix=None, types=count)
    # Equal multisets of types have equal sums of random 64-bit marks; unequal ones do once in 10^19 pairs.
    marks = np.random.default_rng(0).integers(0, 2**64, size=count, dtype=np.uint64)
    sums = np.add.reduceat(marks[types[order]], starts)
    _, first, counts = np.unique(sums, return_index=True, return_counts=True)
    ends = np.r_[starts[1:], len(cluster)]
    lengths = (ends - starts)[first]
    rows = np.repeat(np.arange(len(first)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    members = order[np.repeat(starts[first], lengths) + within]
    ones = np.ones(len(members))
    matrix = sparse.csr_array((ones, (rows, types[members])), shape=(len(first), count))
    dense = matrix.toarray() if len(first) * count <= _DENSE else matrix
    return Patterns(counts=counts.astype(np.int64), matrix=dense, types=count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bootstrap:
    """A statistic of clustered data, ready to be evaluated on the data and on resamples of them."""

    patterns: Patterns
    statistic: Statistic
    limit: int | None = None
    """The most resamples that are worth the wait; `None`: as many as asked for."""

    def point(self) -> Floats:
        """The statistic of the data: shape () or (S,)."""
        value: Floats = self.statistic(self.patterns.total())[0]
        return value

    def resamples(self, asked: int) -> int:
        """How many resamples are made when `asked` are asked for."""
        return asked if self.limit is None else min(asked, self.limit)

    def resampled(self, resamples: int, *, seed: int) -> Floats:
        """The statistic of each resample: shape (B,) or (B, S). Equal arguments give equal bytes."""
        rng = np.random.default_rng(seed)
        return np.concatenate(
            [self.statistic(self.patterns.weights(draws)) for draws in _draws(self.patterns, resamples, rng)]
        )


def _draws(patterns: Patterns, resamples: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Drawn patterns, in chunks of shape (b, P): Multinomial(C, frequencies)."""
    counts, clusters = patterns.counts, patterns.clusters
    rows = max(1, _CHUNK // (len(counts) + patterns.types))
    by_count = len(counts) * 16 < clusters  # else drawing every cluster is quicker than a binomial for each pattern
    owner = np.repeat(np.arange(len(counts)), counts)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        if by_count:
            yield rng.multinomial(clusters, counts / clusters, size=size)
            continue
        drawn = np.empty((size, len(counts)), dtype=np.int64)
        for row in range(size):
            picks = rng.integers(0, clusters, size=clusters)
            drawn[row] = np.bincount(picks if len(counts) == clusters else owner[picks], minlength=len(counts))
        yield drawn


def percentile(values: Floats, confidence: float) -> tuple[float, float] | None:
    """The percentile interval of resampled values of shape (B,).

    Returns:
        Lower and upper end, or `None` where the statistic is not defined on a tenth of the resamples or more.
    """
    defined = values[np.isfinite(values)]
    if not len(values) or len(defined) <= _DEFINED * len(values):
        return None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def wilson(hits: float, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of Wilson (1927) for a share of `hits` among `n` independent trials."""
    z = float(special.ndtri((1 + confidence) / 2))
    share, scale = hits / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, centre - half), min(1.0, centre + half)


def ratio(hits: Floats, trials: Floats, cluster: Ints) -> Bootstrap:
    """The bootstrap of sum(hits) / sum(trials), rows being whole clusters or parts of them.

    Args:
        hits: Shape (R,).
        trials: Shape (R,).
        cluster: Shape (R,).
    """
    pairs, types = np.unique(np.stack([hits, trials], axis=1), axis=0, return_inverse=True)
    patterns = collapse(cluster, types.reshape(-1).astype(np.int64), len(pairs))
    return Bootstrap(patterns=patterns, statistic=lambda weights: divide(weights @ pairs[:, 0], weights @ pairs[:, 1]))


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is 0."""
    out = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out
