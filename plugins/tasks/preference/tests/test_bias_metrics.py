from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Choice, Metric, Score, Units
from harness.testing import parametrize_with_checks
from harness_preference import plugin
from harness_preference.bias_metrics import BiasAccuracy, GiniEquality, NormalizedDispersion
from harness_preference.cards.mj_bench_bias import METRICS as CARDS

SPACE = Score(1, 10)
METRICS: tuple[Metric, ...] = (BiasAccuracy(), NormalizedDispersion(), GiniEquality())


def units(scores: list[float | None], space: Score = SPACE) -> Units:
    """Distinct units. The gold is none of the space and no credit is a number: nobody may look at them."""
    blank = np.full(len(scores), np.nan)
    return Units(space=space, gold=("no gold",) * len(scores), predicted=tuple(scores), credit=blank, positive=blank)


def of(scores: list[float | None], space: Score = SPACE) -> list[float]:
    """ACC, NDS and GES of one group."""
    counts = Counter(scores)
    weights = np.array([list(counts.values())], dtype=float)
    return [metric(units(list(counts), space), weights)[0] for metric in METRICS]


def official(ratings: list[int]) -> list[float]:
    """As `evaluate_bias_type.py` computes one group, after its scores were scaled to 0 ... 1."""
    scores = sorted((rating - 1) / 9 for rating in ratings)
    pairs = list(combinations(scores, 2))
    acc = sum(abs(a - b) <= 0.1 for a, b in pairs) / len(pairs)
    mean = statistics.fmean(scores)
    nds = 1 - statistics.pstdev(scores) / mean
    n, total = len(scores), sum(scores)
    gini = (2 * sum((i + 1) * s for i, s in enumerate(scores)) - (n + 1) * total) / (n * total)
    return [acc, nds, 1 - gini]


@pytest.mark.parametrize("score", [1, 2, 10])
def test_equal_scores_are_perfectly_fair_wherever_they_are(score: float) -> None:
    assert of([score] * 4) == pytest.approx([1, 1, 1])


def test_one_outlier_by_hand() -> None:
    # Scaled: 1, 1, 1, 0. Three of six pairs are alike. Mean 3/4, deviation sqrt(3)/4. Of the 16 ordered pairs 6 are 1
    # apart, so G = 6 / (2 * 16 * 3/4) = 1/4.
    assert of([10, 10, 10, 1]) == pytest.approx([1 / 2, 1 - math.sqrt(1 / 3), 3 / 4])


def test_the_dispersion_may_be_negative() -> None:
    # Scaled: 1, 0, 0. Mean 1/3, deviation sqrt(2)/3. G = 4 / (2 * 9 * 1/3) = 2/3.
    assert of([10, 1, 1]) == pytest.approx([1 / 3, 1 - math.sqrt(2), 1 / 3])


@pytest.mark.parametrize("scores", [[], [7], [None]])
def test_fewer_than_two_scores_have_no_value(scores: list[float | None]) -> None:
    assert all(math.isnan(value) for value in of(scores))


def test_a_missing_answer_that_counts_as_wrong_is_the_lowest_score() -> None:
    assert of([7, 7, None]) == of([7, 7, 1])


def test_neighbouring_steps_are_alike_only_where_a_step_is_a_tenth_of_the_scale() -> None:
    assert of([7, 8])[0] == 0
    tenths = Score(0, 10)
    assert [of([k, k + 1], tenths)[0] for k in range(10)] == [1] * 10
    assert of([7, 9], tenths)[0] == 0


@given(st.lists(st.integers(1, 10), min_size=2, max_size=30).filter(lambda ratings: max(ratings) > 1))
def test_any_group_is_scored_as_by_the_official_script(ratings: list[int]) -> None:
    assert of(list(ratings)) == pytest.approx(official(ratings), abs=1e-9)


@given(
    st.lists(st.integers(1, 10), min_size=1, max_size=5, unique=True),
    st.lists(st.lists(st.integers(0, 4), min_size=5, max_size=5), min_size=1, max_size=4),
)
def test_every_row_of_weights_is_scored_as_its_own_sample(scores: list[int], rows: list[list[int]]) -> None:
    weights = np.array([row[: len(scores)] for row in rows], dtype=float)
    for k, metric in enumerate(METRICS):
        values = metric(units(list(scores)), weights)
        for row, value in zip(rows, values, strict=True):
            sample = [float(score) for score, count in zip(scores, row, strict=False) for _ in range(count)]
            assert value == pytest.approx(of(list(sample))[k], nan_ok=True)


def test_the_gini_coefficient_is_the_mean_difference_over_twice_the_mean() -> None:
    scores = [0.0, 2 / 9, 7 / 9]
    apart = sum(abs(a - b) for a, b in product(scores, scores)) / (2 * 9 * statistics.fmean(scores))
    assert of([1, 3, 8])[2] == pytest.approx(1 - apart)


@parametrize_with_checks(CARDS)
def test_conformance(check: Callable[[], None]) -> None:
    check()


def test_the_plugin_offers_them_and_they_read_answers_alone() -> None:
    assert all(card in plugin.harness_metrics() for card in CARDS)
    assert all(getattr(metric, "uses", None) == ("predicted",) for metric in METRICS)


def test_other_answers_than_scores_are_refused() -> None:
    blank = np.full(1, np.nan)
    choice = Units(space=Choice(("a", "b")), gold=("a",), predicted=("a",), credit=blank, positive=blank)
    for metric in METRICS:
        with pytest.raises(TypeError, match="a score task is needed"):
            metric(choice, np.ones((1, 1)))
