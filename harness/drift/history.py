"""The history of a drift: a line of JSON for each date on which the anchors were asked, in the order of the dates.

A line holds the numbers as they were told at that date, for people and plots. What is told now is computed from the
journals again, and a line's digests show whether the answers in them are still those of that date.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.api import JournalError, RecordedAnswer, RecordedCell
from harness.libraries.text import clean
from harness.recorded.load import load_run
from harness.runner.folder import write_atomically

FILE = "history.jsonl"
"""Name of the file in the folder of a drift."""

LABEL = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
"""What a snapshot may be called: its name is that of a folder."""

_FOLDER = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*/[0-9A-Za-z][0-9A-Za-z._-]*")
_MOST_BYTES = 256 * 2**20
_LONGEST = 8 * 2**20


class Snapshot(BaseModel):
    """One date on which all anchors were asked. One line of `history.jsonl`."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    snapshot: str = Field(pattern=rf"^{LABEL.pattern}$")
    """Its name: the date, unless another was given."""
    taken: str
    """When it was complete, in UTC."""
    folder: str = Field(pattern=rf"^{_FOLDER.pattern}$")
    """Its run folder, within the folder of the drift."""
    again: tuple[str, ...] = ()
    """The run folders in which the questions were asked again at once; of the first snapshot only."""
    digests: dict[str, str]
    """By run folder: SHA-256 of who said what, 16 hex digits."""
    judges: list[dict[str, Any]] = Field(default_factory=list)
    """What was told of each judge."""
    cells: list[dict[str, Any]] = Field(default_factory=list)
    """What was told of each judge on each task."""

    @property
    def folders(self) -> tuple[str, ...]:
        """All of its run folders."""
        return (self.folder, *self.again)


@dataclass(frozen=True, kw_only=True)
class AnchorAnswer:
    """What a judge said to one request."""

    answer: RecordedAnswer
    """The answer, with its item. Its verdict is in the data's own places."""
    name: str
    """The verdict in the data's own places; the status in brackets where there is none."""

    @classmethod
    def of(cls, answer: RecordedAnswer) -> AnchorAnswer:
        """Of a recorded answer."""
        if answer.verdict is None:
            return cls(answer=answer, name=f"({answer.status.value})")
        # The same places at all dates, in whichever order the candidates were shown.
        verdict = answer.space.to_canonical(answer.verdict, answer.order) if answer.order else answer.verdict
        return cls(answer=answer._replace(verdict=verdict), name=answer.space.name(verdict))


def read_history(folder: Path) -> list[Snapshot]:
    """All snapshots, the first one first. None where there is no file yet.

    Raises:
        JournalError: A line is damaged, or a name comes twice. The message names the line.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise ValueError("no plain file of a sensible size")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise JournalError(f"{path}: cannot be read ({clean(str(error))}); put the file back") from error
    found: list[Snapshot] = []
    for number, line in enumerate(lines, 1):
        try:
            if len(line) > _LONGEST:
                raise ValueError("the line is too long")
            snapshot = Snapshot.model_validate_json(line)
        except ValueError as error:
            cause = error.errors()[0] if isinstance(error, ValidationError) else None
            told = str(error) if cause is None else f"{'.'.join(map(str, cause['loc']))} {cause['msg']}"
            raise JournalError(
                f"{path}: line {number} is damaged ({clean(told)[:200]}); put the file back, or take the line out"
            ) from error
        if any(other.snapshot == snapshot.snapshot for other in found):
            raise JournalError(f"{path}: line {number}: {snapshot.snapshot} is there twice; take one of them out")
        found.append(snapshot)
    return found


def write_history(folder: Path, snapshots: Sequence[Snapshot]) -> None:
    """Write all lines.

    Raises:
        JournalError: They cannot be written.
    """
    lines = [json.dumps(snapshot.model_dump(), sort_keys=True, allow_nan=False) for snapshot in snapshots]
    write_atomically(folder / FILE, "".join(f"{line}\n" for line in lines))


def add_snapshot(snapshots: Sequence[Snapshot], new: Snapshot) -> list[Snapshot]:
    """The history with a snapshot at its end, or in the place of the one of its name, whose numbers it keeps."""
    found = list(snapshots)
    for place, old in enumerate(found):
        if old.snapshot == new.snapshot:
            # Asked again for its failures alone: where there were none, nothing is new.
            same = old.digests == new.digests
            found[place] = old if same else with_numbers(new, judges=old.judges, cells=old.cells)
            return found
    return [*found, new]


def with_numbers(snapshot: Snapshot, *, judges: list[dict[str, Any]], cells: list[dict[str, Any]]) -> Snapshot:
    """The snapshot with what was told of it."""
    return snapshot.model_copy(update={"judges": judges, "cells": cells})


def digest_of(folder: Path) -> str:
    """SHA-256 over who said what in a run, 16 hex digits.

    Raises:
        JournalError: It is no run folder, or it is damaged.
    """
    sha = hashlib.sha256()
    for cell in load_run(folder).cells:
        sha.update(json.dumps([cell.task, cell.judge, cell.judge_key]).encode())
        for answer in cell.answers():
            said = [answer.item, answer.order, answer.sample, answer.status.value, answer.verdict, answer.gold]
            sha.update(json.dumps(said, default=str).encode())
    return sha.hexdigest()[:16]


def load_snapshot(folder: Path, snapshot: Snapshot, run: str) -> list[RecordedCell]:
    """The cells of one of a snapshot's run folders.

    Raises:
        JournalError: It is gone or damaged, or holds other answers than it did.
    """
    where = folder / run
    try:
        cells = load_run(where).cells
        digest = digest_of(where)
    except JournalError as error:
        raise JournalError(f"snapshot {snapshot.snapshot}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JournalError(
            f"snapshot {snapshot.snapshot}: {where}: the journal is damaged ({clean(str(error))[:200]}); put it back, "
            f"or take its line out of {folder / FILE}"
        ) from error
    if digest != snapshot.digests.get(run):
        raise JournalError(
            f"snapshot {snapshot.snapshot}: the answers in {where} are not those that were given at that date; put the "
            f"folder back, or take its line out of {folder / FILE}"
        )
    return cells


def gather_answers(
    cells: Iterable[RecordedCell],
) -> dict[tuple[str, str], dict[tuple[str, tuple[int, ...], int], AnchorAnswer]]:
    """What was said, by task and judge, then by item, order and sample. Failures of the machinery are left out."""
    return {
        (cell.task, cell.judge): {
            (answer.item, answer.order, answer.sample): AnchorAnswer.of(answer)
            for answer in cell.answers()
            if answer.status.value != "error"
        }
        for cell in cells
    }
