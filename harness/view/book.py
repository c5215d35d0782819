"""What the pages of runs are made of: numbers that were made before, and where the answers are. Nothing is scored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.api import JournalError, RecordedCell
from harness.recorded.load import RecordedRun, load_run, source_of
from harness.report.records import Leaderboard, LeaderboardRow
from harness.runner.folder import JOURNAL, LEADERBOARD, MANIFEST, RECORD, SCORES, SECTIONS, read_kept
from harness.score.records import CellScores, Comparison

# What reading a file of somebody else's run may raise. A deep list of lists makes a RecursionError.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class BookCell:
    """One judge on one task, as the pages know it."""

    judge: str
    """Name of the judge on the board: that of the plan, or `judge (run)` where two runs share one."""
    cell: RecordedCell
    """As recorded."""
    scores: CellScores | None
    """Its numbers; `None` while the run goes on."""
    row: LeaderboardRow | None
    """Its row on the board; `None` where the board has no row of a task alone."""

    @property
    def key(self) -> str:
        """Under which its journal keeps the judgements."""
        return source_of(self.cell).judge_key

    @property
    def journal(self) -> Path:
        """The file of its journal."""
        return source_of(self.cell).journal


@dataclass(frozen=True, kw_only=True)
class Book:
    """One run, or several on one board."""

    runs: Sequence[RecordedRun]
    """The runs."""
    board: Leaderboard | None
    """The leaderboard; `None` while a run goes on and has none."""
    cells: Sequence[BookCell]
    """All cells, in the order of the manifests."""
    sections: Sequence[tuple[str, str]] = ()
    """Pairs of a title and Markdown text, from plugins."""
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The content of `run.json`, by name of the run folder."""
    manifests: Mapping[str, str] = field(default_factory=dict)
    """The resolved manifest, likewise."""

    @property
    def title(self) -> str:
        """Names of the runs."""
        return ", ".join(run.folder.name for run in self.runs)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order of the manifests."""
        return tuple(dict.fromkeys(cell.cell.task for cell in self.cells))

    @cached_property
    def judges(self) -> tuple[str, ...]:
        """Names of the judges, likewise."""
        return tuple(dict.fromkeys(cell.judge for cell in self.cells))

    def of_task(self, task: str) -> list[BookCell]:
        """The cells of a task: ranked judges first, as on the board."""
        cells = [cell for cell in self.cells if cell.cell.task == task]
        rows = () if self.board is None else self.board.rows
        places = {row.judge: place for place, row in enumerate(rows) if row.task == task and not row.category}
        # What is not on the board comes last, in the order of the manifest.
        return sorted(cells, key=lambda cell: places.get(cell.judge, len(places)))

    def of_judge(self, judge: str) -> list[BookCell]:
        """The cells of a judge."""
        return [cell for cell in self.cells if cell.judge == judge]

    def find(self, task: str, judge: str) -> BookCell | None:
        """The cell of a judge on a task."""
        return next((cell for cell in self.cells if (cell.cell.task, cell.judge) == (task, judge)), None)

    def comparisons(self, task: str) -> list[Comparison]:
        """The pairs of judges that were compared on a task."""
        pairs = () if self.board is None else self.board.comparisons
        return [pair for pair in pairs if pair.task == task and not pair.category]


def load_book(folder: Path) -> Book:
    """One run, with what its report has written beside the journal. A run that goes on has less.

    Raises:
        JournalError: It is no run folder, or the journal cannot be read.
    """
    run = load_run(folder)
    board = _read_board(folder)
    scores = _read_scores(folder)
    rows = {(row.task, row.judge): row for row in (board.rows if board else ()) if row.task and not row.category}
    return Book(
        runs=[run],
        board=board,
        # From the journal and not from the scores: a run that goes on has cells that were not scored yet.
        cells=[
            BookCell(
                judge=cell.judge,
                cell=cell,
                scores=scores.get((cell.task, cell.judge)),
                row=rows.get((cell.task, cell.judge)),
            )
            for cell in run.cells
        ],
        sections=_read_sections(folder),
        records={folder.name: _read_json(folder / RECORD)},
        manifests={folder.name: _read_text(folder / MANIFEST)},
    )


def join_books(books: Sequence[Book], board: Leaderboard) -> Book:
    """Several runs on one board, which gives every judge a name of its own.

    Args:
        books: The runs.
        board: The leaderboard of all of them.
    """
    rows = {(row.task, row.judge): row for row in board.rows if row.task and not row.category}
    named = {row.judge for row in board.rows}
    cells = []
    for book in books:
        for cell in book.cells:
            apart = f"{cell.judge} ({cell.cell.run})"  # as `disambiguate_judges` writes it
            judge = apart if apart in named else cell.judge
            cells.append(
                BookCell(judge=judge, cell=cell.cell, scores=cell.scores, row=rows.get((cell.cell.task, judge)))
            )
    return Book(
        runs=[run for book in books for run in book.runs],
        board=board,
        cells=cells,
        sections=[(f"{title} ({book.title})", text) for book in books for title, text in book.sections],
        records={name: record for book in books for name, record in book.records.items()},
        manifests={name: text for book in books for name, text in book.manifests.items()},
    )


def is_reported(folder: Path) -> bool:
    """Whether a run has a leaderboard."""
    return (folder / JOURNAL).is_file() and (folder / LEADERBOARD).is_file()


def _read_board(folder: Path) -> Leaderboard | None:
    if not (folder / LEADERBOARD).is_file():
        return None
    try:
        return Leaderboard.from_json(json.loads(read_kept(folder / LEADERBOARD)))
    except _DAMAGE as error:
        raise JournalError(
            f"{folder / LEADERBOARD}: is damaged, or of another version; `harness score {folder}` makes it again"
        ) from error


def _read_scores(folder: Path) -> dict[tuple[str, str], CellScores]:
    plain = _read_json(folder / SCORES)
    # No scores are no fault here: the pages then have the items and no numbers.
    try:
        return {(cell["task"], cell["judge"]): CellScores.from_json(cell) for cell in plain.get("cells", ())}
    except _DAMAGE as error:
        raise JournalError(
            f"{folder / SCORES}: is damaged, or of another version; `harness score {folder}` makes it again"
        ) from error


def _read_sections(folder: Path) -> list[tuple[str, str]]:
    found = _read_json(folder / SECTIONS).get("sections", ())
    # Written by the harness, but perhaps not by this one.
    pairs = [(part.get("title"), part.get("text")) for part in found if isinstance(part, dict)]
    return [(title, text) for title, text in pairs if isinstance(title, str) and isinstance(text, str)]


def _read_json(path: Path) -> dict[str, Any]:
    """The mapping in a file; empty where there is none, as in a run that goes on."""
    try:
        plain = json.loads(read_kept(path))
    except _DAMAGE:
        return {}
    return plain if isinstance(plain, dict) else {}


def _read_text(path: Path) -> str:
    try:
        return read_kept(path).decode("utf-8", "replace")
    except OSError:
        return ""
