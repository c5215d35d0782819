"""Metrics against scikit-learn, scipy and hand-computed values, on samples expanded from the weights."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from harness.api import AnswerSpace, Choice, Metric, MetricCard, Preference, Ranking, Score, Units, Verdict
from harness.score import agreement, correlation, ranking
from harness.score.cards import METRICS, usual_unit
from harness.score.metrics import (
    Accuracy,
    AccuracyWithoutTies,
    AllRight,
    CoreMetric,
    MeanAbsoluteError,
    bounds_of,
    card_conflict,
)

LABELS = Choice(("yes", "no", "maybe"))
SCALE = Score(1, 5, 1)


def units(
    gold: Sequence[Verdict],
    predicted: Sequence[Verdict | None],
    *,
    space: AnswerSpace,
    positive: Sequence[float] | None = None,
) -> Units:
    return Units(
        space=space,
        gold=tuple(gold),
        predicted=tuple(predicted),
        credit=np.array([float(a == b) for a, b in zip(gold, predicted, strict=True)]),
        positive=np.full(len(gold), np.nan) if positive is None else np.array(positive, dtype=float),
    )


def same(ours: float, theirs: float) -> bool:
    return (math.isnan(ours) and math.isnan(theirs)) or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


label = st.sampled_from(LABELS.labels)
labelled = st.lists(st.tuples(label, st.none() | label, st.integers(0, 3)), min_size=1, max_size=25)
scored = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=25)


def expand(rows: Sequence[tuple[str, str | None, int]]) -> tuple[list[str], list[str]]:
    gold = [g for g, _, times in rows for _ in range(times)]
    said = [p if p is not None else "nothing" for _, p, times in rows for _ in range(times)]
    return gold, said


def of_labels(metric: Metric, rows: Sequence[tuple[str, str | None, int]]) -> float:
    made = units([g for g, _, _ in rows], [p for _, p, _ in rows], space=LABELS)
    weights = np.array([[0.0] * len(rows), [float(times) for _, _, times in rows]])
    return float(metric(made, weights)[1])


@given(rows=labelled)
@settings(max_examples=60, deadline=None)
def test_label_metrics_equal_scikit_learns(rows: list[tuple[str, str | None, int]]) -> None:
    gold, said = expand(rows)
    if not gold:
        assert math.isnan(of_labels(agreement.MacroF1(), rows))
        return
    present = [label for label in LABELS.labels if label in gold or label in said]
    right = [label for label in LABELS.labels if label in gold]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        macro = sk.f1_score(gold, said, labels=right, average="macro", zero_division=0)
        of_all = sk.f1_score(gold, said, labels=present, average="macro", zero_division=0)
        positive = sk.f1_score(gold, said, labels=["yes"], average="macro", zero_division=np.nan)
        balanced = sk.balanced_accuracy_score(gold, said)
        kappa = sk.cohen_kappa_score(gold, said)
    assert same(of_labels(agreement.MacroF1(), rows), macro)
    assert same(of_labels(agreement.MacroF1OfAll(), rows), of_all)
    assert same(of_labels(agreement.PositiveF1(), rows), positive)
    assert same(of_labels(agreement.BalancedAccuracy(), rows), balanced)
    assert same(of_labels(agreement.Kappa(), rows), kappa)
    assert same(of_labels(Accuracy(), rows), sk.accuracy_score(gold, said))


probability = st.none() | st.sampled_from((0.0, 0.1, 0.5, 0.5, 0.9, 1.0))


@given(
    rows=st.lists(st.tuples(label, st.none() | label, probability, st.integers(1, 3)), min_size=1, max_size=25),
    hard=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_roc_auc_equals_scikit_learns_on_probabilities_or_on_verdicts_and_never_on_both(
    rows: list[tuple[str, str | None, float | None, int]], hard: bool
) -> None:
    rows = [(gold, said, None if hard or said is None else q, times) for gold, said, q, times in rows]
    made = units(
        [g for g, _, _, _ in rows],
        [p for _, p, _, _ in rows],
        space=LABELS,
        positive=[math.nan if q is None else q for _, _, q, _ in rows],
    )
    weights = np.array([[float(times) for *_, times in rows]])
    ours = float(agreement.RocAuc()(made, weights)[0])
    if any(q is not None for _, _, q, _ in rows):
        ranked = [(gold == "yes", (-1.0 if gold == "yes" else 2.0) if said is None else q, times)
                  for gold, said, q, times in rows if said is None or q is not None]  # fmt: skip
    else:
        ranked = [(gold == "yes", float(gold != "yes") if said is None else float(said == "yes"), times)
                  for gold, said, _, times in rows]  # fmt: skip
    gold = [is_yes for is_yes, _, times in ranked for _ in range(times)]
    score = [value for _, value, times in ranked for _ in range(times)]
    if len(set(gold)) < 2:
        assert math.isnan(ours)
    else:
        assert same(ours, sk.roc_auc_score(gold, score))


def test_an_answer_without_a_probability_is_not_ranked_among_those_that_have_one() -> None:
    made = units(["yes", "no", "yes"], ["yes", "no", "no"], space=LABELS, positive=[0.4, 0.3, math.nan])
    weights = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 7.0]])
    assert agreement.RocAuc()(made, weights).tolist() == [1.0, 1.0]


def test_a_missing_answer_scores_against_its_gold_in_roc_auc() -> None:
    made = units(["yes", "no", "yes", "no"], [None, None, "yes", "no"], space=Choice(("yes", "no")))
    assert agreement.RocAuc()(made, np.ones((1, 4)))[0] == 0.5  # scores 0, 1, 1, 0 on gold 1, 0, 1, 0


@given(rows=scored)
@settings(max_examples=60, deadline=None)
def test_score_metrics_equal_scipys_and_scikit_learns(rows: list[tuple[int, int, int]]) -> None:
    gold = np.array([g for g, _, times in rows for _ in range(times)], dtype=float)
    said = np.array([p for _, p, times in rows for _ in range(times)], dtype=float)
    made = units([float(g) for g, _, _ in rows], [float(p) for _, p, _ in rows], space=SCALE)
    weights = np.array([[float(times) for *_, times in rows]])

    def ours(metric: Metric) -> float:
        return float(metric(made, weights)[0])

    constant = len(gold) < 2 or len(set(gold)) < 2 or len(set(said)) < 2
    for metric, oracle in (
        (correlation.Pearson(), stats.pearsonr),
        (correlation.Spearman(), stats.spearmanr),
        (correlation.Kendall(), stats.kendalltau),
    ):
        theirs = math.nan if constant else float(oracle(gold, said).statistic)
        assert same(ours(metric), theirs), metric
    if len(gold):
        assert same(ours(MeanAbsoluteError()), sk.mean_absolute_error(gold, said))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kappa = sk.cohen_kappa_score(gold, said, weights="quadratic", labels=[1, 2, 3, 4, 5])
        assert same(ours(correlation.WeightedKappa()), kappa)


def test_correlations_of_many_continuous_scores_equal_scipys_whatever_the_weights() -> None:
    rng = np.random.default_rng(5)
    gold = rng.uniform(1e6, 1e6 + 4, 2_000)  # far from 0, where naive sums of squares cancel
    said = np.clip(gold + rng.normal(0, 1, 2_000), 1e6, 1e6 + 4)
    made = units(gold.tolist(), said.tolist(), space=Score(1e6, 1e6 + 4, 0))
    weights = rng.integers(0, 3, size=(3, 2_000)).astype(float)
    for metric, oracle in (
        (correlation.Pearson(), stats.pearsonr),
        (correlation.Spearman(), stats.spearmanr),
        (correlation.Kendall(), stats.kendalltau),
    ):
        for row, value in zip(weights.astype(int), metric(made, weights), strict=True):
            theirs = oracle(np.repeat(gold, row), np.repeat(said, row)).statistic
            assert value == pytest.approx(theirs, abs=1e-7)
    assert correlation.Kendall().without(made) is not None, "the quick way to leave units out"


def test_a_missing_score_is_at_the_worst_end_of_the_scale() -> None:
    made = units([2.0, 5.0], [None, None], space=SCALE)
    assert MeanAbsoluteError()(made, np.eye(2)).tolist() == [3, 4]


def test_rankings_by_hand() -> None:
    made = units([(0, 1, 2), (0, 1, 2), (0, 1, 2, 3)], [(0, 2, 1), None, (3, 0, 1, 2)], space=Ranking(4))
    # 0,2,1: two substitutions of three, one inversion of three; missing: 2,1,0; 3,0,1,2: delete and insert, 3 of 6
    assert ranking.Levenshtein()(made, np.eye(3)) == pytest.approx([2 / 3, 2 / 3, 2 / 4])
    assert ranking.RankAccuracy()(made, np.eye(3)) == pytest.approx([2 / 3, 0, 1 / 2])


@given(a=st.lists(st.integers(0, 4), max_size=7), b=st.lists(st.integers(0, 4), max_size=7))
def test_edit_distance_is_a_distance(a: list[int], b: list[int]) -> None:
    distance = ranking.edit_distance(a, b)
    assert distance == ranking.edit_distance(b, a)
    assert (distance == 0) == (a == b)
    assert abs(len(a) - len(b)) <= distance <= max(len(a), len(b))


@given(order=st.permutations(range(5)))
def test_rank_accuracy_is_kendalls_tau_of_places(order: list[int]) -> None:
    share = 1 - ranking.inversions(range(5), order) / 10
    places = [order.index(candidate) for candidate in range(5)]
    assert 2 * share - 1 == pytest.approx(stats.kendalltau(range(5), places).statistic)


def test_the_positive_class_of_a_preference_is_the_first_candidate() -> None:
    made = units([0, 0, 1, "tie"], [0, 1, 0, 0], space=Preference(2, ("tie",)))
    assert agreement.PositiveF1()(made, np.ones((1, 4)))[0] == pytest.approx(2 / (2 + 3))


def test_accuracy_without_ties_drops_what_is_tied_on_either_side_and_keeps_what_is_missing() -> None:
    golds: list[Verdict] = [0, 1, 0, 0, "tie", "tie", "tie"]
    said: list[Verdict | None] = [0, 0, None, "tie", "tie", 0, None]
    made = units(golds, said, space=Preference(2, ("tie",)))
    weights = np.array([[1, 1, 1, 1, 1, 1, 1], [3, 1, 0, 5, 5, 5, 5], [0, 0, 0, 1, 1, 1, 1]], dtype=float)
    values = AccuracyWithoutTies()(made, weights)
    assert values[:2] == pytest.approx([1 / 3, 3 / 4])  # right, wrong, missing; then 3 right and 1 wrong
    assert math.isnan(values[2])


def test_all_right_is_one_only_where_nothing_that_occurs_is_wrong() -> None:
    made = units(["yes", "no", "yes"], ["yes", "no", "no"], space=LABELS)
    rows = np.array([[1, 2, 0], [1, 2, 1], [0, 0, 1], [0, 0, 0]], dtype=float)
    values = AllRight()(made, rows)
    assert values[:3].tolist() == [1, 0, 0]
    assert math.isnan(values[3])
    made.credit[1] = 0.5
    assert AllRight()(made, rows)[0] == 0, "a part of a point is not right"


@pytest.mark.parametrize("card", METRICS, ids=lambda card: card.name)
def test_cards_and_metrics_say_the_same(card: MetricCard) -> None:
    module, attribute = str(card.factory).split(":")
    metric = getattr(import_module(module), attribute)(None, None)
    assert isinstance(metric, CoreMetric)
    assert metric.answers == card.answers
    assert card_conflict(card, metric) == ""
    assert usual_unit(card.name) == usual_unit(f"harness/{card.name}@group") == card.unit


def test_a_metric_knows_its_range() -> None:
    scale, five = Score(1, 100, 1), Ranking(5)
    assert bounds_of(MeanAbsoluteError(), scale) == (0, 99)
    assert bounds_of(ranking.Levenshtein(), five) == (0, 1)
    assert bounds_of(Accuracy(), LABELS) == (0, 1)
    assert bounds_of(agreement.Kappa(), LABELS) == (-1, 1)
    assert bounds_of(lambda units, weights: weights, scale) == (-math.inf, math.inf), "no one knows"
    reach = units([1, 100], [100, 1], space=scale)
    assert MeanAbsoluteError()(reach, np.ones((1, 2))) == [99], "it is reached"
    with pytest.raises(TypeError, match="score task"):
        MeanAbsoluteError().bounds(five)
