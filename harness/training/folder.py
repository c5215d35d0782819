"""The checkpoint folder: what a training leaves, and where.

checkpoints/<recipe name>-<hash>/
  recipe.yaml      the resolved recipe, runnable again as it is
  curves.jsonl     what the trainer logged: one JSON object a step; of several for one step the last one counts
  attempts.json    when each attempt began, and how many seconds it took
  traceback.txt    where the trainer failed, if it did
  result.json      what the trainer returned: from here on only the record is missing
  model/           the model as the trainer left it, and its model card, README.md
  trained.json     steps, scores, versions, machine, times; written last: where it is, the training is done

A trainer keeps its own files beside these, under other names.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import JournalError, PluginError, TrainingResult
from harness.runner.folder import read_kept, write_atomically

CHECKPOINTS = Path("checkpoints")
"""Where checkpoint folders are kept unless `--checkpoints` says otherwise."""

RECIPE = "recipe.yaml"
CURVES = "curves.jsonl"
ATTEMPTS = "attempts.json"
TRACEBACK = "traceback.txt"
RESULT = "result.json"
MODEL = "model"
CARD = "README.md"
TRAINED = "trained.json"

_NOTE_EVERY_S = 0.1
"""Seconds between two notes of how long an attempt has taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The content of `trained.json`: what came out, and what a reader needs to make it again."""

    schema: str = "judge-harness/trained/1"
    """Version of these fields. Some may be added within it."""
    recipe: str
    """Name of the recipe."""
    hash: str
    """Last part of the folder's name: of all that decides what is trained."""
    start: str | None
    """What it starts from: a model, or the checkpoint folder of a recipe."""
    steps: int
    """Optimizer steps that were done."""
    selected: int
    """The step whose weights were kept."""
    scores: Mapping[str, float | None]
    """Scores of the kept weights on the validation splits; `null` for one that is not finite."""
    notes: tuple[str, ...]
    """What the trainer wants a reader to know."""
    skipped: Mapping[str, int]
    """Items that could not be shown, by `task/split`."""
    harness: str
    """Version of judge-harness."""
    python: str
    """Version of Python."""
    platform: str
    """Operating system and machine."""
    processors: int | None
    """Processors of the machine."""
    plugins: Mapping[str, str]
    """Version of each plugin distribution that took part."""
    libraries: Mapping[str, str]
    """Versions of what those distributions depend on."""
    command: tuple[str, ...]
    """The command line of the last attempt."""
    finished: str
    """When the last attempt ended, in UTC."""
    seconds: float
    """How long the last attempt took."""
    seconds_of_all_attempts: float
    """How long all attempts took together."""
    attempts: int
    """Number of attempts."""
    files: Mapping[str, int]
    """Bytes of each file of the model, by its path in `model/`; the card not counted."""


def is_done(folder: Path) -> bool:
    """Whether a checkpoint folder holds a finished training: its record and a model.

    Raises:
        JournalError: The record is damaged, or a file of the model is not as long as it was.
    """
    if not (folder / TRAINED).is_file() or not has_model(folder):
        return False
    here = list_files(folder)
    # Records of earlier versions have no `files`.
    for name, size in dict(read_trained(folder).get("files") or {}).items():
        if here.get(name) != size:
            found = "is missing" if name not in here else f"has {here[name]:,} bytes"
            raise JournalError(
                f"{folder / MODEL / name}: {found}, and {size:,} bytes were trained; put it back, or remove {folder}: "
                "the same command then trains again"
            )
    return True


def has_model(folder: Path) -> bool:
    """Whether there is a file of a model, the card not counted."""
    # The card alone is left where a model was moved away: that is no model.
    return bool(list_files(folder))


def list_files(folder: Path) -> dict[str, int]:
    """Bytes of each file of the model, by its path in `model/`; the card not counted."""
    model = folder / MODEL
    files = sorted(path for path in model.rglob("*") if path.is_file() and path != model / CARD)
    return {path.relative_to(model).as_posix(): path.stat().st_size for path in files}


def read_trained(folder: Path) -> dict[str, Any]:
    """The content of `trained.json`.

    Raises:
        JournalError: It is damaged.
    """
    path = folder / TRAINED
    try:
        record: dict[str, Any] = json.loads(read_kept(path))
        if not isinstance(record, dict):
            raise ValueError("no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise JournalError(
            f"{path}: is damaged ({error}); remove it, and the same command writes it again from {RESULT}, without "
            "training where that file and the model are there"
        ) from error
    return record


def read_result(folder: Path) -> TrainingResult | None:
    """What a trainer returned in an attempt that wrote no record; `None` where it did not come so far."""
    try:
        kept = json.loads(read_kept(folder / RESULT))
        # Of a model that is not whole any more nothing is kept: it is trained again.
        whole = has_model(folder) and kept.pop("files") == list_files(folder)
        return TrainingResult(**kept) if whole else None
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None  # damaged: the trainer is called again, and goes on from what it kept


