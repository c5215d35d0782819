"""Suites: plain means over tasks, and who may be ranked by them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness.api import Metric, Protocol, UserError
from harness.report.leaderboard import build_leaderboard
from harness.report.records import Leaderboard
from harness.score.agreement import macro_f1
from harness.score.metrics import accuracy

GOLD = "AB" * 100


def find(name: str) -> Metric:
    return {"accuracy": accuracy, "macro_f1": macro_f1}[name](None, None)


def suites(cells: list[Any], **options: Any) -> Leaderboard:
    return build_leaderboard(cells, group_by="suite", resamples=200, find_metric=find, **options)


def said(right: int) -> str:
    return GOLD[:right] + "".join("A" if gold == "B" else "B" for gold in GOLD[right:])


def test_a_suite_is_the_plain_mean_over_its_tasks(make_cell: Any) -> None:
    one, two = make_cell("j", said(180), GOLD, task="x"), make_cell("j", said(100), GOLD, task="y")
    (row,) = suites([one, two]).rows
    assert (row.task, row.suite, row.tasks) == ("", "s", ("x", "y"))
    assert row.value == pytest.approx(0.7)
    assert (row.n, row.asked, row.rank_group) == (400, 400, 1)
    halves = [(e.ci_high - e.ci_low) / 2 for e in (one.scores.estimates[0], two.scores.estimates[0])]
    assert row.ci_high is not None
    assert row.ci_high - 0.7 == pytest.approx(math.hypot(*halves) / 2)  # z cancels
    assert row.method == "normal-of-tasks"


def test_judges_are_compared_by_the_mean_of_their_paired_differences(make_cell: Any) -> None:
    cells = [
        make_cell(judge, said(right), GOLD, task=task)
        for judge, rights in {"a": (180, 160), "b": (100, 90), "c": (178, 161)}.items()
        for task, right in zip("xy", rights, strict=True)
    ]
    leaderboard = suites(cells)
    assert [(row.judge, row.rank_group) for row in leaderboard.rows] == [("a", 1), ("c", 1), ("b", 3)]
    pair = next(pair for pair in leaderboard.comparisons if (pair.judge_a, pair.judge_b) == ("a", "b"))
    assert pair.difference == pytest.approx((0.40 + 0.35) / 2)
    assert (pair.task, pair.suite, pair.n) == ("", "s", 400)


def test_a_judge_that_did_not_answer_every_task_has_no_rank(make_cell: Any) -> None:
    cells = [make_cell("all", said(150), GOLD, task=task) for task in "xy"] + [make_cell("half", GOLD, GOLD, task="x")]
    first, last = suites(cells).rows
    assert (first.judge, first.rank_group) == ("all", 1)
    assert (last.judge, last.rank_group, last.tasks) == ("half", None, ("x",))
    assert "incomplete" in last.flags


def test_a_task_without_a_suite_stands_alone(make_cell: Any) -> None:
    cells = [make_cell("j", GOLD, GOLD, task=task, suite="") for task in "xy"]
    assert [(row.suite, row.tasks) for row in suites(cells).rows] == [("x", ("x",)), ("y", ("y",))]


def test_a_mean_over_different_metrics_is_refused_and_metric_mends_it(make_cell: Any) -> None:
    cells = [
        make_cell("j", said(150), GOLD, task="x"),
        make_cell("j", said(150), GOLD, task="y", protocol=Protocol(metrics=("macro_f1",))),
    ]
    with pytest.raises(UserError, match=r"accuracy, macro_f1.*--metric"):
        suites(cells)
    assert suites(cells, metric="accuracy").rows[0].value == pytest.approx(0.75)


def test_judges_of_two_runs_share_a_suite_row_only_with_the_same_plugin(make_cell: Any) -> None:
    x = make_cell("j", GOLD, GOLD, task="x")
    same, other = (make_cell("j", GOLD, GOLD, task="y", run="run-2", judge_id=name) for name in ("tests/judge", "z/z"))
    assert [(row.judge, row.run) for row in suites([x, same]).rows] == [("j", "run-1, run-2")]
    assert {row.judge for row in suites([x, other]).rows} == {"j (run-1)", "j (run-2)"}


def test_low_coverage_on_one_task_keeps_the_mean_off_the_ranks(make_cell: Any) -> None:
    (row,) = suites([make_cell("j", GOLD, GOLD, task="x"), make_cell("j", "-" * 150 + GOLD[150:], GOLD, task="y")]).rows
    assert row.rank_group is None
    assert "low-coverage" in row.flags
