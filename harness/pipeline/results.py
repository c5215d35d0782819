"""What a run folder holds, read back: the second half of the line, from judgements to scores.

run folder  --load_run-->  RunResults  --score_run-->  scores.json  -->  leaderboard
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from harness.api import JournalError, Protocol, RecordedAnswer, Usage, UserError
from harness.api.reading import Thinking, thinking_from_json
from harness.manifest.model import ReportSettings
from harness.run.folder import JOURNAL, SCORES, write_atomically
from harness.run.journal import Journal
from harness.run.rows import LEFT_OUT, LeftOut
from harness.score.records import CellScores

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.run.planned import Plan
    from harness.run.rows import UnreadAnswer
    from harness.score.table import CellTable

SCHEMA = "judge-harness/scores/2"
"""Name and version of `scores.json`: another one where the same judgements have other numbers."""


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """One judge on one task, as recorded; implements `harness.api.RecordedCell`."""

    run: str
    """Name of the run folder."""
    task: str
    """Name of the task in the plan."""
    judge: str
    """Name of the judge in the plan."""
    task_id: str
    """Canonical id."""
    judge_id: str
    """Canonical id."""
    suite: str
    """Collection of the task."""
    protocol: Protocol
    """The protocol that was used."""
    format: str
    """Id of the verdict format."""
    metric: str
    """What the leaderboard shows: the manifest's metric, else the first of the protocol."""
    wraps: tuple[str, ...]
    """Names of the tasks with the items and the split that this task shows changed."""
    data_hash: str
    """Hash of the items."""
    state: str
    """`complete` or `partial`."""
    judge_key: str
    """Under which the journal keeps the judgements."""
    thinking: Thinking = field(repr=False)
    """How the judge marks its reasoning, for reading its answers again."""
    journal: Path = field(repr=False)
    """The journal file."""
    scored: CellScores | None = field(default=None, repr=False)
    """The numbers, once there are any; `scores` insists."""

    @property
    def scores(self) -> CellScores:
        """The numbers.

        Raises:
            JournalError: The run was not scored yet, or not by this version.
        """
        if self.scored is None:
            raise JournalError(
                f"{self.journal.parent}: {self.judge} on {self.task} has no scores yet, or those of another version; "
                f"`harness score {self.journal.parent}` makes them from what was judged"
            )
        return self.scored

    def answers(self) -> Iterator[RecordedAnswer]:
        """Stream the recorded answers, ordered by item, order and sample."""
        reader = Journal(self.journal, readonly=True)
        try:
            yield from reader.answers(self.task, self.judge_key)
        finally:
            reader.close()

    def unread(self) -> Iterator[UnreadAnswer]:
        """Stream the recorded answers without a verdict, ordered by item, order and sample."""
        reader = Journal(self.journal, readonly=True)
        try:
            yield from reader.unread(self.task, self.judge_key)
        finally:
            reader.close()

    def usage(self) -> Usage:
        """What the judge's answers in this run have cost, those to other tasks included."""
        reader = Journal(self.journal, readonly=True)
        try:
            return reader.usage(self.judge_key)
        finally:
            reader.close()

    def table(self) -> CellTable:
        """The units that the protocol makes of the answers."""
        from harness.score.units import build_cell

        return build_cell(self.answers(), self.protocol)


def agree(
    runs: Sequence[RunResults], *, metric: str | None = None, group_by: str | None = None
) -> tuple[ReportSettings, int]:
    """How several runs are reported together, and the seed of the first one.

    Raises:
        UserError: As `harness.report.settings.agree_on`.
    """
    from harness.report.settings import agree_on

    named = [(run.folder.name, run.report) for run in runs]
    return agree_on(named, metric=metric, group_by=group_by), runs[0].seed


@dataclass(frozen=True, kw_only=True)
class RunResults:
    """A run folder, read."""

    folder: Path
    """The folder."""
    name: str
    """Name of the folder, without the hash."""
    report: ReportSettings
    """How the manifest wants it reported."""
    seed: int
    """The run's seed; also that of the flips behind corrected tests."""
    cells: list[CellResult]
    """All cells, in the order of the manifest."""
    left_out: tuple[LeftOut, ...] = ()
    """Cells that were not asked, likewise."""


def plan_record(plan: Plan, *, name: str, report: Mapping[str, Any]) -> str:
    """What `load_run` needs to know of a plan, as JSON for the journal."""
    from harness.run.plan import find_wrapped_tasks  # here, since reading a run needs no plan

    return json.dumps(
        {
            "name": name,
            "seed": plan.seed,
            "report": dict(report),
            "tasks": [
                {
                    "name": t.name,
                    "id": t.id,
                    "suite": t.suite,
                    "protocol": t.protocol.to_json(),
                    "format": t.format.name,
                    "wraps": find_wrapped_tasks(plan, t),
                }
                for t in plan.tasks
            ],
            "judges": [
                {
                    "name": j.name,
                    "id": j.id,
                    "key": j.key,
                    "version": j.offer.version,
                    "thinking": {"marks": j.thinking.marks, "opened": j.thinking.opened},
                }
                for j in plan.judges
            ],
        }
    )


