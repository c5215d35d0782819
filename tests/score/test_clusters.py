"""Means over clusters: Wilson's interval where units are independent, fewer effective units where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from harness.score.clusters import Clusters, effective_n, interval_of_mean, interval_of_share


def test_a_share_of_independent_units_has_the_interval_of_a_score() -> None:
    right = np.array([1.0] * 17 + [0.0] * 3)
    theirs = proportion_confint(17, 20, method="agresti_coull")
    assert interval_of_share(right, Clusters(np.arange(20)), 0.95) == pytest.approx(theirs)


def test_codes_of_clusters_do_not_matter_and_equal_clusters_are_as_many_as_they_are() -> None:
    clusters = Clusters(np.array([7, -1, 7, -1, 40, 40]))
    assert clusters.sizes.tolist() == [2, 2, 2]
    assert clusters.effective == pytest.approx(3)
    unequal = Clusters(np.repeat(np.arange(11), [50, *[1] * 10]))
    assert 1 < unequal.effective < 3
    assert clusters.quantile(0.95) == pytest.approx(4.302653, rel=1e-6)  # Student's t with 2 degrees of freedom
    assert Clusters(np.arange(6)).quantile_of_share(0.95) == pytest.approx(1.959964, rel=1e-6)
    assert Clusters(np.arange(6)).quantile(0.95, part=0.5) == pytest.approx(4.302653, rel=1e-6)
    assert clusters.quantile_of_share(0.95) == clusters.quantile(0.95)


def test_copies_of_a_unit_tell_no_more_than_the_unit() -> None:
    rng = np.random.default_rng(2)
    once = (rng.random(200) < 0.8).astype(float)
    thrice = np.repeat(once, 3)
    value = float(once.mean())
    alone = effective_n(once - value, value, Clusters(np.arange(200)))
    copied = effective_n(thrice - value, value, Clusters(np.repeat(np.arange(200), 3)))
    assert alone == pytest.approx(200, rel=0.03)
    assert copied == pytest.approx(alone, rel=0.03)


def test_no_interval_has_width_zero_and_each_holds_its_value() -> None:
    for right in (np.ones(40), np.zeros(40)):
        for cluster in (np.arange(40), np.arange(40) // 4):
            low, high = interval_of_share(right, Clusters(cluster), 0.95)
            assert high - low > 0.05
            assert low <= right[0] <= high
    low, high = interval_of_mean(np.zeros(40), 0.25, Clusters(np.arange(40)), 0.95)
    assert low < 0.25 < high
