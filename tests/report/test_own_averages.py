"""A metric with an average of its own, from its name in a plan to the leaderboard's column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.api import Protocol, UserError
from harness.discovery import Plugins
from harness.manifest.load import load_manifest
from harness.manifest.model import ReportSettings
from harness.readiness import check_metrics
from harness.report.compare import compare_judges
from harness.report.leaderboard import build_leaderboard
from harness.report.measure import metric_finder
from harness.report.records import Leaderboard
from harness.report.renderers import render_board
from harness.runner.plan import build_plan
from harness.score.find import make_metric

GOLD = "AB" * 60
CATEGORIES = ("x", "x", "y")  # in turns, so that x has two thirds of the items
OWN = "accuracy@category"


def said(x: int, y: int) -> str:
    """Of 80 items in x and 40 in y so many are right."""
    words, left = [], {"x": x, "y": y}
    for number, gold in enumerate(GOLD):
        category = CATEGORIES[number % 3]
        left[category] -= 1
        words.append(gold if left[category] >= 0 else "AB"[gold == "A"])
    return "".join(words)


def judges(make_cell: Any, *, protocol: Protocol, **changes: Any) -> list[Any]:
    """`wide` is right on 60 of 80 and 10 of 40; `even` on 40 and 30: 70 of 120 each."""
    spoken = {"wide": said(60, 10), "even": said(40, 30)}
    return [
        make_cell(name, words, GOLD, protocol=protocol, categories=CATEGORIES, **changes)
        for name, words in spoken.items()
    ]


def board(cells: list[Any], **options: Any) -> Leaderboard:
    return build_leaderboard(cells, ReportSettings(resamples=400, **options), find_metric=metric_finder())


def values(leaderboard: Leaderboard) -> dict[str, float | None]:
    """By judge; every row is one of this metric."""
    assert {row.metric for row in leaderboard.rows} == {OWN}
    return {row.judge: row.value for row in leaderboard.rows}


def test_the_headline_is_averaged_as_its_name_says_in_rows_and_in_tests(make_cell: Any) -> None:
    leaderboard = board(judges(make_cell, protocol=Protocol(metrics=(OWN, "accuracy"))))
    assert values(leaderboard) == pytest.approx({"wide": (60 / 80 + 10 / 40) / 2, "even": (40 / 80 + 30 / 40) / 2})
    (pair,) = leaderboard.comparisons
    assert (pair.metric, pair.method) == (OWN, "score-pivot")
    assert pair.difference == pytest.approx((5 / 8 - 1 / 2) * (1 if pair.judge_a == "even" else -1))
    assert f"{OWN}, %" in render_board(leaderboard, "md")


def test_another_average_of_a_scored_metric_is_scored_anew(make_cell: Any) -> None:
    cells = judges(make_cell, protocol=Protocol(average="category"))
    by_name = {name: board(cells, metric=name).rows for name in ("accuracy", "accuracy@micro")}
    assert {row.value for row in by_name["accuracy@micro"]} == {70 / 120}
    assert {row.metric for row in by_name["accuracy@micro"]} == {"accuracy@micro"}
    assert sorted(row.value or 0 for row in by_name["accuracy"]) == pytest.approx([1 / 2, 5 / 8])


def test_a_suite_is_the_mean_of_the_tasks_as_each_was_averaged(make_cell: Any) -> None:
    protocol = Protocol(metrics=(OWN,))
    cells = [cell for task in ("one", "two") for cell in judges(make_cell, protocol=protocol, task=task)]
    leaderboard = board(cells, group_by="suite")
    assert values(leaderboard) == pytest.approx({"wide": 1 / 2, "even": 5 / 8})
    mixed = [*cells[:2], *judges(make_cell, protocol=Protocol(), task="two")]
    of_ranks = board(mixed, group_by="suite")
    assert {row.metric for row in of_ranks.rows} == {"mean_rank"}, "an average of its own makes another metric"


def test_two_judges_are_compared_by_it(make_cell: Any) -> None:
    wide, even = ([cell] for cell in judges(make_cell, protocol=Protocol()))
    (found,) = compare_judges(wide, even, ReportSettings(metric=OWN, resamples=400), find_metric=metric_finder()).tasks
    assert [found.value_a, found.value_b] == pytest.approx([1 / 2, 5 / 8])
    (plain,) = compare_judges(wide, even, ReportSettings(resamples=400), find_metric=metric_finder()).tasks
    assert plain.difference == 0


def test_an_average_that_there_is_not_is_refused_by_name(make_cell: Any) -> None:
    with pytest.raises(
        UserError, match=r"task t: .* micro, category, group, group_size after it, got 'accuracy@source'"
    ):
        board(judges(make_cell, protocol=Protocol()), metric="accuracy@source")


def test_the_metric_before_the_average_is_looked_up_and_checked(tmp_path: Path) -> None:
    plugins = Plugins.load()
    assert type(make_metric("kappa@group", plugins)) is type(make_metric("harness/kappa", plugins))
    with pytest.raises(UserError, match="there is no metric 'capa'"):
        make_metric("capa@group", plugins)
    manifest = tmp_path / "m.yaml"
    manifest.write_text("name: m\ntasks: [{use: miniature/quality-ranking}]\njudges: [{use: baselines/random}]\n")

    def check(metric: str) -> None:
        loaded = load_manifest(manifest, sets=[f"report.metric={metric}"], plugins=plugins)
        check_metrics(loaded, plugins, build_plan(loaded, plugins, workspace=tmp_path / "work").tasks)

    check("rank_accuracy@category")
    says = r"--set report.metric=.*: task quality-ranking: the metric 'macro_f1@category' is not defined"
    with pytest.raises(UserError, match=says):
        check("macro_f1@category")
    with pytest.raises(UserError, match="'rank_accuracy@source'"):
        check("rank_accuracy@source")
