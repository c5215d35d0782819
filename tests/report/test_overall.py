"""An overall order where metrics differ: mean ranks, enclosed by the rank sets of all tasks together."""

from __future__ import annotations

import random
from typing import Any

import pytest

from harness.api import Metric, Protocol
from harness.manifest.model import ReportSettings
from harness.recorded.load import LeftOut
from harness.report.leaderboard import build_leaderboard
from harness.report.overall import METHOD
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.renderers import FORMATS, render_board
from harness.score.agreement import make_macro_f1
from harness.score.metrics import make_accuracy

GOLD = "AB" * 100
ACCURACY, MACRO = Protocol(), Protocol(metrics=("macro_f1",))
BOTH = {"x": Protocol(metrics=("accuracy", "macro_f1")), "y": Protocol(metrics=("macro_f1", "accuracy"))}


def find(name: str) -> Metric:
    return {"accuracy": make_accuracy, "macro_f1": make_macro_f1}[name](None, None)


def board(
    cells: list[Any], *, find_metric: Any = find, left_out: Any = (), seed: int = 0, **options: Any
) -> Leaderboard:
    settings = ReportSettings(**{"group_by": "suite", "resamples": 400, **options})
    return build_leaderboard(cells, settings, left_out=left_out, seed=seed, find_metric=find_metric)


def said(right: int) -> str:
    return GOLD[:right] + "".join("A" if one == "B" else "B" for one in GOLD[right:])


def cells(
    make_cell: Any, rights: dict[str, tuple[int, ...]], protocols: dict[str, Protocol] | None = None
) -> list[Any]:
    """Of each judge so many right on each task; tasks share their groups."""
    known = protocols or {"x": ACCURACY, "y": MACRO, "z": ACCURACY}
    return [
        make_cell(judge, said(right), GOLD, task=task, protocol=known[task])
        for judge, own in rights.items()
        for task, right in zip("xyz", own, strict=False)
    ]


def places(leaderboard: Leaderboard) -> dict[str, tuple[float | None, ...]]:
    return {row.judge: (row.value, row.ci_low, row.ci_high, row.rank_low, row.rank_high) for row in leaderboard.rows}


def test_mean_ranks_and_what_encloses_them_by_hand(make_cell: Any) -> None:
    """On x a and b cannot be told apart and c is below both; on y a is above b, and b above c; z is as x."""
    leaderboard = board(cells(make_cell, {"a": (181, 180, 181), "b": (180, 140, 180), "c": (100, 90, 100)}))
    assert places(leaderboard) == {
        "a": (1, 1, (2 + 1 + 2) / 3, 1, 2),
        "b": (2, (1 + 2 + 1) / 3, 2, 1, 2),
        "c": (3, 3, 3, 3, 3),
    }
    row = leaderboard.rows[0]
    assert (row.metric, row.method, row.unit, row.greater_is_better) == ("mean_rank", METHOD, "score", False)
    assert (row.task, row.suite, row.tasks, row.n) == ("", "s", ("x", "y", "z"), 600)
    better = {(pair.judge_a, pair.judge_b): pair.better for pair in leaderboard.comparisons}
    assert better == {("a", "b"): None, ("a", "c"): "a", ("b", "c"): "b"}
    pair = leaderboard.comparisons[0]
    assert [pair.difference, pair.ci_low, pair.ci_high] == pytest.approx([-1, 1 - 2, 5 / 3 - 4 / 3])


def test_who_is_best_on_every_task_is_best_overall(make_cell: Any) -> None:
    leaderboard = board(cells(make_cell, {"a": (195, 195), "b": (120, 120)}))
    assert places(leaderboard) == {"a": (1, 1, 1, 1, 1), "b": (2, 2, 2, 2, 2)}
    assert [row.letters for row in leaderboard.rows] == ["a", "b"]


def test_mirrored_judges_cannot_be_told_apart(make_cell: Any) -> None:
    leaderboard = board(cells(make_cell, {"a": (195, 120), "b": (120, 195)}))
    assert places(leaderboard) == {"a": (1.5, 1.5, 1.5, 1, 2), "b": (1.5, 1.5, 1.5, 1, 2)}


