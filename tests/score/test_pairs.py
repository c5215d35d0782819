"""Two judges: the test and the interval are one statement, by hand and over random differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from harness.api import Choice, Metric, Score, Units
from harness.score.agreement import BalancedAccuracy, Kappa, MacroF1, RocAuc
from harness.score.arrays import Floats
from harness.score.cell import jackknife_metric
from harness.score.correlation import Kendall, Pearson
from harness.score.jackknife import Jackknife
from harness.score.metrics import Accuracy, MeanAbsoluteError
from harness.score.pairs import Gap, gap, p_value
from harness.score.significance import compare_all, compare_cells
from harness.score.table import CellTable

Made = Callable[..., CellTable]
Q = 1.959964
SPACE = Choice(("yes", "no"))


def a_gap(points: Sequence[float], sizes: Sequence[int] | None = None, *, step: float | None = None) -> Gap:
    """Clusters of such differences, each of so many units."""
    own = np.array(sizes if sizes is not None else [1] * len(points), dtype=float)
    parts = np.array(points, dtype=float) * own / own.sum()
    return Gap(
        difference=float(parts.sum()),
        clusters=np.arange(len(own)),
        blocks=0,
        parts=parts,
        weights=own / own.sum(),
        step=1 / len(own) ** 2 if step is None else step,
        most=1.0,
    )


clusters = st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 9)), min_size=1, max_size=40)


@given(rows=clusters, quantile=st.floats(1.96, 4))
@settings(max_examples=400)
def test_significant_says_exactly_that_zero_lies_outside(rows: list[tuple[float, int]], quantile: float) -> None:
    apart = a_gap(*zip(*rows, strict=True))
    assume(abs(apart.statistic - quantile) > 1e-9)
    ends = apart.interval(quantile)
    if not apart.testable(quantile):
        assert ends is None
        assert not apart.significant(quantile)
        return
    assert ends is not None
    assert (ends[0] > 0 or ends[1] < 0) == apart.significant(quantile)


@given(rows=clusters, quantile=st.floats(1.96, 4))
@settings(max_examples=200)
def test_the_ends_are_where_the_test_of_that_difference_turns(rows: list[tuple[float, int]], quantile: float) -> None:
    apart = a_gap(*zip(*rows, strict=True))
    ends = replace(apart, most=np.inf).interval(quantile)
    if ends is None:
        return
    for end in ends:
        shifted = apart.parts - apart.weights * end
        t = abs(apart.difference - end) / np.sqrt(shifted @ shifted + apart.step)
        assert t == pytest.approx(quantile, rel=1e-6)
    assert ends[0] <= apart.difference <= ends[1]
    clipped = apart.interval(quantile)
    assert clipped == (max(-1, ends[0]), min(1, ends[1]))


@given(t=st.floats(0, 40))
def test_p_is_that_of_the_normal_distribution(t: float) -> None:
    assert p_value(t) == pytest.approx(2 * stats.norm.sf(t), rel=1e-9)


def test_no_statistic_is_too_large_for_a_p_above_nothing() -> None:
    assert 0 < p_value(30) < 1e-190


@pytest.mark.parametrize("discordant", range(9))
def test_p_of_items_on_which_only_one_is_right(yes_no: Made, discordant: int) -> None:
    """Between McNemar's mid-p and his exact p: .073, .041, .023 and .013 of 4, 5, 6 and 7 items."""
    a, b = yes_no([True] * 400), yes_no([False] * discordant + [True] * (400 - discordant))
    found = compare_cells(a, b, Accuracy())
    expected = 2 * stats.norm.sf(discordant / np.sqrt(discordant + 1))
    assert found.p_value == pytest.approx(expected, rel=0.01)
    assert (found.better == "a") == (discordant >= 5)
    if discordant >= 4:
        exact = stats.binomtest(discordant, discordant).pvalue
        middle = exact - stats.binom.pmf(discordant, discordant, 0.5)
        assert middle < expected < exact


