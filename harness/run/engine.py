"""The engine: a loop over cells that asks each judge what the journal lacks and writes down the answers.

    stream_requests(task) -> leave out what is known -> Driver(judge) -> journal, in batches

Memory does not grow with the number of items. A `kill -9` at any moment loses what was in flight and nothing else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from typing import Any

from harness.api import DataError, Judge, Judgement, JudgeStoppedError, KnownAnswers, Request, Status
from harness.run.driver import AnsweredRequest, Driver
from harness.run.journal import Journal
from harness.run.planned import Cell, Plan, PlannedTask
from harness.run.progress import CellProgress
from harness.run.requests import PlannedRequest, Shard, stream_requests
from harness.run.rows import LEFT_OUT, CellRow
from harness.run.stopping import hear_signals

CHUNK = 128
"""Requests looked up in the journal at once."""

FAIR_SAMPLE = 20
"""A failure rate is not judged on fewer requests than this."""


@dataclass(kw_only=True)
class Outcome:
    """What a run of the engine came to."""

    interrupted: bool = False
    """Stopped by Ctrl-C or another signal. The same command goes on."""
    too_many_errors: str = ""
    """Why `--fail-on-error` stopped the run."""
    stopped: dict[str, str] = field(default_factory=dict)
    """Judges that could not go on (no key, no credit, a spent budget, ...), by name, in their own words."""
    asked: int = 0
    """Requests put to judges in this process."""
    errors: dict[tuple[str, str], int] = field(default_factory=dict)
    """Failed judgements in the journal by task and judge."""

    @property
    def cut_short(self) -> bool:
        """Whether something other than Ctrl-C ended the run, or a judge, before its time."""
        return bool(self.too_many_errors or self.stopped)


class Engine:
    """Runs a plan against a journal.

    Args:
        plan: What to run.
        journal: The open journal of the run folder.
        timeout: Seconds that a judge may stay silent while it has requests in flight.
        fail_on_error: Stop when more than this share of a cell's judgements failed; `None` never stops.
        shard: Only this part of every task.
        progress: Where to show how far it is.
        known: Answers that need not be asked for.
    """

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        *,
        timeout: float,
        fail_on_error: float | None,
        shard: Shard | None,
        progress: CellProgress,
        known: KnownAnswers | None = None,
    ) -> None:
        self._known = known
        self._plan = plan
        self._journal = journal
        self._timeout = timeout
        self._fail_on_error = fail_on_error
        self._shard = shard
        self._progress = progress
        self._stop_driver: Callable[[], None] | None = None
        self._outcome = Outcome()
        self._totals: dict[str, int] = {}
        plan.journal = journal.path

    def run(self) -> Outcome:
        """Bring every cell as far as it gets.

        Raises:
            UserError: Data, a plugin or the journal cannot be used. What was judged is kept.
        """
        self._leave_out()
        with self._progress, hear_signals(self._interrupt):
            # All cells of a judge come one after the other, so that its weights are loaded once.
            for judge, cells in groupby(self._plan.cells(), key=lambda cell: cell.judge):
                for cell in cells:
                    if self._outcome.interrupted or self._outcome.too_many_errors:
                        return self._outcome
                    if judge.name not in self._outcome.stopped:
                        self._run_cell(cell)
                judge.close()
        return self._outcome

    def _leave_out(self) -> None:
        """Record the cells that are not asked, so that reports can name them."""
        for judge in self._plan.judges:
            for task in self._plan.tasks:
                if (task.name, judge.name) in self._plan.left_out:
                    self._journal.set_cell(CellRow(task.name, judge.name, judge.key, task.fingerprint, LEFT_OUT))

    def _interrupt(self) -> None:
        self._outcome.interrupted = True
        if self._stop_driver is not None:
            self._stop_driver()

    def _run_cell(self, cell: Cell) -> None:
        task, judge = cell.task, cell.judge
        row = CellRow(task.name, judge.name, judge.key, task.fingerprint, "complete")
        statuses = self._journal.statuses(task.name, judge.key)
        if self._is_complete(row, statuses):
            return
        # Errors are asked again, so they are not done yet.
        known = sum(count for status, count in statuses.items() if status not in ("missing", "error"))
        total = self._total(task)
        self._progress.start(f"{task.name} · {judge.name}", total=total, done=known)
        # Said before the first request, so that a run that is killed never looks finished.
        self._journal.set_cell(CellRow(task.name, judge.name, judge.key, task.fingerprint, "partial"))
        work = _CellWork(cell, self._journal, self._plan, shard=self._shard, known=self._known)
        try:
            driver = Driver(
                make_judge=self._judge_maker(cell),
                requests=work.requests(),
                timeout=self._timeout,
                find_stall=partial(work.find_stall, self._timeout),
            )
            self._stop_driver = driver.stop
            if self._outcome.interrupted:  # by Ctrl-C between the last two lines
                driver.stop()
            self._collect(cell, work, driver, statuses)
        except JudgeStoppedError as error:
            self._outcome.stopped[judge.name] = str(error)
        finally:
            self._stop_driver = None
            work.close()
        statuses = self._journal.statuses(task.name, judge.key)
        cut_short = self._outcome.too_many_errors or judge.name in self._outcome.stopped
        # A judge may end while requests are left; only a stream that was read to its end makes a complete cell.
        if work.finished and not statuses.get("missing") and not cut_short:
            self._journal.set_cell(row)
            self._totals[task.name] = sum(statuses.values())
        errors = statuses.get("error", 0)
        if errors:
            self._outcome.errors[task.name, judge.name] = errors
        self._progress.end()

    def _total(self, task: PlannedTask) -> int | None:
        """Requests of a cell: as an earlier cell of the same task found, or as the task itself says."""
        if task.name not in self._totals:
            count = task.count() if self._shard is None else None
            return None if count is None else count * task.requests_per_item
        return self._totals[task.name]

    def _is_complete(self, row: CellRow, statuses: dict[str, int]) -> bool:
        return row in self._journal.cells() and not statuses.get("error") and not statuses.get("missing")

    def _judge_maker(self, cell: Cell) -> Callable[[], Judge]:
        """The plan's judge first, a new one after a hang."""
        first = [cell.judge.judge]  # loaded already
        return lambda: first.pop() if first else cell.judge.make()

    def _collect(self, cell: Cell, work: _CellWork, driver: Driver, statuses: dict[str, int]) -> None:
        known = {status: count for status, count in statuses.items() if status not in ("missing", "error")}
        done, answered, errors = sum(known.values()), known.get("ok", 0), 0
        batches = driver.batches()
        while True:
            batch = next(batches, None)
            judgements = work.record(batch or [])
            self._outcome.asked += len(batch or [])
            done += len(judgements)
            answered += sum(judgement.status is Status.OK for judgement in judgements)
            errors += sum(judgement.status is Status.ERROR for judgement in judgements)
            self._progress.update(done=done, answered=answered)
            if work.problem is not None:
                driver.stop()  # and write down what is still in flight, before saying what is wrong
            if batch is None:
                break
            if self._fail_on_error is not None and done >= FAIR_SAMPLE and errors > self._fail_on_error * done:
                self._outcome.too_many_errors = (
                    f"{errors} of {done} judgements of {cell.judge.name} on {cell.task.name} failed, more than the "
                    f"{self._fail_on_error * 100:g} % that --fail-on-error allows"
                )
                driver.stop()
        if work.problem is not None:
            raise work.problem


