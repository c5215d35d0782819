"""Values with intervals of units that are no cell, for plugins that compare answers in a way of their own.

Plugins meet it as `harness.api.Statistics`. Not for leaderboards: `harness.score.cell`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.api import Change, Choice, Measurement, Metric, Units, Verdict
from harness.score.arrays import Floats, Ints
from harness.score.cell import jackknife_metric
from harness.score.intervals import interval, normal_quantile
from harness.score.metrics import Accuracy
from harness.score.pairs import gap
from harness.score.table import NOTHING, UnitTable

Ends = tuple[float | None, float | None]
_NO_ENDS: Ends = (None, None)
_TRIAL = Choice(("hit", "miss"))


class UnitStatistics:
    """Implements `harness.api.Statistics`."""

    def measure_share(self, hits: Floats, groups: Sequence[str], *, confidence: float = 0.95) -> Measurement:
        """The share of hits among trials, with its interval."""
        if not len(hits):
            return Measurement(None)
        trials = Units(
            space=_TRIAL,
            gold=("hit",) * len(hits),
            predicted=tuple("hit" if hit else "miss" for hit in hits),
            credit=hits,
            positive=np.full(len(hits), np.nan),
        )
        # A share of hits is the accuracy of questions whose right answer is always `hit`: intervals are then the
        # harness's own.
        jackknifed = jackknife_metric(Accuracy(), _view(trials, groups), name="share", average="micro")
        # With a single cluster there is a share, but nothing to judge its variance by.
        if jackknifed is None or len(jackknifed.design_clusters) < 2:
            return Measurement(float(hits.mean()))
        return Measurement(jackknifed.value, *(interval(jackknifed, confidence=confidence) or _NO_ENDS))

    def measure_change(
        self, metric: Metric, before: Units, after: Units, groups: Sequence[str], *, confidence: float = 0.95
    ) -> Change:
        """The metric before and after, and the difference with its interval."""
        average = "group" if getattr(metric, "of_groups", False) else "micro"
        first, second = (
            jackknife_metric(metric, _view(units, groups), name="metric", average=average, paired=True)
            for units in (before, after)
        )
        values = [None if side is None else side.value for side in (first, second)]
        if first is None or second is None:
            return Change(before=values[0], after=values[1], difference=Measurement(None))
        change = gap(second, first)
        ends = change.interval(normal_quantile(confidence)) or _NO_ENDS
        return Change(before=first.value, after=second.value, difference=Measurement(change.difference, *ends))


def _codes(groups: Sequence[str]) -> Ints:
    return np.unique(np.array(groups, dtype=object), return_inverse=True)[1].reshape(-1).astype(np.int64)


def _view(units: Units, groups: Sequence[str]) -> UnitTable:
    verdicts: dict[Verdict, int] = {}
    gold = [verdicts.setdefault(verdict, len(verdicts)) for verdict in units.gold]
    said = [NOTHING if verdict is None else verdicts.setdefault(verdict, len(verdicts)) for verdict in units.predicted]
    count = len(gold)
    return UnitTable(
        space=units.space,
        verdicts=tuple(verdicts),
        # These units meet no other judge's, so that any distinct names will do.
        key=np.arange(count, dtype=np.uint64),
        item=np.arange(count),
        cluster=_codes(groups),
        category=np.zeros(count, dtype=np.int64),
        gold=np.array(gold, dtype=np.int64),
        predicted=np.array(said, dtype=np.int64),
        credit=np.asarray(units.credit, dtype=np.float64),
        positive=np.asarray(units.positive, dtype=np.float64),
    )
