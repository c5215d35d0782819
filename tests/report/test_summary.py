"""One table of judges and tasks: its order, its marks, its reasons, and how it fits a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import Protocol
from harness.manifest.model import ReportSettings
from harness.report import summary
from harness.report.leaderboard import build_leaderboard
from harness.report.lines import make_console
from harness.report.markdown import to_markdown
from harness.report.records import Leaderboard
from harness.report.tables import to_latex
from harness.report.terminal import print_leaderboard, terminal_text

GOLD = "AB" * 100
TASKS = {"pairwise-alignment": Protocol(), "quality": Protocol(metrics=("macro_f1",))}


def said(right: int, *, silent: int = 0) -> str:
    wrong = "".join("A" if gold == "B" else "B" for gold in GOLD[right:])
    return "-" * silent + (GOLD[:right] + wrong)[silent:]


def make_board(make_cell: Any, judges: dict[str, tuple[str, str]], **changes: Any) -> Leaderboard:
    cells = [
        make_cell(judge, answers, GOLD, task=task, protocol=protocol, **changes)
        for judge, own in judges.items()
        for (task, protocol), answers in zip(TASKS.items(), own, strict=True)
    ]
    return build_leaderboard(cells, ReportSettings(resamples=200))


@pytest.fixture(scope="module")
def board(make_cell: Any) -> Leaderboard:
    judges = {
        "good": (said(190), said(180)),
        "close": (said(188), said(100)),
        "half": (said(150), said(200, silent=50)),
        "silent": ("-" * 200, said(120)),
    }
    return make_board(make_cell, judges)


def table_of(text: str) -> dict[str, list[str]]:
    """The cells of each line of the first table."""
    lines = text.split("─\n", 1)[1].split("\n\n", 1)[0].splitlines()
    return {line.split()[0]: [cell for cell in line.split("  ")[1:] if cell.strip()] for line in lines}


def test_a_row_for_each_judge_a_column_for_each_task_and_the_overall_order(board: Leaderboard) -> None:
    text = terminal_text(board, width=100)
    cells = {judge: [cell.strip() for cell in own] for judge, own in table_of(text).items()}
    assert list(cells) == ["good", "close", "silent", "half"]
    # `silent` is last on the task without answers, and above `half` on the other, where `half` lacks too many.
    assert [own[:2] for own in cells.values()] == [
        ["1", "1.00 ±0.50*"],
        ["2", "2.50 ±0.50"],
        ["3", "3.00 ±0.00"],
        ["4", "3.50 ±0.00"],
    ]
    assert cells["good"][2:] == ["95.0 ±4.1*", "90.0 ±5.0*"]
    assert cells["close"][2] == "94.0 ±4.3*"  # cannot be told from the best
    assert cells["half"][2:] == ["75.0 ±6.5", "(100.0 ±2.8)"]  # 50 of 200 without a verdict: not ranked
    assert cells["silent"][2] == "–"


def test_what_keeps_a_judge_off_the_ranks_is_said_with_its_answers(board: Leaderboard) -> None:
    facts = summary.list_facts(board)
    assert "silent: not ranked on pairwise-alignment (200 of 200 answers without a verdict: 200 no verdict)" in facts
    half = next(fact for fact in facts if fact.startswith("half: "))
    assert half.startswith("half: not ranked on quality (50 of 200 answers without a verdict: 50 no verdict)")
    assert not any(fact.startswith("good:") for fact in facts)


def test_names_that_begin_alike_are_told_apart_where_they_are_cut(make_cell: Any) -> None:
    names = [f"organisation/a-family-of-models-with-a-long-name-{size}-instruct" for size in ("7b", "72b")]
    board = make_board(make_cell, {name: (said(190 - 9 * k), said(180)) for k, name in enumerate(names)})
    rows = table_of(terminal_text(board, width=80))
    assert len(rows) == 2
    assert all("…" in name for name in rows)
    assert max(map(len, terminal_text(board, width=80).splitlines())) <= 80


def test_a_terminal_without_unicode_gets_the_same_board_in_other_signs(
    board: Leaderboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    written = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
        print_leaderboard(board, make_console())
        text = written.getvalue().decode("ascii")
    assert "95.0 ~4.1*" in text
    assert "~: the longer side of the 95 % interval" in text
    table = [line for line in text.splitlines() if "|" in line]
    assert len({line.index("|") for line in table}) == 1
    assert not any(line.startswith("- ") and line.endswith(" ") for line in text.splitlines())


def test_some_missing_answers_of_a_ranked_judge_are_said_too(make_cell: Any) -> None:
    board = make_board(make_cell, {"a": (said(190, silent=7), said(180)), "b": (said(150), said(150))})
    assert "a: ranked with 7 of 200 answers without a verdict: 7 no verdict" in summary.list_facts(board)


def test_flags_of_judges_stand_with_their_tasks_and_those_of_tasks_stand_once(make_cell: Any) -> None:
    board = make_board(make_cell, {"always": ("A" * 200, "A" * 200), "b": (said(150), said(150))}, size=100)
    facts = summary.list_facts(board)
    assert any(fact.startswith("always: collapsed on pairwise-alignment, quality") for fact in facts)
    assert [fact for fact in facts if fact.startswith("few-clusters")] == ["few-clusters: pairwise-alignment, quality"]


def test_details_follow_the_summary_where_they_are_asked_for(board: Leaderboard) -> None:
    short, long = terminal_text(board), terminal_text(board, details=True)
    assert long.startswith(short.rstrip("\n"))
    assert "quality · macro_f1, %" in long
    assert "quality · macro_f1, %" not in short
    assert "harness leaderboard RUN --details" in short


def test_a_board_of_one_task_or_of_suites_is_its_own_summary(make_cell: Any) -> None:
    cells = [make_cell(judge, said(right), GOLD, task="t") for judge, right in (("a", 190), ("b", 100))]
    assert not summary.has_summary(build_leaderboard(cells, ReportSettings(resamples=200)))
    assert "t · accuracy, %" in terminal_text(build_leaderboard(cells, ReportSettings(resamples=200)))


@pytest.fixture(scope="module")
def large(make_cell: Any) -> Leaderboard:
    """Eight judges and six tasks with names as long as people give them."""
    tasks = [
        "alignment-unseen",
        "pairwise-alignment",
        "pairwise-safety",
        "quality-ranking",
        "scores",
        "technical-unseen",
    ]
    cells = [
        make_cell(f"vl-judge-{place}b-it", said(100 + 11 * place), GOLD, task=task, protocol=protocol)
        for place in range(8)
        for task, protocol in zip(tasks, [Protocol(), *[Protocol(metrics=("macro_f1",))] * 5], strict=True)
    ]
    return build_leaderboard(cells, ReportSettings(resamples=200))


def test_eight_judges_and_six_tasks_fit_a_hundred_columns_in_one_table(large: Leaderboard) -> None:
    text = terminal_text(large, width=100)
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("judge  ") == 1
    assert text.count("vl-judge-7b-it ") == 1, "no name is cut"


@pytest.mark.parametrize("width", [50, 80])
def test_on_a_narrow_terminal_tasks_go_on_in_a_further_table(large: Leaderboard, width: int) -> None:
    text = terminal_text(large, width=width)
    assert max(map(len, text.splitlines())) <= width
    tables = [line for line in text.splitlines() if line.startswith("judge ")]
    assert len(tables) > 1
    assert text.count("\nvl-judge-7b-it ") == len(tables), "each names all judges"
    assert text.count("88.5 ±") == 6, "and no number is lost or cut"


@settings(max_examples=20, deadline=None)
@given(name=st.text(min_size=1, max_size=60))
def test_any_name_keeps_the_table_whole(board: Leaderboard, name: str) -> None:
    named = replace(
        board,
        rows=tuple(replace(row, judge=name if row.judge == "good" else row.judge) for row in board.rows),
        overall=tuple(replace(row, judge=name if row.judge == "good" else row.judge) for row in board.overall),
    )
    for text in (terminal_text(named, width=80), to_markdown(named), to_latex(named)):
        assert "\x1b" not in text
        assert "‮" not in text


def test_markdown_and_latex_begin_with_the_table_of_a_paper(board: Leaderboard) -> None:
    report = to_markdown(board)
    assert report.index("## Summary") < report.index("## pairwise-alignment")
    assert "| good " in report
    assert "95.0 (90.9–97.4)\\*" in report
    assert "\\[100.0 (97.2–100.0)\\]" in report
    first = to_latex(board).split(r"\end{tabular}")[0]
    assert r"good & 1 & \textbf{1.00 $\pm$0.50}" in first
    assert r"\textbf{95.0 $\pm$4.1}" in first
    assert r"silent & 3 & 3.00" in first


def test_what_all_judges_took_is_one_line(make_cell: Any) -> None:
    from harness.api import Usage

    spent = Usage(answers=10, reported=10, prompt_tokens=5_000, completion_tokens=700, priced=10, cost_usd=1.25)
    board = make_board(make_cell, {"a": (said(190), said(180)), "b": (said(150), said(150))}, spent=spent)
    assert "cost: 10,000 tokens read, 1,400 tokens written, US$ 2.50, by 2 of 2 judges" in terminal_text(board)