def load_run(folder: Path) -> RunResults:
    """Read a run folder. A cell that a judge stopped in before its first answer is left out.

    Raises:
        JournalError: It is not one, or it cannot be read.
    """
    if not (folder / JOURNAL).is_file():
        raise JournalError(f"{folder}: not a run folder (it has no {JOURNAL}); give a folder that `harness run` made")
    journal = Journal(folder / JOURNAL, readonly=True)
    try:
        record = journal.meta("plan")
        if record is None:
            raise JournalError(f"{folder}: the run never began; run its manifest again")
        plan = json.loads(record)
        states = {
            (cell.task, cell.judge): cell.state
            for cell in journal.cells()
            if cell.state in ("complete", LEFT_OUT) or journal.has_answers(cell.task, cell.judge_key)
        }
        hashes = {task["name"]: _data_hash(journal, task["name"]) for task in plan["tasks"]}
    finally:
        journal.close()
    scored, report = _read_scores(folder), _read_settings(plan["report"], folder)
    left_out = tuple(
        LeftOut(task=task["name"], suite=task["suite"], judge=judge["name"], run=folder.name)
        for task in plan["tasks"]
        for judge in plan["judges"]
        if states.get((task["name"], judge["name"])) == LEFT_OUT
    )
    cells = [
        CellResult(
            run=folder.name,
            task=task["name"],
            judge=judge["name"],
            task_id=task["id"],
            judge_id=judge["id"],
            suite=task["suite"],
            protocol=Protocol(**{**task["protocol"], "metrics": tuple(task["protocol"]["metrics"])}),
            format=task["format"],
            metric=report.metric or task["protocol"]["metrics"][0],
            wraps=tuple(task.get("wraps", ())),
            data_hash=hashes[task["name"]],
            state=states[task["name"], judge["name"]],
            judge_key=judge["key"],
            thinking=thinking_from_json(judge.get("thinking", {})),
            journal=folder / JOURNAL,
            scored=scored.get((task["name"], judge["name"])),
        )
        for task in plan["tasks"]
        for judge in plan["judges"]
        if states.get((task["name"], judge["name"]), LEFT_OUT) != LEFT_OUT
    ]
    return RunResults(
        folder=folder, name=plan["name"], report=report, seed=plan["seed"], cells=cells, left_out=left_out
    )


def asked_in_both(one: CellResult, other: CellResult) -> set[str]:
    """Ids of the items of `other` whose every request, to the letter, was made in `one` as well."""
    known = {key for keys in _requests(one).values() for key in keys}
    return {item for item, keys in _requests(other).items() if keys <= known}


def _requests(cell: CellResult) -> dict[str, set[str]]:
    """Keys of a cell's requests by item."""
    reader = Journal(cell.journal, readonly=True)
    found: dict[str, set[str]] = {}
    try:
        items = [item for item, _ in reader.item_hashes(cell.task)]
        for start in range(0, len(items), 500):  # SQLite takes so many values at once
            for (item, _), key in reader.find_request_keys(cell.task, items[start : start + 500]).items():
                found.setdefault(item, set()).add(key)
    finally:
        reader.close()
    return found


def score_run(run: RunResults, plugins: Plugins) -> RunResults:
    """Score every cell from the journal and write `scores.json`; the same judgements give the same bytes.

    Raises:
        UserError: A metric is unknown, or not defined for a task's answers.
    """
    from harness.score.cell import score_cell
    from harness.score.find import metrics_of

    cells = [
        replace(
            cell,
            scored=score_cell(
                cell.table(),
                task=cell.task,
                judge=cell.judge,
                suite=cell.suite,
                metrics=metrics_of(cell.protocol, plugins),
                data_hash=cell.data_hash,
                confidence=run.report.confidence,
            ),
        )
        for cell in run.cells
    ]
    payload = {
        "schema": SCHEMA,
        "cells": [cell.scores.to_json() for cell in cells],
    }
    write_atomically(run.folder / SCORES, json.dumps(payload, indent=1, sort_keys=True) + "\n")
    return replace(run, cells=cells)


def check_metrics(plan: Plan, report_metric: str | None) -> None:
    """Refuse, before any judge is asked, what could not be scored afterwards. By the cards: nothing is imported.

    Raises:
        UserError: A metric or its average is unknown, or not defined for a task's answers.
    """
    for task in plan.tasks:
        answers = getattr(plan.plugins.find("task", task.id).card, "answers", "")
        for name in dict.fromkeys([*task.protocol.metrics, *([report_metric] if report_metric else [])]):
            metric, _ = Protocol.parsed(name)
            if metric.startswith("evaluate:"):
                continue
            served: frozenset[str] = getattr(plan.plugins.find("metric", metric).card, "answers", frozenset())
            if answers and answers not in served:
                raise UserError(
                    f"task {task.name}: the metric {name!r} is not defined for its answers ({answers}); it serves "
                    f"{', '.join(sorted(served))}"
                )


def _read_settings(recorded: Mapping[str, Any], folder: Path) -> ReportSettings:
    """How the manifest wanted the run reported; refused where another version of the harness wrote it."""
    try:
        return ReportSettings(**recorded)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise JournalError(
            f"{folder}: its report settings were written by another version of the harness, or are damaged ({where}); "
            "run its manifest again: what was judged is kept"
        ) from error


def _read_scores(folder: Path) -> dict[tuple[str, str], CellScores]:
    """The scores of each cell; none of a damaged file or of another version, since a board must not mix them."""
    path = folder / SCORES
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        cells = found["cells"] if found["schema"] == SCHEMA else []
        return {(cell["task"], cell["judge"]): CellScores.from_json(cell) for cell in cells}
    except (ValueError, KeyError, TypeError):
        return {}


def _data_hash(journal: Journal, task: str) -> str:
    """SHA-256 over all items by id; the order in which shards were merged does not matter."""
    sha = hashlib.sha256()
    for item, digest in journal.item_hashes(task):
        sha.update(json.dumps([item, digest]).encode())
    return sha.hexdigest()[:16]
