"""The human ceiling by hand, against scikit-learn and scipy, and where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from harness.api import (
    AnswerSpace,
    Choice,
    Metric,
    Preference,
    Protocol,
    Ranking,
    RecordedAnswer,
    Score,
    Status,
    Verdict,
)
from harness.score.agreement import Kappa, MacroF1, RocAuc
from harness.score.ceiling import _patterns, human_ceiling
from harness.score.cell import score_cell
from harness.score.correlation import Kendall, Pearson, Spearman
from harness.score.metrics import Accuracy, AllRight, MeanAbsoluteError
from harness.score.ranking import RankAccuracy
from harness.score.records import Ceiling, CellScores, MetricCeiling
from harness.score.sample import BLOCKS
from harness.score.units import build_cell

LETTERS = Choice(("a", "b", "c"))
SCALE = Score(0, 10, 0)
PAIR = Preference(2)
Said: TypeAlias = Verdict | Status
People: TypeAlias = Sequence[Sequence[Verdict | None]]


def answers(
    judge: Sequence[Said],
    people: People,
    *,
    space: AnswerSpace = LETTERS,
    category: Sequence[str] = (),
    groups: Sequence[str] = (),
    orders: Sequence[tuple[int, ...]] = ((),),
) -> list[RecordedAnswer]:
    return [
        RecordedAnswer(
            item=f"i{k:04}",
            group=groups[k] if groups else f"i{k:04}",
            category=category[k] if category else "",
            space=space,
            gold=next(verdict for verdict in row if verdict is not None),
            order=order,
            sample=0,
            status=said if isinstance(said, Status) else Status.OK,
            verdict=None if isinstance(said, Status) else space.to_shown(said, order) if order else said,
            annotations={f"p{j}": verdict for j, verdict in enumerate(row) if verdict is not None},
        )
        for k, (said, row) in enumerate(zip(judge, people, strict=True))
        for order in orders
    ]


def ceiling(metrics: Mapping[str, Metric], given: list[RecordedAnswer], **protocol: Any) -> Ceiling:
    found = human_ceiling(build_cell(given, Protocol(**protocol)), metrics)
    assert found is not None
    return found


def of(metric: Metric, given: list[RecordedAnswer], **protocol: Any) -> MetricCeiling:
    return ceiling({"m": metric}, given, **protocol).metrics[0]


def test_three_people_by_hand() -> None:
    """Agreed: each scores 1. One apart: the two who agree meet a drawn vote and score a half, the third scores 0."""
    found = of(Accuracy(), answers(["a", "b"], [["a", "a", "a"], ["a", "a", "b"]]))
    assert found.value == pytest.approx((1 + (0.5 + 0.5 + 0) / 3) / 2)
    # The judge says b of the second: right for half of two drawn votes, wrong where the two others agree.
    assert found.judge == pytest.approx((1 + (0.5 + 0.5 + 0) / 3) / 2)
    assert found.n == 2


def test_two_people_are_each_others_gold() -> None:
    found = of(Accuracy(), answers(["a"] * 4, [["a", "a"], ["a", "b"], ["b", "b"], ["c", "a"]]))
    assert found.value == 0.5
    assert found.judge == pytest.approx((1 + 0.5 + 0 + 0.5) / 4)
    assert found.difference == 0


def test_each_item_weighs_the_same_however_many_people_there_are() -> None:
    many, few = ["a"] * 6, ["a", "b", None, None, None, None]
    found = of(Accuracy(), answers(["a", "a"], [many, few]))
    assert found.value == pytest.approx((1 + 0) / 2)


def test_without_two_people_on_an_item_there_is_no_ceiling() -> None:
    assert human_ceiling(build_cell(answers(["a"], [["a", None]]), Protocol()), {"m": Accuracy()}) is None
    assert human_ceiling(build_cell([answers(["a"], [["a"]])[0]._replace(annotations={})], Protocol()), {}) is None


def test_both_orders_of_a_pair_count_as_for_the_judge() -> None:
    people: People = [[0, 0, 1], [1, 1, 1], [0, 1, 1], [0, 0, 0]]
    judge: list[Said] = [0, 1, 0, 1]
    both = of(MacroF1(), answers(judge, people, space=PAIR, orders=((0, 1), (1, 0))), order="both")
    once = of(Accuracy(), answers(judge, people, space=PAIR, orders=((0, 1),)))
    assert both.n == 8
    assert both.value == pytest.approx(once.value), "with both orders the classes are balanced"
    assert both.judge == pytest.approx(once.judge)


def lines(people: Sequence[Sequence[Any]], who: int) -> tuple[list[Any], list[Any], list[float], list[int]]:
    """Golds, own verdicts, weights and items of one annotator, by the definition."""
    golds, own, weights, items = [], [], [], []
    for k, row in enumerate(people):
        others = [verdict for j, verdict in enumerate(row) if j != who]
        top = max(map(others.count, others))
        drawn = sorted({verdict for verdict in others if others.count(verdict) == top})
        for gold in drawn:
            golds.append(gold)
            own.append(row[who])
            weights.append(1 / (len(row) * len(drawn)))
            items.append(k)
    return golds, own, weights, items


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_a_metric_of_classes_is_the_mean_over_annotators_of_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, size=40)
    codes = np.where(rng.random((40, 5)) < 0.7, truth[:, None], rng.integers(0, 3, size=(40, 5)))
    rows: list[list[Any]] = [["abc"[code] for code in row] for row in codes]
    people, judge = [row[:4] for row in rows], [row[4] for row in rows]
    found = ceiling({"macro_f1": MacroF1(), "kappa": Kappa(), "accuracy": Accuracy()}, answers(judge, people))
    persons, judges = [], []
    for who in range(4):
        golds, own, weights, items = lines(people, who)
        persons.append([
            sk.f1_score(golds, own, average="macro", sample_weight=weights, zero_division=0),
            sk.cohen_kappa_score(golds, own, sample_weight=weights),
            sk.accuracy_score(golds, own, sample_weight=weights),
        ])  # fmt: skip
        said = [judge[k] for k in items]
        judges.append([
            sk.f1_score(golds, said, average="macro", sample_weight=weights, zero_division=0),
            sk.cohen_kappa_score(golds, said, sample_weight=weights),
            sk.accuracy_score(golds, said, sample_weight=weights),
        ])  # fmt: skip
    assert [ceiling.value for ceiling in found.metrics] == pytest.approx(np.mean(persons, axis=0))
    assert [ceiling.judge for ceiling in found.metrics] == pytest.approx(np.mean(judges, axis=0))
    assert [ceiling.difference for ceiling in found.metrics] == pytest.approx(
        np.mean(judges, axis=0) - np.mean(persons, axis=0)
    )


def test_a_correlation_is_that_of_each_person_with_the_mean_of_the_others() -> None:
    """Each person has a habit of their own, which a correlation within a person does not see."""
    rng = np.random.default_rng(1)
    truth = rng.normal(size=50)
    scores = np.clip(5 + truth[:, None] + 0.4 * rng.normal(size=(50, 4)) + [0, -1.5, 1.5, 0], 0, 10)
    people, judge = scores[:, :3], scores[:, 3]
    metrics: dict[str, Metric] = {"pearson": Pearson(), "spearman": Spearman(), "kendall": Kendall()}
    metrics["mae"] = MeanAbsoluteError()
    found = ceiling(metrics, answers(judge.tolist(), people.tolist(), space=SCALE))
    others = [np.delete(people, who, axis=1).mean(axis=1) for who in range(3)]
    scipys = (stats.pearsonr, stats.spearmanr, stats.kendalltau)
    expected = [np.mean([test(people[:, k], others[k])[0] for k in range(3)]) for test in scipys]
    expected.append(np.mean([np.abs(people[:, k] - others[k]).mean() for k in range(3)]))
    assert [ceiling.value for ceiling in found.metrics] == pytest.approx(expected)
    beside = [np.mean([test(judge, others[k])[0] for k in range(3)]) for test in scipys]
    assert [ceiling.judge for ceiling in found.metrics[:3]] == pytest.approx(beside)
    pooled = stats.pearsonr(people.T.ravel(), np.concatenate(others))[0]
    assert pooled < expected[0] - 0.1, "taken together, the habits would have lowered the ceiling"


def test_a_metrics_quicker_way_to_leave_items_out_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(9)
    scores = np.clip(5 + rng.normal(size=(70, 1)) + rng.normal(size=(70, 4)), 0, 10)
    given = answers(scores[:, 3].tolist(), scores[:, :3].tolist(), space=SCALE)
    quick = of(Kendall(), given)
    monkeypatch.setattr(Kendall, "without", lambda self, units: None)
    slow = of(Kendall(), given)
    for name in ("ci_low", "ci_high", "judge_low", "judge_high", "difference_low", "difference_high"):
        assert getattr(quick, name) == pytest.approx(getattr(slow, name), abs=1e-9)


def test_people_with_few_items_are_taken_together() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=60)
    scores = np.clip(5 + truth[:, None] + 0.3 * rng.normal(size=(60, 2)), 0, 10)
    rows: list[dict[str, Verdict]] = [
        {f"p{2 * (k % 30)}": a, f"p{2 * (k % 30) + 1}": b} for k, (a, b) in enumerate(scores)
    ]
    given = [
        answer._replace(annotations=row)
        for answer, row in zip(answers(truth.tolist(), scores.tolist(), space=SCALE), rows, strict=True)
    ]
    found = of(Pearson(), given)
    both = np.r_[scores[:, 0], scores[:, 1]], np.r_[scores[:, 1], scores[:, 0]]
    assert found.value == pytest.approx(stats.pearsonr(*both)[0])


def test_a_ranking_counts_by_its_pairs() -> None:
    found = of(RankAccuracy(), answers([(0, 1, 2)], [[(0, 1, 2), (0, 2, 1)]], space=Ranking(3)))
    assert found.value == pytest.approx(2 / 3)
    assert found.judge == pytest.approx((2 / 3 + 1) / 2)


def test_categories_weigh_the_same_where_the_protocol_says_so() -> None:
    people: People = [["a", "a"]] * 6 + [["a", "b"]] * 2
    found = of(Accuracy(), answers(["a"] * 8, people, category=["x"] * 6 + ["y"] * 2), average="category")
    assert found.value == pytest.approx((1 + 0) / 2)
    assert found.judge == pytest.approx((1 + 0.5) / 2)


def test_what_has_no_ceiling_says_why() -> None:
    found = of(RocAuc(), answers(["a"] * 2, [["a", "b"]] * 2))
    assert (found.value, found.judge, found.n) == (None, None, 0)
    assert "probabilities" in found.reason
    scores = of(Accuracy(), answers([1.0], [[1.0, 2.0]], space=SCALE))
    assert "mean" in scores.reason
    groups = of(AllRight(), answers(["a"] * 2, [["a", "b"]] * 2), average="group")
    assert "groups" in groups.reason


def test_missing_answers_count_for_the_judge_as_the_protocol_says_and_leave_the_people_alone() -> None:
    people: People = [["a", "a"]] * 3 + [["a", "b"]]
    given = answers(["a", "a", "a", Status.REFUSED], people)
    out, wrong = of(Accuracy(), given), of(Accuracy(), given, unparsed="wrong")
    assert out.value == wrong.value == 0.75
    assert (out.judge, wrong.judge) == (1, 0.75)
    assert (out.difference, wrong.difference) == (0, 0), "the difference is on the units that count for the judge"
    nothing = of(Accuracy(), answers([Status.REFUSED] * 2, [["a", "a"]] * 2))
    assert (nothing.value, nothing.judge, nothing.difference) == (1, None, None)


def test_where_a_guess_stands_for_a_missing_answer_it_does_so_against_people_too() -> None:
    given = answers([Status.UNPARSED] * 40, [["a", "a"], ["b", "b"]] * 20)
    chance = ceiling({"accuracy": Accuracy(), "macro_f1": MacroF1()}, given, unparsed="chance")
    credit, guess = (ceiling.judge for ceiling in chance.metrics)
    assert credit == pytest.approx(1 / 3)
    assert guess is not None
    assert 0.05 < guess < 0.6, "a seeded guess; without one every class would have an F1 of 0"


def test_the_interval_of_a_correlation_is_fishers() -> None:
    rng = np.random.default_rng(8)
    truth = rng.normal(size=200)
    scores = np.clip(5 + truth[:, None] + 0.3 * rng.normal(size=(200, 2)), 0, 10)
    found = of(Pearson(), answers(truth.tolist(), scores.tolist(), space=SCALE))
    assert found.ci_low is not None
    assert found.ci_high is not None
    width = np.arctanh(found.ci_high) - np.arctanh(found.ci_low)
    assert width == pytest.approx(2 * 1.96 / np.sqrt(200 - 3), rel=0.2)


@pytest.mark.parametrize("metric", [Accuracy(), MacroF1(), Kappa()])
def test_perfect_people_are_not_certain(metric: Metric) -> None:
    rows: People = [["a"] * 3, ["b"] * 3] * 20
    found = of(metric, answers(["a", "b"] * 20, rows))
    assert (found.value, found.judge, found.difference) == (1, 1, 0)
    for low, high in ((found.ci_low, found.ci_high), (found.judge_low, found.judge_high)):
        assert high == 1
        assert low is not None
        assert 0.6 < low < 0.95
    assert found.difference_low is not None
    assert found.difference_low < -0.01


def test_a_difference_is_no_larger_than_the_metric_allows() -> None:
    found = of(Accuracy(), answers(["b"] * 4, [["a", "a"]] * 4))
    assert (found.difference, found.difference_low) == (-1, -1)


def test_of_one_cluster_there_is_a_value_and_no_interval() -> None:
    found = ceiling({"m": Accuracy()}, answers(["a"] * 4, [["a", "b", "a"]] * 4, groups=["g"] * 4))
    assert found.metrics[0].value == pytest.approx(1 / 3)
    assert (found.metrics[0].ci_low, found.metrics[0].ci_high) == (None, None)
    assert (found.alpha_low, found.alpha_high) == (None, None)


def test_many_clusters_of_many_kinds_are_put_together_and_give_the_same_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(6)
    truth = rng.normal(size=1500)
    scores = np.clip(5 + truth[:, None] + rng.normal(size=(1500, 4)), 0, 10)
    given = answers(scores[:, 3].tolist(), scores[:, :3].tolist(), space=SCALE)
    whole = of(Pearson(), given)
    monkeypatch.setattr("harness.score.ceiling._MOST_CELLS", 1000)
    cluster, types = np.arange(1500), np.arange(1500) % 7
    patterns, blocks = _patterns(cluster, types, np.full(1500, 2.0), 7)
    assert (blocks, patterns.count, len(patterns.clusters)) == (BLOCKS, BLOCKS, BLOCKS)
    assert patterns.total() == pytest.approx(2.0 * np.bincount(types))
    grouped = of(Pearson(), given)
    assert grouped.value == whole.value
    assert grouped.ci_high is not None
    assert grouped.ci_low is not None
    assert whole.ci_high is not None
    assert whole.ci_low is not None
    assert (grouped.ci_high - grouped.ci_low) / (whole.ci_high - whole.ci_low) == pytest.approx(1, abs=0.2)


def test_the_intervals_hold_the_truth_in_19_of_20_samples() -> None:
    """Three people right with .9, a judge with .8; against a person beside a drawn vote everyone is right by half."""
    same = 0.9**2 + 0.1**2
    person = 0.9 * (0.9**2) + 0.1 * (0.1**2) + 0.5 * (1 - same)
    judge = 0.8 * (0.9**2) + 0.2 * (0.1**2) + 0.5 * (1 - same)
    rng = np.random.default_rng(7)
    hits = np.zeros(3)
    for _ in range(120):
        truth = rng.integers(0, 2, size=80)
        right = rng.random((80, 4)) < [0.9, 0.9, 0.9, 0.8]
        said = np.where(right, truth[:, None], 1 - truth[:, None])
        words = [["ab"[code] for code in row] for row in said.tolist()]
        found = of(Accuracy(), answers([row[3] for row in words], [row[:3] for row in words]))
        truths = ((found.ci_low, person, found.ci_high), (found.judge_low, judge, found.judge_high))
        differ = (found.difference_low, judge - person, found.difference_high)
        hits += [low <= value <= high for low, value, high in (*truths, differ)]  # type: ignore[operator]
    assert (hits >= 107).all()
    assert (hits <= 119).all()


def test_scores_go_to_json_and_back() -> None:
    people: People = [["a", "a", "b" if k % 5 else "a"] for k in range(40)]
    table = build_cell(answers(["a"] * 40, people), Protocol())
    scores = score_cell(table, task="t", judge="j", metrics={"accuracy": Accuracy()}, data_hash="h")
    assert scores.ceiling is not None
    assert len(scores.ceiling.alt_test.tests) == 3
    plain = scores.to_json()
    assert CellScores.from_json(plain).to_json() == plain
    older = {name: value for name, value in plain.items() if name != "ceiling"}
    assert CellScores.from_json(older).ceiling is None
    assert scores.ceiling.of("harness/accuracy") == scores.ceiling.of("accuracy")
    assert scores.ceiling.of("macro_f1") is None
