"""Recorded answers as others publish them: which judges there are in a folder, and their answers.

A layout belongs to a task, whose card names it (see `harness.api.RecordingLayout`), or to another tool. Not for the
schema of the rows: see `harness_baselines.recordings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from harness.api import Context, DataError, RecordingLayout
from harness_baselines.options import ReplayOptions
from harness_baselines.recordings import Place, Recorded, parse_recordings
from harness_baselines.tools import TASK, TOOLS


def find_judges(options: ReplayOptions, context: Context) -> dict[str, list[tuple[RecordingLayout, Path]]]:
    """The files of each judge that the layouts find, by the name of the judge, in sorted order.

    Raises:
        DataError: A folder is not there or leads out of `answers`, or nothing was recorded in it.
    """
    root = Path(options.answers)
    judges: dict[str, list[tuple[RecordingLayout, Path]]] = {}
    for name, tasks in (options.layouts or {}).items():
        folder = root / name
        # A manifest may be a stranger's: `..` and links must not read other files.
        if not folder.resolve().is_relative_to(root.resolve()):
            raise DataError(f"replay: {folder} leads out of {root}; keep recorded answers inside it")
        if not folder.is_dir():
            raise DataError(f"replay: {folder}: no such folder; fix `answers:` or `layouts:`")
        for task in [tasks] if isinstance(tasks, str) else tasks:
            layout = TOOLS[task] if task in TOOLS else context.recordings(task)
            found = layout.find(folder)
            if not found:
                raise DataError(f"replay: {folder} holds no recorded answers in the layout of {task}; fix `layouts:`")
            for judge, files in found.items():
                _check_inside(files, folder)
                judges.setdefault(judge, []).extend((layout, file) for file in files)
    return {judge: judges[judge] for judge in sorted(judges)}


def read_layout(layout: RecordingLayout, file: Path, judge: str) -> Iterator[tuple[Place, Recorded]]:
    """A judge's answers in one file.

    Raises:
        DataError: The file cannot be read, or a row is no answer. Names file, line and the fix.
    """
    rows: Iterator[tuple[str, Mapping[str, object]]] = (
        (f"{file}, {place}", row) for row, place in layout.read(file, judge)
    )
    first = next(rows, None)
    if first is None:
        return iter(())
    # Tools that keep answers to several tasks in one folder say of each which one it is to.
    return parse_recordings(chain([first], rows), id_field="id", task_field=TASK if TASK in first[1] else None)


def _check_inside(files: Sequence[Path], folder: Path) -> None:
    for file in files:
        if not file.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"replay: {file} leads out of {folder}; keep recorded answers inside it")
