"""Warnings that stand beside a score. Not for changing one: only `low-coverage` and `no-answers` take the rank away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.api import Status
from harness.score.records import Estimate
from harness.score.table import CellTable

COLLAPSED = 0.95
"""`collapsed`: at least this share of the answers is one verdict, in shown or in canonical places ..."""
VARIED = 0.90
"""... while the right answers, seen the same way, have no class of this share or more."""
OUTSIDE = 0.05
"""`outside`: at least this share of requests got an answer that is none of the space."""
FEW = 30
"""`few-items`: fewer clusters than this; the interval is then too narrow to be trusted."""
BIAS = 0.10
"""`position-biased`: the interval of `first_position` lies more than this away from a half."""


def flags(table: CellTable, consistency: Sequence[Estimate], *, coverage: float) -> tuple[str, ...]:
    """The flags of one cell, in a fixed order.

    - `no-answers`: no request has a verdict.
    - `low-coverage`: a smaller share of requests than `Protocol.min_coverage` has a verdict.
    - `outside`: many answers keep to the form and are none of the space, such as `yes` to "A or B?".
    - `collapsed`: the judge all but always says the same, though the right answer varies.
    - `constant-gold`: the right answer is always the same, so that a constant judge is perfect.
    - `position-biased`: two candidates, items shown in several orders, and the place decides.
    - `few-items`: fewer than 30 clusters.

    Args:
        table: The cell.
        consistency: From `harness.score.consistency`.
        coverage: Share of requests with a verdict.
    """
    tallies = table.tallies
    answered = sum(tallies.histogram.values())
    collapsed = answered and (
        _collapsed(tallies.histogram, tallies.gold_histogram)
        or _collapsed(tallies.shown_histogram, tallies.shown_gold_histogram)
    )
    first = next((one for one in consistency if one.metric == "first_position"), None)
    found = {
        "no-answers": not answered,
        "low-coverage": coverage < table.protocol.min_coverage,
        "outside": tallies.statuses[Status.OUTSIDE.value] >= OUTSIDE * tallies.asked,
        "collapsed": collapsed,
        "constant-gold": len(table.items) > 1 and _top(tallies.gold_histogram) == 1,
        "position-biased": tallies.orders > 1 and first is not None and _biased(table, first),
        "few-items": table.groups < FEW,
    }
    return tuple(name for name, raised in found.items() if raised)


def _top(histogram: Mapping[str, int]) -> float:
    total = sum(histogram.values())
    return max(histogram.values()) / total if total else 0.0


def _collapsed(said: Mapping[str, int], gold: Mapping[str, int]) -> bool:
    return _top(said) >= COLLAPSED and _top(gold) < VARIED


def _biased(table: CellTable, first: Estimate) -> bool:
    if getattr(table.units.space, "n", 0) != 2 or first.ci_low is None or first.ci_high is None:
        return False
    return first.ci_low > 0.5 + BIAS or first.ci_high < 0.5 - BIAS
