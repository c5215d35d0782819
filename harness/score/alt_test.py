"""The alternative-annotator test: may the judge stand in for a person? Not for how good the judge is.

Calderon, Reichart and Dror (2025), The Alternative Annotator Test for LLM-as-a-Judge, ACL 2025, arXiv 2501.10970.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from harness.score.annotations import Duels
from harness.score.arrays import Floats, Ints
from harness.score.records import AltTest, AnnotatorTest
from harness.score.spread import effective_clusters, interval_of_moves

FEWEST_ANNOTATORS = 3
"""With fewer, the test says which of two people the judge is nearer to (the authors' FAQ)."""
FEWEST_ITEMS = 30
"""An annotator with fewer is not tested: t is then not normal enough (section 3)."""
PASSES = 0.5
"""The winning rate with which a judge passes."""


class _Meetings(NamedTuple):
    """The items of one annotator, summed up by cluster; each has shape (C,)."""

    items: Floats
    """Items, n_g."""
    ahead: Floats
    """Sum of the judge's advantage, 0 to 1 for each item."""
    behind: Floats
    """Sum of the differences person - judge, -1 to 1 for each item."""


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

    On each item that annotator j and another one annotated, let W_judge be 1 where the judge agrees with the others at
    least as much as j does, and W_person be 1 where j agrees at least as much as the judge; d = W_person - W_judge.
    The judge beats j where the mean of d is significantly below epsilon: a one-sided t test, of clusters where items
    share one, corrected over annotators by Benjamini and Yekutieli (2001). The winning rate is the share of annotators
    that the judge beats; it passes with a half. The average advantage probability is the mean over annotators of the
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
    cluster = np.unique(cluster, return_inverse=True)[1]
    meetings = {
        name: found
        for code, name in enumerate(annotators)
        if (found := _meetings(duels, code, item, cluster)).items.sum() >= FEWEST_ITEMS
    }
    if len(meetings) < FEWEST_ANNOTATORS:
        return AltTest(
            epsilon=epsilon,
            annotators=len(meetings),
            reason=(
                f"needs {FEWEST_ANNOTATORS} annotators with {FEWEST_ITEMS} items or more each, on which another one "
                f"said something too; there {'is' if len(meetings) == 1 else 'are'} {len(meetings)}"
            ),
        )
    p_values = {name: _p_value(found, epsilon) for name, found in meetings.items()}
    adjusted = dict(zip(p_values, by_adjusted(np.array(list(p_values.values()))).tolist(), strict=True))
    tests = tuple(
        _test(name, found, p=p_values[name], p_adjusted=adjusted[name], confidence=confidence)
        for name, found in meetings.items()
    )
    rate = sum(one.beaten for one in tests) / len(tests)
    advantage, interval = _advantage(list(meetings.values()), confidence=confidence)
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
    """p-values adjusted by Benjamini and Yekutieli (2001), which holds whatever the dependence between tests.

    Args:
        p: Shape (m,).
    """
    m = len(p)
    order = np.argsort(p, kind="stable")
    harmonic = float(np.sum(1 / np.arange(1, m + 1)))
    raised = p[order] * m * harmonic / np.arange(1, m + 1)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1)
    return adjusted


def _meetings(duels: Duels, code: int, item: Ints, cluster: Ints) -> _Meetings:
    rows = duels.annotator == code
    unit = duels.unit[rows]
    _, items = np.unique(item[unit], return_inverse=True)
    if not len(unit):
        return _Meetings(*np.zeros((3, 0)))
    weight = 1 / np.bincount(items)[items]  # the units of one item count once, together
    count = int(cluster.max()) + 1
    ahead = duels.judge[rows].astype(np.float64)
    behind = duels.person[rows] - ahead
    columns = (weight, weight * ahead, weight * behind)
    sums = (np.bincount(cluster[unit], weights=column, minlength=count) for column in columns)
    return _Meetings(*(column.astype(np.float64) for column in sums))


def _p_value(of: _Meetings, epsilon: float) -> float:
    """P(a mean of d as low as this, or lower) were the true mean epsilon."""
    here = of.items > 0
    items, behind = of.items[here], of.behind[here]
    n, clusters = items.sum(), len(items)
    df = effective_clusters(items) - 1
    if df < 1:
        return 1.0
    mean = behind.sum() / n
    squares = np.sum((behind - mean * items) ** 2) + (n / clusters) ** 2
    error = np.sqrt(clusters / (clusters - 1) * squares) / n
    smallest = min(float(np.min(behind / items)), epsilon)
    least = ((1 - epsilon) / (1 - smallest)) ** (df + 1)
    return max(float(special.stdtr(df, (mean - epsilon) / error)), float(least))


def _test(name: str, of: _Meetings, *, p: float, p_adjusted: float, confidence: float) -> AnnotatorTest:
    advantage, interval = _advantage([of], confidence=confidence)
    low, high = interval or (None, None)
    return AnnotatorTest(
        annotator=name,
        items=round(float(of.items.sum())),
        advantage=advantage,
        advantage_low=low,
        advantage_high=high,
        p_value=p,
        p_adjusted=p_adjusted,
        beaten=p_adjusted <= 1 - confidence,
    )


def _advantage(of: list[_Meetings], *, confidence: float) -> tuple[float, tuple[float, float] | None]:
    """Mean over annotators of the share of items on which the judge is no worse, and its interval."""
    items = np.stack([one.items for one in of], axis=1)
    ahead = np.stack([one.ahead for one in of], axis=1)
    here = items.sum(axis=1) > 0
    items, ahead = items[here], ahead[here]
    n, hits = items.sum(axis=0), ahead.sum(axis=0)
    value = float(np.mean(hits / n))
    size = n / len(items)  # of the one pseudo-cluster, half of it ahead
    with_n, with_hits = n + size, hits + size / 2
    smoothed = float(np.mean(with_hits / with_n))
    halves = np.array([np.mean((with_hits - won * size / 2) / (with_n - size / 2)) for won in (1, 0)])
    return value, interval_of_moves(
        value,
        centre=smoothed,
        moves=((with_hits - ahead) / (with_n - items)).mean(axis=1) - smoothed,
        pseudo=halves - smoothed,
        sizes=items.max(axis=1),
        bounds=(0, 1),
        confidence=confidence,
    )
