"""The cases in which the statistics before these were found wrong, each with the numbers that must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from harness.api import Metric, Preference, Protocol, RecordedAnswer, Score, Status
from harness.manifest.model import ReportSettings
from harness.report.compare import compare_judges
from harness.report.leaderboard import build_leaderboard
from harness.report.records import Leaderboard
from harness.score.agreement import BalancedAccuracy, Kappa, MacroF1, RocAuc
from harness.score.cell import score_cell
from harness.score.correlation import make_kendall, make_pearson
from harness.score.metrics import make_accuracy
from harness.score.records import Comparison
from harness.score.units import build_cell

SCALE = Score(-20, 20, 0)


def find(name: str) -> Metric:
    return {"accuracy": make_accuracy, "kendall": make_kendall, "pearson": make_pearson}[name](None, None)


def board(cells: Sequence[Any], *, find_metric: Any = find, seed: int = 0, **options: Any) -> Leaderboard:
    return build_leaderboard(cells, ReportSettings(**options), seed=seed, find_metric=find_metric)


def ranks(leaderboard: Leaderboard) -> dict[str, tuple[int | None, int | None]]:
    return {row.judge: (row.rank_low, row.rank_high) for row in leaderboard.rows}


def both_ways(said: str, gold: str) -> Iterator[RecordedAnswer]:
    """The same canonical verdict in both orders."""
    for number, (word, right) in enumerate(zip(said, gold, strict=True)):
        for order in ((0, 1), (1, 0)):
            shown = "AB".index(word) ^ order[0]
            item, group = f"item-{number:04}", f"group-{number:04}"
            yield RecordedAnswer(item, group, "", Preference(2), "AB".index(right), order, 0, Status.OK, shown)


@pytest.fixture
def in_both_orders(make_cell: Any) -> Callable[[str, str, str], Any]:
    """A cell of one verdict an item, found in both orders."""

    def make(judge: str, said: str, gold: str) -> Any:
        given, protocol = tuple(both_ways(said, gold)), Protocol(order="both")
        scores = score_cell(
            build_cell(given, protocol),
            task="t",
            judge=judge,
            suite="s",
            metrics={"accuracy": find("accuracy")},
            data_hash="h",
        )
        return make_cell(judge, said, gold, protocol=protocol, data_hash="h", answers=given, scores=scores)

    return make


# --- 1: nothing was significant under Kendall, a coin shared rank 1 ---------------------------------------------------


def rated(make_cell: Any, judge: str, said: NDArray[np.float64], gold: NDArray[np.float64]) -> Any:
    """A cell of continuous scores."""
    given = tuple(
        RecordedAnswer(f"i{k:04}", f"i{k:04}", "", SCALE, float(right), (), 0, Status.OK, float(score))
        for k, (score, right) in enumerate(zip(said, gold, strict=True))
    )
    protocol = Protocol(metrics=("kendall", "pearson"))
    metrics = {name: find(name) for name in protocol.metrics}
    scores = score_cell(build_cell(given, protocol), task="t", judge=judge, suite="s", metrics=metrics, data_hash="h")
    return make_cell(judge, "A", "A", protocol=protocol, data_hash="h", answers=given, scores=scores)


def test_1_four_judges_of_1600_continuous_scores_are_told_apart_by_kendall(make_cell: Any) -> None:
    rng = np.random.default_rng(0)
    gold = rng.normal(0, 3, 1_600)
    noise = {"excellent": 0.1, "good": 2.0, "poor": 6.0}
    said = {name: gold + rng.normal(0, spread, 1_600) for name, spread in noise.items()}
    said["coin"] = rng.normal(0, 3, 1_600)
    cells = [rated(make_cell, judge, np.clip(own, -20, 20), gold) for judge, own in said.items()]
    leaderboard = board(cells)
    assert ranks(leaderboard) == {"excellent": (1, 1), "good": (2, 2), "poor": (3, 3), "coin": (4, 4)}
    assert max(pair.p_adjusted for pair in leaderboard.comparisons if pair.p_adjusted is not None) < 1e-4
    for row in leaderboard.rows:
        theirs = stats.kendalltau(gold, np.clip(said[row.judge], -20, 20))
        assert row.value == pytest.approx(theirs.statistic)
        assert row.ci_low is not None
        assert row.ci_high is not None
        assert 0.0005 < row.ci_high - row.ci_low < 0.08


def test_1_51_tasks_are_no_reason_to_call_100_and_0_percent_alike(make_cell: Any) -> None:
    of_a, of_b = (
        [make_cell(judge, word * 20, "A" * 20, task=f"t{k:02}") for k in range(51)] for judge, word in ("aA", "bB")
    )
    found = compare_judges(of_a, of_b, find_metric=find).tasks
    assert {one.better for one in found} == {"a"}
    assert max(one.p_adjusted for one in found if one.p_adjusted is not None) < 0.05 / 51


# --- 2: suites beyond 100 %, p = 0 from three items, another verdict by grouping --------------------------------------


def test_2_three_items_are_no_test_in_a_suite_either(make_cell: Any) -> None:
    cells = [make_cell("atlas", "AAA", "AAA", suite="three"), make_cell("borea", "BBB", "AAA", suite="three")]
    for grouping in ("task", "suite"):
        leaderboard = board(cells, group_by=grouping)
        assert ranks(leaderboard) == {"atlas": (1, 2), "borea": (1, 2)}
        (pair,) = leaderboard.comparisons
        assert (pair.difference, pair.p_value, pair.p_adjusted, pair.ci_low) == (1, None, None, None)
        for row in leaderboard.rows:
            assert row.ci_low is not None
            assert row.ci_high is not None
            assert 0 <= row.ci_low < row.ci_high <= 1
            assert "few-clusters" in row.flags


def test_2_four_items_of_200_are_the_same_verdict_however_they_are_grouped(make_cell: Any) -> None:
    cells = [
        make_cell("atlas", "A" * 200, "A" * 200, suite="fixed4"),
        make_cell("borea", "A" * 196 + "B" * 4, "A" * 200, suite="fixed4"),
    ]
    by_task, by_suite = (board(cells, group_by=grouping) for grouping in ("task", "suite"))
    assert ranks(by_task) == ranks(by_suite) == {"atlas": (1, 2), "borea": (1, 2)}
    (one,), (other,) = by_task.comparisons, by_suite.comparisons
    assert one.p_value == other.p_value == pytest.approx(2 * stats.norm.sf(4 / 5**0.5), rel=0.01)
    assert (one.ci_low, one.ci_high) == (other.ci_low, other.ci_high)
    for task, suite in zip(by_task.rows, by_suite.rows, strict=True):
        assert (task.value, task.ci_low, task.ci_high) == (suite.value, suite.ci_low, suite.ci_high)
        assert suite.ci_high is not None
        assert suite.ci_high <= 1


def test_2_three_items_in_each_of_two_tasks_stay_within_the_range(make_cell: Any) -> None:
    cells = [
        make_cell(judge, word * 3, "AAA", task=task, groups=task)
        for judge, word in (("atlas", "A"), ("borea", "B"))
        for task in "xy"
    ]
    leaderboard = board(cells, group_by="suite")
    for row in leaderboard.rows:
        assert row.ci_low is not None
        assert row.ci_high is not None
        assert 0 <= row.ci_low < row.ci_high <= 1
    (pair,) = leaderboard.comparisons
    assert (pair.difference, pair.ci_high) == (1, 1)
    assert pair.p_value is not None
    assert pair.p_value > 0.01


# --- 3: certainty where no error was seen -----------------------------------------------------------------------------


def test_3_200_items_all_right_in_both_orders_are_as_certain_as_in_one(
    make_cell: Any, in_both_orders: Callable[[str, str, str], Any]
) -> None:
    gold = "AB" * 100
    (twice,) = board([in_both_orders("atlas", gold, gold)]).rows
    (once,) = board([make_cell("atlas", gold, gold)]).rows
    assert (twice.value, twice.n, once.n) == (1, 400, 200)
    assert once.ci_low == pytest.approx(0.977, abs=0.002)
    assert twice.ci_low == pytest.approx(once.ci_low, abs=0.002)
    assert twice.ci_high == once.ci_high == 1
    assert "no-errors" in twice.flags


@pytest.mark.parametrize(
    "metric", [MacroF1(), BalancedAccuracy(), Kappa(), RocAuc()], ids=lambda one: type(one).__name__
)
def test_3_metrics_of_classes_are_no_more_certain_than_accuracy(make_cell: Any, metric: Metric) -> None:
    gold = "AB" * 10
    table = make_cell("j", gold, gold).table()
    made = score_cell(
        table, task="t", judge="j", metrics={"m": metric, "accuracy": find("accuracy")}, data_hash="h"
    ).estimates
    own, plain = made
    assert own.value == own.ci_high == 1
    assert own.ci_low is not None
    assert plain.ci_low is not None
    scale = 2 if type(metric) is Kappa else 1
    assert (1 - own.ci_low) / scale == pytest.approx(1 - plain.ci_low, abs=0.03)


# --- 4: equal judges in different ranks, all different inside one rank ------------------------------------------------


def cycle(make_cell: Any) -> list[Any]:
    """Each of three skips a tenth of 1,000 items, and is wrong on the tenth that the judge before it skips."""
    words = {}
    for k, judge in enumerate("ABC"):
        said = np.full(1_000, "A")
        said[k * 100 : (k + 1) * 100] = "-"
        said[(k + 2) % 3 * 100 :][:100] = "B"
        words[judge] = "".join(said)
    return [make_cell(judge, said, "A" * 1_000) for judge, said in words.items()]


def test_4_three_judges_that_each_skip_what_another_gets_wrong_are_not_placed_in_a_circle(make_cell: Any) -> None:
    leaderboard = board(cycle(make_cell))
    assert [row.value for row in leaderboard.rows] == pytest.approx([800 / 900] * 3)
    assert {row.coverage for row in leaderboard.rows} == {0.9}
    on_shared = {(pair.judge_a, pair.judge_b): (pair.difference or 0) for pair in leaderboard.comparisons}
    around = [on_shared["A", "B"], on_shared["B", "C"], -on_shared["A", "C"]]
    assert around == pytest.approx([-1 / 8] * 3), "a circle on what two share"
    assert max(pair.p_value for pair in leaderboard.comparisons if pair.p_value is not None) < 1e-8
    assert set(ranks(leaderboard).values()) == {(1, 3)}
    assert {row.letters for row in leaderboard.rows} == {"a"}
    assert all(pair.better is None and pair.depends_on_missing for pair in leaderboard.comparisons)
    assert all("depends-on-missing" in row.flags for row in leaderboard.rows)


def test_4_a_better_judge_above_four_equals_splits_no_equals(make_cell: Any) -> None:
    rng = np.random.default_rng(5)
    cells = []
    for judge, share in {"best": 0.97, "b": 0.8, "c": 0.8, "d": 0.8, "e": 0.8}.items():
        wrong = set(rng.permutation(300)[: round((1 - share) * 300)].tolist())
        cells.append(make_cell(judge, "".join("B" if k in wrong else "A" for k in range(300)), "A" * 300))
    leaderboard = board(cells)
    assert ranks(leaderboard) == {"best": (1, 1), **dict.fromkeys("bcde", (2, 5))}
    assert {row.judge: row.letters for row in leaderboard.rows} == {"best": "a", **dict.fromkeys("bcde", "b")}


def test_4_the_interval_of_a_difference_never_contradicts_the_ranks(make_cell: Any) -> None:
    rng = np.random.default_rng(8)
    cells = []
    for k in range(8):
        right = rng.random(250) < 0.65 + 0.04 * k
        cells.append(make_cell(f"j{k}", "".join(np.where(right, "A", "B")), "A" * 250))
    leaderboard = board(cells)
    assert {pair.better is None for pair in leaderboard.comparisons} == {True, False}
    for pair in leaderboard.comparisons:
        assert pair.ci_low is not None
        assert pair.ci_high is not None
        assert (pair.better is not None) == (pair.ci_low > 0 or pair.ci_high < 0)
        assert (pair.better is not None) == (pair.p_adjusted is not None and pair.p_adjusted < 0.05)
    letters = {row.judge: set(row.letters) for row in leaderboard.rows}
    for pair in leaderboard.comparisons:
        assert bool(letters[pair.judge_a] & letters[pair.judge_b]) == (pair.better is None)


# --- 5: refusing paid -------------------------------------------------------------------------------------------------


def declining(make_cell: Any) -> list[Any]:
    """D is right on .86 of all 400 items and declines 40, none of which it would get right; E on .91."""
    gold = "A" * 400
    d = "A" * 344 + "-" * 40 + "B" * 16
    e = "A" * 328 + "B" * 16 + "A" * 36 + "B" * 20
    return [make_cell("D", d, gold), make_cell("E", e, gold)]


def test_5_declining_hard_questions_does_not_put_a_judge_above(make_cell: Any) -> None:
    leaderboard = board(declining(make_cell))
    d, e = leaderboard.rows
    assert (d.judge, d.coverage, d.flags) == ("D", 0.9, ("constant-gold", "depends-on-missing"))
    assert d.value == pytest.approx(344 / 360)
    assert d.worst_case == pytest.approx(0.86)
    assert e.value == pytest.approx(0.91)
    (pair,) = leaderboard.comparisons
    assert pair.p_value is not None
    assert pair.p_value < 0.05, "on what both answered D looks better"
    assert (pair.better, pair.depends_on_missing, pair.whatever_missing) == (None, True, False)
    assert (pair.bound_low, pair.bound_high) == pytest.approx((0.86 - 0.91, 0.96 - 0.91))
    assert ranks(leaderboard) == {"D": (1, 2), "E": (1, 2)}


def test_5_who_declares_answers_missing_at_random_has_the_old_reading(make_cell: Any) -> None:
    leaderboard = board(declining(make_cell), missing="at-random")
    assert leaderboard.missing == "at-random"
    assert ranks(leaderboard) == {"D": (1, 1), "E": (2, 2)}


def test_5_a_few_missing_answers_do_not_hide_a_clear_difference(make_cell: Any) -> None:
    gold = "A" * 400
    good, poor = "A" * 372 + "-" * 4 + "B" * 24, "A" * 280 + "-" * 4 + "B" * 116
    leaderboard = board([make_cell("good", good, gold), make_cell("poor", poor, gold)])
    assert ranks(leaderboard) == {"good": (1, 1), "poor": (2, 2)}
    (pair,) = leaderboard.comparisons
    assert (pair.better, pair.whatever_missing) == ("good", True)


# --- 6: few clusters, and two tests that contradicted each other ------------------------------------------------------


@pytest.mark.parametrize("wrong", [3, 4, 5, 6, 10])
def test_6_one_order_and_both_orders_with_the_same_verdicts_agree(
    make_cell: Any, in_both_orders: Callable[[str, str, str], Any], wrong: int
) -> None:
    gold = "AB" * 100
    other = "".join("AB"[word == "A"] for word in gold[:wrong]) + gold[wrong:]
    once = board([make_cell("atlas", gold, gold), make_cell("borea", other, gold)])
    twice = board([in_both_orders("atlas", gold, gold), in_both_orders("borea", other, gold)])
    pairs: list[Comparison] = [leaderboard.comparisons[0] for leaderboard in (once, twice)]
    assert pairs[0].p_value == pytest.approx(pairs[1].p_value, rel=1e-6)
    assert pairs[0].p_value == pytest.approx(2 * stats.norm.sf(wrong / (wrong + 1) ** 0.5), rel=0.02)
    assert (
        ranks(once)
        == ranks(twice)
        == ({"atlas": (1, 1), "borea": (2, 2)} if wrong > 4 else dict.fromkeys(("atlas", "borea"), (1, 2)))
    )
    for pair in pairs:
        assert pair.ci_low is not None
        assert (pair.ci_low > 0) == (wrong > 4)


def test_6_ten_clusters_in_which_equal_judges_are_alike_are_no_fifty_items(make_cell: Any) -> None:
    """Better on 6 of 10 clusters of 5 and worse on 3: by items .02, by clusters nothing."""
    gold = "A" * 50
    a = "A" * 30 + "B" * 15 + "A" * 5
    b = "B" * 30 + "A" * 15 + "A" * 5
    by_item, by_cluster = (
        board([make_cell(judge, said, gold, size=size) for judge, said in (("a", a), ("b", b))]) for size in (1, 5)
    )
    assert ranks(by_item) == {"a": (1, 1), "b": (2, 2)}
    assert ranks(by_cluster) == {"a": (1, 2), "b": (1, 2)}
    (pair,) = by_cluster.comparisons
    assert pair.p_value == pytest.approx(2 * stats.norm.sf(3 / 10**0.5), rel=0.05)


# --- 7: flags from one item, and judges without a rank in the family --------------------------------------------------


def test_7_one_item_makes_nobody_biased_or_collapsed(in_both_orders: Callable[[str, str, str], Any]) -> None:
    (row,) = board([in_both_orders("j", "A", "A")]).rows
    assert not {"position-biased", "collapsed"} & set(row.flags)


def test_7_unranked_judges_are_not_in_the_family(make_cell: Any) -> None:
    rng = np.random.default_rng(1)

    def cell(judge: str, share: float, silent: int = 0) -> Any:
        right = rng.random(300) < share
        said = "".join(np.where(right, "A", "B"))
        return make_cell(judge, "-" * silent + said[silent:], "A" * 300)

    ranked = [cell("a", 0.9), cell("b", 0.8), cell("c", 0.7)]
    silent = [cell(f"silent-{k}", 0.6, silent=100) for k in range(6)]
    without, with_them = board(ranked), board([*ranked, *silent])
    assert {row.judge for row in with_them.rows if row.rank_low is None} == {cell.judge for cell in silent}
    ours: Mapping[tuple[str, str], Comparison] = {(one.judge_a, one.judge_b): one for one in with_them.comparisons}
    for pair in without.comparisons:
        assert ours[pair.judge_a, pair.judge_b] == pair
    assert all(one.p_adjusted is None for names, one in ours.items() if any(name.startswith("s") for name in names))
