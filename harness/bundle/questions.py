"""Two runs of one task held against each other, item by item and question by question.

The hash of the data is what each run says of its items, and its gold labels are no part of it. Not for data on this
machine: that is `harness.bundle.data`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import zip_longest
from typing import Any

from harness.api import RecordedCell
from harness.libraries.text import clean
from harness.recorded.journal import RecordedJournal
from harness.recorded.load import RecordedRun, source_of

_ITEM = ("group", "category", "answer space", "gold", "annotations")
_ITEMS = "SELECT id, grp, category, space, gold, '' FROM items WHERE task=? ORDER BY id"  # of an earlier version
_ANNOTATED = (
    "SELECT i.id, i.grp, i.category, i.space, i.gold, coalesce(n.verdicts, '') FROM items i "
    "LEFT JOIN annotations n ON n.task=i.task AND n.item=i.id WHERE i.task=? ORDER BY i.id"
)
_ASK = ("order", "sample")
_ASKS = "SELECT item, place, ord, sample FROM asks WHERE task=? ORDER BY item, place"


def find_other_question(run: RecordedRun, others: Sequence[RecordedRun]) -> str:
    """What a run says differently of a task than another one, for which it has the same id, data and protocol.

    Questions are compared where both have asked all of them.

    Args:
        run: The run.
        others: Runs that agree with one another, so that the first with a task speaks for all.

    Returns:
        The first difference in words, with the names of both runs; empty where there is none.
    """
    known: dict[tuple[str, str], list[RecordedCell]] = {}
    for other in others:
        for key, cells in _group_cells(other).items():
            known.setdefault(key, cells)
    for key, mine in _group_cells(run).items():
        if its := known.get(key):
            is_whole = all(any(cell.state == "complete" for cell in cells) for cells in (mine, its))
            if problem := _compare(its[0], mine[0], asks=is_whole):
                return f"task {clean(mine[0].task)}: {clean(problem)}"
    return ""


def _group_cells(run: RecordedRun) -> dict[tuple[str, str], list[RecordedCell]]:
    """The cells of each task, by its name and by what rivals must have in common."""
    found: dict[tuple[str, str], list[RecordedCell]] = {}
    for cell in run.cells:
        # Metrics may differ: they are no part of what is asked.
        facts = [cell.task_id, cell.data_hash, {**cell.protocol.to_json(), "metrics": ()}]
        found.setdefault((cell.task, json.dumps(facts)), []).append(cell)
    return found


def _compare(first: RecordedCell, other: RecordedCell, *, asks: bool) -> str:
    with ExitStack() as stack:
        journals = [
            stack.enter_context(RecordedJournal(source_of(cell).journal, readonly=True)) for cell in (first, other)
        ]
        selects = [stack.enter_context(journal.snapshot()) for journal in journals]
        queries = [_ANNOTATED if journal.has_table("annotations") else _ITEMS for journal in journals]
        for mine, its in zip_longest(
            *(select(query, (first.task,)) for select, query in zip(selects, queries, strict=True))
        ):
            for name, ours, theirs in zip(_ITEM, mine[1:], its[1:], strict=True):
                if not _is_same(ours, theirs):
                    return f"item {mine[0]}: its {name} is {ours} in {first.run}, and {theirs} in {other.run}"
        for mine, its in zip_longest(*(select(_ASKS, (first.task,)) for select in selects)) if asks else ():
            if mine is None or its is None or mine[:2] != its[:2]:
                item, place = min(row[:2] for row in (mine, its) if row is not None)
                return f"item {item}: only one of {first.run} and {other.run} has its question {place}"
            for name, ours, theirs in zip(_ASK, mine[2:], its[2:], strict=True):
                if not _is_same(ours, theirs):
                    return (
                        f"item {mine[0]}, question {mine[1]}: its {name} is {ours} in {first.run}, and {theirs} in "
                        f"{other.run}"
                    )
    return ""


def _is_same(first: Any, other: Any) -> bool:
    """Whether two columns say the same. Two versions may write a number or a space in two ways."""
    if first == other:
        return True
    try:
        return bool(json.loads(first) == json.loads(other))
    except (ValueError, TypeError, RecursionError):
        return False