class _CellWork:
    """The stream of one cell's requests, and the rows that go with them.

    `requests` runs in the judge's thread, the rest in the main one. The deques between them are thread-safe.
    """

    def __init__(
        self, cell: Cell, journal: Journal, plan: Plan, *, shard: Shard | None, known: KnownAnswers | None
    ) -> None:
        # A judge that does not say what it is cannot be known again.
        self._known = known if cell.judge.judge.fingerprint() else None
        self._taken: deque[tuple[str, str, Judgement]] = deque()
        self._cell = cell
        self._journal = journal
        self._reader = Journal(journal.path, readonly=True)  # for the judge's thread
        self._plan = plan
        self._shard = shard
        self._planned: deque[PlannedRequest] = deque()
        self._unreadable: deque[tuple[str, Judgement]] = deque()
        self._pending: set[str] = set()
        self._read_at: float | None = None
        self.finished = False
        self.problem: DataError | None = None

    def close(self) -> None:
        """Close the reader; only once the judge's thread asks for nothing more."""
        self._reader.close()

    def requests(self) -> Iterator[Request]:
        """The requests that the journal has no answer for, each content once, or once for each item."""
        judge, stream = self._cell.judge, self._stream()
        while chunk := list(islice(stream, CHUNK)):
            chunk = [planned._replace(request=planned.request and judge.put(planned.request)) for planned in chunk]
            keys = [
                planned.request_row.request if planned.request is None else planned.request.key for planned in chunk
            ]
            known = self._reader.find_answered(judge.key, keys)
            earlier = self._find_earlier([p.request for p in chunk if p.request and p.request.key not in known])
            for planned, key in zip(chunk, keys, strict=True):
                self._planned.append(planned)
                # Two items of equal content are one question. The second one waits for the answer to the first.
                if key in known or key in self._pending:
                    continue
                if planned.request is None:
                    self._unreadable.append((key, Judgement.failure(Status.ERROR, planned.problem)))
                    continue
                self._pending.add(key)
                if key in earlier:
                    self._taken.append((key, *earlier[key]))
                    continue
                yield planned.request
        self.finished = True

    def _stream(self) -> Iterator[PlannedRequest]:
        for planned in stream_requests(self._cell.task, shard=self._shard):
            self._read_at = time.monotonic()
            yield planned

    def find_stall(self, timeout: float) -> DataError | None:
        """What is wrong where the task makes no request any more. Before its first one it may fetch data for hours."""
        if self._read_at is None or time.monotonic() - self._read_at <= timeout:
            return None
        return DataError(
            f"task {self._cell.task.name}: made no request within {timeout:g} s: a file, a disk or a server that it "
            "reads does not answer; look at it, or raise `run: {timeout: ...}`, and run the same command again"
        )

    def _find_earlier(self, requests: list[Request]) -> Mapping[str, tuple[str, Judgement]]:
        return self._known.find(self._cell.judge.key, requests) if self._known is not None and requests else {}

    def record(self, batch: list[AnsweredRequest]) -> list[Judgement]:
        """Write what was planned and answered since the last call. Returns every judgement written.

        Where an id comes twice, or the data changed under the run, `problem` says so from then on.
        """
        planned = _drain(self._planned)
        failed, taken = _drain(self._unreadable), _drain(self._taken)
        if not (planned or failed or taken or batch):
            return []
        judgements = [*((request.key, judgement) for request, judgement in batch), *failed]
        judgements += [(key, judgement) for key, _, judgement in taken]
        # In one transaction, so that no judgement is ever in the journal without its request.
        with self._journal.transaction():
            if self.problem is None:
                self.problem = self._journal.add_requests([(made.item_row, made.request_row) for made in planned])
            self._journal.add_judgements(self._cell.judge.key, judgements)
            self._journal.count_taken(source for _, source, _ in taken)
        self._pending.difference_update(key for key, _ in judgements)
        if batch:
            self._plan.plugins.notify(
                "harness_judgements_recorded",
                task=self._cell.task.name,
                judge=self._cell.judge.name,
                judgements=batch,
            )
        return [judgement for _, judgement in judgements]


def _drain(queue: deque[Any]) -> list[Any]:
    return [queue.popleft() for _ in range(len(queue))]
