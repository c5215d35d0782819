"""What is known about batches, on disk: written before a batch is submitted, so that none is paid twice after a kill.

One JSON file for each batch, in the run folder, in a folder of the judge's own. So a run with `--fresh`, or of another
manifest, takes no answers of this one. A file is replaced as a whole and synced: a kill leaves the old one or the new
one.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.api import JudgeStoppedError
from harness_endpoints.batch.api import ID

_OLDEST_S = 30 * 86400.0  # providers keep results for 29 or 30 days
_MOST_NAMED = 5


@dataclass(slots=True, eq=False)
class BatchRecord:
    """One batch."""

    marker: str
    """Ours. The provider is given it, and finds the batch by it."""
    created: float
    """When it was about to be submitted, in seconds since the epoch."""
    ids: list[str]
    """Its questions, as hashes."""
    batch: str = ""
    """The provider's id; empty where it is not known whether it was submitted."""
    delivered: set[str] = field(default_factory=set)
    """Questions that need nothing more of this batch: their results were handed on, or they are asked again."""
    adopted: bool = False
    """Whether another process submitted it. Its failures are asked again."""


class BatchStore:
    """The records of one judge.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> list[BatchRecord]:
        """All records, the oldest first. Those that are too old to be of use are deleted.

        Raises:
            JudgeStoppedError: A file cannot be read.
        """
        found = []
        for path in sorted(self._folder.glob("*.json")):
            record = _read(path)
            if record.created < time.time() - _OLDEST_S:
                path.unlink(missing_ok=True)
            else:
                found.append(record)
        return sorted(found, key=lambda record: record.created)

    def explain_left(self, name: str) -> str:
        """Why a command must not ask and pay without batches: answers are left at the provider. Empty where none are.

        Args:
            name: The judge's name.

        Raises:
            JudgeStoppedError: A file cannot be read.
        """
        left = [record for record in self.load() if not record.delivered.issuperset(record.ids)]
        if not left:
            return ""
        named = [f"{record.batch or 'one that may have been submitted'} ({self.path(record)})" for record in left]
        more = f", and {len(named) - _MOST_NAMED} more beside these" if len(named) > _MOST_NAMED else ""
        return (
            f"judge {name}: `batch` is off, and the answers of batches that this run submitted were not all taken: "
            f"{', '.join(named[:_MOST_NAMED])}{more}; give the command with `batch` again to take them, or, to ask and "
            "pay again, cancel the batches at the provider and remove these files"
        )

    def list_batches(self) -> set[str]:
        """The provider's ids of all batches of this judge and its neighbours."""
        return {_read(path).batch for path in self._folder.parent.glob("*/*.json")} - {""}

    def save(self, record: BatchRecord) -> None:
        """Write a record down, and be sure that it is."""
        plain = {
            "batch": record.batch,
            "created": record.created,
            "delivered": sorted(record.delivered),
            "ids": record.ids,
            "marker": record.marker,
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self.path(record)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(plain, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        if os.name == "posix":  # the name must be on disk as well; Windows cannot open a folder
            handle = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def path(self, record: BatchRecord) -> Path:
        """The file of a record."""
        return self._folder / f"{record.marker}.json"

    def remove(self, record: BatchRecord) -> None:
        """Forget a batch."""
        self.path(record).unlink(missing_ok=True)


def _read(path: Path) -> BatchRecord:
    try:
        plain: Any = json.loads(path.read_text(encoding="utf-8"))
        # A run folder may be of another person, and the id becomes part of a URL.
        if plain["batch"] and not ID.fullmatch(plain["batch"]):
            raise ValueError
        return BatchRecord(
            marker=path.stem,
            created=float(plain["created"]),
            ids=[str(name) for name in plain["ids"]],
            batch=str(plain["batch"]),
            delivered=set(plain["delivered"]),
            adopted=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise JudgeStoppedError(
            f"{path}: the record of a batch cannot be read; move it away, and its questions are asked and paid again"
        ) from None
