"""Agreement of a judge with itself: over orders, over repeats, and with the place it was shown first.

Not for agreement with the gold.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.score.intervals import AGRESTI_COULL, JACKKNIFE, interval
from harness.score.jackknife import jackknife
from harness.score.patterns import collapse, divide
from harness.score.records import Estimate
from harness.score.sample import Sample
from harness.score.table import CellTable, SuccessCounts


def consistency(table: CellTable, *, confidence: float) -> tuple[Estimate, ...]:
    """The consistencies that apply.

    - `swap_consistency`: share of items, shown in several orders and answered in each, whose canonical verdicts agree.
      The verdict of one order is the vote of its samples.
    - `first_position`: share of decided preferences that name the first place shown. One in n is unbiased where the
      gold, or the order, is balanced.
    - `repeat_consistency`: share of pairs of samples of one order that agree. With `order: reshuffled` a sample is one
      more call in any order, and all pairs of an item's samples count, by their canonical verdicts.

    Args:
        table: The cell.
        confidence: Of the intervals.
    """
    rates = (("swap_consistency", table.swap), ("first_position", table.first), ("repeat_consistency", table.repeat))
    return tuple(_rate(name, trials, confidence=confidence) for name, trials in rates if len(trials.trials))


def fair_share(order: str, candidates: int) -> float | None:
    """What `first_position` is of a judge that prefers no place; `None` where no share shows that.

    A fixed order leaves the gold in its places. So does the reverse of an order of more than two candidates: those in
    the middle are never shown first.

    Args:
        order: Of the protocol.
        candidates: Of an item.

    >>> fair_share("both", 2), fair_share("shuffled", 4), fair_share("fixed", 2), fair_share("both", 3)
    (0.5, 0.25, None, None)
    """
    if candidates < 2 or order == "fixed" or (order == "both" and candidates != 2):
        return None
    return 1 / candidates


def _rate(name: str, of: SuccessCounts, *, confidence: float) -> Estimate:
    hits, n = int(of.hits.sum()), int(of.trials.sum())
    # Only then are trials independent, and the interval is that of a plain share.
    single = len(np.unique(of.cluster)) == n  # every trial is a cluster of its own
    jackknifed = jackknife(_sample(of), np.unique(of.cluster), binomial=single, cap=True)
    # The jackknife counts items, and a share of trials can never tell more than that many trials do.
    ends = None if jackknifed is None else interval(replace(jackknifed, most=n), confidence=confidence)
    low, high = ends or (None, None)
    return Estimate(
        metric=name,
        value=hits / n,
        ci_low=low,
        ci_high=high,
        method="" if ends is None else AGRESTI_COULL if single else JACKKNIFE,
        n=n,
        excluded=hits / n,
        # A missing answer has no place and no order to agree with, so there is no worst case.
        worst_case=None,
        unit="share",
    )


def _sample(of: SuccessCounts) -> Sample:
    """Hits by trials, rows being items. A pseudo-unit has as many trials as an average item."""
    # Half-clusters all of hits and all of misses, as large as an average item.
    usual = float(of.trials.mean())
    table = np.concatenate([np.stack([of.hits, of.trials], axis=1), [[usual, usual], [0, usual]]])
    pairs, types = np.unique(table, axis=0, return_inverse=True)
    types = types.reshape(-1).astype(np.int64)
    hits, trials = (np.ascontiguousarray(column) for column in pairs.T)
    return Sample(
        statistic=lambda weights: divide(weights @ hits, weights @ trials),
        without=None,
        patterns=collapse(of.cluster, types[:-2], len(pairs)),
        sizes=np.unique(of.cluster, return_counts=True)[1].astype(np.float64),
        blocks=0,
        pseudo=np.eye(len(pairs))[types[-2:]],
        pseudo_clusters=np.ones(2),
        gold_share=np.ones(2),
        bounds=(0.0, 1.0),
        pseudo_weight=1.0,
    )
