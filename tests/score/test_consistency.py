"""Consistencies are shares of trials: their intervals have a width, and rest on no more trials than there are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from statsmodels.stats.proportion import proportion_confint

from harness.api import Preference, Protocol, RecordedAnswer, Status
from harness.score.consistency import consistency
from harness.score.intervals import agresti_coull, t_quantile
from harness.score.records import Estimate
from harness.score.units import build_cell

ORDERS = ((0, 1), (1, 0))


def of(named_first: Sequence[tuple[bool, bool]], *, group: int = 1) -> dict[str, Estimate]:
    """Pairs in both orders; whether the first place shown was named, order by order."""
    answers = [
        RecordedAnswer(f"i{k:03}", f"g{k // group:03}", "", Preference(2), 0, order, 0, Status.OK, 0 if first else 1)
        for k, both in enumerate(named_first)
        for order, first in zip(ORDERS, both, strict=True)
    ]
    found = consistency(build_cell(answers, Protocol(order="both")), confidence=0.95)
    return {estimate.metric: estimate for estimate in found}


def test_one_trial_an_item_is_a_plain_share() -> None:
    swap = of([(True, False)] * 30 + [(True, True)] * 10)["swap_consistency"]
    assert (swap.value, swap.n, swap.method) == (0.75, 40, "agresti-coull")
    assert (swap.ci_low, swap.ci_high) == pytest.approx(proportion_confint(30, 40, method="agresti_coull"))


def test_a_perfect_judge_names_the_first_place_half_of_the_time_and_80_trials_are_no_certainty() -> None:
    """In every item once: nothing varies between items, and the interval has a width still."""
    first = of([(True, False)] * 40)["first_position"]
    assert (first.value, first.n, first.method) == (0.5, 80, "cluster-jackknife")
    assert (first.ci_low, first.ci_high) == pytest.approx(agresti_coull(0.5, 80, quantile=t_quantile(0.95, 39)))


def test_items_of_one_group_are_one_cluster() -> None:
    alternating = [(k // 5 % 2 == 0, k // 5 % 2 == 0) for k in range(100)]
    alone, grouped = (of(alternating, group=group)["first_position"] for group in (1, 5))
    widths = [(estimate.ci_high or 0) - (estimate.ci_low or 0) for estimate in (alone, grouped)]
    assert widths[1] == pytest.approx(widths[0] * 5**0.5, rel=0.1)


@pytest.mark.parametrize("items", [1, 2, 5, 50])
def test_who_always_names_the_first_place_may_not_always_do_so(items: int) -> None:
    found = of([(True, True)] * items)
    for name, value in (("first_position", 1), ("swap_consistency", 0)):
        estimate = found[name]
        assert estimate.value == value
        assert estimate.ci_low is not None
        assert estimate.ci_high is not None
        assert 0 <= estimate.ci_low < estimate.ci_high <= 1
    assert (found["first_position"].ci_low or 1) < 0.95
