"""The scores of a run: made from its cells, kept in `scores.json`, read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import JournalError, RecordedCell
from harness.libraries.sealed import is_writable
from harness.recorded.load import RecordedRun, check_journal
from harness.report.written import digest, list_written
from harness.runner.folder import SCORES, read_kept, write_atomically
from harness.score.cell import score_recorded
from harness.score.find import metrics_of
from harness.score.records import CellScores
from harness.score.units import build_cell

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.score.table import CellTable

SCHEMA = "judge-harness/scores/2"
"""Name and version of `scores.json`: another one where the same judgements have other numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What is known of numbers that somebody else has handed over."""

    verified: bool
    """Whether they were computed here, from the judgements, and are those that were handed over."""
    signed_by: str = ""
    """Who has signed them; empty where that is not known."""


@dataclass(frozen=True, kw_only=True)
class ScoredCell(RecordedCell):
    """A recorded cell with its numbers."""

    scores: CellScores = field(repr=False)
    """The numbers."""
    standing: Attestation | None = None
    """Of a cell of a bundle; `None` for one of a run folder of this machine."""

    def table(self) -> CellTable:
        """The units that the protocol makes of the answers."""
        return build_cell(self.answers(), self.protocol)


def score_run(run: RecordedRun, plugins: Plugins) -> list[ScoredCell]:
    """Score every cell from the journal and write `scores.json`; the same judgements give the same bytes.

    In a folder that is read-only the scores are made and not written.

    Raises:
        JournalError: The journal is damaged.
        UserError: A metric is unknown, or not defined for a task's answers.
    """
    check_journal(run.folder)
    cells = [
        with_scores(
            cell,
            score_recorded(
                cell,
                build_cell(cell.answers(), cell.protocol),
                metrics=metrics_of(cell.protocol, plugins),
                confidence=run.report.confidence,
            ),
        )
        for cell in run.cells
    ]
    # Sorted and indented, so that two runs of the same judgements can be compared with `diff`.
    payload = {"schema": SCHEMA, "cells": [cell.scores.to_json() for cell in cells]}
    if is_writable(run.folder):
        write_atomically(run.folder / SCORES, json.dumps(payload, indent=1, sort_keys=True) + "\n")
    return cells


def load_scored(runs: Sequence[RecordedRun]) -> list[ScoredCell]:
    """The cells of runs with the scores that are kept beside them.

    Raises:
        JournalError: A run was not scored yet, or by another version, or its journal or its scores are damaged.
    """
    found = []
    for run in runs:
        check_journal(run.folder)
        scores = _read_scores(run.folder)
        for cell in run.cells:
            # Scoring here in silence would hide that `scores.json` is not what the board is made of.
            if (cell.task, cell.judge) not in scores:
                raise JournalError(
                    f"{run.folder}: {cell.judge} on {cell.task} has no scores yet, or they were changed since, or are "
                    f"of another version; `harness score {run.folder}` makes them from what was judged"
                )
            found.append(with_scores(cell, scores[cell.task, cell.judge]))
    return found


def with_scores(cell: RecordedCell, scores: CellScores) -> ScoredCell:
    """The cell with its numbers."""
    # `dataclasses.replace` makes no object of another class.
    return ScoredCell(**{spec.name: getattr(cell, spec.name) for spec in fields(RecordedCell)}, scores=scores)


def _read_scores(folder: Path) -> dict[tuple[str, str], CellScores]:
    """The scores of each cell. A damaged file or another version has none, since a board must not mix them."""
    try:
        content = read_kept(folder / SCORES)
        if (written := list_written(folder).get(SCORES)) is not None and digest(content) != written:
            return {}  # somebody or something changed it: its numbers are not those of the answers
        found = json.loads(content)
        cells = found["cells"] if found["schema"] == SCHEMA else []
        return {(cell["task"], cell["judge"]): CellScores.from_json(cell) for cell in cells}
    # A deep list of lists makes a RecursionError.
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