def test_equal_values_share_the_mean_of_their_ranks(make_cell: Any) -> None:
    leaderboard = board(cells(make_cell, {"a": (150, 150), "b": (150, 150), "c": (90, 90)}))
    assert {row.judge: row.value for row in leaderboard.rows} == {"a": 1.5, "b": 1.5, "c": 3}


def test_all_tasks_and_pairs_are_one_family(make_cell: Any) -> None:
    """What is significant on a task alone may not be among many tasks: all sets hold at once."""
    few: dict[str, tuple[int, ...]] = {"a": (200, 200), "b": (194, 194)}
    alone = build_leaderboard(cells(make_cell, few)[::2], find_metric=find).comparisons[0]
    assert alone.better == "a"
    protocols = {f"t{k:02}": (ACCURACY, MACRO)[k % 2] for k in range(12)}
    many = [
        make_cell(judge, said(right), GOLD, task=task, protocol=protocol, groups=task)
        for judge, (right, *_) in few.items()
        for task, protocol in protocols.items()
    ]
    assert {row.rank_low for row in board(many).rows} == {1}


def test_a_judge_without_every_task_has_no_mean_rank_and_takes_nobodys(make_cell: Any) -> None:
    leaderboard = board(cells(make_cell, {"a": (150, 150), "b": (100, 100), "half": (200,)}))
    rows = {row.judge: row for row in leaderboard.rows}
    assert (rows["half"].value, rows["half"].rank_low) == (None, None)
    assert "incomplete" in rows["half"].flags
    assert [rows[judge].value for judge in "ab"] == [1, 2]
    assert {(pair.judge_a, pair.judge_b) for pair in leaderboard.comparisons} == {("a", "b")}


def test_without_comparisons_there_are_ranks_of_values_and_no_sets(make_cell: Any) -> None:
    leaderboard = board(cells(make_cell, {"a": (150, 150), "b": (100, 100)}), compare="none")
    assert places(leaderboard) == {"a": (1, None, None, None, None), "b": (2, None, None, None, None)}
    assert leaderboard.comparisons == ()
    assert {row.method for row in leaderboard.rows} == {""}


def test_one_judge_alone_is_first_without_an_interval(make_cell: Any) -> None:
    assert places(board(cells(make_cell, {"a": (150, 150)}))) == {"a": (1, None, None, 1, 1)}


def test_metrics_that_all_tasks_have_are_averaged_beside_it(make_cell: Any) -> None:
    mixed = cells(make_cell, {"a": (180, 160), "b": (100, 90)}, BOTH)
    leaderboard = board(mixed)
    rows = {row.judge: row for row in leaderboard.rows}
    assert rows["a"].metric == "mean_rank"
    means: dict[str, LeaderboardRow] = {row.judge: row for row in board(mixed, metric="accuracy").rows}
    for judge, row in rows.items():
        assert set(row.others) == {"accuracy", "macro_f1"}
        own = row.others["accuracy"]
        mean = means[judge]
        assert (own["value"], own["ci_low"], own["ci_high"]) == (mean.value, mean.ci_low, mean.ci_high)
        assert (own["unit"], own["n"]) == ("share", 400)
    assert not board(cells(make_cell, {"a": (180, 160), "b": (100, 90)})).rows[0].others, "none that all have"


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_shows_it(make_cell: Any, format: str) -> None:
    text = render_board(
        board(cells(make_cell, {"a": (181, 180, 181), "b": (180, 140, 180), "c": (100, 90, 100)})), format
    )
    assert "mean" in text
    assert "1.33" in text


