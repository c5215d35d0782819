"""What a run folder holds, read back: its cells, and where their answers are.

run folder  --load_run-->  RecordedRun  --a plugin's harness_run_recorded-->  scores, leaderboard
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from harness.api import JournalError, Protocol, RecordedAnswer, RecordedCell, UnreadAnswer, Usage
from harness.api.reading import Thinking, thinking_from_json
from harness.manifest.model import ReportSettings
from harness.recorded.journal import RecordedJournal
from harness.runner.folder import JOURNAL
from harness.runner.rows import LEFT_OUT


@dataclass(frozen=True, kw_only=True)
class JournalAnswers:
    """The answers of one judge to one task in a journal, which is opened each time that they are wanted."""

    journal: Path
    """The journal file."""
    task: str
    """Name of the task in the plan."""
    judge_key: str
    """Under which the journal keeps the judgements."""
    thinking: Thinking = field(repr=False)
    """How the judge marks its reasoning, for reading its answers again."""

    def answers(self, *, texts: bool = False) -> Iterator[RecordedAnswer]:
        """Stream the answers, ordered by item, order and sample."""
        with RecordedJournal(self.journal, readonly=True) as reader:
            yield from reader.answers(self.task, self.judge_key, texts=texts)

    def unread(self) -> Iterator[UnreadAnswer]:
        """Stream the answers without a verdict, ordered by item, order and sample."""
        with RecordedJournal(self.journal, readonly=True) as reader:
            yield from reader.unread(self.task, self.judge_key)

    def usage(self) -> Usage:
        """What the judge's answers in this run have cost, those to other tasks included."""
        with RecordedJournal(self.journal, readonly=True) as reader:
            return reader.usage(self.judge_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A task that a judge was not asked, since it has an answer to none of its items: recordings of other tasks."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    task: str
    """Name of the task in the plan."""
    suite: str
    """The collection that the task belongs to."""
    judge: str
    """Name of the judge, as in the rows."""
    run: str
    """Name of the run folder."""


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """A run folder, read."""

    folder: Path
    """The folder."""
    name: str
    """Name of the folder, without the hash."""
    report: ReportSettings
    """How the manifest wants it reported."""
    seed: int
    """The run's seed. It is also that of the flips of corrected tests."""
    cells: list[RecordedCell]
    """All cells, in the order of the manifest."""
    left_out: tuple[LeftOut, ...] = ()
    """Cells that were not asked, likewise."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Id and distribution of each metric when the run was made, by its name. Empty in runs of earlier versions."""


def load_run(folder: Path) -> RecordedRun:
    """Read a run folder. A cell that a judge stopped in before its first answer is left out.

    Raises:
        JournalError: It is not one, or it cannot be read.
    """
    if not (folder / JOURNAL).is_file():
        raise JournalError(f"{folder}: not a run folder (it has no {JOURNAL}); give a folder that `harness run` made")
    with RecordedJournal(folder / JOURNAL, readonly=True) as journal:
        record = journal.meta("plan")
        if record is None:
            journal.check()  # a damaged page can look like one without rows
            raise JournalError(f"{folder}: the run never began; run its manifest again")
        plan = _read_plan(record, folder)
        states = {
            (cell.task, cell.judge): cell.state
            for cell in journal.cells()
            if cell.state in ("complete", LEFT_OUT) or journal.has_answers(cell.task, cell.judge_key)
        }
        if not states:
            journal.check()
        hashes = {task["name"]: _data_hash(journal, task["name"]) for task in plan["tasks"]}
    report = _read_settings(plan["report"], folder)
    left_out = tuple(
        LeftOut(task=task["name"], suite=task["suite"], judge=judge["name"], run=folder.name)
        for task in plan["tasks"]
        for judge in plan["judges"]
        if states.get((task["name"], judge["name"])) == LEFT_OUT
    )
    cells = [
        RecordedCell(
            run=folder.name,
            task=task["name"],
            judge=judge["name"],
            task_id=task["id"],
            judge_id=judge["id"],
            judge_key=judge["key"],
            suite=task["suite"],
            protocol=Protocol(**{**task["protocol"], "metrics": tuple(task["protocol"]["metrics"])}),
            format=task["format"],
            metric=report.metric or task["protocol"]["metrics"][0],
            wraps=tuple(task.get("wraps", ())),
            data_hash=hashes[task["name"]],
            state=states[task["name"], judge["name"]],
            source=JournalAnswers(
                journal=folder / JOURNAL,
                task=task["name"],
                judge_key=judge["key"],
                thinking=thinking_from_json(judge.get("thinking", {})),
            ),
        )
        for task in plan["tasks"]
        for judge in plan["judges"]
        if states.get((task["name"], judge["name"]), LEFT_OUT) != LEFT_OUT
    ]
    return RecordedRun(
        folder=folder,
        name=plan["name"],
        report=report,
        seed=plan["seed"],
        cells=cells,
        left_out=left_out,
        metrics=owners if isinstance(owners := plan.get("metrics"), dict) else {},
    )


def _read_plan(record: str, folder: Path) -> dict[str, Any]:
    try:
        plan: dict[str, Any] = json.loads(record)
        # All that is read of it below.
        for task in plan["tasks"]:
            _ = task["id"], task["suite"], task["format"], task["protocol"]["metrics"][0], task["name"].strip
        for judge in plan["judges"]:
            _ = judge["id"], judge["key"], judge["name"].strip
        _ = plan["name"].strip, plan["seed"], plan["report"].items
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise JournalError(
            f"journal {folder / JOURNAL}: its record of the plan is damaged, or of another version of the harness; run "
            "its manifest again: what was judged is kept"
        ) from error
    return plan


def check_journal(folder: Path) -> None:
    """Make sure, before something is made of its answers, that a run's journal holds what was written into it.

    Raises:
        JournalError: It is damaged. The message says what is, and the way out.
    """
    path = folder / JOURNAL
    try:
        log = path.with_name(f"{JOURNAL}-wal")
        facts = [(file.stat().st_size, file.stat().st_mtime_ns) for file in (path, log) if file.exists()]
        _check_state(path.absolute(), tuple(facts))
    except OSError as error:
        raise JournalError(f"journal {path}: cannot be read ({error.strerror or error})") from error


@lru_cache(maxsize=256)
def _check_state(path: Path, facts: tuple[tuple[int, int], ...]) -> None:
    """Once for each state of the file: scoring and comparing in one command read it once."""
    with RecordedJournal(path, readonly=True) as journal:
        journal.check()


def source_of(cell: RecordedCell) -> JournalAnswers:
    """Where the answers of a cell of `load_run` are."""
    if not isinstance(cell.source, JournalAnswers):
        raise TypeError(f"{cell.judge} on {cell.task}: its answers are in no journal")
    return cell.source


def find_repeats(cell: RecordedCell, other: RecordedCell) -> set[str]:
    """Ids of the items of `other` whose every request, to the letter, was made in `cell` as well."""
    known = {key for keys in _requests(cell).values() for key in keys}
    return {item for item, keys in _requests(other).items() if keys <= known}


def _requests(cell: RecordedCell) -> dict[str, set[str]]:
    """Keys of a cell's requests by item."""
    found: dict[str, set[str]] = {}
    with RecordedJournal(source_of(cell).journal, readonly=True) as reader:
        items = [item for item, _ in reader.item_hashes(cell.task)]
        for start in range(0, len(items), 500):  # SQLite takes so many values at once
            for (item, _), key in reader.find_request_keys(cell.task, items[start : start + 500]).items():
                found.setdefault(item, set()).add(key)
    return found


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


def _data_hash(journal: RecordedJournal, task: str) -> str:
    """SHA-256 over all items by id; the order in which shards were merged does not matter."""
    sha = hashlib.sha256()
    for item, digest in journal.item_hashes(task):
        sha.update(json.dumps([item, digest]).encode())
    return sha.hexdigest()[:16]
