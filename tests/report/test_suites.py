"""Suites: means over tasks, taken apart by the clusters that tasks share; and who may be ranked by them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.api import Metric, Protocol
from harness.manifest.model import ReportSettings
from harness.report.leaderboard import build_leaderboard
from harness.report.records import Leaderboard, LeaderboardRow
from harness.score.agreement import make_macro_f1
from harness.score.metrics import make_accuracy
from harness.score.records import Comparison

GOLD = "AB" * 100


def find(name: str) -> Metric:
    return {"accuracy": make_accuracy, "macro_f1": make_macro_f1}[name.partition("@")[0]](None, None)


def suites(
    cells: list[Any], *, find_metric: Any = find, left_out: Any = (), seed: int = 0, **options: Any
) -> Leaderboard:
    settings = ReportSettings(**{"group_by": "suite", "resamples": 200, **options})
    return build_leaderboard(cells, settings, left_out=left_out, seed=seed, find_metric=find_metric)


def said(right: int, gold: str = GOLD) -> str:
    return gold[:right] + "".join("A" if one == "B" else "B" for one in gold[right:])


def width(row: LeaderboardRow | Comparison) -> float:
    assert row.ci_low is not None
    assert row.ci_high is not None
    return row.ci_high - row.ci_low


def test_a_suite_is_the_plain_mean_over_its_tasks(make_cell: Any) -> None:
    one, two = make_cell("j", said(180), GOLD, task="x"), make_cell("j", said(100), GOLD, task="y", groups="other")
    (row,) = suites([one, two]).rows
    assert (row.task, row.suite, row.tasks) == ("", "s", ("x", "y"))
    assert row.value == pytest.approx(0.7)
    assert (row.n, row.asked, row.rank_low, row.rank_high, row.letters) == (400, 400, 1, 1, "a")
    assert row.method == "cluster-jackknife"
    error = np.sqrt(0.9 * 0.1 / 200 + 0.5 * 0.5 / 200) / 2
    assert width(row) / 2 == pytest.approx(1.97 * error, rel=0.02), "tasks with nothing in common are independent"


def test_tasks_that_share_their_groups_are_not_taken_as_independent(make_cell: Any) -> None:
    def board(groups: str) -> LeaderboardRow:
        cells = [
            make_cell("j", said(140), GOLD, task="x"),
            make_cell("j", said(140), GOLD, task="y", groups=groups),
        ]
        return suites(cells).rows[0]

    shared, apart = board("group"), board("other")
    alone = suites([make_cell("j", said(140), GOLD, task="x")]).rows[0]
    assert shared.value == apart.value == pytest.approx(0.7)
    assert width(shared) == pytest.approx(width(alone), rel=0.02), "the same items twice are one task"
    assert width(apart) == pytest.approx(width(alone) / np.sqrt(2), rel=0.03)


def test_judges_on_the_same_items_twice_are_compared_as_on_one_task(make_cell: Any) -> None:
    cells = {
        groups: [
            make_cell(judge, said(right), GOLD, task=task, groups=name)
            for judge, right in (("a", 190), ("b", 186))
            for task, name in (("x", "group"), ("y", groups))
        ]
        for groups in ("group", "other")
    }
    (one,) = build_leaderboard(cells["group"][::2], ReportSettings(resamples=200), find_metric=find).comparisons
    (shared,), (apart,) = (suites(own).comparisons for own in cells.values())
    assert shared.p_value == pytest.approx(one.p_value)
    assert shared.better is None
    assert apart.p_value == pytest.approx(2 * stats.norm.sf(8 / np.sqrt(8 + 2)), rel=0.05)
    assert (apart.p_value or 1) < (shared.p_value or 0), "8 items say more than 4"


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("protocol", [Protocol(), Protocol(metrics=("macro_f1",)), Protocol(average="group")])
def test_a_suite_of_one_task_has_that_tasks_numbers_to_the_last_digit(
    make_cell: Any, size: int, protocol: Protocol
) -> None:
    cells = [
        make_cell("a", said(180), GOLD, protocol=protocol, size=size),
        make_cell("b", "-" * 4 + said(160)[4:], GOLD, protocol=protocol, size=size),
        make_cell("c", "B" * 100 + said(90)[100:], GOLD, protocol=protocol, size=size),
    ]
    by_task, by_suite = (suites(cells, group_by=grouping) for grouping in ("task", "suite"))
    for task, suite in zip(by_task.rows, by_suite.rows, strict=True):
        for name in ("judge", "value", "ci_low", "ci_high", "method", "n", "rank_low", "rank_high", "letters"):
            assert getattr(task, name) == getattr(suite, name), name
    for one, other in zip(by_task.comparisons, by_suite.comparisons, strict=True):
        assert replace(one, task="") == other


def test_judges_are_compared_by_the_mean_of_their_paired_differences(make_cell: Any) -> None:
    cells = [
        make_cell(judge, said(right), GOLD, task=task, groups=task)
        for judge, rights in {"a": (180, 160), "b": (100, 90), "c": (178, 161)}.items()
        for task, right in zip("xy", rights, strict=True)
    ]
    leaderboard = suites(cells)
    assert [(row.judge, row.rank_low, row.rank_high) for row in leaderboard.rows] == [
        ("a", 1, 2),
        ("c", 1, 2),
        ("b", 3, 3),
    ]
    pair = next(pair for pair in leaderboard.comparisons if (pair.judge_a, pair.judge_b) == ("a", "b"))
    assert pair.difference == pytest.approx((0.40 + 0.35) / 2)
    assert (pair.task, pair.suite, pair.n, pair.better) == ("", "s", 400, "a")


def test_a_judge_that_did_not_answer_every_task_has_no_rank(make_cell: Any) -> None:
    cells = [make_cell("all", said(150), GOLD, task=task) for task in "xy"] + [make_cell("half", GOLD, GOLD, task="x")]
    first, last = suites(cells).rows
    assert (first.judge, first.rank_low, first.rank_high) == ("all", 1, 1)
    assert (last.judge, last.rank_low, last.tasks) == ("half", None, ("x",))
    assert "incomplete" in last.flags


def test_the_worst_case_of_a_judge_without_answers_is_over_all_tasks(make_cell: Any) -> None:
    silent = [make_cell("silent", "!" * 200, GOLD, task=task) for task in "xy"]
    half = [make_cell("half", GOLD, GOLD, task="x"), make_cell("half", "!" * 200, GOLD, task="y")]
    rows = {row.judge: row for row in suites([*silent, *half]).rows}
    # Where the other task was left out, half looked perfect in its worst case too.
    assert (rows["silent"].worst_case, rows["half"].worst_case) == (0.0, 0.5)


def test_a_task_without_a_suite_stands_alone(make_cell: Any) -> None:
    cells = [make_cell("j", GOLD, GOLD, task=task, suite="") for task in "xy"]
    assert [(row.suite, row.tasks) for row in suites(cells).rows] == [("x", ("x",)), ("y", ("y",))]


def test_tasks_with_different_metrics_are_ranked_by_the_mean_rank_and_metric_gives_the_mean(make_cell: Any) -> None:
    cells = [
        make_cell("j", said(150), GOLD, task="x"),
        make_cell("j", said(150), GOLD, task="y", protocol=Protocol(metrics=("macro_f1",))),
    ]
    (row,) = suites(cells).rows
    assert (row.metric, row.value, row.greater_is_better) == ("mean_rank", 1.0, False)
    (mean,) = suites(cells, metric="accuracy").rows
    assert mean.metric == "accuracy"
    assert mean.value == pytest.approx(0.75)


def test_n_of_two_mean_ranks_is_that_of_the_units_that_both_have(make_cell: Any) -> None:
    f1 = Protocol(metrics=("macro_f1",))
    few = "-" * 10 + GOLD[10:]
    for first, second in (("a", "b"), ("b", "a")):
        cells = [make_cell(first, few, GOLD, task="x"), make_cell(first, GOLD, GOLD, task="y", protocol=f1)]
        cells += [make_cell(second, GOLD, GOLD, task=task, protocol=rules) for task, rules in (("x", None), ("y", f1))]
        (pair,) = suites(cells).comparisons
        assert (pair.metric, pair.n) == ("mean_rank", 390)


def test_judges_of_two_runs_share_a_suite_row_only_with_the_same_plugin(make_cell: Any) -> None:
    x = make_cell("j", GOLD, GOLD, task="x")
    same, other = (make_cell("j", GOLD, GOLD, task="y", run="run-2", judge_id=name) for name in ("tests/judge", "z/z"))
    assert [(row.judge, row.run) for row in suites([x, same]).rows] == [("j", "run-1, run-2")]
    assert {row.judge for row in suites([x, other]).rows} == {"j (run-1)", "j (run-2)"}


def test_low_coverage_on_one_task_keeps_the_mean_off_the_ranks(make_cell: Any) -> None:
    (row,) = suites([make_cell("j", GOLD, GOLD, task="x"), make_cell("j", "-" * 150 + GOLD[150:], GOLD, task="y")]).rows
    assert (row.rank_low, row.rank_high, row.letters) == (None, None, "")
    assert "low-coverage" in row.flags


def test_a_judge_that_is_not_ranked_is_in_no_family_of_a_suite(make_cell: Any) -> None:
    ranked = [
        make_cell(judge, said(right), GOLD, task=task, groups=task)
        for judge, right in (("a", 180), ("b", 172))
        for task in "xy"
    ]
    silent = [make_cell("silent", "-" * 100 + said(150)[100:], GOLD, task=task, groups=task) for task in "xy"]
    (alone,), pairs = suites(ranked).comparisons, suites([*ranked, *silent]).comparisons
    assert [pair for pair in pairs if (pair.judge_a, pair.judge_b) == ("a", "b")] == [alone]
    outside = [(pair.p_adjusted, pair.better) for pair in pairs if "silent" in (pair.judge_a, pair.judge_b)]
    assert outside == [(None, None)] * 2


def test_few_clusters_over_all_tasks_are_flagged_and_few_in_one_are_not(make_cell: Any) -> None:
    few = [make_cell("j", said(2, "AAA"), "AAA", task=task, groups="same") for task in "xy"]
    assert "few-clusters" in suites(few).rows[0].flags
    more = [make_cell("j", said(150), GOLD, task=task) for task in "yz"]
    assert "few-clusters" not in suites([make_cell("j", said(2, "AAA"), "AAA", task="x"), *more]).rows[0].flags


def test_a_mean_is_never_beyond_the_range_of_its_metric(make_cell: Any) -> None:
    cells = [
        make_cell(judge, words, "A" * 40, task=task, groups=task)
        for judge, words in (("atlas", "A" * 40), ("borea", "B" * 40))
        for task in "xy"
    ]
    board = suites(cells)
    assert [(row.value, row.ci_low == 0, row.ci_high == 1) for row in board.rows] == [
        (1, False, True),
        (0, True, False),
    ]
    (pair,) = board.comparisons
    assert pair.ci_low is not None
    assert 0.8 < pair.ci_low < 1 == pair.ci_high
    assert pair.p_value is not None
    assert pair.p_value > 0