@pytest.mark.parametrize("discordant", [3, 4, 5, 6, 12])
@pytest.mark.parametrize("metric", [Accuracy(), MacroF1(), Kappa()], ids=lambda metric: type(metric).__name__)
def test_both_orders_with_equal_verdicts_say_what_one_order_says(yes_no: Made, discordant: int, metric: Metric) -> None:
    gold = [True, False] * 100
    said = [right != (k < discordant) for k, right in enumerate(gold)]
    once = compare_cells(yes_no(gold, gold), yes_no(said, gold), metric)

    def twice(answers: Sequence[bool]) -> CellTable:
        return yes_no(np.repeat(answers, 2).tolist(), np.repeat(gold, 2).tolist(), groups=[k // 2 for k in range(400)])

    both = compare_cells(twice(gold), twice(said), metric)
    assert once.p_value == pytest.approx(both.p_value, rel=1e-6)
    assert (once.ci_low, once.ci_high) == pytest.approx((both.ci_low, both.ci_high), rel=1e-6)
    assert once.better == both.better


@pytest.mark.parametrize(("size", "testable", "best"), [(3, False, False), (4, True, False), (5, True, True)])
def test_few_clusters_allow_no_test_or_hardly_one(size: int, testable: bool, best: bool) -> None:
    apart = a_gap([1.0] * size)
    assert apart.testable(Q) is testable
    assert apart.significant(Q) is best, "five have to agree, and four say too little even then"
    assert (apart.interval(Q) is None) is not testable


def test_one_large_cluster_is_hardly_more_than_one() -> None:
    assert not a_gap([1.0] * 21, [100] + [1] * 20).testable(Q)
    small = a_gap([0.0] + [1.0] * 20, [100] + [1] * 20, step=1e-9)
    assert small.statistic > Q
    assert not small.significant(Q), "what the large one would say is not known"


def test_the_error_is_around_the_difference_and_the_scale_around_none() -> None:
    apart = a_gap([1.0] * 16)
    assert apart.error == pytest.approx(1 / 16), "only what one more cluster would add"
    assert apart.scale == pytest.approx(np.sqrt(17) / 16)


RIGHT = [True] * 8 + [False] * 2 + [True, True, True]
OTHER = [True] * 7 + [False] * 3 + [False, False, True]
CLASSES = [False] * 10 + [True] * 3


@pytest.mark.parametrize(
    ("metric", "average"), [(BalancedAccuracy(), "micro"), (Accuracy(), "category"), (MeanAbsoluteError(), "category")]
)
def test_a_difference_stands_in_the_class_or_category_that_it_is_of(
    yes_no: Made, make_scores: Made, metric: Metric, average: str
) -> None:
    """Ten units of one class and three of another, each class worth a half: by hand."""
    names = ["common" if not kind else "rare" for kind in CLASSES]
    if isinstance(metric, MeanAbsoluteError):
        tables = [make_scores([float(not x) for x in said], [0.0] * 13, categories=names) for said in (RIGHT, OTHER)]
    else:
        said = [[kind == x for x, kind in zip(own, CLASSES, strict=True)] for own in (RIGHT, OTHER)]
        tables = [yes_no(own, CLASSES, categories=names) for own in said]
    views = [table.view() for table in tables]
    a, b = (jackknife_metric(metric, view, name="m", average=average, paired=True) for view in views)
    assert a is not None
    assert b is not None
    found = gap(a, b)
    sign = -1 if isinstance(metric, MeanAbsoluteError) else 1
    assert found.difference == pytest.approx(sign * (0.1 / 2 + 2 / 3 / 2))
    assert found.parts.sum() == pytest.approx(found.difference)
    by_cluster = dict(zip(found.clusters.tolist(), found.parts.tolist(), strict=True))
    parts = [by_cluster[mark] for mark in views[0].cluster.tolist()]
    expected = [sign * (x - y) / (20 if not kind else 6) for x, y, kind in zip(RIGHT, OTHER, CLASSES, strict=True)]
    assert parts == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("rare", "better"), [(2, None), (3, None), (12, "a")])
def test_a_few_units_of_a_rare_class_are_a_few_units(yes_no: Made, rare: int, better: str | None) -> None:
    """One judge has all of them and the other none; on 200 others they are alike."""
    gold = [False] * 200 + [True] * rare
    common = [k % 10 == 0 for k in range(200)]
    a, b = (yes_no(common + [said] * rare, gold) for said in (True, False))
    assert compare_cells(a, b, BalancedAccuracy(), metric_name="balanced_accuracy").better == better


@given(rows=clusters, quantile=st.floats(1.96, 4))
@settings(max_examples=400)
def test_a_difference_that_can_be_detected_is_significant_where_it_is_found_a_little_short(
    rows: list[tuple[float, int]], quantile: float
) -> None:
    apart = a_gap(*zip(*rows, strict=True))
    found = apart.detectable(quantile, power=0.8)
    if found is None:
        assert (replace(apart, most=np.inf).detectable(quantile, power=0.8) or np.inf) > 1
        return
    assert found <= apart.most
    squares = float(apart.weights @ apart.weights)
    error = float(np.sqrt(apart.error**2 + squares * found**2))  # of T, where that is the difference
    assert found - stats.norm.ppf(0.8) * apart.error == pytest.approx(quantile * error, rel=1e-6)
    plain = (quantile + stats.norm.ppf(0.8)) * apart.error
    assert found > plain, "clusters are few"
    many = replace(
        apart, most=np.inf, parts=np.repeat(apart.parts / 9999, 9999), weights=np.repeat(apart.weights / 9999, 9999)
    )
    assert many.detectable(quantile, power=0.8) == pytest.approx(
        (quantile + stats.norm.ppf(0.8)) * many.error, rel=0.01
    )


def test_nothing_that_varies_is_no_interval() -> None:
    same = a_gap([0.0] * 20, step=0)
    assert (same.statistic, same.significant(Q), same.interval(Q)) == (0, False, None)
    assert a_gap([0.0] * 20).interval(Q) is not None, "where answers could have differed"


def test_intervals_keep_to_the_differences_that_there_are(yes_no: Made) -> None:
    found = compare_cells(yes_no([True] * 4), yes_no([False] + [True] * 3), Accuracy())
    assert (found.ci_low, found.ci_high) == (-1, 1), "four items leave every difference open"


def of(table: CellTable, metric: Metric) -> Jackknife:
    found = jackknife_metric(metric, table.view(), name="m", average="micro")
    assert found is not None
    return found


def test_the_other_way_round_is_the_same_with_another_sign(yes_no: Made) -> None:
    rng = np.random.default_rng(0)
    gold, said, other = (rng.random((3, 90)) < 0.6).tolist()
    groups = [k // 3 for k in range(90)]
    a, b = (of(yes_no(answers, gold, groups=groups), MacroF1()) for answers in (said, other))
    there, back = gap(a, b), gap(b, a)
    assert there.statistic == pytest.approx(back.statistic)
    low, high = there.interval(2.0) or (0, 0)
    assert back.interval(2.0) == pytest.approx((-high, -low))


@pytest.mark.parametrize("metric", [Accuracy(), MacroF1(), Kappa(), RocAuc()], ids=lambda metric: type(metric).__name__)
def test_the_error_of_a_difference_is_that_of_the_paired_cluster_bootstrap(yes_no: Made, metric: Metric) -> None:
    rng = np.random.default_rng(4)
    count, size = 150, 2
    effect = np.repeat(rng.normal(0, 1, count), size)
    gold = rng.random(count * size) < 0.5
    groups = np.repeat(np.arange(count), size)
    said = [np.where(effect + rng.normal(0, 1, count * size) < bar, gold, ~gold) for bar in (0.9, 0.7)]
    a, b = (of(yes_no(answers.tolist(), gold.tolist(), groups=groups.tolist()), metric) for answers in said)

    def value(answers: NDArray[np.bool_], rows: NDArray[np.int64]) -> float:
        units = Units(
            space=SPACE,
            gold=tuple(SPACE.labels[not answer] for answer in gold[rows]),
            predicted=tuple(SPACE.labels[not answer] for answer in answers[rows]),
            credit=(gold == answers)[rows].astype(float),
            positive=np.full(len(rows), np.nan),
        )
        return float(metric(units, np.ones((1, len(rows))))[0])

    differences = []
    for _ in range(500):
        rows = (rng.integers(0, count, count)[:, None] * size + np.arange(size)).ravel()
        differences.append(value(said[0], rows) - value(said[1], rows))
    apart = gap(a, b)
    assert apart.error == pytest.approx(np.std(differences), rel=0.1)
    assert apart.difference == pytest.approx(a.value - b.value)


def test_a_judge_in_blocks_and_one_that_is_not_are_put_into_the_fewest_of_either(make_scores: Made) -> None:
    """A judge that uses few scores has few different items, one that uses all has more than the metric's limit."""

    class Slow:
        unit = "distance"
        uses = ("gold", "predicted")

        def __call__(self, units: Units, weights: Floats) -> Floats:
            away = np.abs(np.array(units.gold, dtype=float) - np.array(units.predicted, dtype=float))
            return weights @ away / weights.sum(axis=1)  # type: ignore[no-any-return]

        def limit(self, units: Units) -> int:
            return 50

    rng = np.random.default_rng(0)
    gold = rng.integers(1, 6, 600).astype(float)
    said = {
        "coarse": np.clip(gold + rng.integers(-1, 2, 600), 1, 5),
        "fine": np.clip(gold + rng.normal(0, 0.5, 600), 1, 5),
        "fine too": np.clip(gold + rng.normal(0, 0.5, 600), 1, 5),
    }
    tables = {
        name: make_scores(answers.tolist(), gold.tolist(), space=Score(1, 5, 0)) for name, answers in said.items()
    }
    blocks = [of(table, Slow()).blocks for table in tables.values()]
    assert blocks == [0, 32, 32]
    pairs = compare_all(tables, Slow(), metric_name="slow", greater_is_better=False)
    for pair in pairs:
        away = [np.abs(said[name] - gold) for name in (pair.judge_a, pair.judge_b)]
        assert pair.difference == pytest.approx(np.mean(away[0]) - np.mean(away[1]))
        assert pair.ci_low is not None
        assert pair.ci_high is not None
        plain = 1.96 * np.std(away[0] - away[1]) / np.sqrt(600)
        assert (pair.ci_high - pair.ci_low) / 2 == pytest.approx(plain, rel=0.6)
    assert {pair.better for pair in pairs[:2]} == {"fine", "fine too"}


@pytest.mark.parametrize("metric", [Pearson(), Kendall()], ids=lambda metric: type(metric).__name__)
def test_a_better_correlation_is_found_in_blocks_too(make_scores: Made, metric: Metric) -> None:
    rng = np.random.default_rng(2)
    gold = rng.random(2_100)
    near, far = (np.clip(gold + rng.normal(0, noise, 2_100), 0, 1) for noise in (0.1, 0.3))
    a, b = (of(make_scores(said.tolist(), gold.tolist()), metric) for said in (near, far))
    assert a.blocks == b.blocks == 512
    assert gap(a, b).statistic > 10
    assert gap(a, a).statistic == 0
