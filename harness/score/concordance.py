"""Concordant and discordant pairs of many units, and what leaving some out does to Kendall's tau-b.

A pair is concordant where both sides order its two units alike. All pairs of n units are counted in O(n log n) by
merging (Knight 1966), for each unit by itself: then the pairs that a few units are part of are a sum, and tau without
them needs no new count. Not for few distinct units, where a matrix of all pairs is quicker.
"""

from __future__ import annotations

import numpy as np

from harness.score.arrays import Floats, Ints
from harness.score.patterns import Statistic


def sign_sums(x: Floats, y: Floats, weights: Floats) -> Floats:
    """For each unit the weight of those concordant with it, less that of those discordant.

    Args:
        x: One side, shape (T,).
        y: The other side, shape (T,).
        weights: How often each unit occurs, shape (T,).

    Returns:
        Shape (T,): sum over j of w_j sign(x_i - x_j) sign(y_i - y_j).
    """
    # By x and within it by y. Pairs of equal x are then counted once as concordant, which `_count_within` takes back.
    order = np.lexsort((y, x))
    ranks = np.unique(y[order], return_inverse=True)[1]
    own = weights[order]
    sums = np.zeros(len(order))
    # Merge sort without recursion: blocks of 1, 2, 4, ... units, and all pairs of blocks of one size in one go.
    size, places = 1, np.arange(len(order))
    while size < len(order):
        sums += _count_across(places // size, ranks, own)
        size *= 2
    sums -= _count_within(x[order], ranks, own)
    out = np.empty(len(order))
    out[order] = sums
    return out


def _count_across(blocks: Ints, ranks: Ints, weights: Floats) -> Floats:
    """Weights that the units of neighbouring blocks, the first and the second of a pair, add to each other."""
    pairs, second = blocks // 2, blocks % 2 == 1
    # One sort does for all pairs of blocks, since the pair is the first key.
    order = np.lexsort((ranks, pairs))
    tie = np.flatnonzero(np.r_[True, (np.diff(pairs[order]) != 0) | (np.diff(ranks[order]) != 0)])
    ends = np.r_[tie[1:], len(order)]
    run = np.repeat(np.arange(len(tie)), ends - tie)
    starts = np.flatnonzero(np.r_[True, np.diff(pairs[order]) != 0])
    pair = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
    signed = np.zeros(len(order))
    for side in (False, True):  # the weight of this side below and above each unit of the other
        running = np.r_[0.0, np.cumsum(np.where(second[order] == side, weights[order], 0.0))]
        below = running[tie][run] - running[starts][pair]
        above = running[np.r_[starts[1:], len(order)]][pair] - running[ends][run]
        signed += np.where(second[order] == side, 0.0, (below - above) * (-1.0 if side else 1.0))
    out = np.empty(len(order))
    out[order] = signed
    return out


def _count_within(x: Floats, ranks: Ints, weights: Floats) -> Floats:
    """Weights that were counted between units of equal x, sorted by x and then by y: those of another y."""
    groups = np.unique(x, return_inverse=True)[1]
    same = np.unique(np.stack([groups, ranks]), axis=1, return_inverse=True)[1].reshape(-1)
    equal_x, equal = (np.bincount(codes, weights=weights)[codes] for codes in (groups, same))
    return (equal_x - equal).astype(np.float64)


def tau_without(x: Floats, y: Floats, total: Floats) -> Statistic:
    """Kendall's tau-b of all units but some.

    Args:
        x: One side, shape (T,).
        y: The other side, shape (T,).
        total: How often each unit occurs, shape (T,).

    Returns:
        A function of what to leave out, shape (B, T), never more than there is. Its values have shape (B,).
    """
    sums, n = sign_sums(x, y, total), float(total.sum())
    difference = float(total @ sums) / 2
    sides = [_TieCounter(values, total) for values in (x, y)]

    def each(row: Floats) -> float:
        units = np.flatnonzero(row)
        out = row[units]
        signs = np.sign(x[units][:, None] - x[units]) * np.sign(y[units][:, None] - y[units])
        left = n - float(out.sum())
        untied = [left * (left - 1) / 2 - side.count_ties(units, out) for side in sides]
        # Pairs between two units that are both left out were subtracted twice.
        rest = difference - float(out @ sums[units]) + float(out @ signs @ out) / 2
        return float(rest / np.sqrt(untied[0] * untied[1]))

    def value(rows: Floats) -> Floats:
        # A side without two distinct values has no tau: 0 / 0, which becomes NaN below.
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.array([each(row) for row in rows])
        return np.where(np.isfinite(found), found, np.nan)

    return value


class _TieCounter:
    """Counts the tied pairs of one side.

    Args:
        values: Values of the units, shape (T,).
        total: How often each unit occurs, shape (T,).
    """

    def __init__(self, values: Floats, total: Floats) -> None:
        self._levels = np.unique(values, return_inverse=True)[1]
        self._counts = np.bincount(self._levels, weights=total).astype(np.float64)
        self._pairs = float((self._counts * (self._counts - 1)).sum()) / 2

    def count_ties(self, units: Ints, out: Floats) -> float:
        """Pairs that are tied once some units are left out."""
        touched, place = np.unique(self._levels[units], return_inverse=True)
        before = self._counts[touched]
        after = before - np.bincount(place, weights=out)
        return self._pairs + float((after * (after - 1) - before * (before - 1)).sum()) / 2
