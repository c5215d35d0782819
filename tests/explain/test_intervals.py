"""Intervals hold the truth about as often as they say, with few groups and over tasks that share them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.explain.pooling import pool_findings
from harness.explain.records import CountedShare, Finding, KeyFigure
from harness.score.direct import UnitStatistics

RUNS = 150


def count(name: str, units: list[tuple[str, float]]) -> CountedShare:
    return CountedShare(name=name, value=None, low=None, high=None, n=len(units), units=tuple(units))


@pytest.mark.parametrize(("groups", "truth"), [(12, 0.3), (30, 0.1)])
def test_a_share_over_two_tasks_covers_the_truth_where_their_items_are_alike(groups: int, truth: float) -> None:
    dice, statistics, held = np.random.default_rng(11), UnitStatistics(), 0
    for _ in range(RUNS):
        # Both items of a group, one on each task, are hits or not: as clusters they are half as many as by item.
        hits = dice.random(groups) < truth
        units = [(f"g{k}", float(hit)) for k, hit in enumerate(hits)]
        figure = KeyFigure(
            key="k", share=count("a", units), controls=(count("b", units),), meaning="High: much.", on_board=True
        )
        found = [Finding(measure="m", task=task, judge="j", figures=(figure,)) for task in ("t", "u")]
        [pooled] = pool_findings(found, statistics, confidence=0.95)
        share = pooled.figures[0].share
        assert (share.n, pooled.tasks, len(pooled.figures[0].controls)) == (2 * groups, ("t", "u"), 1)
        assert share.low is not None
        assert share.high is not None
        held += share.low <= truth <= share.high
    assert held / RUNS >= 0.91
