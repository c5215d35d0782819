"""Beside the metric that ranks stand the protocol's others, with interval and n, never in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from harness.api import Protocol
from harness.manifest.model import ReportSettings
from harness.report.leaderboard import build_leaderboard
from harness.report.markdown import to_markdown
from harness.report.measure import metric_finder
from harness.report.records import Leaderboard

GOLD = "AABB" * 15
SAID = "AABA" * 15
PROTOCOL = Protocol(metrics=("accuracy", "macro_f1", "accuracy@category"))


@pytest.fixture
def board(make_cell: Callable[..., Any]) -> Leaderboard:
    cells = [make_cell(judge, said, GOLD, protocol=PROTOCOL, categories=("x", "x", "y")) for judge, said in JUDGES]
    return build_leaderboard(cells, ReportSettings(resamples=200), find_metric=metric_finder())


JUDGES = (("good", GOLD), ("half", SAID), ("mute", "-" * 60))


def test_each_row_tells_the_metrics_that_do_not_rank(board: Leaderboard) -> None:
    rows = {row.judge: row for row in board.rows}
    assert {row.metric for row in board.rows} == {"accuracy"}
    assert [list(row.others) for row in board.rows] == [["macro_f1", "accuracy@category"]] * 3
    half = rows["half"].others["macro_f1"]
    assert half["value"] == pytest.approx((2 * 30 / (45 + 30) + 2 * 15 / (15 + 30)) / 2)
    assert half["n"] == 60
    low, value, high = (half[name] for name in ("ci_low", "value", "ci_high"))
    assert isinstance(low, float)
    assert isinstance(value, float)
    assert isinstance(high, float)
    assert low < value < high
    assert rows["mute"].others["macro_f1"] == {
        "value": None,
        "ci_low": None,
        "ci_high": None,
        "n": 0,
        "unit": "share",
    }


def test_another_metric_that_ranks_leaves_the_headline_among_the_others(make_cell: Callable[..., Any]) -> None:
    cells = [make_cell(judge, said, GOLD, protocol=PROTOCOL) for judge, said in JUDGES]
    shown = build_leaderboard(cells, ReportSettings(metric="macro_f1", resamples=200), find_metric=metric_finder())
    assert [list(row.others) for row in shown.rows] == [["accuracy", "accuracy@category"]] * 3


def test_the_flags_are_those_of_the_metric_that_ranks(make_cell: Callable[..., Any]) -> None:
    gold = "A" * 57 + "BBB"
    cells = [make_cell(judge, said, gold, protocol=PROTOCOL) for judge, said in (("a", gold), ("b", "A" * 60))]
    by_headline, by_other, not_scored = (
        {
            row.judge: row.flags
            for row in build_leaderboard(cells, ReportSettings(metric=metric), find_metric=metric_finder()).rows
        }
        for metric in (None, "macro_f1", "balanced_accuracy")
    )
    assert by_headline == {"a": ("no-errors",), "b": ()}
    assert by_other == not_scored == {"a": ("rare-class", "no-errors"), "b": ("rare-class",)}


def test_they_are_in_the_markdown_and_survive_json(board: Leaderboard) -> None:
    text = to_markdown(board)
    table = text.partition("### Other metrics of the protocol")[2].partition("###")[0]
    assert "accuracy@category, %" in table
    assert "| half" in table
    assert re.search(r"\| +73 \(6\d–8\d\) \|", table), "±12 carries no decimals"
    again = Leaderboard.from_json(json.loads(json.dumps(board.to_json())))
    assert to_markdown(again) == text


def test_categories_and_single_metrics_have_none(make_cell: Callable[..., Any]) -> None:
    cells = [make_cell("good", GOLD, GOLD, protocol=PROTOCOL, categories=("x", "y"))]
    by_category = build_leaderboard(
        cells, ReportSettings(group_by="category", resamples=200), find_metric=metric_finder()
    )
    assert [row.others for row in by_category.rows] == [{}, {}]
    alone = build_leaderboard(
        [make_cell("good", GOLD, GOLD)], ReportSettings(resamples=200), find_metric=metric_finder()
    )
    assert "Other metrics" not in to_markdown(alone)


def test_the_headline_of_each_category_stands_beside_that_of_the_task(make_cell: Callable[..., Any]) -> None:
    said = "A" * 30 + GOLD[30:]
    halves = [*"x" * 15, *"y" * (len(GOLD) - 15)]
    cells = [make_cell(judge, text, GOLD, categories=halves) for judge, text in (("good", GOLD), ("half", said))]
    board = build_leaderboard(cells, ReportSettings(resamples=200), find_metric=metric_finder())
    half = next(row for row in board.rows if row.judge == "half")
    right = [one == gold for one, gold in zip(said, GOLD, strict=True)]
    assert half.categories["x"]["value"] == pytest.approx(sum(right[:15]) / 15)
    assert half.categories["y"]["value"] == pytest.approx(sum(right[15:]) / len(right[15:]))
    assert half.categories["x"]["n"] == 15
    table = to_markdown(board).partition("### By category")[2].partition("###")[0]
    assert re.search(r"judge +\| +x \| +y", table)
    # Of another metric than the headline they are not known.
    cells = [make_cell("good", GOLD, GOLD, protocol=PROTOCOL, categories=halves)]
    other = build_leaderboard(cells, ReportSettings(metric="macro_f1", resamples=200), find_metric=metric_finder())
    assert [row.categories for row in other.rows] == [{}]
