"""Reads the results of a batch that has ended, and finds the questions that the provider did not ask.

Only what surely has no answer is asked again. A provider counts what it answered. Where it gives fewer lines than that,
the answers are paid for and may still come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from harness.api import JudgeStoppedError
from harness_endpoints.asking import Outcome, stop_of
from harness_endpoints.batch.api import BatchApi, BatchResult, BatchState
from harness_endpoints.batch.ledger import Ledger
from harness_endpoints.batch.parts import BatchParts
from harness_endpoints.batch.results import ResultReader
from harness_endpoints.batch.store import BatchRecord, BatchStore
from harness_endpoints.batch.trouble import Trouble
from harness_endpoints.wire import BatchWire, StatusError, WireError


class _Lines:
    """What the lines of one batch said, for the count."""

    def __init__(self) -> None:
        self.answered: set[str] = set()
        self.unasked: set[str] = set()
        self.unreadable = 0

    @property
    def count(self) -> int:
        """Questions with a line."""
        return len(self.answered) + len(self.unasked)

    def fall_short(self, state: BatchState) -> bool:
        """Whether there must be more lines than these."""
        return self.unreadable > 0 or len(self.answered) < state.answered or self.count < state.lines


class Taker:
    """Takes the answers of batches for one flow.

    Args:
        parts: The judge's.
        api: The provider's batches.
        ledger: Where each question is.
        store: The records of batches.
        trouble: Decides wait or stop.
    """

    def __init__(self, parts: BatchParts, api: BatchApi, ledger: Ledger, store: BatchStore, trouble: Trouble) -> None:
        self._parts = parts
        self._api = api
        self._ledger = ledger
        self._store = store
        self._trouble = trouble
        self._reader = ResultReader(parts)

    def take(
        self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord, state: BatchState
    ) -> Iterator[Outcome]:
        """The outcomes of a batch that has ended. It stays open where the results cannot be had now."""
        if state.problem:
            others = len(self._ledger.open) > 1
            self._ledger.forget(record)
            if not record.adopted:
                self._trouble.refuse(state.problem, others=others)
            return
        try:
            yield from self._take(runner, wire, record, state)
        except StatusError as error:
            if error.response.status == 404 and record.adopted:
                self._ledger.forget(record)  # too old, or of another account
            else:
                self._trouble.explain(error, about=record.marker)
        except WireError as error:
            self._trouble.miss(str(error), about=record.marker)

    def _take(
        self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord, state: BatchState
    ) -> Iterator[Outcome]:
        lines = _Lines()
        try:
            yield from self._read(runner, wire, record, state, lines)
            waiting = [name for name in record.ids if self._ledger.expects(name, record)]
            unasked = [name for name in waiting if name not in lines.answered]
            if lines.fall_short(state) and not lines.unasked.issuperset(unasked):
                self._trouble.lack(record, self._store.path(record))
                return
            self._trouble.record_end(record.marker)
            self._ledger.close(record)
            yield from self._settle_unasked(record, state, unasked)
        finally:
            self._store.save(record)

    def _read(
        self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord, state: BatchState, lines: _Lines
    ) -> Iterator[Outcome]:
        """The outcomes of all questions that were asked. Keeps in `lines` which these are."""
        results = self._api.results(wire, record.batch, state)
        while (result := runner.run(_next(results))) is not None:
            marker, _, name = result.id.partition("-")
            if not result.id:
                lines.unreadable += 1
            elif marker != record.marker:
                continue
            elif result.status == 0:
                lines.unasked.add(name)
            else:
                lines.answered.add(name)
                # In a second look most are known. One that failed may be in a later batch by now.
                if self._ledger.expects(name, record):
                    yield from self._settle(record, name, result)

    def _settle_unasked(self, record: BatchRecord, state: BatchState, unasked: list[str]) -> Iterator[Outcome]:
        """Ask again what the provider did not ask, unless a person did not want it."""
        if unasked and state.cancelled and not record.adopted:
            record.delivered.update(unasked)  # there is nothing to wait for
            self._trouble.stop(
                JudgeStoppedError(
                    f"judge {self._parts.name}: batch {record.batch} was cancelled at the provider, and "
                    f"{len(unasked)} of its questions were not asked; give the same command again to ask what is left"
                )
            )
            return
        for name in unasked:
            if record.adopted:
                record.delivered.add(name)
                self._ledger.ask_again(name)
            else:
                yield from self._settle(record, name, BatchResult(f"{record.marker}-{name}", 0))

    def _settle(self, record: BatchRecord, name: str, result: BatchResult) -> Iterator[Outcome]:
        """The outcome of a result; none where the question is asked again, or the judge stops."""
        read = self._reader.read(self._ledger.held[name], result)
        if read.outcome is not None and not (record.adopted and read.failed):
            yield self.close(name, read.outcome)
            record.delivered.add(name)
            return
        record.delivered.add(name)
        # The failure of an earlier command may be fixed by now: that is why the command was given again.
        if read.stop is not None and not record.adopted:
            self._trouble.stop(stop_of(read.stop, self._parts.name, self._parts.options))
        else:
            self._ledger.ask_again(name)

    def close(self, name: str, outcome: Outcome) -> Outcome:
        """Count an outcome, and hold its request no longer."""
        self._ledger.drop(name)
        parts = self._parts
        parts.budget.add(outcome.spent)
        try:
            if outcome.kind:
                parts.lessons.record_failure(outcome.kind, outcome.error)
            elif outcome.completions:
                parts.budget.check_known(outcome.spent)
        except JudgeStoppedError as error:
            self._trouble.stop(error)
        return outcome


async def _next(results: object) -> BatchResult | None:
    return await anext(results, None)  # type: ignore[call-overload, no-any-return]
