"""The engine: a loop over cells that asks each judge what the journal lacks and writes down the answers.

    stream_requests(task) -> leave out what is known -> Driver(judge) -> journal, in batches

Memory does not grow with the number of items. A `kill -9` at any moment loses what was in flight and nothing else.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from typing import Any

from harness.api import (
    CellProgress,
    DataError,
    Judge,
    Judgement,
    JudgeStoppedError,
    KnownAnswers,
    Request,
    Status,
    UserError,
)
from harness.libraries.stopping import hear_signals
from harness.runner.driver import AnsweredRequest, Driver
from harness.runner.journal import Journal
from harness.runner.planned import Plan, PlannedCell, PlannedJudge, PlannedTask
from harness.runner.requests import PlannedRequest, Shard, stream_requests
from harness.runner.rows import LEFT_OUT

CHUNK = 128
"""Requests looked up in the journal at once."""

FAIR_SAMPLE = 20
"""A failure rate is not judged on fewer requests than this."""


@dataclass(kw_only=True)
class RunOutcome:
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
        place: Gives the stand-in of a judge that is asked elsewhere, if any. Those are asked at the same time.
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
        place: Callable[[PlannedJudge], Judge | None] | None = None,
    ) -> None:
        self._known = known
        self._plan = plan
        self._journal = journal
        self._timeout = timeout
        self._fail_on_error = fail_on_error
        self._shard = shard
        self._progress = progress
        self._place = place
        self._away: dict[str, Judge] = {}
        self._drivers: set[Driver] = set()
        self._failed = False
        self._outcome = RunOutcome()
        self._totals: dict[str, int] = {}
        plan.journal = journal.path

    def run(self) -> RunOutcome:
        """Bring every cell as far as it gets.

        Raises:
            UserError: Data, a plugin or the journal cannot be used. What was judged is kept.
        """
        self._leave_out()
        problem: UserError | None = None
        with self._progress, hear_signals(self._interrupt):
            self._count_cells()
            lanes = self._make_lanes()
            while lanes:
                # One turn each: a lane waits for its judge a moment at most.
                for lane in list(lanes):
                    try:
                        if next(lane, True):
                            lanes.remove(lane)
                    except UserError as error:
                        # The others may finish what they have in flight. The first problem is the one that is told.
                        problem = problem or error
                        lanes.remove(lane)
                        self._end()
        if problem is not None:
            raise problem
        return self._outcome

    def _count_cells(self) -> None:
        """Tell the display what there is to do, so that it knows how much of the run is left."""
        totals: dict[str, int | None] = {}
        for cell in self._plan.cells():
            task, judge = cell.task, cell.judge
            if task.name not in totals:
                try:
                    totals[task.name] = self._total(task)
                except UserError:  # told when the task has its turn: the tasks before it are judged
                    totals[task.name] = None
            known = _count_known(self._journal.statuses(task.name, judge.key))
            done, answered = sum(known.values()), known.get("ok", 0)
            self._progress.expect(judge.name, task.name, total=totals[task.name], done=done, answered=answered)

    def _make_lanes(self) -> list[Iterator[bool]]:
        """One lane for all judges of this process, and one for each that is asked elsewhere."""
        here: list[tuple[PlannedJudge, list[PlannedCell]]] = []
        lanes = []
        # All cells of a judge come one after the other, so that its weights are loaded once.
        for judge, group in groupby(self._plan.cells(), key=lambda cell: cell.judge):
            cells = list(group)
            # A judge that has answered everything needs no place.
            stand_in = self._place(judge) if self._place and not all(map(self._is_complete, cells)) else None
            if stand_in is None:
                here.append((judge, cells))
            else:
                self._away[judge.name] = stand_in
                lanes.append(self._run_lane([(judge, cells)], self._progress.beside()))
        self._plan.elsewhere = dict(self._away)
        return [*lanes, self._run_lane(here, self._progress)]

    def _run_lane(self, lane: list[tuple[PlannedJudge, list[PlannedCell]]], progress: CellProgress) -> Iterator[bool]:
        """Ask judges one after the other. Yields `False` whenever another lane may have its turn."""
        for judge, cells in lane:
            # Members' answers come from the journal, so those that are asked elsewhere must be done first.
            while "plan" in judge.offer.card.capabilities and self._away and not self._is_over:
                yield False
            for cell in cells:
                if not self._is_over and judge.name not in self._outcome.stopped:
                    yield from self._run_cell(cell, progress)
            if not self._is_over:
                judge.close()
            if close := getattr(self._away.pop(judge.name, None), "close", None):
                close()

    @property
    def _is_over(self) -> bool:
        return bool(self._outcome.interrupted or self._outcome.too_many_errors or self._failed)

    def _end(self) -> None:
        """Begin no further cell, and hand out no further request."""
        self._failed = True
        self._stop_drivers()

    def _leave_out(self) -> None:
        """Record the cells that are not asked, so that reports can name them."""
        for judge in self._plan.judges:
            for task in self._plan.tasks:
                if (task.name, judge.name) in self._plan.left_out:
                    self._journal.set_cell(PlannedCell(task, judge).row(LEFT_OUT))

    def _interrupt(self) -> None:
        self._outcome.interrupted = True
        self._stop_drivers()

    def _stop_drivers(self) -> None:
        for driver in list(self._drivers):  # a copy, as this also runs inside a signal
            driver.stop()

    def _run_cell(self, cell: PlannedCell, progress: CellProgress) -> Iterator[bool]:
        task, judge = cell.task, cell.judge
        if self._is_complete(cell):
            return
        statuses = self._journal.statuses(task.name, judge.key)
        known = _count_known(statuses)
        done, answered = sum(known.values()), known.get("ok", 0)
        progress.start(judge.name, task.name, total=self._total(task), done=done, answered=answered)
        # Said before the first request, so that a run that is killed never looks finished.
        self._journal.set_cell(cell.row("partial"))
        work = _CellWork(cell, self._journal, self._plan, shard=self._shard, known=self._known)
        driver = None
        try:
            driver = self._make_driver(cell, work)
            self._drivers.add(driver)
            if self._is_over:  # by Ctrl-C between the last two lines
                driver.stop()
            yield from self._collect(cell, work, driver, statuses, progress)
        except JudgeStoppedError as error:
            self._outcome.stopped[judge.name] = str(error)
        finally:
            if driver is not None:
                self._drivers.discard(driver)
            work.close()
        statuses = self._journal.statuses(task.name, judge.key)
        cut_short = self._outcome.too_many_errors or judge.name in self._outcome.stopped
        gone = sum(statuses.values()) - work.streamed
        if work.finished and gone > 0 and task.only is None:
            raise DataError(f"task {task.name}: {gone:,} recorded questions left the data; start again with --fresh")
        # A judge may end while requests are left; only a stream that was read to its end makes a complete cell.
        if work.finished and not statuses.get("missing") and not cut_short:
            self._journal.set_cell(cell.row("complete"))
            self._totals[task.name] = sum(statuses.values())
        if errors := statuses.get("error", 0):
            self._outcome.errors[task.name, judge.name] = errors
        progress.end()

    def _total(self, task: PlannedTask) -> int | None:
        """Requests of a cell: as an earlier cell of the same task found, or as the task itself says."""
        if task.name not in self._totals:
            count = task.count() if self._shard is None else None
            return None if count is None else count * task.requests_per_item
        return self._totals[task.name]

    def _is_complete(self, cell: PlannedCell) -> bool:
        if cell.row("complete") not in self._journal.cells():
            return False
        return not {"error", "missing"} & {*self._journal.statuses(cell.task.name, cell.judge.key)}

    def _make_driver(self, cell: PlannedCell, work: _CellWork) -> Driver:
        stand_in = self._away.get(cell.judge.name)
        # The plan's judge first, which is loaded already, and a new one after a hang.
        first = [cell.judge.judge] if stand_in is None else []
        return Driver(
            make_judge=lambda: stand_in or (first.pop() if first else cell.judge.make()),
            requests=work.requests(),
            # The workers of a stand-in mind the time: what is silence here may be a node that starts there.
            timeout=self._timeout if stand_in is None else math.inf,
            find_stall=partial(work.find_stall, self._timeout),
        )

    def _collect(
        self, cell: PlannedCell, work: _CellWork, driver: Driver, statuses: dict[str, int], progress: CellProgress
    ) -> Iterator[bool]:
        known = _count_known(statuses)
        done, answered, errors = sum(known.values()), known.get("ok", 0), 0
        batches = driver.batches()
        while True:
            batch = next(batches, None)
            judgements = work.record(batch or [])
            self._outcome.asked += len(batch or [])
            done += len(judgements)
            answered += sum(judgement.status is Status.OK for judgement in judgements)
            errors += sum(judgement.status is Status.ERROR for judgement in judgements)
            progress.update(done=done, answered=answered)
            if work.problem is not None:
                driver.stop()  # and write down what is still in flight, before saying what is wrong
            if batch is None:
                break
            if self._fail_on_error is not None and done >= FAIR_SAMPLE and errors > self._fail_on_error * done:
                self._outcome.too_many_errors = (
                    f"{errors} of {done} judgements of {cell.judge.name} on {cell.task.name} failed, more than the "
                    f"{self._fail_on_error * 100:g} % that --fail-on-error allows"
                )
                self._stop_drivers()
            yield False
        if work.problem is not None:
            raise work.problem


class _CellWork:
    """The stream of one cell's requests, and the rows that go with them.

    `requests` runs in the judge's thread, the rest in the main one. The deques between them are thread-safe.
    """

    def __init__(
        self, cell: PlannedCell, journal: Journal, plan: Plan, *, shard: Shard | None, known: KnownAnswers | None
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
        self.streamed = 0
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
                if reason := judge.refusal(planned.request):
                    self._unreadable.append((key, Judgement.failure(Status.REFUSED, reason)))
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
            self.streamed += 1
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
                "harness_judgements_recorded", task=self._cell.task.name, judge=self._cell.judge.name, judgements=batch
            )
        return [judgement for _, judgement in judgements]


def _count_known(statuses: Mapping[str, int]) -> dict[str, int]:
    """Requests that are done, by status. Errors are asked again, so they are not."""
    return {status: count for status, count in statuses.items() if status not in ("missing", "error")}


def _drain(queue: deque[Any]) -> list[Any]:
    return [queue.popleft() for _ in range(len(queue))]