def write_result(folder: Path, trained: TrainingResult) -> None:
    """Keep what a trainer returned, until the record is written and after it."""
    scores = {str(name): float(value) for name, value in trained.scores.items()}
    plain = {"steps": int(trained.steps), "selected": int(trained.selected), "scores": scores}
    kept = {**plain, "notes": list(trained.notes), "files": list_files(folder)}
    write_atomically(folder / RESULT, json.dumps(kept) + "\n")


class Curves:
    """Writes what a trainer logs. What is logged is on disk before the trainer goes on."""

    def __init__(self, folder: Path) -> None:
        """Go on after what an earlier attempt logged. Half a line that it left is cut off."""
        self._path = folder / CURVES
        self._step = -1
        self._metrics: dict[str, float | None] = {}
        if self._path.exists():
            whole = _read_bytes(self._path)
            # Half a line, left by a process that was killed, would spoil the next one as well.
            if not whole.endswith(b"\n"):
                with self._path.open("r+b") as stream:
                    stream.truncate(whole.rfind(b"\n") + 1)

    def add(self, step: int, metrics: Mapping[str, float]) -> dict[str, float]:
        """Record scalars of a step. Those that this attempt has already logged for it are kept beside them.

        Returns:
            The metrics as plain numbers.

        Raises:
            PluginError: They are no scalars by name.
            JournalError: The disk is full or the folder cannot be written to.
        """
        try:
            plain = {str(name): float(value) for name, value in metrics.items()}
            number = int(step)
        except (AttributeError, TypeError, ValueError) as error:
            raise PluginError(f"the trainer logged {metrics!r} at step {step!r}; log numbers by name") from error
        # A trainer may log a step in parts, such as the loss now and the validation score later.
        kept = self._metrics if number == self._step else {}
        self._step = number
        self._metrics = {**kept, **{name: value if math.isfinite(value) else None for name, value in plain.items()}}
        line = json.dumps({"step": number, "metrics": self._metrics}, allow_nan=False)
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be written ({error.strerror or error}); free space") from error
        return plain


def _read_bytes(path: Path) -> bytes:
    try:
        return read_kept(path) if path.exists() else b""
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror or error}); remove it") from error


def read_curves(folder: Path) -> dict[int, dict[str, float | None]]:
    """Logged metrics by step, in the order of steps; `None` for a value that was not finite.

    Of several records for a step the last one counts: an attempt that goes on from an earlier state does steps again.
    """
    path = folder / CURVES
    records: dict[int, dict[str, float | None]] = {}
    for line in _read_bytes(path).splitlines():
        try:
            record = json.loads(line)
            records[int(record["step"])] = dict(record["metrics"])
        except (ValueError, KeyError, TypeError):
            continue  # half a line, left by a process that was killed
    return dict(sorted(records.items()))


def _read_attempts(path: Path) -> list[dict[str, Any]]:
    """Earlier attempts. Of a damaged file none: how long they took is no reason to train no more."""
    try:
        found = json.loads(read_kept(path))
        return [{"began": str(attempt["began"]), "seconds": float(attempt["seconds"])} for attempt in found]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


class Attempts:
    """How long each attempt took, however it ended."""

    def __init__(self, folder: Path) -> None:
        """Begin an attempt."""
        self._path = folder / ATTEMPTS
        before = _read_attempts(self._path)
        self._began = self._noted = time.monotonic()
        self._pause = _NOTE_EVERY_S
        self._record: dict[str, Any] = {"began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "seconds": 0.0}
        self._all: list[dict[str, Any]] = [*before, self._record]
        self.note(force=True)

    @property
    def count(self) -> int:
        """Number of attempts so far."""
        return len(self._all)

    @property
    def seconds(self) -> float:
        """Seconds of this attempt as last noted."""
        return float(self._record["seconds"])

    @property
    def seconds_of_all(self) -> float:
        """Seconds of all attempts as last noted."""
        return round(sum(float(attempt["seconds"]) for attempt in self._all), 3)

    def note(self, *, force: bool = False) -> None:
        """Write down how long it took so far, at most once in `_NOTE_EVERY_S` unless forced."""
        now = time.monotonic()
        if force or now - self._noted >= self._pause:
            self._noted = now  # a fast trainer logs a thousand steps a second
            self._record["seconds"] = round(now - self._began, 3)
            write_atomically(self._path, json.dumps(self._all, indent=2) + "\n")
            # A slow disk is not written to for more than a twentieth of the time.
            self._pause = max(_NOTE_EVERY_S, 20 * (time.monotonic() - now))
