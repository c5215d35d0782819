"""The first page: a row for each judge, a column for each task, and what one should know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from harness.report import faithfulness, notes, summary, usage
from harness.report.records import LeaderboardRow
from harness.view.book import Book, BookCell
from harness.view.charts import Axis
from harness.view.pages.common import (
    ShownNumber,
    bounds,
    flags_of,
    headline,
    list_notes,
    metric_name,
    place,
    show_estimate,
    why_unranked,
)
from harness.view.site import Page, Site

_SPARK = 72  # units wide


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewCell:
    """One judge on one task in the table."""

    shown: ShownNumber
    """The value."""
    rank: str
    """The set of its rank."""
    letters: str
    """Judges that share one cannot be told apart."""
    best: bool
    """Whether it may be the best one: its rank set begins at 1."""
    why: str
    """Why it is not ranked; empty where it is."""
    reason: str
    """The same in a few words."""
    spark: tuple[float, float, float] | None
    """Places of the interval's ends and of the value in a small drawing."""
    flags: tuple[str, ...]
    """Its flags."""


def make_page(site: Site) -> Page:
    """The overview."""
    book = site.book
    columns = []
    for task in book.tasks:
        cells = book.of_task(task)
        found = next((number for cell in cells if (number := headline(cell)) is not None), None)
        columns.append(
            {
                "name": task,
                "suite": cells[0].cell.suite,
                "metric": "" if found is None else metric_name(found),
                "smaller": found is not None and not found.greater_is_better,
                "href": site.links.to("task", task),
            }
        )
    axes = {task: _axis(book.of_task(task)) for task in book.tasks}
    overall = {row.judge: row for row in book.board.overall} if book.board else {}
    rows = [
        {
            "judge": judge,
            "href": site.links.to("judge", judge),
            "overall": _show_overall(overall.get(judge)) if overall else None,
            "cells": [_cell(site, book.find(task, judge), axes[task]) for task in book.tasks],
        }
        for judge in _order_judges(book)
    ]
    return Page(
        path=("overview",),
        title=book.title,
        template="overview.html",
        content={
            "columns": columns,
            "rows": rows,
            "overall": summary.overall_head(book.board) if book.board and overall else "",
            "facts": _facts(site),
            "known": _notes(site),
            "reasoning": _reasoning(book),
            "suites": _suites(site),
            "cost": usage.rows(book.board.usage) if book.board else [],
            "cost_header": usage.HEADER,
            "cost_notes": [*usage.lines(book.board.usage), *usage.notes(book.board.usage)] if book.board else [],
            "progress": _progress(site),
            "inside": site.inside,
        },
    )


def _order_judges(book: Book) -> list[str]:
    """The judges by their place overall, where there is one. Those that the board lacks come last."""
    placed = summary.list_judges(book.board) if book.board and book.board.overall else []
    return [*(judge for judge in placed if judge in book.judges), *(j for j in book.judges if j not in placed)]


def _show_overall(row: LeaderboardRow | None) -> dict[str, Any]:
    """A judge over all tasks: its value, and the set of its rank."""
    shown = show_estimate(row)
    # A column is sorted from its greatest number down, and the best mean rank is the smallest.
    if row is not None and shown.sort is not None and not row.greater_is_better:
        shown = replace(shown, sort=-shown.sort)
    return {"shown": shown, "rank": place(row), "best": summary.is_best(row)}


def _cell(site: Site, cell: BookCell | None, axis: Axis) -> OverviewCell | None:
    """What the table says of a judge on a task; `None` where it was not asked."""
    if cell is None:
        return None
    found = headline(cell)
    # Without an interval there is nothing to draw: a point alone looks like a certainty.
    spark = None
    if found is not None and found.value is not None and found.ci_low is not None and found.ci_high is not None:
        spark = axis.at(found.ci_low), axis.at(found.ci_high), axis.at(found.value)
    row = cell.row
    return OverviewCell(
        shown=show_estimate(found, site.links.to("items", cell.cell.task, judge=cell.judge)),
        rank=place(row),
        letters="" if row is None else row.letters,
        best=row is not None and row.rank_low == 1,
        why=why_unranked(site, cell),
        reason="" if row is None else summary.why_unranked(row),
        spark=spark,
        flags=() if row is None else row.flags,
    )


