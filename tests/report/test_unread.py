"""What reports say of answers without a verdict: how many, why, and how they read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import Judgement, Status, UnreadAnswer
from harness.manifest.model import ReportSettings
from harness.report.leaderboard import build_leaderboard
from harness.report.markdown import to_markdown
from harness.report.records import Leaderboard
from harness.report.tables import to_csv_text, to_json_text
from harness.report.terminal import terminal_text
from harness.report.unread import commands, ending, summarize, tally


def answer(number: int, error: str, *, status: Status = Status.UNPARSED, raw: str = "", **more: Any) -> UnreadAnswer:
    raw = raw or f"hm {number}"
    category = "even" if number % 2 == 0 else "odd"
    return UnreadAnswer(f"i{number}", category, (1, 0), 0, Judgement.failure(status, error, raw=raw, **more))


@pytest.fixture
def board(make_cell: Any) -> Leaderboard:
    cells = [
        make_cell("mumbler", "AB-" * 10 + "!!", "AB" * 16, categories=("even", "odd")),
        make_cell("clear", "AB" * 16, "AB" * 16, categories=("even", "odd")),
    ]
    return build_leaderboard(cells, ReportSettings(compare="none"))


def test_counts_stand_on_the_row_and_beside_examples_in_the_record_of_the_cell(board: Leaderboard) -> None:
    rows = {row.judge: row for row in board.rows}
    assert rows["mumbler"].unread == {"no verdict": 10, "error": 2}
    assert rows["clear"].unread == {}
    [one] = board.unread
    assert (one.judge, one.task, one.run, one.asked, one.count) == ("mumbler", "t", "run-1", 32, 12)
    assert one.reasons == {"no verdict": 10, "error": 2}
    assert [example.reason for example in one.examples] == ["no verdict", "error", "no verdict"]
    assert one.examples[0].text == "well, item-0002: hard to say"


def test_the_record_survives_json_and_the_csv_has_the_counts(board: Leaderboard) -> None:
    assert Leaderboard.from_json(json.loads(to_json_text(board.to_json()))).unread == board.unread
    rows = list(csv.DictReader(io.StringIO(to_csv_text(board))))
    assert {row["judge"]: json.loads(row["unread"]) for row in rows}["mumbler"] == {"no verdict": 10, "error": 2}


def test_a_category_has_its_own_counts_and_the_cell_is_told_once(make_cell: Any) -> None:
    cell = make_cell("mumbler", "AB-A" * 10, "AB" * 20, categories=("x", "x", "y", "y"))
    board = build_leaderboard([cell], ReportSettings(compare="none", group_by="category"))
    assert {row.category: row.unread for row in board.rows} == {"x": {}, "y": {"no verdict": 10}}
    assert [one.count for one in board.unread] == [10]


def test_a_suite_sums_over_its_tasks(make_cell: Any) -> None:
    cells = [make_cell("m", "A-" * 5, "AB" * 5, task="t"), make_cell("m", "-B" * 5, "AB" * 5, task="u")]
    board = build_leaderboard(cells, ReportSettings(compare="none", group_by="suite"))
    assert board.rows[0].unread == {"no verdict": 10}
    assert [one.task for one in board.unread] == ["t", "u"]


def test_the_terminal_has_one_line_for_a_judge_and_the_command_that_shows_them(make_cell: Any) -> None:
    board = build_leaderboard([make_cell("mute", "-" * 40, "AB" * 20)], ReportSettings(compare="none"))
    text = " ".join(terminal_text(board, width=200).split())
    assert (
        "· mute: no-answers, low-coverage — 40 of 40 requests without a verdict (100.0 %): 40 no verdict; "
        "not ranked where fewer than 90 % of requests have a verdict ·"
    ) in text
    assert text.count("mute:") == 1
    assert text.count("40 no verdict") == 1
    assert "harness show run-1 --unread" in text


def test_without_anything_unread_nothing_is_said(make_cell: Any) -> None:
    board = build_leaderboard([make_cell("clear", "AB" * 20, "AB" * 20)], ReportSettings(compare="none"))
    assert "without a verdict" not in terminal_text(board) + to_markdown(board)


def test_the_report_counts_in_a_table_and_not_in_its_notes_as_well(board: Leaderboard) -> None:
    report = to_markdown(board)
    section = report[report.index("## Answers without a verdict") : report.index("## How to read this")]
    assert [cell.strip() for cell in section.splitlines()[4].strip("|").split("|")] == [
        *("t", "mumbler", "32", "12", "37.5", "10", "2")
    ]
    assert section.count("well, item-") == 3
    assert report.count("without a verdict") == 2
    assert "- mumbler: low-coverage — not ranked where fewer than 90 % of requests have a verdict" in report


def test_examples_come_from_different_reasons_the_most_frequent_first() -> None:
    found = tally(
        [
            answer(0, "cut off: max_tokens", status=Status.TRUNCATED),
            *(answer(number, "ambiguous: A or B") for number in (1, 2, 3)),
            *(answer(number, "no verdict") for number in (4, 5)),
        ]
    )
    assert [(one.item, one.reason) for one in found.examples] == [
        ("i1", "ambiguous"),
        ("i4", "no verdict"),
        ("i0", "cut off"),
    ]
    assert found.counts() == {"no verdict": 2, "ambiguous": 3, "cut off": 1}
    assert found.counts("odd") == {"no verdict": 1, "ambiguous": 2}


def test_no_two_examples_are_alike() -> None:
    found = tally([answer(number, "refused: no pictures", status=Status.REFUSED, raw=" ") for number in range(9)])
    assert [one.item for one in found.examples] == ["i0"]
    assert found.counts() == {"refused": 9}


def test_an_example_shows_the_end_of_a_long_answer_and_the_reasoning_where_there_is_no_answer() -> None:
    found = tally(
        [
            answer(1, "ambiguous", raw="x" * 5000 + " so it is A or B"),
            answer(2, "no verdict", raw=" ", rationale="still thinking", thinking="apart"),
        ]
    )
    texts = {example.item: example.text for example in found.examples}
    assert texts["i1"].startswith("…x")
    assert texts["i1"].endswith("so it is A or B")
    assert len(texts["i1"]) == 301
    assert texts["i2"] == "still thinking"


def test_hostile_answers_are_shown_and_not_obeyed(board: Leaderboard) -> None:
    hostile = "\x1b]0;PWN\x07 <script> [x](javascript:1) | `a` \u202e *b*\n# head"
    found = tally([answer(1, "ambiguous: \x1b[31m", raw=hostile)])
    changed = replace(board, unread=(replace(board.unread[0], examples=found.examples),))
    report = to_markdown(changed)
    for raw in ("\x1b", "\u202e", "<script>", "[x](", "\n# head"):
        assert raw not in report
    assert found.examples[0].text == hostile.strip(), "programs get it to the letter"


def test_rare_reasons_are_summed() -> None:
    reasons = {"no verdict": 1, "ambiguous": 5, "outside": 4, "cut off": 3, "error": 2}
    assert summarize(reasons, 1000) == (
        "15 of 1,000 requests without a verdict (1.5 %): 5 ambiguous, 4 outside, 3 cut off, 3 for other reasons"
    )


def test_the_command_names_the_folder_and_many_runs_have_one_for_all(board: Leaderboard) -> None:
    assert commands(board.unread, [Path("my runs/run-1")]) == ["harness show 'my runs/run-1' --unread"]
    many = [replace(board.unread[0], run=f"run-{number}") for number in range(5)]
    assert commands(many, []) == ["harness show RUN --unread"]


@pytest.mark.parametrize(("text", "shown"), [("  short ", "short"), ("abcdef", "…def")])
def test_the_end_of_a_text(text: str, shown: str) -> None:
    assert ending(text, most=3 if text == "abcdef" else 300) == shown
