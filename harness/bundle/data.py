"""The items of a bundle held against data on this machine. Nothing else shows that gold labels are a benchmark's own.

Which data are read is said by a manifest of the one who verifies. The manifest in a bundle is never loaded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import UserError
from harness.bundle.few import FirstFew
from harness.bundle.unpack import UnpackedRun
from harness.recorded.journal import RecordedJournal
from harness.recorded.load import source_of
from harness.runner.planned import PlannedTask
from harness.runner.requests import PlannedRequest, stream_requests

if TYPE_CHECKING:
    from harness.discovery import Plugins

_CHUNK = 128  # requests that are held at a time: some have images
_COLUMNS = ("ordinal", "group", "category", "space", "gold", "hash", "annotations")
"""Facts of an item that must be those of the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedData:
    """What the data say of a bundle."""

    problems: Mapping[str, Sequence[str]]
    """What is not as in the data, by task."""
    notes: Sequence[str]
    """Tasks of the data that the bundle does not have."""


def compare_data(unpacked: UnpackedRun, manifest: Path, plugins: Plugins) -> ComparedData:
    """Compare the items and the questions of a bundle with those that a manifest makes here.

    Its journal gets the texts of the questions, so that answers can be read beside them.

    Args:
        unpacked: The bundle.
        manifest: A manifest with tasks of the same names. Its judges are not made.
        plugins: The installed plugins.

    Raises:
        UserError: The manifest or its data cannot be used.
    """
    from harness.manifest.load import load_manifest
    from harness.runner.plan import plan_tasks

    cells = {cell.task: cell for cell in unpacked.run.cells}
    problems: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="harness-data-", ignore_cleanup_errors=True) as place:
        loaded = load_manifest(manifest, plugins=plugins)
        made = {task.name: task for task in plan_tasks(loaded, plugins, workspace=Path(place)).tasks}
        for name, cell in cells.items():
            if name not in made:
                # Else another name of the task would be the way around the data.
                problems[name] = [f"{manifest} has no task {name!r}, so its gold labels are the submitter's word"]
                continue
            journal = RecordedJournal(source_of(cell).journal)
            try:
                found = _compare_task(journal, made[name])
            finally:
                journal.close()
            if made[name].id != cell.task_id:
                found.insert(0, f"the task is {cell.task_id}, and {made[name].id} in {manifest}")
            # By another format, other texts would be verdicts.
            if made[name].format.name != cell.format:
                found.insert(0, f"the format is {cell.format}, and {made[name].format.name} in {manifest}")
            # The rules of scoring decide about numbers as gold labels do.
            ours, theirs = made[name].protocol.to_json(), cell.protocol.to_json()
            found += [
                f"the protocol: {key} is {theirs.get(key)!r}, and {ours[key]!r} in {manifest}"
                for key in ours
                if theirs.get(key) != ours[key]
            ]
            if found:
                problems[name] = found
    notes = [f"the run has no answers to the task {name!r} of {manifest}" for name in made if name not in cells]
    return ComparedData(problems=problems, notes=notes)


def _compare_task(journal: RecordedJournal, task: PlannedTask) -> list[str]:
    found, seen = FirstFew(of=" differences from the data"), 0
    asks = stream_requests(task)
    try:
        while chunk := list(islice(asks, _CHUNK)):
            seen += _compare_chunk(journal, task.name, chunk, found)
    except UserError as error:
        found.add(f"its data cannot be read here: {error}")
        return list(found)
    (known,) = journal.select_one("SELECT count(*) FROM asks WHERE task=?", (task.name,))
    if known > seen:
        found.add(f"{known - seen:,} of its requests are none of the data")
    return list(found)


def _compare_chunk(journal: RecordedJournal, task: str, chunk: Sequence[PlannedRequest], found: FirstFew) -> int:
    """Compare a few requests and their items. Gives how many of them the bundle has."""
    ids = sorted({ask.request_row.item for ask in chunk})
    asks, items = dict(_find_asks(journal, task, ids)), dict(_find_items(journal, task, ids))
    contents, seen = [], 0
    for ask in chunk:
        row, own = ask.request_row, ask.item_row
        if own is not None and row.item in items:
            wanted = (own.ordinal, own.group, own.category, own.space, own.gold, own.hash, own.annotations)
            for name, recorded, here in zip(_COLUMNS, items[row.item], wanted, strict=True):
                if recorded != here:
                    found.add(f"item {row.item}: its {name} is {recorded!r}, and {here!r} in the data")
        elif own is not None:
            found.add(f"item {row.item} is in the data, and not in the bundle")
        known = asks.get((row.item, row.place))
        seen += known is not None
        if known is None and row.item in items:
            # Of two orders, somebody may have left out the one that was answered wrong.
            found.add(f"item {row.item}, question {row.place} is in the data, and not in the bundle")
        elif known is not None and known[0] != row.request:
            found.add(f"item {row.item}, question {row.place}: it is not what the data and the plugin ask here")
        elif known is not None and known[1:] != (row.order, row.sample):
            # A verdict is a place that was shown. In another order it is one for another candidate.
            found.add(
                f"item {row.item}, question {row.place}: its order is {known[1]} and its sample {known[2]}, and "
                f"{row.order} and {row.sample} in the data"
            )
        contents.append((row.request, row.content))
    with journal.transaction():
        journal.store("requests", contents, keep=lambda known, new: known)
    return seen


def _find_asks(
    journal: RecordedJournal, task: str, ids: Sequence[str]
) -> Iterator[tuple[tuple[str, int], tuple[str, str, int]]]:
    """Key, order and sample of the recorded requests of some items, by item and place."""
    marks = ",".join("?" * len(ids))
    rows = journal.select_all(
        f"SELECT item, place, request, ord, sample FROM asks WHERE task=? AND item IN ({marks})", (task, *ids)
    )
    return (((item, place), (key, order, sample)) for item, place, key, order, sample in rows)


def _find_items(journal: RecordedJournal, task: str, ids: Sequence[str]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    marks = ",".join("?" * len(ids))
    rows = journal.select_all(
        "SELECT i.id, i.ordinal, i.grp, i.category, i.space, i.gold, i.hash, coalesce(n.verdicts, '') FROM items i "
        f"LEFT JOIN annotations n ON n.task=i.task AND n.item=i.id WHERE i.task=? AND i.id IN ({marks})",
        (task, *ids),
    )
    return ((row[0], tuple(row[1:])) for row in rows)
