"""Two judges side by side."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from rich.console import Console
from scipy import stats

from harness.api import Metric, UserError
from harness.manifest.model import ReportSettings
from harness.report.compare import JudgeComparison, compare_judges, difference_rows, render_comparison
from harness.report.terminal import print_comparison
from harness.score.agreement import make_kappa
from harness.score.metrics import make_accuracy

GOLD = "AB" * 50


def find(name: str) -> Metric:
    return make_accuracy(None, None)


def compared(
    a: list[Any], b: list[Any], *, find_metric: Any = find, items: int = 10, seed: int = 0, **options: Any
) -> JudgeComparison:
    settings = ReportSettings(**{"resamples": 200, **options})
    return compare_judges(a, b, settings, items=items, seed=seed, find_metric=find_metric)


def test_wins_losses_and_the_test_are_those_of_the_hand_count(make_cell: Any) -> None:
    a = make_cell("a", "AB" * 45 + "BA" * 5, GOLD)  # wrong on the last 10
    b = make_cell("b", "BA" * 2 + "AB" * 43 + "AB" * 1 + "BA" * 4, GOLD)  # wrong on the first 4 and the last 8
    (one,) = compared([a], [b]).tasks
    assert (one.n, one.only_a, one.only_b, one.disagreements) == (100, 4, 2, 6)
    assert (one.value_a, one.value_b) == (0.90, 0.88)
    assert one.difference == pytest.approx(0.02)
    assert one.p_value == pytest.approx(2 * stats.norm.sf(2 / 7**0.5), rel=0.01)  # 6 discordant pairs, 4 against 2
    assert (one.method, one.better) == ("score-pivot", None)


def test_what_depends_on_missing_answers_is_said(make_cell: Any) -> None:
    a = make_cell("a", "AB" * 46 + "-" * 8, GOLD)
    b = make_cell("b", "AB" * 42 + "BA" * 4 + "AB" * 4, GOLD)
    result = compared([a], [b])
    (one,) = result.tasks
    assert (one.better, one.depends_on_missing) == (None, True)
    text = render_comparison(result, "md")
    assert "t: which is better depends on what the missing answers were" in text
    assert "cannot tell" not in text
    assert "resampled" not in text


def test_where_nothing_was_answered_by_both_nothing_is_said_of_either(make_cell: Any) -> None:
    result = compared([make_cell("a", "AB" * 25 + "--" * 25, GOLD)], [make_cell("b", "--" * 25 + "AB" * 25, GOLD)])
    assert result.tasks[0].n == 0
    text = render_comparison(result, "md")
    assert "t: nothing was answered by both, so there is nothing to compare" in text
    assert "cannot tell" not in text


def test_disagreements_take_turns_and_say_who_is_right(make_cell: Any) -> None:
    a = make_cell("a", "AB" * 45 + "BA" * 5, GOLD, categories=("odd", "even"))
    b = make_cell("b", "BA" * 2 + "AB" * 43 + "AB" * 1 + "T-" * 4, GOLD, categories=("odd", "even"))
    found = compared([a], [b], items=6).disagreements
    assert [one.right for one in found] == ["a", "b", "a", "b", "a", "a"]
    assert (found[0].item, found[0].category, found[0].gold) == ("item-0000", "odd", "A")
    assert (found[0].verdict_a, found[0].verdict_b) == ("A", "B")
    assert (found[1].item, found[1].verdict_a, found[1].verdict_b) == ("item-0090", "B", "A")
    rest = compared([a], [b], items=100).disagreements
    assert len(rest) == 14
    assert {(one.verdict_b, one.right) for one in rest[6:]} == {("tie", ""), ("(unparsed)", "")}
    assert compared([a], [b], items=0).disagreements == ()


def test_p_values_are_corrected_over_the_tasks(make_cell: Any) -> None:
    cells = [
        [make_cell(j, said, GOLD, task=task) for task in "xyz"]
        for j, said in (("a", GOLD), ("b", "BA" * 4 + "AB" * 46))
    ]
    result = compared(*cells)
    assert result.names == ("x", "y", "z")
    for one in result.tasks:
        assert one.p_value == pytest.approx(2 * stats.norm.sf(8 / 9**0.5), rel=0.06)
        assert one.p_value is not None
        assert one.p_adjusted is not None
        assert one.p_value < one.p_adjusted < 0.05
        assert one.better == "a"
    (alone,) = compared(*[own[:1] for own in cells]).tasks
    assert alone.p_adjusted == alone.p_value == result.tasks[0].p_value
    assert (alone.ci_low or 0) > (result.tasks[0].ci_low or 1), "three intervals that hold together are wider"


def test_51_tasks_are_no_floor_under_p(make_cell: Any) -> None:
    """A judge that is right on everything against one that is on nothing."""
    tasks = [f"t{k:02}" for k in range(51)]
    result = compared(
        *[
            [make_cell(j, said, "A" * 30, task=task) for task in tasks]
            for j, said in (("a", "A" * 30), ("b", "B" * 30))
        ],
        resamples=100,
    )
    assert {one.better for one in result.tasks} == {"a"}
    assert max(one.p_adjusted for one in result.tasks if one.p_adjusted is not None) < 1e-5


def test_one_judge_of_two_runs_is_told_apart(make_cell: Any) -> None:
    result = compared([make_cell("j", GOLD, GOLD)], [make_cell("j", "A" * 100, GOLD, run="run-2")])
    assert (result.judge_a, result.judge_b) == ("j (run-1)", "j (run-2)")


def test_a_judge_against_itself_other_data_and_no_shared_task_are_refused(make_cell: Any) -> None:
    cell = make_cell("j", GOLD, GOLD)
    with pytest.raises(UserError, match="compared with itself"):
        compared([cell], [cell])
    with pytest.raises(UserError, match="the items differ"):
        compared([cell], [make_cell("k", GOLD, GOLD, data_hash="other")])
    with pytest.raises(UserError, match="share no task: one answered t, the other u"):
        compared([cell], [make_cell("k", GOLD, GOLD, task="u")])


def test_tasks_of_one_side_only_are_named(make_cell: Any) -> None:
    a = [make_cell("a", GOLD, GOLD), make_cell("a", GOLD, GOLD, task="u")]
    result = compared(a, [make_cell("b", "A" * 100, GOLD)])
    assert result.left_out == ("u",)
    assert "left out: u" in render_comparison(result, "md")


def test_every_format_has_the_numbers(make_cell: Any) -> None:
    result = compared([make_cell("=a|\x1b[1m", GOLD, GOLD)], [make_cell("b", "A" * 100, GOLD)], items=1)
    plain = json.loads(render_comparison(result, "json"))
    assert plain["schema"] == "judge-harness/comparison/2"
    assert plain["tasks"][0]["difference"] == 0.5
    assert plain["tasks"][0]["task"] == "t"
    assert not {"category", "suite"} & plain["tasks"][0].keys()
    assert plain["disagreements"][0]["item"] == "item-0001"
    (row,) = csv.DictReader(io.StringIO(render_comparison(result, "csv")))
    assert row["task"] == "t"
    assert row["judge_a"].startswith("'=a|")
    assert float(row["difference"]) == 0.5
    text = render_comparison(result, "md")
    assert re.search(r"\| +100(\.0)? +\| +50(\.0)? \| +\+50(\.0)? \| +\+[34]\d.* … \+[56]\d.*? \|", text)
    assert "=a\\|�\\[1m is better (p <0.001)" in text
    with pytest.raises(UserError, match="no comparison format"):
        render_comparison(result, "pdf")


def test_a_narrow_terminal_cuts_names_and_never_numbers(make_cell: Any) -> None:
    long = "a-task-whose-name-fills-the-terminal-by-itself-"
    cells = [
        [make_cell(j, said, GOLD, task=long + task) for task in "xy"]
        for j, said in (("a", GOLD), ("b", "BA" * 10 + "AB" * 40))
    ]
    result = compared(*cells)
    stream = io.StringIO()
    print_comparison(result, Console(file=stream, width=80, color_system=None, legacy_windows=False))
    header, rows = difference_rows(result)
    lines = stream.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    for row in rows:
        shown = [cell for cell, title in zip(row, header, strict=True) if title not in ("task", "p")]
        assert any(all(cell in line for cell in shown) for line in lines), shown


def test_a_metric_that_one_of_the_two_has_not_tells_nothing_of_them(make_cell: Any) -> None:
    a, b = make_cell("a", "A" * 100, "A" * 100), make_cell("b", "AB" * 50, "A" * 100)
    result = compared([a], [b], find_metric=lambda name: make_kappa(None, None))
    assert (result.tasks[0].n, result.tasks[0].difference) == (100, None)
    text = render_comparison(result, "md")
    assert "is not defined for these answers of one of the two" in text
    assert "cannot tell" not in text
