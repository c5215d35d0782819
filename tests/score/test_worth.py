"""Corrected rates against the papers' formulas, against what must hold for any data, and against the truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from harness.api import Measurement
from harness.score.padded import mean_of
from harness.score.worth import (
    Verdicts,
    correlation,
    labels_worth,
    power_tuning,
    ppi,
    rates,
    rogan_gladen,
    shift,
)

Floats = NDArray[np.float64]


def verdicts_of(judged: Any, gold: Any = None, *, cluster: Any = None, start: int = 0) -> Verdicts:
    """Items as arrays; each its own cluster unless said otherwise."""
    codes = start + np.arange(len(judged)) if cluster is None else np.asarray(cluster)
    return Verdicts(
        judged=np.asarray(judged, dtype=np.float64),
        cluster=codes.astype(np.int64),
        gold=None if gold is None else np.asarray(gold, dtype=np.float64),
    )


def table(right_yes: int, yes: int, right_no: int, no: int) -> Verdicts:
    """Labelled items from a table of counts."""
    gold = np.r_[np.ones(yes), np.zeros(no)]
    judged = np.r_[np.ones(right_yes), np.zeros(yes - right_yes), np.zeros(right_no), np.ones(no - right_no)]
    return verdicts_of(judged, gold)


def others_of(hits: int, n: int) -> Verdicts:
    return verdicts_of(np.r_[np.ones(hits), np.zeros(n - hits)], start=100_000)


def numbers(found: Measurement) -> tuple[float | None, float | None, float | None]:
    return found.value, found.low, found.high


def lee(p: float, q0: float, q1: float, n: float, m0: float, m1: float, z: float) -> tuple[float, float]:
    """The adjusted interval of Lee et al. (2025), written down from the paper."""
    pt, a, b = (n * p + z * z / 2) / (n + z * z), (m0 * q0 + 1) / (m0 + 2), (m1 * q1 + 1) / (m1 + 2)
    theta = (pt + a - 1) / (a + b - 1)
    v0, v1, vp = a * (1 - a) / (m0 + 2), b * (1 - b) / (m1 + 2), pt * (1 - pt) / (n + z * z)
    centre = theta + 2 * z * z * (-(1 - theta) * v0 + theta * v1)
    half = z * math.sqrt(vp + (1 - theta) ** 2 * v0 + theta**2 * v1) / (a + b - 1)
    return max(0.0, centre - half), min(1.0, centre + half)


def lee_freedom(p: float, q0: float, q1: float, n: float, m0: float, m1: float, z: float) -> float:
    """Satterthwaite's degrees of freedom of that variance, one more than there are items in each part."""
    pt, a, b = (n * p + z * z / 2) / (n + z * z), (m0 * q0 + 1) / (m0 + 2), (m1 * q1 + 1) / (m1 + 2)
    theta = (pt + a - 1) / (a + b - 1)
    vp, v0, v1 = pt * (1 - pt) / (n + z * z), a * (1 - a) / (m0 + 2), b * (1 - b) / (m1 + 2)
    parts = ((vp, n + 1), ((1 - theta) ** 2 * v0, m0 + 1), (theta**2 * v1, m1 + 1))
    return sum(v for v, _ in parts) ** 2 / sum(v * v / df for v, df in parts)


# -- the papers' formulas ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [(80, 100, 90, 110), (9, 9, 40, 41), (300, 400, 500, 600), (5, 6, 5, 6)])
@pytest.mark.parametrize("hits", [300, 450, 700])
def test_rogan_gladen_is_the_formula_and_its_interval_that_of_lee_et_al(counts: Any, hits: int) -> None:
    right_yes, yes, right_no, no = counts
    found = rogan_gladen(table(*counts), others_of(hits, 1000))
    p, q0, q1 = hits / 1000, right_no / no, right_yes / yes
    value = (p + q0 - 1) / (q0 + q1 - 1)
    assert found.value == pytest.approx(min(1, max(0, value)))
    # z^2 / 2 pseudo-items stand in p for any degrees of freedom, so z and t are told apart here
    z = 1.959963984540054
    t = float(special.stdtrit(lee_freedom(p, q0, q1, 1000, no, yes, z), 0.975))
    assert t >= z
    assert found.low is not None
    assert found.high is not None
    wide, narrow = lee(p, q0, q1, 1000, no, yes, t), lee(p, q0, q1, 1000, no, yes, z)
    assert found.high - found.low >= narrow[1] - narrow[0] - 1e-9
    assert found.low == pytest.approx(wide[0], abs=2e-3)
    assert found.high == pytest.approx(wide[1], abs=2e-3)


