"""The alternative-annotator test: may the judge stand in for a person? Not for how good the judge is.

Calderon, Reichart and Dror (2025), The Alternative Annotator Test for LLM-as-a-Judge, ACL 2025, arXiv 2501.10970.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from harness.score.annotations import Duels
from harness.score.arrays import Floats, Ints
from harness.score.records import AltTest, AnnotatorTest
from harness.score.spread import effective_clusters, interval_from_moves

FEWEST_ANNOTATORS = 3
"""With fewer, the test says which of two people the judge is nearer to (the authors' FAQ)."""
FEWEST_ITEMS = 30
"""An annotator with fewer is not tested: t is then not normal enough (section 3)."""
PASSES = 0.5
"""The winning rate with which a judge passes."""


class _AnnotatorSums:
    """The items of one annotator, summed up by cluster. All sums have shape (C,).

    Args:
        duels: Of all annotators.
        code: The annotator's.
        item: Shape (U,): code of the item of each unit.
        cluster: Shape (U,): code of the cluster of each unit, from 0.

    Attributes:
        items: Number of items, n_g.
        wins: Sum of the judge's advantage, 0 to 1 for each item.
        deficit: Sum of the differences person - judge, -1 to 1 for each item.
    """

    def __init__(self, duels: Duels, code: int, item: Ints, cluster: Ints) -> None:
        rows = duels.annotator == code
        unit = duels.unit[rows]
        _, items = np.unique(item[unit], return_inverse=True)
        # An item with several orders or samples has several units. They count once, together.
        weight = 1 / np.bincount(items)[items]
        ahead = duels.judge[rows].astype(np.float64)
        columns = (weight, weight * ahead, weight * (duels.person[rows] - ahead))
        count = int(cluster.max()) + 1
        self.items, self.wins, self.deficit = (
            np.bincount(cluster[unit], weights=column, minlength=count).astype(np.float64) for column in columns
        )

    def p_value(self, epsilon: float) -> float:
        """P(a mean of d as low as this, or lower) were the true mean epsilon."""
        here = self.items > 0
        items, deficit = self.items[here], self.deficit[here]
        n, clusters = items.sum(), len(items)
        df = effective_clusters(items) - 1
        if df < 1:
            return 1.0
        mean = deficit.sum() / n
        # The second part is one more cluster of average size with a difference of 1: without it a sample that happens
        # to hold few losses has both a small mean and a small variance.
        squares = np.sum((deficit - mean * items) ** 2) + (n / clusters) ** 2
        error = np.sqrt(clusters / (clusters - 1) * squares) / n
        # The chance that every cluster has the smallest value seen, if d is that or 1 and its mean is epsilon.
        smallest = min(float(np.min(deficit / items)), epsilon)
        least = ((1 - epsilon) / (1 - smallest)) ** (df + 1)
        return max(float(special.stdtr(df, (mean - epsilon) / error)), float(least))


def alt_test(
    duels: Duels,
    annotators: tuple[str, ...],
    *,
    item: Ints,
    cluster: Ints,
    epsilon: float,
    confidence: float = 0.95,
) -> AltTest:
    """Test the judge against each annotator, by agreement with the other annotators.

    On each item that annotator j and another one annotated, let W_judge be 1 if the judge agrees with the others at
    least as much as j does, and W_person be 1 if j agrees at least as much as the judge; d = W_person - W_judge.
    The judge beats j where the mean of d is significantly below epsilon: a one-sided t test, of clusters where items
    share one, corrected over annotators by Benjamini and Yekutieli (2001). The winning rate is the share of annotators
    that the judge beats. It passes with a half. The average advantage probability is the mean over annotators of the
    mean of W_judge.

    As the authors do, with four additions. An item with several orders or samples counts once, with their mean. Items
    of one cluster are one observation. A judge that gives no verdict has lost to the person who gave one, where the
    authors leave the item out: missing answers do not pay. And the variance has one more difference of 1 in it, and p
    is at least the chance that all C clusters fall on the smallest value seen, ((1 - epsilon) / (1 - smallest))^C:
    where d is rarely 1, a sample with few of these has a small mean *and* a small variance, and the plain t test then
    finds the judge good enough too often (18 % where 5 % are allowed, with 30 items and epsilon 0.1; so 4 %).

    Args:
        duels: From `harness.score.people`.
        annotators: What the codes in it mean.
        item: Shape (U,): code of the item of each unit.
        cluster: Shape (U,): mark of the cluster of each unit.
        epsilon: How much worse than a person the judge may be, since it costs less: 0.2 for experts, 0.15 for skilled
            annotators, 0.1 for crowds (the authors' rule of thumb).
        confidence: 1 - the false discovery rate; and of the intervals.
    """
    # Codes from 0, so that the sums of all annotators have one row for each cluster and can be added up.
    cluster = np.unique(cluster, return_inverse=True)[1]
    people = {name: _AnnotatorSums(duels, code, item, cluster) for code, name in enumerate(annotators)}
    people = {name: sums for name, sums in people.items() if sums.items.sum() >= FEWEST_ITEMS}
    if len(people) < FEWEST_ANNOTATORS:
        return AltTest(
            epsilon=epsilon,
            annotators=len(people),
            reason=(
                f"needs {FEWEST_ANNOTATORS} annotators with {FEWEST_ITEMS} items or more each, on which another one "
                f"said something too; there {'is' if len(people) == 1 else 'are'} {len(people)}"
            ),
        )
    p_values = {name: sums.p_value(epsilon) for name, sums in people.items()}
    adjusted = dict(zip(p_values, by_adjusted(np.array(list(p_values.values()))).tolist(), strict=True))
    tests = tuple(
        _test(name, sums, p=p_values[name], p_adjusted=adjusted[name], confidence=confidence)
        for name, sums in people.items()
    )
    # No interval: the rate counts the outcomes of a few tests that share their data.
    rate = sum(test.beaten for test in tests) / len(tests)
    advantage, interval = _advantage(list(people.values()), confidence=confidence)
    low, high = interval or (None, None)
    return AltTest(
        epsilon=epsilon,
        annotators=len(tests),
        winning_rate=rate,
        passed=rate >= PASSES,
        advantage=advantage,
        advantage_low=low,
        advantage_high=high,
        tests=tests,
    )


def by_adjusted(p: Floats) -> Floats:
    """p-values adjusted by Benjamini and Yekutieli (2001), which holds under any dependence between tests.

    Args:
        p: Shape (m,).

    Example:
        >>> by_adjusted(np.array([0.01, 0.02, 0.5])).round(3).tolist()
        [0.055, 0.055, 0.917]
    """
    m = len(p)
    order = np.argsort(p, kind="stable")
    # The price of holding under any dependence: Benjamini and Hochberg's p-values times this sum.
    harmonic = float(np.sum(1 / np.arange(1, m + 1)))
    raised = p[order] * m * harmonic / np.arange(1, m + 1)
    adjusted = np.empty(m)
    # From the largest p down, so that a smaller p never has a larger adjusted one.
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1)
    return adjusted