def _axis(cells: list[BookCell]) -> Axis:
    """One scale for a column, so that its intervals can be held against one another."""
    found = [number for cell in cells if (number := headline(cell)) is not None]
    ends = bounds(found[0].unit) if found else None
    if ends is None:
        numbers = [end for number in found for end in (number.ci_low, number.ci_high, number.value) if end is not None]
        ends = min(numbers, default=0.0), max(numbers, default=1.0)
    return Axis(*ends, 3, _SPARK - 3)


def _facts(site: Site) -> list[tuple[str, str]]:
    """What was run, in a few words each."""
    book = site.book
    # As asked and not as answered: both are on the page of each task.
    answers = sum(cell.scores.asked for cell in book.cells if cell.scores is not None)
    facts = [
        ("judges", f"{len(book.judges):,}"),
        ("tasks", f"{len(book.tasks):,}"),
        ("answers", f"{answers:,}" if answers else "–"),
    ]
    for name, record in book.records.items():
        which = f" ({name})" if len(book.records) > 1 else ""
        if isinstance(finished := record.get("finished"), str):
            facts.append((f"{record.get('state', 'finished')}{which}", finished.replace("T", " ").removesuffix("Z")))
    return facts


def _notes(site: Site) -> list[tuple[str, str, list[str]]]:
    """What one should know of each task: name, address and sentences."""
    board = site.book.board
    if board is None:
        return []
    found = []
    for rows in notes.blocks(board):
        said = list_notes(board, rows)
        if said:
            href = site.links.to("task", rows[0].task) if rows[0].task in site.book.tasks else ""
            found.append((notes.title(rows[0]), href, said))
    if lacking := notes.cells_left_out(board):
        found.append(("What was not asked", "", lacking))
    return found


def _reasoning(book: Book) -> tuple[list[str], list[list[str]], list[str]]:
    """What is known of the judges' reasoning: titles of columns, rows, and what they count."""
    if book.board is None:
        return [], [], []
    # A board of one task has its numbers under that name.
    task = "" if len(book.tasks) > 1 else book.tasks[0]
    found, judges = book.board.faithfulness, _order_judges(book)
    header, rows = faithfulness.table_rows(found, task, judges, interval=True)
    return header, rows, faithfulness.legend(found, task=task)


def _suites(site: Site) -> list[dict[str, Any]]:
    """Blocks of the board that are not of one task: suites and categories."""
    board = site.book.board
    if board is None:
        return []
    return [
        {
            "title": notes.title(rows[0]),
            "metric": metric_name(rows[0]),
            "facts": notes.facts(rows),
            "rows": [
                {
                    "judge": row.judge,
                    "href": site.links.to("judge", row.judge),
                    "rank": place(row),
                    "letters": row.letters,
                    "shown": show_estimate(row),
                    "why": "" if row.rank_low is not None else "; ".join(flags_of(site, row)) or "not ranked",
                }
                for row in rows
            ],
        }
        for rows in notes.blocks(board)
        if not rows[0].task or rows[0].category
    ]


def _progress(site: Site) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    """How far each judge is, while a run goes on: its answers, and name, state and address of each task."""
    if not site.live and all(cell.cell.state == "complete" for cell in site.book.cells):
        return []
    return [
        (
            judge,
            f"{site.answered[judge]:,} answers" if judge in site.answered else "",
            [
                (cell.cell.task, cell.cell.state, site.links.to("items", cell.cell.task, judge=judge))
                for cell in site.book.of_judge(judge)
            ],
        )
        for judge in site.book.judges
    ]