def test_with_many_labels_the_interval_is_that_of_lee_et_al_to_five_digits() -> None:
    found = rogan_gladen(table(8000, 10000, 9000, 10000), others_of(4500, 10000))
    assert (found.low, found.high) == pytest.approx(
        lee(0.45, 0.9, 0.8, 10000, 10000, 10000, 1.959963984540054), abs=1e-5
    )


def test_ppi_is_the_papers_estimate_and_its_variance_that_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(1, 6, 4000).astype(float)
    judged = np.clip(gold + rng.integers(-1, 2, 4000), 1, 5)
    others = np.clip(rng.integers(1, 6, 9000) + rng.integers(-1, 2, 9000), 1, 5).astype(float)
    n, many = len(gold), len(others)
    weight = np.cov(gold, judged)[0, 1] / ((1 + n / many) * np.var(np.r_[judged, others], ddof=1))
    own, other = verdicts_of(judged, gold), verdicts_of(others, start=n)
    assert power_tuning(own, other) == pytest.approx(weight)
    found = ppi(own, other, low=1, high=5)
    value = weight * others.mean() + (gold - weight * judged).mean()
    assert found.value == pytest.approx(value)
    half = 1.959964 * math.sqrt(np.var(gold - weight * judged) / n + weight**2 * np.var(others) / many)
    assert (found.low, found.high) == pytest.approx((value - half, value + half), abs=2e-3)


def test_the_best_lambda_has_the_least_variance() -> None:
    """A grid around it, on the papers' own variance, without any code of the harness."""
    rng = np.random.default_rng(1)
    gold = (rng.random(5000) < 0.4).astype(float)
    judged = np.where(rng.random(5000) < 0.8, gold, 1 - gold)
    own, other = verdicts_of(judged, gold), verdicts_of(np.tile(judged, 2), start=5000)

    def variance(weight: float) -> float:
        return float(np.var(gold - weight * judged) / 5000 + weight**2 * np.var(judged) / 10000)

    best = min(np.linspace(0, 1, 2001), key=variance)
    assert power_tuning(own, other) == pytest.approx(best, abs=2e-3)


def test_a_judge_that_knows_nothing_leaves_the_labels_alone() -> None:
    gold = np.tile([0.0, 0.0, 1.0, 1.0], 25)
    own, other = verdicts_of(np.tile([0.0, 1.0], 50), gold), others_of(400, 1000)
    assert power_tuning(own, other) == 0
    assert numbers(ppi(own, other)) == pytest.approx(numbers(mean_of(gold, own.cluster)), abs=1e-9)


def test_correlation_is_pearsons_and_with_many_items_fishers_interval() -> None:
    rng = np.random.default_rng(2)
    gold = rng.standard_normal(3000)
    judged = gold + rng.standard_normal(3000)
    own = verdicts_of(judged, gold)
    result = stats.pearsonr(judged, gold)
    found = correlation(own, low=-5, high=5)
    assert found.value == pytest.approx(result.statistic)
    assert (found.low, found.high) == pytest.approx(tuple(result.confidence_interval()), abs=2e-3)


def test_a_label_is_worth_what_the_two_variances_say() -> None:
    rho = Measurement(0.8, 0.7, 0.85)
    assert labels_worth(rho, labels=100, verdicts=900).value == pytest.approx(1 / (1 - 0.64 * 0.9))
    ends = numbers(labels_worth(rho, labels=100, verdicts=None))
    assert ends == pytest.approx((1 / 0.36, 1 / 0.51, 1 / (1 - 0.85**2)))
    assert labels_worth(Measurement(0.1, -0.3, 0.5), labels=10, verdicts=None).low == 1
    assert labels_worth(Measurement(1.0, 0.9, 1.0), labels=10, verdicts=None).high is None
    assert labels_worth(Measurement(None), labels=10, verdicts=5).value is None
    # without a judge, so many labels have the variance that ppi has with 100
    rng = np.random.default_rng(3)
    gold = (rng.random(100_000) < 0.5).astype(float)
    judged = np.where(rng.random(100_000) < 0.9, gold, 1 - gold)
    own, other = verdicts_of(judged, gold), verdicts_of(np.tile(judged, 9), start=100_000)
    weight = power_tuning(own, other)
    with_judge = np.var(gold - weight * judged) / 100_000 + weight**2 * np.var(judged) / 900_000
    worth = labels_worth(correlation(own), labels=100_000, verdicts=900_000).value
    assert worth == pytest.approx(np.var(gold) / 100_000 / with_judge, rel=1e-3)


