"""How often each verdict was given to each gold, and which items judges split on: one walk over all answers.

Counts for links and charts. What is worth knowing of them, with intervals, is in the scores.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.runner.folder import LEADERBOARD, read_kept, write_atomically
from harness.view.answers import Answers
from harness.view.book import Book
from harness.view.records import ItemLine

FILE = "counts.json"
"""Where they are kept beside a run, so that a server need not walk over a million answers."""

SCHEMA = "judge-harness/counts/1"
"""Name and version of the file."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one run or of several."""

    answers: Mapping[tuple[str, str], Mapping[tuple[str, str], int]]
    """By task and judge: how often each verdict, by name, was given to each gold. Without a verdict it is empty."""
    items: Mapping[str, int]
    """Items of each task."""

    def of(self, task: str, judge: str) -> Mapping[tuple[str, str], int]:
        """The counts of a cell. There are none where they were not made."""
        return self.answers.get((task, judge), {})


@dataclass(slots=True)
class Walk:
    """Counts while they are made, and the items that were seen."""

    counts: dict[tuple[str, str], Counter[tuple[str, str]]] = field(default_factory=dict)
    """As in `Counts.answers`."""
    items: Counter[str] = field(default_factory=Counter)
    """As in `Counts.items`."""
    kept: list[tuple[bool, bytes, str, str]] = field(default_factory=list)
    """Whether an item is one that judges agree on, its place in a drawn order, its task and its id."""

    def add(self, line: ItemLine, *, unread: frozenset[str], seed: int) -> None:
        """Count one item.

        Args:
            line: The item with its answers.
            unread: Judges without any verdict on the task, which make no item worth a look.
            seed: Of the drawn order.
        """
        self.items[line.task] += 1
        missing = False
        for judge, marks in line.marks.items():
            own = self.counts.setdefault((line.task, judge), Counter())
            for mark in marks:
                # An answer without a verdict counts against the reason that it is on the page, and against no verdict.
                own[line.gold, mark.verdict] += 1
                missing = missing or (not mark.verdict and judge not in unread)
        # A hash and no random numbers: the same item has the same place, however many others there are.
        name = json.dumps([seed, line.task, line.item]).encode()
        self.kept.append((not (missing or line.is_split()), hashlib.sha256(name).digest()[:8], line.task, line.item))

    def finish(self) -> Counts:
        """The counts."""
        return Counts({cell: dict(found) for cell, found in self.counts.items()}, dict(self.items))


def walk_book(book: Book, answers: Answers, tasks: Sequence[str] | None = None) -> Walk:
    """Count all answers of a book, at about 8 µs each.

    Args:
        book: The runs.
        answers: Their journals, open.
        tasks: Only these. `None`: all.
    """
    walk = Walk()
    seed = book.runs[0].seed
    for task in book.tasks if tasks is None else tasks:
        silent = frozenset(
            cell.judge for cell in book.of_task(task) if cell.scores is not None and cell.scores.coverage == 0
        )
        for line in answers.lines(task, chances=False):
            walk.add(line, unread=silent, seed=seed)
    return walk


def write_counts(folder: Path, counts: Counts) -> None:
    """Keep the counts beside the leaderboard that they belong to."""
    plain = {
        "schema": SCHEMA,
        "leaderboard": _digest(folder),
        "items": dict(counts.items),
        "cells": [
            {"task": task, "judge": judge, "counts": [[gold, said, n] for (gold, said), n in sorted(found.items())]}
            for (task, judge), found in sorted(counts.answers.items())
        ],
    }
    write_atomically(folder / FILE, json.dumps(plain, sort_keys=True) + "\n")


def read_counts(folder: Path) -> Counts | None:
    """The counts that are kept. `None` where there are none, or they belong to an earlier leaderboard."""
    try:
        plain: dict[str, Any] = json.loads(read_kept(folder / FILE))
        if plain["schema"] != SCHEMA or plain["leaderboard"] != _digest(folder):
            return None
        answers = {
            (str(cell["task"]), str(cell["judge"])): {(str(g), str(said)): int(n) for g, said, n in cell["counts"]}
            for cell in plain["cells"]
        }
        return Counts(answers, {str(task): int(n) for task, n in plain["items"].items()})
    # The folder may be somebody else's, and the counts are worth no error: they are made again or left out.
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _digest(folder: Path) -> str:
    return hashlib.sha256(read_kept(folder / LEADERBOARD)).hexdigest()[:32]
