"""How far a training is, on stderr: lines before the first step, then a bar on a terminal or a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from harness_grpo.processes import is_first

_QUIET_S = 30.0
"""Seconds between two lines where there is no terminal."""

_SOON_S = 5.0
"""Seconds between two lines about what comes before the first step."""


class Phase:
    """Says on stderr what is done before the first step: at once, and now and then how far it is.

    Args:
        name: Of the recipe.
        what: Is done.
        unit: What is counted.
    """

    def __init__(self, name: str, what: str, unit: str = "") -> None:
        self._head = f"{name}: {what}"
        self._unit = unit
        self._started = self._said = time.monotonic()
        self._print("")

    def advance(self, done: int, total: int | None = None) -> None:
        """So many are done, of so many where that is known."""
        now = time.monotonic()
        if now - self._said < _SOON_S:
            return
        self._said = now
        if total is None:
            self._print(f"{done:,} {self._unit}")
        else:
            left = (now - self._started) / max(1, done) * (total - done)
            self._print(f"{done:,} of {total:,} {self._unit}, about {left:.0f} s left")

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._started

    def _print(self, text: str) -> None:
        _say(f"{self._head}: {text}" if text else f"{self._head} ...")


def announce(name: str, text: str) -> None:
    """Say something about a training before it begins.

    Args:
        name: Of the recipe.
        text: A line.
    """
    # Names in it are those of a model, which may be a stranger's.
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    _say(f"{name}: {shown}")


def _say(line: str) -> None:
    if is_first():
        print(line, file=sys.stderr)  # noqa: T201


class TrainingBar:
    """Shows how far a training is.

    Args:
        name: Of the recipe.
        steps: In all.
        begin: Done already.
    """

    def __init__(self, name: str, steps: int, begin: int) -> None:
        self._name = name
        self._steps = steps
        self._begin = begin
        self._bar: Any = None
        self._task: Any = None
        self._started = self._said = time.monotonic()

    def __enter__(self) -> TrainingBar:
        """Begin."""
        if sys.stderr.isatty() and is_first():
            # rich is loaded on a terminal only; logs get plain lines.
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[reading]}", markup=False),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(self._name, total=self._steps, completed=self._begin, reading="")
            self._bar.start()
        return self

    def advance(self, step: int, metrics: Mapping[str, float]) -> None:
        """A step is done."""
        reading = "  ".join(f"{key} {metrics[key]:.3g}" for key in ("reward", "loss") if key in metrics)
        if self._bar is not None:
            self._bar.update(self._task, completed=step, reading=reading)
            return
        now = time.monotonic()
        if now - self._said >= _QUIET_S or step == self._steps:
            self._said = now
            # From the steps of this attempt: those of an earlier one took time that is not known here.
            left = (now - self._started) / max(1, step - self._begin) * (self._steps - step)
            _say(f"{self._name}: step {step} of {self._steps}, about {left:.0f} s left  {reading}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        if self._bar is not None:
            self._bar.stop()