# -- what must hold for any data -------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_interval_leaves_the_scale_has_no_width_or_lies_beside_its_value(data: st.DataObject) -> None:
    n, many = data.draw(st.integers(2, 30)), data.draw(st.integers(1, 40))
    bits = st.sampled_from([0.0, 1.0])
    gold, judged = (np.array(data.draw(st.lists(bits, min_size=n, max_size=n))) for _ in range(2))
    others = np.array(data.draw(st.lists(bits, min_size=many, max_size=many)))
    groups = np.array(data.draw(st.lists(st.integers(0, 6), min_size=n, max_size=n)))
    own, other = verdicts_of(judged, gold, cluster=groups), verdicts_of(others, start=7)
    found = [rogan_gladen(own, other), ppi(own, other), mean_of(gold, groups), mean_of(others, other.cluster)]
    found += rates(own)[:2]
    for value in found:
        if value.low is None or value.high is None:
            continue
        assert 0 <= value.low < value.high <= 1
        assert value.value is None or value.low <= value.value <= value.high
    skill = rates(own).skill
    assert skill.value is None or (skill.low is not None and -1 <= skill.low < (skill.high or 0) <= 1)
    rho = correlation(own)
    worth = labels_worth(rho, labels=n, verdicts=many)
    assert worth.value is None or (worth.low is not None and 1 <= worth.low <= worth.value <= (worth.high or math.inf))
    assert 0 <= shift(own, other) <= 1


def test_a_judge_no_better_than_chance_has_no_correction_and_says_nothing() -> None:
    for counts in ((40, 80, 40, 80), (20, 80, 30, 80)):
        assert rogan_gladen(table(*counts), others_of(300, 1000)) == Measurement(None, 0.0, 1.0)
    assert rogan_gladen(table(80, 80, 0, 0), others_of(300, 1000)) == Measurement(None, 0.0, 1.0)


def test_a_rate_that_no_share_explains_is_cut_off_and_has_no_interval() -> None:
    found = rogan_gladen(table(900, 1000, 700, 1000), others_of(100, 10_000))
    assert found.value == 0
    assert found.low is None
    just = rogan_gladen(table(900, 1000, 700, 1000), others_of(2950, 10_000))
    assert just.value == 0
    assert just.high is not None
    assert just.high > 0


def test_shift_is_small_for_other_items_and_not_for_like_ones() -> None:
    own = table(80, 100, 180, 200)
    assert shift(own, others_of(667, 2000)) > 0.5
    assert shift(own, others_of(1200, 2000)) < 1e-6


# -- the truth -----------------------------------------------------------------------------------------------------


def draw(
    rng: np.random.Generator, cluster: NDArray[np.int64], share: float, q1: float, q0: float, correlated: float
) -> tuple[Floats, Floats]:
    """Gold and verdicts of items in correlated clusters, of exactly these rates."""

    def latent() -> Floats:
        common = rng.standard_normal(int(cluster.max()) + 1)[cluster]
        own: Floats = rng.standard_normal(len(cluster))
        return np.asarray(math.sqrt(correlated) * common + math.sqrt(1 - correlated) * own)

    gold = (latent() < special.ndtri(share)).astype(np.float64)
    right = latent() < np.where(gold == 1, special.ndtri(q1), special.ndtri(q0))
    return gold, np.where(right, gold, 1 - gold)


