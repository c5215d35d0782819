"""Means with pseudo-items against the published intervals, and against what must hold for any clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from harness.score.padded import kish, mean_of


def test_a_mean_of_independent_shares_is_agresti_and_coulls_interval_with_one_of_each() -> None:
    values = np.r_[np.ones(30), np.zeros(9970)]
    found = mean_of(values, np.arange(10000))
    share = 31 / 10002
    half = 1.959964 * math.sqrt(share * (1 - share) / 10002)
    assert (found.low, found.high) == pytest.approx((share - half, share + half), rel=1e-3)
    low, high = proportion_confint(3000, 10000, method="agresti_coull")
    middle = mean_of(np.r_[np.ones(3000), np.zeros(7000)], np.arange(10000))
    assert (middle.low, middle.high) == pytest.approx((low, high), abs=2e-4)


def test_clusters_of_copies_count_as_one_item_each() -> None:
    values = (np.arange(40) % 4 == 0).astype(float)
    alone = mean_of(values, np.arange(40))
    copies = mean_of(np.repeat(values, 5), np.repeat(np.arange(40), 5))
    assert copies.value == alone.value
    assert alone.low is not None
    assert copies.low is not None
    assert copies.low == pytest.approx(alone.low, abs=0.01)


def test_kish_counts_equal_clusters_as_they_are() -> None:
    assert kish(np.repeat(np.arange(7), 3)) == pytest.approx(7)
    assert kish(np.array([0] * 98 + [1, 2])) < 1.05
