"""A bundle as a run folder in a place of its own: every row checked, and nothing believed that can be computed.

bundle  --unpack_bundle-->  UnpackedRun: a journal, and the recorded numbers beside it
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.api import DataError, Protocol
from harness.bundle.archive import LONGEST_LINE, BundleArchive, open_archive
from harness.bundle.layout import (
    ENVIRONMENT,
    ITEMS,
    LEADERBOARD,
    MANIFEST,
    PLAN,
    REQUESTS,
    SCORES,
    Index,
    parse_document,
    read_index,
)
from harness.bundle.tables import TABLES, BundleTable
from harness.manifest.model import ReportSettings
from harness.recorded.load import RecordedRun, load_run
from harness.runner.folder import JOURNAL
from harness.runner.journal import Journal

_AT_ONCE = 400  # rows that are held in memory
# More would be compared for hours: every two judges of a task are a pair, and each draw flips all clusters.
_MOST_JUDGES, _MOST_TASKS, _MOST_DRAWS = 500, 2000, 100_000
_ORPHANS = {
    "asks": "SELECT a.task, a.item FROM asks a LEFT JOIN items i ON i.task=a.task AND i.id=a.item WHERE i.id IS NULL",
    "items": "SELECT i.task, i.id FROM items i LEFT JOIN asks a ON a.task=i.task AND a.item=i.id WHERE a.task IS NULL",
    "replaced": "SELECT r.judge, r.request FROM replaced r LEFT JOIN judgements j USING (judge, request) "
    "WHERE j.status IS NULL",
}
"""Rows that belong to no other: a request of no item, an item that was not asked, a reading of no judgement."""

Text = Annotated[str, Field(max_length=LONGEST_LINE)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Thinking(_Strict):
    marks: list[Annotated[list[Text], Field(min_length=2, max_length=2)]] = []
    opened: bool = False


class _Task(_Strict):
    name: Text
    id: Text
    suite: Text
    protocol: dict[Text, Any]
    format: Text
    wraps: list[Text] = []


class _Judge(_Strict):
    name: Text
    id: Text
    key: Text
    version: Text
    thinking: _Thinking = _Thinking()


class _Plan(_Strict):
    """The record of a plan; see `harness.runner.plan.plan_record`."""

    name: Text
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    report: dict[Text, Any]
    tasks: Annotated[list[_Task], Field(min_length=1, max_length=_MOST_TASKS)]
    judges: Annotated[list[_Judge], Field(min_length=1, max_length=_MOST_JUDGES)]
    metrics: dict[Text, Annotated[list[Text], Field(min_length=2, max_length=2)]] = {}  # not in earlier versions


@dataclass(frozen=True, kw_only=True)
class UnpackedRun:
    """A bundle, read. Its numbers are what somebody says until they are computed again."""

    path: Path
    """The bundle."""
    index: Index
    """What `bundle.json` says, its hashes checked."""
    environment: Mapping[str, Any]
    """Versions and data, as recorded."""
    run: RecordedRun
    """The run, in a folder of its own under the name that it has on its board."""
    scores: Any = field(repr=False)
    """The content of `scores.json`, as recorded."""
    board: Any = field(repr=False)
    """The content of `leaderboard.json`, as recorded."""


@contextmanager
def unpack_bundle(path: Path, workspace: Path) -> Iterator[UnpackedRun]:
    """Read a bundle.

    Args:
        path: The bundle.
        workspace: An empty folder for its journal.

    Raises:
        DataError: It is no bundle, was changed, or a row of it cannot be. The message names the place.
    """
    with open_archive(path) as archive:
        index = read_index(archive)
        plan = _read_plan(archive)
        documents = {name: parse_document(archive, name) for name in (ENVIRONMENT, LEADERBOARD, SCORES)}
        _check_manifest(archive)
        _fill_journal(archive, workspace / JOURNAL, plan)
        try:
            run = load_run(workspace)
        except Exception as error:  # what a stranger wrote may fail in any way
            raise archive.fault(f"its run cannot be loaded: {error}") from error
        yield UnpackedRun(
            path=path,
            index=index,
            environment=documents[ENVIRONMENT] if isinstance(documents[ENVIRONMENT], dict) else {},
            run=rename_run(run, index.name),
            scores=documents[SCORES],
            board=documents[LEADERBOARD],
        )


def rename_run(run: RecordedRun, name: str) -> RecordedRun:
    """The run under another name than that of its folder."""
    return replace(
        run,
        cells=[replace(cell, run=name) for cell in run.cells],
        left_out=tuple(replace(cell, run=name) for cell in run.left_out),
    )


def _read_plan(archive: BundleArchive) -> dict[str, Any]:
    """The record of the plan, checked as far as its types and its names go."""
    plain: dict[str, Any] = parse_document(archive, PLAN)
    try:
        plan = _Plan.model_validate(plain)
        if ReportSettings(**plan.report).resamples > _MOST_DRAWS:
            raise DataError(f"report: resamples is more than {_MOST_DRAWS:,}")
        for task in plan.tasks:
            Protocol(**{**task.protocol, "metrics": tuple(task.protocol["metrics"])})
    except ValidationError as error:
        first = error.errors()[0]
        raise archive.fault(f"{PLAN}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (DataError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise archive.fault(f"{PLAN}: {error}") from error
    for kind, names in (("task", [t.name for t in plan.tasks]), ("judge", [j.name for j in plan.judges])):
        if len(set(names)) < len(names):
            raise archive.fault(f"{PLAN}: two {kind}s have one name")
    return plain


def _check_manifest(archive: BundleArchive) -> None:
    """Nothing reads the manifest; it is text for people all the same, and must be that."""
    try:
        archive.read(MANIFEST, most=2**22).decode("utf-8")
    except UnicodeDecodeError as error:
        raise archive.fault(f"{MANIFEST} is no text ({error})") from error


def _fill_journal(archive: BundleArchive, path: Path, plan: Mapping[str, Any]) -> None:
    journal = Journal(path)
    try:
        journal.set_meta("plan", json.dumps(plan))
        # One transaction: a half-filled journal is of no use, and each commit waits for the disk.
        with journal.transaction():
            for table in TABLES.values():
                if table.member in archive:
                    _fill_table(archive, journal, table)
        _check_orphans(archive, journal, {task["name"] for task in plan["tasks"]})
    finally:
        journal.close()


def _fill_table(archive: BundleArchive, journal: Journal, table: BundleTable) -> None:
    rows = table.read(archive)
    if table.member == REQUESTS:
        rows = _check_contents(archive, rows)
    while part := list(islice(rows, _AT_ONCE)):
        if table.member == ITEMS:
            # As in a journal: annotations have a table of their own, with a row only where there are some.
            said = [(row[0], row[1], row[8]) for row in part if row[8] is not None]
            journal.store("annotations", said)
            part = [(*row[:7], "{}" if row[9] is None else row[9], row[7]) for row in part]
        journal.store(table.table, part)


def _check_contents(archive: BundleArchive, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Requests, each held against its key, which is a hash of its content."""
    for key, content in rows:
        found = hashlib.sha256(content.encode()).hexdigest()[:32]
        if found != key and not key.startswith("unreadable-"):
            raise archive.fault(f"{REQUESTS}: the request {key} has a content whose key is {found}")
        yield key, content


def _check_orphans(archive: BundleArchive, journal: Journal, tasks: set[str]) -> None:
    for name, query in _ORPHANS.items():
        row = journal.select_one(f"{query} LIMIT 1", ())
        if row is not None:
            raise archive.fault(f"{name}: the row of {row[0]!r}, {row[1]!r} belongs to nothing else in the bundle")
    found = {row[0] for row in journal.select_all("SELECT DISTINCT task FROM items", ())}
    found |= {row[0] for row in journal.select_all("SELECT DISTINCT task FROM cells", ())}
    if foreign := sorted(found - tasks):
        raise archive.fault(f"the task {foreign[0]!r} is not in {PLAN}")