SETTINGS = [
    # items, size of clusters, correlation, prevalence, sensitivity, specificity, verdicts
    (20, 1, 0.0, 0.5, 1.0, 1.0, 2000),
    (50, 1, 0.0, 0.15, 0.95, 0.95, 1000),
    (50, 1, 0.0, 0.8, 0.6, 0.6, 200),
    (100, 1, 0.0, 0.05, 0.99, 0.8, 200),
    (100, 2, 0.5, 0.3, 0.8, 0.9, 5000),
    (150, 5, 0.95, 0.5, 0.95, 0.95, 2000),
    (300, 5, 0.5, 0.15, 1.0, 1.0, 2000),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_intervals_cover_the_truth(setting: tuple[int, int, float, float, float, float, int]) -> None:
    n, size, correlated, share, q1, q0, many = setting
    rng = np.random.default_rng(17)
    cluster, others = np.arange(n) // size, n + np.arange(many)
    sets, hits = 300, {"rogan-gladen": 0, "ppi": 0, "labels": 0}
    for _ in range(sets):
        gold, judged = draw(rng, cluster, share, q1, q0, correlated)
        _, unknown = draw(rng, np.arange(many), share, q1, q0, 0.0)
        own, other = verdicts_of(judged, gold, cluster=cluster), Verdicts(judged=unknown, cluster=others)
        for name, found in (
            ("rogan-gladen", rogan_gladen(own, other)),
            ("ppi", ppi(own, other)),
            ("labels", mean_of(gold, cluster)),
        ):
            assert found.low is None or found.high is None or found.high - found.low > 1e-6
            hits[name] += found.low is not None and found.high is not None and found.low <= share <= found.high
    assert min(hits.values()) / sets >= 0.93 - 2 * math.sqrt(0.93 * 0.07 / sets), hits


def test_rogan_gladen_holds_where_the_mix_of_classes_differs_and_ppi_does_not() -> None:
    rng = np.random.default_rng(23)
    sets, covered, wrong = 200, 0, 0
    for _ in range(sets):
        gold, judged = draw(rng, np.arange(300), 0.5, 0.8, 0.8, 0.0)
        _, unknown = draw(rng, np.arange(3000), 0.2, 0.8, 0.8, 0.0)
        own, other = verdicts_of(judged, gold), verdicts_of(unknown, start=300)
        corrected, mixed = rogan_gladen(own, other), ppi(own, other)
        covered += (corrected.low or 0) <= 0.2 <= (corrected.high or 0)
        wrong += (mixed.low or 0) <= 0.2 <= (mixed.high or 0)
        assert shift(own, other) < 0.01
    assert covered / sets >= 0.9
    assert wrong / sets < 0.2


def test_means_of_scores_cover_the_truth_and_a_good_judge_narrows_them() -> None:
    rng = np.random.default_rng(29)
    shares = np.array([0.02, 0.02, 0.03, 0.08, 0.85])
    mean, sets, covered, widths = float(shares @ [1, 2, 3, 4, 5]), 300, 0, []
    for _ in range(sets):
        gold, unknown = ((rng.choice(5, size=size, p=shares) + 1).astype(np.float64) for size in (50, 2000))
        judged, said = (np.where(rng.random(len(x)) < 0.9, x, rng.integers(1, 6, len(x))) for x in (gold, unknown))
        own, other = verdicts_of(judged, gold), verdicts_of(said, start=50)
        found, alone = ppi(own, other, low=1, high=5), mean_of(gold, own.cluster, low=1, high=5)
        assert found.low is not None
        assert found.high is not None
        assert alone.low is not None
        assert alone.high is not None
        covered += found.low <= mean <= found.high
        widths.append((found.high - found.low) / (alone.high - alone.low))
    assert covered / sets >= 0.9
    assert np.median(widths) < 0.9


@pytest.mark.parametrize(
    ("n", "share", "q1", "q0"),
    [(150, 0.3, 0.9, 0.85), (20, 0.5, 0.95, 0.95)],
    ids=["many labels", "few, often no error"],
)
def test_what_a_label_is_worth_covers_the_truth(n: int, share: float, q1: float, q0: float) -> None:
    rng = np.random.default_rng(31)
    many, sets = 2000, 300
    says = share * q1 + (1 - share) * (1 - q0)
    rho = (share * q1 - share * says) / math.sqrt(share * (1 - share) * says * (1 - says))
    truth, covered = 1 / (1 - rho**2 * many / (n + many)), 0
    for _ in range(sets):
        gold, judged = draw(rng, np.arange(n), share, q1, q0, 0.0)
        found = labels_worth(correlation(verdicts_of(judged, gold)), labels=n, verdicts=many)
        covered += (found.low or 0) <= truth <= (found.high or math.inf)
    assert covered / sets >= 0.91


def test_a_judge_without_an_error_among_few_labels_may_still_be_worth_little() -> None:
    found = correlation(table(10, 10, 10, 10))
    assert found.value == pytest.approx(1)
    assert found.low is not None
    assert found.low < 0.75, "of a judge that errs on an eighth of the items, 20 show no error in 7 % of samples"


def test_two_labels_are_enough_for_the_judge_to_count_and_one_is_not() -> None:
    others = verdicts_of([0, 1] * 10, start=100)
    assert power_tuning(verdicts_of([0, 1], [0, 1]), others) > 0.5
    assert power_tuning(verdicts_of([1], [1]), others) == 0
