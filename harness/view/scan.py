"""Looks for items in the journals. Most are passed over by the few columns that say that they cannot match.

By item and not by answer, since a list is in the order of its items. How far to look is said by who asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from harness.runner.journal import ANSWERS
from harness.view.answers import Answers, read_prompt
from harness.view.book import BookCell
from harness.view.filters import Filter
from harness.view.records import ItemLine


def scan(
    answers: Answers, task: str, wanted: Filter, *, after: str = "", backwards: bool = False
) -> Iterator[tuple[str, ItemLine | None]]:
    """Stream the id of each item, with its line where it is as wanted.

    Args:
        answers: The journals, open.
        task: Name of the task.
        wanted: What is looked for.
        after: Only the items after this id, or before it where `backwards`. Empty: all.
        backwards: Down from the last one.

    Yields:
        Id and line. The line has the answers that decide, and `None` stands for an item that is not as wanted.
    """
    cells = answers.cells(task, wanted.judges)
    for rows in answers.parts(task, after=after, backwards=backwards):
        possible = _narrow(answers, task, rows, wanted)
        # Probabilities take as long to read as all else, and few lists ask for them.
        chances = bool(wanted.low or wanted.high)
        found = {
            line.item: line
            for line in (answers.join(cells, task, possible, chances=chances) if possible else ())
            if wanted.matches(line)
        }
        for row in rows:
            yield row[0], found.get(row[0])


def _narrow(answers: Answers, task: str, rows: list[Any], wanted: Filter) -> list[Any]:
    """The rows of items that may be as wanted."""
    for column, value in ((2, wanted.group), (3, wanted.category)):
        rows = [row for row in rows if not value or row[column] == value]
    if wanted.judge and (wanted.outcome == "unread" or wanted.reason):
        silent = _find_silent(answers, task, rows, wanted.judge)
        rows = [row for row in rows if row[0] in silent]
    if wanted.text:
        told = _find_text(answers, task, rows, wanted)
        rows = [row for row in rows if row[0] in told]
    return rows


def _find_silent(answers: Answers, task: str, rows: Sequence[Any], judge: str) -> set[str]:
    """Items to which a judge has an answer without a verdict."""
    found: set[str] = set()
    for cell in answers.cells(task, [judge]) if rows else ():
        found.update(item for (item,) in _select(answers, cell, rows, "a.item", "AND j.verdict IS NULL"))
    return found


def _find_text(answers: Answers, task: str, rows: Sequence[Any], wanted: Filter) -> set[str]:
    """Items that hold a text in their id, in what was asked, or in what judges wrote."""
    needle = wanted.text.lower()
    found = {row[0] for row in rows if needle in row[0].lower()}
    cells = answers.cells(task) if rows else []
    if not cells:
        return found
    low, high = _ends(rows)
    asked = answers.journal(cells[0]).select_all(
        "SELECT a.item, r.content FROM asks a JOIN requests r ON r.key=a.request "
        "WHERE a.task=? AND a.item BETWEEN ? AND ? AND a.place=0",
        (task, low, high),
    )
    found.update(item for item, content in asked if any(needle in part.text.lower() for part in read_prompt(content)))
    for cell in answers.cells(task, [wanted.judge] if wanted.judge else None):
        # Most texts are in the raw answer, and the record beside it is read where they are not.
        for item, raw, more in _select(answers, cell, rows, "a.item, j.raw, j.more"):
            if item not in found and (needle in raw.lower() or _tells(more, needle)):
                found.add(item)
    return found


def _tells(more: str, needle: str) -> bool:
    """Whether the reason or the error of an answer holds a text."""
    plain = json.loads(more)
    said = (plain.get(name) for name in ("rationale", "error")) if isinstance(plain, dict) else ()
    return any(needle in text.lower() for text in said if isinstance(text, str))


def _select(answers: Answers, cell: BookCell, rows: Sequence[Any], columns: str, condition: str = "") -> list[Any]:
    """Columns of a cell's answers to items between the first row and the last one."""
    return answers.journal(cell).select_all(
        f"SELECT {columns} FROM asks a JOIN judgements j ON j.judge=? AND {ANSWERS} "
        f"WHERE a.task=? AND a.item BETWEEN ? AND ? {condition}",
        (cell.key, cell.cell.task, *_ends(rows)),
    )


def _ends(rows: Sequence[Any]) -> tuple[str, str]:
    low, high = sorted((rows[0][0], rows[-1][0]))
    return low, high
