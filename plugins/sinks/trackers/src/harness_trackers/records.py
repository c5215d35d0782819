"""What is handed from the process of the run to that of a service. Plain data, without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

OPENING, OUTCOME = "opening.json", "outcome.json"
"""Names of the two records as files."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What is known when a run or a training begins to be sent."""

    kind: Literal["run", "training"]
    """What it is."""
    folder: str
    """The run folder or the checkpoint folder, absolute. Not sent."""
    name: str
    """Name of the folder."""
    group: str
    """Name of the manifest or of the recipe."""
    params: Mapping[str, str]
    """What was set, by name."""
    wait_s: float
    """Seconds that a service may take."""

    @classmethod
    def read(cls, folder: Path) -> Opening:
        """The record that a folder holds."""
        return cls(**_read(folder / OPENING))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came out of what was finished."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """Numbers by name."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What may change when it is sent again: versions, flags."""
    documents: Mapping[str, str] = field(default_factory=dict)
    """Text files by name."""
    files: tuple[str, ...] = ()
    """Paths of files that are sent as they are."""

    @classmethod
    def read(cls, folder: Path) -> Outcome | None:
        """The record that a folder holds; `None` where there is none."""
        return cls(**_read(folder / OUTCOME)) if (folder / OUTCOME).exists() else None


def write_record(folder: Path, record: Opening | Outcome) -> None:
    """Put a record into a folder, whole or not at all."""
    name = OPENING if isinstance(record, Opening) else OUTCOME
    part = folder / f"{name}.part"
    part.write_text(json.dumps(asdict(record)), encoding="utf-8")
    part.rename(folder / name)


def _read(path: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return plain
