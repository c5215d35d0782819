"""Warnings that stand beside a score. Not for changing one: only `low-coverage` and `no-answers` take the rank away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.api import Metric, Status
from harness.score.jackknife import Jackknife
from harness.score.metrics import COLUMNS, OF_GROUPS
from harness.score.records import Estimate
from harness.score.table import NOTHING, CellTable, RequestCounts, UnitTable

COLLAPSED = 0.95
"""`collapsed`: at least this share of the answers is one verdict, in shown or in canonical places ..."""
VARIED = 0.90
"""... while the right answers, seen the same way, have no class of this share or more."""
OUTSIDE = 0.05
"""`outside`: at least this share of requests got an answer that is none of the space."""
FEW = 4
"""`few-clusters`: fewer clusters than this, by Kish's number, which counts unequal ones as fewer. Two judges cannot be
compared on so few."""
DOMINATED = 3
"""`one-large-cluster`: the effective number of clusters is below this, though they are many."""
RARE = 5
"""`rare-class`: a class of golds or of answers, or a category, that the metric averages over has fewer units."""
OUTLIER = 0.5
"""`outlier`: one cluster makes up more than this share of the variance, though answers are more than right or wrong."""
INTERVAL_FLAGS = frozenset({"few-clusters", "one-large-cluster", "rare-class", "outlier"})
"""Flags that say of the interval that it may not hold its confidence, as simulated: see `tests/validity`."""
SURE = 20
"""`position-biased` and `collapsed` are said of at least so many answers."""
BIAS = 0.10
"""`position-biased`: the interval of `first_position` lies more than this away from a half."""


def flags(table: CellTable, consistency: Sequence[Estimate], *, coverage: float) -> tuple[str, ...]:
    """The flags of one cell, in a fixed order.

    - `no-answers`: no request has a verdict.
    - `low-coverage`: a smaller share of requests than `Protocol.min_coverage` has a verdict.
    - `outside`: many answers keep to the form and are none of the space, such as `yes` to "A or B?".
    - `collapsed`: the judge all but always says the same, though the right answer varies. `collapsed[NAME]`: so of
      that criterion of a rubric, where not of the whole answers.
    - `constant-gold`: the right answer is always the same, so that a constant judge is perfect.
    - `position-biased`: two candidates, items shown in several orders, and the place decides.

    Args:
        table: The cell.
        consistency: From `harness.score.consistency`.
        coverage: Share of requests with a verdict.
    """
    requests = table.requests
    answered = sum(requests.histogram.values())
    collapsed = _has_collapsed(requests)
    frozen = [] if collapsed else [name for name, part in table.criteria.items() if _has_collapsed(part.requests)]
    first = next((estimate for estimate in consistency if estimate.metric == "first_position"), None)
    found = {
        "no-answers": not answered,
        "low-coverage": coverage < table.protocol.min_coverage,
        "outside": requests.statuses[Status.OUTSIDE.value] >= OUTSIDE * requests.asked,
        "collapsed": collapsed,
        **{f"collapsed[{name}]": True for name in frozen},
        # One item always has one right answer, and that says nothing about the data.
        "constant-gold": len(table.items) > 1 and _top_share(requests.gold_histogram) == 1,
        "position-biased": requests.orders > 1 and first is not None and _is_biased(table, first),
    }
    return tuple(name for name, raised in found.items() if raised)


def find_interval_flags(
    jackknifed: Jackknife | None, view: UnitTable, metric: Metric, *, average: str
) -> tuple[str, ...]:
    """The flags that the data themselves raise against an interval, in a fixed order.

    - `few-clusters`: fewer than 4 clusters: the interval is wide, and no two judges can be told apart.
    - `one-large-cluster`: few clusters hold most of the units: the interval is too wide rather than too narrow.
    - `rare-class`: a gold class, a class that only answers name, or a category, that the metric averages over, has
      fewer than 5 units.
    - `outlier`: one cluster makes up more than half of the variance of a correlation, a distance or another metric of
      graded answers: the interval, which cannot know how many more there are, is too narrow.
    - `no-errors`: the value is the best that there is. The interval reaches from it to one side.

    Args:
        jackknifed: The value, with each cluster left out in turn.
        view: The units that it is of.
        metric: The metric.
        average: Its average.
    """
    if jackknifed is None:
        return ()
    # Which end is best depends on the metric: 1 for an accuracy, 0 for an error.
    best = None if jackknifed.bounds is None else jackknifed.bounds[int(getattr(metric, "greater_is_better", True))]
    found = {
        # Kish's number of four equal clusters is 4 but for rounding: it must not raise the flag.
        "few-clusters": jackknifed.kish < FEW - 1e-9,
        "one-large-cluster": jackknifed.kish >= FEW - 1e-9 and jackknifed.effective_clusters < DOMINATED,
        "rare-class": _rarest_count(view, metric, average=average) < RARE,
        "outlier": jackknifed.graded and jackknifed.largest_move > OUTLIER,
        "no-errors": best is not None and jackknifed.value == best,
    }
    return tuple(name for name, raised in found.items() if raised)


def _rarest_count(view: UnitTable, metric: Metric, *, average: str) -> float:
    """Units of the rarest class in the rarest category that the metric averages over. Infinite if it does not."""
    of_classes = view.space.kind in ("choice", "preference") and "gold" in getattr(metric, "uses", COLUMNS)
    # Only what the metric averages over can be rare. In a plain accuracy a small class weighs little.
    columns = [view.category] if average == "category" else []
    columns += [view.gold] if of_classes and average not in OF_GROUPS else []
    if not columns:
        return np.inf
    counts = np.unique(np.stack(columns), axis=1, return_counts=True)[1]
    if of_classes and average == "micro" and "predicted" in getattr(metric, "uses", COLUMNS):
        # An F1 of 0 for a class that the judge alone knows of comes and goes with very few answers.
        strange = view.predicted[~np.isin(view.predicted, view.gold) & (view.predicted != NOTHING)]
        counts = np.r_[counts, np.unique(strange, return_counts=True)[1]]
    return float(counts.min())


def _top_share(histogram: Mapping[str, int]) -> float:
    total = sum(histogram.values())
    return max(histogram.values()) / total if total else 0.0


def _has_collapsed(requests: RequestCounts) -> bool:
    return sum(requests.histogram.values()) >= SURE and (
        _is_collapsed(requests.histogram, requests.gold_histogram)
        or _is_collapsed(requests.shown_histogram, requests.shown_gold_histogram)
    )


def _is_collapsed(said: Mapping[str, int], gold: Mapping[str, int]) -> bool:
    return _top_share(said) >= COLLAPSED and _top_share(gold) < VARIED


def _is_biased(table: CellTable, first: Estimate) -> bool:
    # With more than two candidates a fair judge names the first place less than half of the time.
    if first.n < SURE or table.units.space.candidate_count != 2 or first.ci_low is None or first.ci_high is None:
        return False
    # By the interval and not by the value, so that few answers do not raise it by luck.
    return first.ci_low > 0.5 + BIAS or first.ci_high < 0.5 - BIAS
