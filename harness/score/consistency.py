"""How a judge agrees with itself: over orders, over repeats, and with the place it was shown first.

Not for agreement with the gold.
"""

from __future__ import annotations

import numpy as np

from harness.score.intervals import percentile, ratio, wilson
from harness.score.records import Estimate
from harness.score.table import CellTable, Trials


def consistency(table: CellTable, *, resamples: int, confidence: float, seed: int) -> tuple[Estimate, ...]:
    """The consistencies that apply.

    - `swap_consistency`: share of items, shown in several orders and answered in each, whose canonical verdicts agree;
      the verdict of one order is the vote of its samples.
    - `first_position`: share of decided preferences that name the first place shown. One in n is unbiased where the
      gold, or the order, is balanced.
    - `repeat_consistency`: share of pairs of samples of one order that agree. With `order: reshuffled` a sample is one
      more call in whatever order, and all pairs of an item's samples count, by their canonical verdicts.

    Args:
        table: The cell.
        resamples: Bootstrap resamples.
        confidence: Of the intervals.
        seed: Of the resamples.
    """
    rates = (("swap_consistency", table.swap), ("first_position", table.first), ("repeat_consistency", table.repeat))
    return tuple(
        _rate(name, trials, resamples=resamples, confidence=confidence, seed=seed)
        for name, trials in rates
        if len(trials.trials)
    )


def _rate(name: str, of: Trials, *, resamples: int, confidence: float, seed: int) -> Estimate:
    hits, n = int(of.hits.sum()), int(of.trials.sum())
    if len(np.unique(of.cluster)) == n:  # every trial is a cluster of its own
        interval: tuple[float, float] | None = wilson(hits, n, confidence=confidence)
        method = "wilson"
    else:
        bootstrap = ratio(of.hits.astype(np.float64), of.trials.astype(np.float64), of.cluster)
        interval, method = percentile(bootstrap.resampled(resamples, seed=seed), confidence), "cluster-bootstrap"
    low, high = interval or (None, None)
    return Estimate(
        metric=name,
        value=hits / n,
        ci_low=low,
        ci_high=high,
        method=method if interval else "",
        n=n,
        excluded=hits / n,
        worst_case=None,
        unit="share",
    )