def _test(name: str, sums: _AnnotatorSums, *, p: float, p_adjusted: float, confidence: float) -> AnnotatorTest:
    advantage, interval = _advantage([sums], confidence=confidence)
    low, high = interval or (None, None)
    return AnnotatorTest(
        annotator=name,
        items=round(float(sums.items.sum())),
        advantage=advantage,
        advantage_low=low,
        advantage_high=high,
        p_value=p,
        p_adjusted=p_adjusted,
        beaten=p_adjusted <= 1 - confidence,
    )


def _advantage(people: list[_AnnotatorSums], *, confidence: float) -> tuple[float, tuple[float, float] | None]:
    """Mean over annotators of the share of items on which the judge is no worse, and its interval."""
    items = np.stack([sums.items for sums in people], axis=1)
    wins = np.stack([sums.wins for sums in people], axis=1)
    here = items.sum(axis=1) > 0
    items, wins = items[here], wins[here]
    n, hits = items.sum(axis=0), wins.sum(axis=0)
    value = float(np.mean(hits / n))
    size = n / len(items)  # of the one pseudo-cluster, half of it ahead
    with_n, with_hits = n + size, hits + size / 2
    smoothed = float(np.mean(with_hits / with_n))
    halves = np.array([np.mean((with_hits - won * size / 2) / (with_n - size / 2)) for won in (1, 0)])
    return value, interval_from_moves(
        value,
        centre=smoothed,
        moves=((with_hits - wins) / (with_n - items)).mean(axis=1) - smoothed,
        pseudo=halves - smoothed,
        sizes=items.max(axis=1),
        bounds=(0, 1),
        confidence=confidence,
    )
