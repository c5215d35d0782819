"""The interval of a number that is no metric of units: what the numbers about people have in common.

Such a number brings what leaving out each cluster changes. The rest is `harness.score.intervals`, as for every metric.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from harness.score.arrays import Floats
from harness.score.intervals import interval
from harness.score.jackknife import Jackknife, design_of

Interval: TypeAlias = tuple[float, float]


def effective_clusters(sizes: Floats) -> float:
    """Number of equal clusters that are worth as much as those of these sizes. See `harness.score.jackknife`."""
    design = design_of(sizes)
    return float(1 / (design @ design))


def interval_from_moves(
    value: float,
    *,
    centre: float,
    moves: Floats,
    pseudo: Floats,
    sizes: Floats,
    bounds: tuple[float, float] | None,
    confidence: float,
) -> Interval | None:
    """The confidence interval of a value, between two ends or without any.

    Args:
        value: Of the data.
        centre: With one pseudo-cluster beside the data, half of it at one end and half at the other.
        moves: Shape (C,): the same without each cluster, less `centre`.
        pseudo: Shape (2,): the same without each half of the pseudo-cluster, less `centre`.
        sizes: Shape (C,): units of each cluster.
        bounds: The ends. `None`: the interval is the plain one, of so many standard errors.
        confidence: Such as 0.95.

    Returns:
        Lower and upper end. `None` with one cluster.
    """
    clusters = len(sizes)
    if clusters < 2:
        return None
    weights = sizes / sizes.sum()
    marks = np.arange(clusters)
    jackknifed = Jackknife(
        value=value,
        centre=centre,
        clusters=marks,
        blocks=0,
        weights=weights,
        # As in `harness.score.jackknife`: the factor (C - 1) / C by the weight of each cluster.
        moves=moves * np.sqrt(1 - weights),
        parts=weights * value - moves,
        # Each half stands for half a cluster, and a whole one would move the value twice as far: (2 e)^2 / 2.
        pseudo=2 * float(np.sum(pseudo**2)),
        step=0.0,
        design=design_of(sizes),
        design_clusters=marks,
        bounds=bounds,
        binomial=False,
        most=np.inf,
        # People's values are no trials: no number of right or wrong answers bounds them.
        graded=True,
    )
    return interval(jackknifed, confidence=confidence)
