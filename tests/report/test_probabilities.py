"""A metric of probabilities is of them or of verdicts, never of both, and the board says which and of how many."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from harness.api import Metric, Protocol
from harness.manifest.model import ReportSettings
from harness.report.compare import compare_judges, render_comparison
from harness.report.leaderboard import build_leaderboard
from harness.report.markdown import to_markdown
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.tables import to_csv_text, to_json_text
from harness.report.terminal import terminal_text
from harness.score.agreement import make_roc_auc
from harness.score.metrics import make_accuracy

N = 200
GOLD = "AAB" * 66 + "AB"
SURE = [(k * 37 % 100 + 0.5) / 100 for k in range(N)]
"""Not sure of the gold, and right in about two of three."""
SAID = "".join("A" if p > 0.5 else "B" for p in SURE)
HALF = [p if k % 2 else None for k, p in enumerate(SURE)]
AUC = Protocol(metrics=("roc_auc", "accuracy"))


def find_metric(name: str) -> Metric:
    return {"accuracy": make_accuracy, "roc_auc": make_roc_auc}[name](None, None)


@pytest.fixture
def board(make_cell: Any) -> Leaderboard:
    cells = [
        make_cell("clean", SAID, GOLD, protocol=AUC, sure=SURE),
        make_cell("mixed", SAID, GOLD, protocol=AUC, sure=HALF),
        make_cell("none", SAID, GOLD, protocol=AUC),
    ]
    return shown(cells)


def shown(cells: list[Any], **options: Any) -> Leaderboard:
    return build_leaderboard(cells, ReportSettings(resamples=200, **options), find_metric=find_metric)


def rows_of(board: Leaderboard) -> dict[str, LeaderboardRow]:
    return {row.judge: row for row in board.rows}


def test_each_row_says_what_its_value_is_of_and_of_how_many(board: Leaderboard) -> None:
    rows = rows_of(board)
    facts = {name: (row.basis, row.n, row.with_probabilities) for name, row in rows.items()}
    assert facts == {
        "clean": ("probabilities", 200, 1.0),
        "mixed": ("probabilities", 100, 0.5),
        "none": ("verdicts", 200, 0.0),
    }
    flags = {name: set(row.flags) for name, row in rows.items()}
    assert flags == {"clean": set(), "mixed": {"some-probabilities"}, "none": {"no-probabilities"}}
    assert rows["none"].value != rows["clean"].value


def test_json_csv_markdown_and_terminal_say_it(board: Leaderboard) -> None:
    plain = json.loads(to_json_text(board.to_json()))
    assert {row["judge"]: row["with_probabilities"] for row in plain["rows"]} == {"clean": 1, "mixed": 0.5, "none": 0}
    assert {row["judge"]: row["basis"] for row in csv.DictReader(io.StringIO(to_csv_text(board)))} == {
        "clean": "probabilities",
        "mixed": "probabilities",
        "none": "verdicts",
    }
    text = to_markdown(board)
    assert "with probabilities" in text
    assert "50.0 % of answers have probabilities: its roc_auc is of these alone" in text
    assert "no answer has probabilities: its roc_auc is of the verdicts alone" in text
    printed = terminal_text(board, width=140)
    assert " probs " in printed
    assert "with probabilities (probs): % of answers that have them" in printed
    assert Leaderboard.from_json(plain) == Leaderboard.from_json(board.to_json())


def test_rivals_are_compared_by_one_kind_of_number(board: Leaderboard) -> None:
    pairs = {(pair.judge_a, pair.judge_b): pair for pair in board.comparisons}
    facts = {names: (pair.basis, pair.n, pair.difference) for names, pair in pairs.items()}
    assert facts == {
        ("clean", "mixed"): ("probabilities", 100, 0.0),
        ("clean", "none"): ("verdicts", 200, 0.0),
        ("mixed", "none"): ("verdicts", 200, 0.0),
    }
    assert {(row.rank_low, row.rank_high, row.letters) for row in board.rows} == {(1, 3, "a")}  # they say the same
    assert "of the verdicts" in to_markdown(board)


def test_a_comparison_of_two_judges_says_what_it_is_of(make_cell: Any) -> None:
    clean, none = (make_cell(name, SAID, GOLD, protocol=AUC, sure=sure) for name, sure in (("c", SURE), ("n", [])))
    compared = compare_judges([clean], [none], ReportSettings(resamples=200), find_metric=find_metric)
    assert (compared.tasks[0].basis, compared.to_json()["tasks"][0]["basis"]) == ("verdicts", "verdicts")
    assert "t: roc_auc of both is of the verdicts" in render_comparison(compared, "md")


def test_a_run_older_than_a_field_of_the_protocol_has_its_usual_value(make_cell: Any) -> None:
    new, old = make_cell("a", SAID, GOLD), make_cell("b", SAID, GOLD, run="run-0")
    rules = {name: value for name, value in old.scores.protocol.items() if name not in ("outside", "draws")}
    older = replace(old, scores=replace(old.scores, protocol=rules))
    assert len(shown([new, older]).rows) == 2


def test_a_metric_that_does_not_rank_says_it_too(make_cell: Any) -> None:
    protocol = Protocol(metrics=("accuracy", "roc_auc"))
    board = shown([make_cell(name, SAID, GOLD, protocol=protocol, sure=sure) for name, sure in JUDGES])
    others = {row.judge: row.others["roc_auc"] for row in board.rows}
    assert {name: (one["basis"], one["n"]) for name, one in others.items()} == {
        "mixed": ("probabilities", 100),
        "none": ("verdicts", 200),
    }
    assert not any("probabilities" in flag for row in board.rows for flag in row.flags)
    text = to_markdown(board)
    assert ", n 100 " in text
    assert ", of the verdicts " in text
    assert " probs " not in terminal_text(board, width=140)


JUDGES: list[tuple[str, list[float | None]]] = [("mixed", HALF), ("none", [])]


def test_a_mean_over_tasks_never_adds_the_two(make_cell: Any) -> None:
    cells = [
        make_cell("j", SAID, GOLD, task="x", protocol=AUC, sure=SURE),
        make_cell("j", SAID, GOLD, task="y", protocol=AUC),
        make_cell("k", SAID, GOLD, task="x", protocol=AUC),
        make_cell("k", SAID, GOLD, task="y", protocol=AUC),
    ]
    j, k = (rows_of(shown(cells, group_by="suite"))[name] for name in "jk")
    assert (j.tasks, j.basis, j.with_probabilities) == (("x",), "probabilities", 0.5)
    assert {"incomplete", "no-probabilities"} <= set(j.flags)
    assert (k.tasks, k.basis, k.value) == (("x", "y"), "verdicts", rows_of(shown(cells[3:]))["k"].value)


def test_categories_of_the_board_are_cells_of_their_own(make_cell: Any) -> None:
    cell = make_cell("mixed", SAID, GOLD, protocol=AUC, sure=HALF, categories=("x", "y"))
    of_x, of_y = shown([cell], group_by="category").rows
    assert [(row.category, row.basis, row.n) for row in (of_x, of_y)] == [
        ("x", "verdicts", 100),
        ("y", "probabilities", 100),
    ]


def test_leaving_out_the_probabilities_of_errors_does_not_pay(make_cell: Any) -> None:
    """Two judges that err as often, and one of them tells no probability where it does."""

    def sure(wrong: int) -> list[float]:
        return [0.5 + (0.3 if gold == "A" else -0.3) * (-1 if k % 5 == wrong else 1) for k, gold in enumerate(GOLD)]

    def said(sure: list[float]) -> str:
        return "".join("A" if p > 0.5 else "B" for p in sure)

    silent = [None if k % 5 == 1 else p for k, p in enumerate(sure(1))]
    cells = [
        make_cell("open", said(sure(0)), GOLD, protocol=AUC, sure=sure(0)),
        make_cell("silent", said(sure(1)), GOLD, protocol=AUC, sure=silent),
    ]
    rows = rows_of(shown(cells))
    assert (rows["silent"].value, rows["silent"].coverage) == (1.0, 1.0)
    assert rows["silent"].worst_case is not None
    assert rows["silent"].worst_case < 0.7
    assert rows["silent"].letters == rows["open"].letters
    assert all("depends-on-missing" in row.flags for row in rows.values())
    declared = rows_of(shown(cells, missing="at-random"))
    assert (declared["silent"].rank_high, declared["open"].rank_low) == (1, 2)
