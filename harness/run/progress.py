"""Progress of a run on stderr: one bar a cell on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from harness.api import write_share
from harness.console import guard_streams
from harness.text import clean

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 10.0
"""Seconds between two plain lines of one cell."""


class CellProgress(Protocol):
    """How far the current cell is."""

    def beside(self) -> CellProgress:
        """The display of another cell, which is shown at the same time."""

    def start(self, label: str, *, total: int | None, done: int) -> None:
        """A cell begins. `done` of its `total` requests are in the journal already."""

    def update(self, *, done: int, answered: int) -> None:
        """So many requests are done, so many of them with a verdict."""

    def end(self, note: str = "") -> None:
        """The cell is over."""

    def __enter__(self) -> CellProgress: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_progress(stream: TextIO | None = None) -> CellProgress:
    """Bars on a terminal, plain lines otherwise."""
    stream = stream or sys.stderr  # stdout is for the leaderboard
    return Bars() if stream.isatty() else Lines(stream)


class Lines:
    """A line when a cell begins and ends, and every `LINE_EVERY_S` seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream
        self._label = ""
        self._total: int | None = None
        self._began = self._said = 0.0
        self._first = self._done = self._answered = 0

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def beside(self) -> Lines:
        """Lines between these."""
        return type(self)(self._stream)

    def start(self, label: str, *, total: int | None, done: int) -> None:
        """Remember the cell."""
        self._label, self._total, self._first, self._done, self._answered = label, total, done, done, 0
        self._began = self._said = time.monotonic()
        # Where it begins at nothing, the first line comes with the first answers.
        if done:
            self._say(f"{done:,} already in the journal")

    def update(self, *, done: int, answered: int) -> None:
        """Say how far it is, now and then."""
        self._done, self._answered = done, answered
        if time.monotonic() - self._said >= LINE_EVERY_S:
            self._say(self._state())

    def end(self, note: str = "") -> None:
        """Say how it went."""
        self._say(note or self._state())

    def _state(self) -> str:
        of = f" of {self._total:,}" if self._total is not None else ""
        took = time.monotonic() - self._began
        fresh = self._done - self._first  # the rate is that of this process: a journal is read in no time
        parts = [f"{self._done:,}{of} requests"]
        if self._done:
            parts.append(f"coverage {write_share(self._answered / self._done)} %")
        if fresh and took > 0:
            parts.append(f"{fresh / took:,.0f}/s")
            if self._total is not None and self._done < self._total:
                parts.append(f"{(self._total - self._done) * took / fresh:,.0f} s left")
        return ", ".join(parts)

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        self._stream.write(f"{clean(self._label)}: {text}\n")
        self._stream.flush()


class Bars:
    """One bar for each cell: requests, rate, time left, coverage so far."""

    def __init__(self, progress: Progress | None = None) -> None:
        """Draw on stderr, or among the bars of another display."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = progress or Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[coverage]}"),
            console=Console(stderr=True),
        )
        self._guard = guard_streams()
        self._bar: TaskID | None = None
        self._began = 0.0
        self._first = 0

    def __enter__(self) -> Bars:
        self._progress.start()
        # Around what rich puts there meanwhile, which would draw the colours of all that is printed.
        self._guard.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._guard.__exit__(None, None, None)
        self._progress.stop()

    def beside(self) -> Bars:
        """Bars below these."""
        return Bars(self._progress)

    def start(self, label: str, *, total: int | None, done: int) -> None:
        """Add a bar."""
        self._began, self._first = time.monotonic(), done
        self._bar = self._progress.add_task(clean(label), total=total, completed=done, rate="", coverage="")

    def update(self, *, done: int, answered: int) -> None:
        """Move the bar."""
        if self._bar is None:
            return
        took = max(time.monotonic() - self._began, 1e-9)
        self._progress.update(
            self._bar,
            completed=done,
            rate=f"{(done - self._first) / took:,.0f}/s",
            coverage=f"coverage {write_share(answered / done)} %" if done else "",
        )

    def end(self, note: str = "") -> None:
        """Complete the bar."""
        if self._bar is None:
            return
        done = self._progress.tasks[self._progress.task_ids.index(self._bar)].completed
        self._progress.update(self._bar, total=max(done, 1))  # a bar without a total would go on moving
        if note:
            self._progress.update(self._bar, coverage=note)
