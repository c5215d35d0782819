"""Progress of a run on stderr: a bar for each judge on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from harness.api import CellProgress, write_share
from harness.libraries.terminal import guard_streams
from harness.libraries.text import clean

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 10.0
"""Seconds between two plain lines of one cell."""


def make_progress(stream: TextIO | None = None) -> CellProgress:
    """Bars on a terminal, plain lines otherwise."""
    stream = stream or sys.stderr  # stdout is for the leaderboard
    return Bars() if stream.isatty() else LineProgress(stream)


@dataclass(slots=True, kw_only=True)
class _Cell:
    """One judge on one task."""

    total: int | None
    done: int
    answered: int
    is_over: bool = False


@dataclass(slots=True)
class _JudgeCount:
    """One judge on all its tasks."""

    cells: dict[str, _Cell] = field(default_factory=dict)
    fresh: int = 0
    """Requests that this process has asked."""
    busy_s: float = 0.0
    """Seconds that this took. A journal is read in no time, and counts for neither."""

    @property
    def requests(self) -> int:
        return sum(cell.done for cell in self.cells.values())

    @property
    def total(self) -> int | None:
        totals = [cell.done if cell.is_over else cell.total for cell in self.cells.values()]
        return None if None in totals else sum(total or 0 for total in totals)

    @property
    def is_over(self) -> bool:
        return all(cell.is_over for cell in self.cells.values())

    @property
    def coverage(self) -> str:
        answered, done = (sum(getattr(cell, name) for cell in self.cells.values()) for name in ("answered", "done"))
        return f"coverage {write_share(answered / done)} %" if done else ""

    @property
    def rate(self) -> str:
        return f"{self.fresh / self.busy_s:,.0f}/s" if self.fresh and self.busy_s > 0 else ""

    def find_seconds_left(self) -> float | None:
        """Seconds until it is done at its own pace; `None` where that is not known."""
        if self.is_over or (self.total is not None and self.requests >= self.total):
            return 0.0
        if self.total is None or not self.fresh:
            return None
        return (self.total - self.requests) * self.busy_s / self.fresh


class _Run:
    """The counts of a whole run, shared by all its displays."""

    def __init__(self) -> None:
        self.judges: dict[str, _JudgeCount] = {}

    def add(self, judge: str, task: str, *, total: int | None, done: int, answered: int) -> _JudgeCount:
        """Note a cell, or what is known of it by now."""
        found = self.judges.setdefault(judge, _JudgeCount())
        found.cells[task] = _Cell(
            total=total, done=done, answered=answered, is_over=total is not None and done >= total
        )
        return found

    @property
    def requests(self) -> int:
        return sum(judge.requests for judge in self.judges.values())

    @property
    def total(self) -> int | None:
        totals = [judge.total for judge in self.judges.values()]
        return None if None in totals else sum(total or 0 for total in totals)

    def tell_time_left(self) -> str:
        """`0:04:10 left`, with `at least` where a judge has not shown its pace yet. Judges are taken one by one."""
        known = [judge.find_seconds_left() for judge in self.judges.values()]
        if all(seconds is None for seconds in known) or not sum(seconds or 0 for seconds in known):
            return ""
        minutes, seconds = divmod(round(sum(seconds or 0 for seconds in known)), 60)
        more = "at least " if None in known else ""
        return f"{more}{minutes // 60}:{minutes % 60:02}:{seconds:02} left"

    def summary(self) -> str:
        """`1,200 of 16,800 requests in all, 0:04:10 left`."""
        of = f" of {self.total:,}" if self.total is not None else ""
        return ", ".join(filter(None, [f"{self.requests:,}{of} requests in all", self.tell_time_left()]))


class _Cells(CellProgress):
    """Keeps the counts of the cell that is shown, and of its run."""

    def __init__(self, run: _Run | None = None) -> None:
        self._run = run or _Run()
        self._judge = self._task = ""
        self._began = 0.0

    def expect(self, judge: str, task: str, *, total: int | None, done: int, answered: int) -> None:
        """Count a cell that is still to come."""
        self._run.add(judge, task, total=total, done=done, answered=answered)

    def start(self, judge: str, task: str, *, total: int | None, done: int, answered: int) -> None:
        """Count the cell that begins."""
        self._judge, self._task, self._began = judge, task, time.monotonic()
        self._run.add(judge, task, total=total, done=done, answered=answered).cells[task].is_over = False

    def update(self, *, done: int, answered: int) -> None:
        """Count what is done."""
        if not self._judge:  # before any cell
            return
        own, now = self._run.judges[self._judge], time.monotonic()
        cell = own.cells[self._task]
        own.fresh += done - cell.done
        own.busy_s += now - self._began
        self._began, cell.done, cell.answered = now, done, answered

    def end(self) -> None:
        """Count the cell as over."""
        if self._judge:
            self._run.judges[self._judge].cells[self._task].is_over = True


class LineProgress(_Cells):
    """A line when a cell begins and ends, and every `LINE_EVERY_S` seconds in between."""

    def __init__(self, stream: TextIO, run: _Run | None = None) -> None:
        """Write to `stream`."""
        super().__init__(run)
        self._stream = stream
        self._said = 0.0
        self._first, self._first_s = 0, 0.0

    def __enter__(self) -> LineProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def beside(self) -> LineProgress:
        """Lines between these."""
        return type(self)(self._stream, self._run)

    def start(self, judge: str, task: str, *, total: int | None, done: int, answered: int) -> None:
        """Remember the cell."""
        super().start(judge, task, total=total, done=done, answered=answered)
        self._first, self._first_s = done, self._began
        self._said = self._began
        # Where it begins at nothing, the first line comes with the first answers.
        if done:
            self._say(f"{done:,} already in the journal")

    def update(self, *, done: int, answered: int) -> None:
        """Say how far it is, now and then."""
        super().update(done=done, answered=answered)
        if time.monotonic() - self._said >= LINE_EVERY_S:
            self._say(f"{self._state()}; {self._run.summary()}")

    def end(self) -> None:
        """Say how it went."""
        super().end()
        self._say(self._state())

    def _state(self) -> str:
        cell = self._run.judges[self._judge].cells[self._task]
        of = f" of {cell.total:,}" if cell.total is not None else ""
        parts = [f"{cell.done:,}{of} requests"]
        if cell.done:
            parts.append(f"coverage {write_share(cell.answered / cell.done)} %")
        took, fresh = time.monotonic() - self._first_s, cell.done - self._first
        if fresh and took > 0:
            parts.append(f"{fresh / took:,.0f}/s")
        return ", ".join(parts)

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        self._stream.write(f"{clean(self._task)} · {clean(self._judge)}: {text}\n")
        self._stream.flush()


class Bars(_Cells):
    """A bar for each judge that is asked, with its task inside, and one for the run. A judge that is done is a line."""

    def __init__(self, progress: Progress | None = None, run: _Run | None = None) -> None:
        """Draw on stderr, or among the bars of another display."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        super().__init__(run)
        self._progress = progress or Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            console=Console(stderr=True),
        )
        self._guard = guard_streams()
        self._bar: TaskID | None = None

    def __enter__(self) -> Bars:
        self._progress.start()
        # Around what rich puts there meanwhile, which would draw the colours of all that is printed.
        self._guard.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.__exit__(None, None, None)
        self._progress.stop()

    def beside(self) -> Bars:
        """Bars below these."""
        return Bars(self._progress, self._run)

    def start(self, judge: str, task: str, *, total: int | None, done: int, answered: int) -> None:
        """Show the judge, if it is another one than before."""
        if judge != self._judge or self._bar is None:
            self._hide()
            self._bar = self._progress.add_task(clean(judge), total=None, said="")
        super().start(judge, task, total=total, done=done, answered=answered)
        self._draw()

    def update(self, *, done: int, answered: int) -> None:
        """Move the bars."""
        super().update(done=done, answered=answered)
        self._draw()

    def end(self) -> None:
        """Leave one line of a judge that is done with all its tasks."""
        super().end()
        self._draw()
        own = self._run.judges.get(self._judge)
        if own is not None and own.is_over:
            self._hide()
            parts = [f"{own.requests:,} requests", own.coverage, own.rate]
            self._progress.console.print(
                f"{clean(self._judge)}: {', '.join(filter(None, parts))}", markup=False, highlight=False
            )

    def _hide(self) -> None:
        if self._bar is not None:
            self._progress.remove_task(self._bar)
            self._bar = None

    def _draw(self) -> None:
        if self._bar is None:
            return
        own = self._run.judges[self._judge]
        said = [clean(self._task), own.coverage, own.rate]
        self._progress.update(self._bar, total=own.total, completed=own.requests, said=" · ".join(filter(None, said)))
        run = self._run
        over = sum(judge.is_over for judge in run.judges.values())
        said = [f"{over} of {len(run.judges)} judges done", run.tell_time_left()]
        whole = next((bar.id for bar in self._progress.tasks if bar.fields.get("whole")), None)
        if whole is None:  # made by the first that draws, so that it is below the bars of that one
            whole = self._progress.add_task("all", total=None, said="", whole=True)
        self._progress.update(whole, total=run.total, completed=run.requests, said=" · ".join(filter(None, said)))
