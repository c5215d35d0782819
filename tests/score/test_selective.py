"""Risk and coverage against brute force, and guarantees that hold in simulated data as often as they say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special, stats

from harness.score.clusters import Clusters, effective_n
from harness.score.selective import AGREEMENTS, aurc, curve, guarantee, lower_bound, verdicts_needed


def test_area_under_the_risk_coverage_curve_equals_the_mean_over_all_orders_of_equal_confidences() -> None:
    confidence = np.array([0.9, 0.7, 0.7, 0.7, 0.6])
    right = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    areas = []
    for order in itertools.permutations([1, 2, 3]):
        wrong = 1 - right[[0, *order, 4]]
        areas.append(float((np.cumsum(wrong) / np.arange(1, 6)).mean()))
    assert aurc(confidence, right)[0] == pytest.approx(np.mean(areas))
    assert aurc(np.full(5, 0.8), right)[0] == pytest.approx(0.4)  # confidence tells nothing: the plain risk


def test_the_influence_of_units_is_what_leaving_them_out_does() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(400)
    right = (rng.random(400) < confidence).astype(float)
    area, influence = aurc(confidence, right)
    left = np.array([aurc(np.delete(confidence, k), np.delete(right, k))[0] for k in range(400)])
    assert influence.mean() == pytest.approx(0, abs=1e-9)
    assert np.corrcoef(influence, area - left)[0, 1] > 0.99
    assert influence.std() / 400 == pytest.approx(left.std(), rel=0.05)


def test_points_of_the_curve_keep_more_and_more() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.random(200)
    right = (rng.random(200) < confidence).astype(float)
    points = curve(confidence, right, np.arange(200), level=0.95)
    assert [point.n for point in points] == list(range(20, 201, 20))
    last = points[-1]
    assert last.coverage == 1
    assert last.risk == pytest.approx(1 - right.mean())
    for point in points:
        assert point.risk == pytest.approx(1 - right[confidence >= point.threshold].mean())
        assert point.ci_low <= point.risk <= point.ci_high
        assert point.ci_low < point.ci_high


@pytest.mark.parametrize(("right", "n"), [(29, 29), (40, 46), (0, 10), (500, 600)])
def test_the_bound_of_independent_verdicts_is_that_of_clopper_and_pearson(right: int, n: int) -> None:
    credit = np.r_[np.ones(right), np.zeros(n - right)]
    exact = stats.binomtest(right, n, alternative="greater").proportion_ci(0.95, method="exact").low
    assert lower_bound(credit, Clusters(np.arange(n)), level=0.95) == pytest.approx(exact, abs=1e-9)


def test_copies_of_verdicts_raise_no_bound() -> None:
    credit = np.r_[np.ones(60), np.zeros(4)]
    once = lower_bound(credit, Clusters(np.arange(64)), level=0.95)
    copied = lower_bound(np.repeat(credit, 5), Clusters(np.repeat(np.arange(64), 5)), level=0.95)
    assert copied <= once + 1e-3
    assert lower_bound(np.repeat(credit, 5), Clusters(np.arange(320)), level=0.95) > once + 0.02


def test_few_clusters_give_a_lower_bound_than_their_effective_number_alone() -> None:
    credit = np.tile([1.0, 1.0, 1.0, 0.0], 12)
    few = Clusters(np.arange(48) // 8)
    n = min(48.0, effective_n(credit - 0.75, 0.75, few))
    alone = special.betaincinv(0.75 * n, 0.25 * n + 1, 0.05)
    n *= (1.644854 / 2.015048) ** 2  # Student's t with 5 degrees of freedom: the variance is not known
    assert lower_bound(credit, few, level=0.95) == pytest.approx(special.betaincinv(0.75 * n, 0.25 * n + 1, 0.05))
    assert lower_bound(credit, few, level=0.95) < alone - 0.02


def test_the_fewest_verdicts_that_show_an_agreement() -> None:
    assert verdicts_needed(0.9, wrong=0, level=0.95) == 29  # .9 to the 29th is below .05, to the 28th it is not
    assert verdicts_needed(0.95, wrong=0, level=0.95) == 59
    assert verdicts_needed(0.9, wrong=2, level=0.95) == 61


def test_a_guarantee_by_hand() -> None:
    # The 100 surest verdicts are right; of the other 100 only half are.
    confidence = np.r_[np.linspace(0.99, 0.8, 100), np.linspace(0.79, 0.5, 100)]
    right = np.r_[np.ones(100), np.tile([1.0, 0.0], 50)]
    kept = guarantee(confidence, right, np.arange(200), 0.9)
    assert kept.threshold is not None
    assert kept.coverage is not None
    assert kept.n == round(200 * kept.coverage)
    bound = special.betaincinv(kept.n * (kept.right or 0), kept.n * (1 - (kept.right or 0)) + 1, 0.05)
    assert kept.ci_low == pytest.approx(bound)
    assert bound >= 0.9
    worse = right[confidence >= np.sort(confidence)[::-1][kept.n + 9]]
    assert special.betaincinv(worse.sum(), len(worse) - worse.sum() + 1, 0.05) < 0.9  # the next step fails


def test_the_sequence_stops_at_its_first_failure() -> None:
    # Wrong where it is surest: what comes after may not be chosen, although it would pass by itself.
    confidence = np.linspace(1, 0.5, 1000)
    right = np.r_[np.zeros(60), np.ones(940)]
    assert right.mean() == 0.94
    assert lower_bound(right, Clusters(np.arange(1000)), level=0.95) > 0.9
    assert guarantee(confidence, right, np.arange(1000), 0.9).threshold is None


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("agreement", AGREEMENTS)
def test_a_promise_is_broken_in_at_most_one_of_twenty_data_sets(size: int, agreement: float) -> None:
    """The hardest judge: it misses the agreement by a hair, at every confidence."""
    rng = np.random.default_rng(round(1000 * agreement) + size)
    n, repeats, broken = 300, 400, 0
    cluster = np.arange(n) // size
    for _ in range(repeats):
        shared = rng.normal(size=n)[cluster] if size > 1 else 0.0
        luck = special.ndtr(np.sqrt(0.5) * shared + np.sqrt(0.5 if size > 1 else 1.0) * rng.normal(size=n))
        right = (luck < agreement - 0.002).astype(float)
        broken += guarantee(rng.random(n), right, cluster, agreement).threshold is not None
    assert broken <= 0.05 * repeats + 2 * np.sqrt(0.05 * 0.95 * repeats), broken / repeats