def test_over_all_tasks_who_has_no_place_on_one_is_last_there(make_cell: Any) -> None:
    own = cells(make_cell, {"a": (190, 190), "b": (150, 150), "c": (100, 100)})
    silent = make_cell("d", "-" * 200, GOLD, task="y", protocol=MACRO)
    own += [make_cell("d", said(199), GOLD, task="x", protocol=ACCURACY), silent]
    leaderboard = board(own, group_by="task")
    overall = {row.judge: (row.value, row.ci_low, row.ci_high, row.rank_low) for row in leaderboard.overall}
    # d is above a on x, and the last of four on y. Its ranks are 1 and 4.
    assert overall == {
        "a": (1.5, 1.5, 1.5, 1),
        "b": (2.5, 2.5, 2.5, 2),
        "c": (3.5, 3.5, 3.5, 4),
        "d": (2.5, 2.5, 2.5, 2),
    }
    assert [row.task for row in leaderboard.rows if row.judge == "d" and row.rank_low is None] == ["y"]


def test_over_all_tasks_who_was_not_asked_has_no_place(make_cell: Any) -> None:
    own = cells(make_cell, {"a": (190, 190), "b": (150, 150)})
    own.append(make_cell("new", said(199), GOLD, task="x", protocol=ACCURACY))
    unfinished = make_cell("slow", said(199), GOLD, task="y", protocol=MACRO, state="partial")
    own += [make_cell("slow", said(199), GOLD, task="x", protocol=ACCURACY), unfinished]
    left_out = [LeftOut(run="run-1", task="y", judge="new", suite="s")]
    overall = {row.judge: row.rank_low for row in board(own, group_by="task", left_out=left_out).overall}
    assert overall == {"a": 1, "b": 2, "new": None, "slow": None}


def test_over_all_tasks_of_one_metric_it_is_the_plain_mean(make_cell: Any) -> None:
    own = cells(make_cell, {"a": (190, 170), "b": (150, 150)}, {"x": ACCURACY, "y": ACCURACY})
    overall = board(own, group_by="task").overall
    assert {row.judge: row.value for row in overall} == {"a": pytest.approx(0.9), "b": pytest.approx(0.75)}
    by_suite = {row.judge: (row.ci_low, row.ci_high) for row in board(own).rows}
    assert {row.judge: (row.ci_low, row.ci_high) for row in overall} == by_suite


def test_there_is_no_order_over_one_task_or_of_one_judge_or_without_comparisons(make_cell: Any) -> None:
    both: dict[str, tuple[int, ...]] = {"a": (190, 190), "b": (150, 150)}
    assert board(cells(make_cell, both), group_by="task").overall
    assert not board(cells(make_cell, both), group_by="task", compare="none").overall
    assert not board(cells(make_cell, both), group_by="suite").overall
    assert not board(cells(make_cell, {"a": (190, 190)}), group_by="task").overall
    assert not board(cells(make_cell, {"a": (190,), "b": (150,)}), group_by="task").overall


def test_over_all_tasks_what_is_said_holds_where_the_truth_is_known(make_cell: Any) -> None:
    """Judges of known accuracy on three tasks; `d` is the best of two, and has no answer to the third."""
    truths = {"a": (0.70, 0.72, 0.71), "b": (0.73, 0.74, 0.70), "c": (0.80, 0.60, 0.75), "d": (0.90, 0.85, 0.0)}
    means = {"a": 9 / 3, "b": 8 / 3, "c": 7 / 3, "d": 6 / 3}  # by hand: ranks 4 3 2, 3 2 3, 2 4 1, 1 1 4
    places = {"d": 1, "c": 2, "b": 3, "a": 4}
    chance, held = random.Random(0), 0
    for _ in range(20):
        own = []
        for number, task in enumerate("xyz"):
            gold = "".join(chance.choice("AB") for _ in range(150))
            for judge, right in truths.items():
                texts = "".join(g if chance.random() < right[number] else "AB"[g == "A"] for g in gold)
                texts = texts if right[number] else "-" * len(gold)
                own.append(make_cell(judge, texts, gold, task=task, protocol=MACRO if task == "y" else ACCURACY))
        rows = {row.judge: row for row in board(own, group_by="task", resamples=200).overall}
        held += all(
            (row.ci_low or 0) - 1e-9 <= means[judge] <= (row.ci_high or 0) + 1e-9
            and (row.rank_low or 9) <= places[judge] <= (row.rank_high or 0)
            for judge, row in rows.items()
        )
    assert held >= 19
