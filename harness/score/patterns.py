"""Clusters of units as few distinct patterns. Not for knowing what a metric is.

A statistic that leaves one cluster out after the other only needs each *distinct* cluster once. Clusters that hold the
same units are interchangeable, so C of them are collapsed to P distinct patterns over T distinct unit types, and a
metric is a function of the weights of the types. 100,000 verdicts of a binary task become a handful of types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import sparse

from harness.score.arrays import Floats, Ints

Statistic: TypeAlias = Callable[[Floats], Floats]
"""Weights of shape (B, T) to values of shape (B,). NaN if not defined."""

Without: TypeAlias = Callable[[Floats], Statistic]
"""Weights of all units, shape (T,), to a function of what to leave out, shape (B, T), whose values have shape (B,)."""

_DENSE = 4_000_000  # entries up to which a pattern matrix is held densely


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patterns:
    """C clusters as P distinct vectors of counts over T unit types."""

    clusters: Ints
    """Shape (C,): the mark of each cluster, ascending."""
    of: Ints
    """Shape (C,): the pattern of each cluster."""
    matrix: Floats | sparse.csr_array | None
    """Shape (P, T): units of each type in the pattern. `None` for the identity (every cluster is one unit)."""
    types: int
    """T."""

    @property
    def count(self) -> int:
        """P."""
        return self.types if self.matrix is None else int(self.matrix.shape[0])

    def rows(self, which: Ints) -> Floats:
        """The weights of some patterns, shape (len(which), T)."""
        if self.matrix is None:
            # The identity is never stored: 100,000 distinct units would be a matrix of 80 GB.
            rows = np.zeros((len(which), self.types))
            rows[np.arange(len(which)), which] = 1
            return rows
        # Only the rows that are asked for become dense.
        part = self.matrix[which]
        return part.toarray() if isinstance(part, sparse.csr_array) else np.asarray(part)

    def sizes(self) -> Floats:
        """Units of each cluster, shape (C,)."""
        if self.matrix is None:
            return np.ones(len(self.clusters))
        sizes: Floats = np.asarray(self.matrix.sum(axis=1)).reshape(-1)[self.of]
        return sizes

    def total(self) -> Floats:
        """Weights of the data as they are, shape (T,)."""
        counts = np.bincount(self.of, minlength=self.count).astype(np.float64)
        return counts if self.matrix is None else np.asarray(counts @ self.matrix)


def collapse(cluster: Ints, types: Ints, count: int) -> Patterns:
    """Collapse clusters that hold the same units.

    Args:
        cluster: Shape (U,): mark of the cluster of each unit.
        types: Shape (U,): type of each unit, from 0 to `count` - 1.
        count: T.
    """
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(cluster[order]) != 0])
    marks = cluster[order][starts]
    # Every cluster is one unit: its pattern is its type.
    if len(starts) == len(cluster):
        return Patterns(clusters=marks, of=types[order], matrix=None, types=count)
    # Equal multisets of types have equal sums of random 64-bit marks. Unequal ones do once in 10^19 pairs.
    random = np.random.default_rng(0).integers(0, 2**64, size=count, dtype=np.uint64)
    sums = np.add.reduceat(random[types[order]], starts)
    _, first, of = np.unique(sums, return_index=True, return_inverse=True)
    ends = np.r_[starts[1:], len(cluster)]
    # From here on one cluster stands for each pattern. Its units are listed by their place in `order`.
    lengths = (ends - starts)[first]
    rows = np.repeat(np.arange(len(first)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    members = order[np.repeat(starts[first], lengths) + within]
    ones = np.ones(len(members))
    matrix = sparse.csr_array((ones, (rows, types[members])), shape=(len(first), count))
    # Dense is quicker to multiply, and takes 32 MB at most.
    dense = matrix.toarray() if len(first) * count <= _DENSE else matrix
    return Patterns(clusters=marks, of=of.reshape(-1).astype(np.int64), matrix=dense, types=count)


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN if the denominator is 0."""
    out = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out
