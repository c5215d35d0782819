"""One stream of requests through batches: submit, wait, read, ask again what was not answered.

What must never happen is to pay twice. So a batch is written down before it is submitted, and again with the
provider's id. A request that stands in a batch of an earlier process is waited for and not submitted. Where it is not
known whether a batch was submitted, because the process was killed or the response was lost, the provider is asked
before anything is submitted again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Generator, Iterable, Iterator

from harness.api import DataError, JudgeStoppedError, Request
from harness_endpoints.asking import Outcome, stop_of
from harness_endpoints.batch.api import BatchApi, BatchResult, BatchState
from harness_endpoints.batch.parts import BatchParts, Held
from harness_endpoints.batch.results import ResultReader
from harness_endpoints.batch.store import BatchRecord, BatchStore
from harness_endpoints.batch.trouble import Trouble
from harness_endpoints.options import Batching
from harness_endpoints.reply import Spent
from harness_endpoints.wire import BatchWire, StatusError, WireError

_log = logging.getLogger("harness_endpoints")
_CLOCKS_DIFFER_S = 900.0  # between this machine and the provider
_FIRST_WAIT = 12  # the first look comes after so small a part of the longest wait


class BatchFlow:
    """One stream of requests through batches.

    Args:
        requests: The stream. It is read in the thread that reads the answers.
        parts: The judge's.
        batching: How large, how often.
        api: The provider's batches.
        store: What is known about them.
    """

    def __init__(
        self, requests: Iterable[Request], parts: BatchParts, batching: Batching, api: BatchApi, store: BatchStore
    ) -> None:
        self._requests = iter(requests)
        self._parts = parts
        self._batching = batching
        self._api = api
        self._store = store
        self._reader = ResultReader(parts)
        self._ended = False
        self._held: dict[str, Held] = {}
        self._fresh: dict[str, None] = {}  # held, and in no batch; in order
        self._known: dict[str, BatchRecord] = {}
        self._open: list[BatchRecord] = []
        self._settled_at: dict[str, float] = {}
        self._trouble = Trouble(parts)
        self._told = False

    def answers(self) -> Generator[Outcome, None, None]:
        """The outcome of each request. Closing the generator cancels nothing: the batches go on at the provider.

        Raises:
            JudgeStoppedError: The judge cannot go on. What was answered has been yielded.
        """
        for record in self._store.load():
            self._known.update(dict.fromkeys(record.ids, record))
        with asyncio.Runner() as runner:
            wire = runner.run(self._make_wire())
            try:
                yield from self._run(runner, wire)
            finally:
                runner.run(wire.close())
        if self._trouble.failure is not None:
            raise self._trouble.failure

    async def _make_wire(self) -> BatchWire:
        return self._parts.wire()

    def _run(self, runner: asyncio.Runner, wire: BatchWire) -> Iterator[Outcome]:
        wait = self._batching.poll_s / _FIRST_WAIT
        while True:
            submitted = -1
            while submitted < len(self._open):  # as many batches as there may be, before any is waited for
                submitted = len(self._open)
                yield from self._pull()
                yield from self._submit(runner, wire)
            if not self._open:
                # Without an open batch nothing more can come: all is answered, or nothing may be submitted.
                if self._fresh and not self._parts.budget.has_remaining:
                    self._trouble.stop(self._parts.budget.budget_error())
                if self._trouble.failure is not None or (self._ended and not self._held):
                    return
                continue
            progress = False
            for record in list(self._open):
                if self._trouble.failure is not None:
                    return  # other batches go on at the provider, and the next command finds them
                state = self._look(runner, wire, record)
                if state is not None and state.ended:
                    yield from self._take(runner, wire, record, state)
                    progress = True
            if progress:
                wait = self._batching.poll_s / _FIRST_WAIT
            elif self._open:
                self._say_waiting()
                time.sleep(wait)
                wait = min(self._batching.poll_s, wait * 1.5)

    def _say_waiting(self) -> None:
        """Say once what is waited for: hours may pass without a word."""
        if not self._told:
            self._told = True
            _log.warning(
                "judge %s: %d questions wait in %d batches at the provider; Ctrl-C leaves them there, and the same "
                "command goes on",
                self._parts.name,
                len(self._held) - len(self._fresh),
                len(self._open),
            )

    # -- requests ------------------------------------------------------------------------------------------------

    @property
    def _most_held(self) -> int:
        return self._batching.max_requests * self._batching.most_open

    def _pull(self) -> Iterator[Outcome]:
        """Read the stream as far as there is room, and find the requests that are in a batch already."""
        while not self._ended and self._trouble.failure is None and len(self._held) < self._most_held:
            if len(self._fresh) >= self._batching.max_requests:
                return
            request = next(self._requests, None)
            if request is None:
                self._ended = True
                return
            name = hashlib.sha256(f"{self._parts.identity} {request.key}".encode()).hexdigest()[:40]
            self._held[name] = Held(request)
            record = self._known.get(name)
            if record is None:
                self._fresh[name] = None
            elif record not in self._open:
                self._open.append(record)
        return
        yield  # a generator like its neighbours

    def _submit(self, runner: asyncio.Runner, wire: BatchWire) -> Iterator[Outcome]:
        """Submit what is in no batch yet, as far as the limits and the budget allow."""
        while self._fresh and self._trouble.failure is None and len(self._open) < self._batching.most_open:
            full = len(self._fresh) >= self._batching.max_requests or self._ended or len(self._held) >= self._most_held
            if not full:
                return
            room = self._parts.budget.room(len(self._held) - len(self._fresh))
            if room is not None and room <= 0:
                return
            most = self._batching.max_requests if room is None else min(room, self._batching.max_requests)
            marker = secrets.token_hex(8)
            names: list[str] = []
            lines: list[bytes] = []
            size = 0
            while self._fresh and len(lines) < most and size < self._batching.max_bytes:
                name = next(iter(self._fresh))
                try:
                    line = self._api.line(f"{marker}-{name}", self._body(self._held[name]))
                except DataError as error:
                    yield self._close(name, Outcome(self._held[name].request, Spent(), error=str(error)))
                    del self._fresh[name]
                    continue
                if lines and size + len(line) > self._batching.max_bytes:
                    break
                names.append(name)
                lines.append(line)
                size += len(line)
                del self._fresh[name]
            if lines:
                self._send(runner, wire, BatchRecord(marker, time.time(), names), lines)

    def _body(self, held: Held) -> bytes:
        payloads = self._parts.payloads
        held.fields = self._parts.lessons.still_sent(payloads.fields(held.request))
        return payloads.body(payloads.messages(held.request), held.request, fields=held.fields, sample=0, count=1)

    def _send(self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord, lines: list[bytes]) -> None:
        self._store.save(record)  # before the first byte is sent
        self._open.append(record)
        try:
            record.batch = runner.run(self._api.submit(wire, lines, record.marker))
        except StatusError as error:
            status = error.response.status
            if status in (408, 409) or status >= 500 or status < 300:  # it may have been submitted all the same
                self._settled_at[record.marker] = time.monotonic() + self._batching.settle_s
                return
            self._forget(record)
            self._trouble.explain(error)
            return
        except WireError as error:
            _log.warning("judge %s: a batch: %s; looking whether it was submitted", self._parts.name, error)
            self._settled_at[record.marker] = time.monotonic() + self._batching.settle_s
            return
        self._store.save(record)
        _log.info("judge %s: batch %s of %d questions is submitted", self._parts.name, record.batch, len(lines))

    def _forget(self, record: BatchRecord) -> None:
        """The batch does not exist: its questions are to be asked."""
        self._store.remove(record)
        self._open.remove(record)
        self._fresh.update((name, None) for name in record.ids if name in self._held)
        for name in record.ids:
            self._known.pop(name, None)

    # -- batches -------------------------------------------------------------------------------------------------

    def _look(self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord) -> BatchState | None:
        """How far a batch is; `None` where that is not known now."""
        try:
            if not record.batch and not self._find(runner, wire, record):
                return None
            state = runner.run(self._api.look(wire, record.batch))
        except StatusError as error:
            if error.response.status == 404 and record.adopted:
                self._forget(record)  # gone at the provider: too old, or of another account
                return None
            self._trouble.explain(error)
            return None
        except WireError as error:
            self._trouble.miss(str(error))
            return None
        self._trouble.misses = 0
        if not state.ended and time.time() > record.created + self._batching.deadline_s:
            self._trouble.stop(
                JudgeStoppedError(
                    f"judge {self._parts.name}: batch {record.batch} takes longer than `batch: {{deadline_s: ...}}`; "
                    "give the same command again to go on waiting"
                )
            )
        return state

    def _find(self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord) -> bool:
        """Whether a batch was submitted of which only the intent is known. Asks the provider."""
        settled_at = self._settled_at.setdefault(record.marker, time.monotonic() + self._batching.settle_s)
        settled = time.monotonic() >= settled_at  # before the search: what comes after that is found by the next one
        search = runner.run(
            self._api.find(
                wire,
                record.marker,
                since=record.created - _CLOCKS_DIFFER_S,
                count=len(record.ids),
                known=self._store.list_batches(),
            )
        )
        self._trouble.misses = 0
        if search.batch:
            record.batch = search.batch
            self._store.save(record)
            return True
        if settled and not search.undecided:
            self._forget(record)
        return False

    def _take(
        self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord, state: BatchState
    ) -> Iterator[Outcome]:
        """Read the results of a batch that has ended."""
        if state.problem:
            others = len(self._open) > 1
            self._forget(record)
            if not record.adopted:
                self._trouble.refuse(state.problem, others=others)
            return
        results = self._api.results(wire, record.batch, state)
        try:
            while (result := runner.run(_next(results))) is not None:
                outcome = self._settle(record, result)
                if outcome is not None:
                    yield outcome
                    record.delivered.add(result.id.partition("-")[2])
        except StatusError as error:
            if error.response.status == 404 and record.adopted:
                self._forget(record)
                return
            self._trouble.explain(error)
            return
        except WireError as error:
            self._trouble.miss(str(error))
            return
        finally:
            self._store.save(record)
        self._trouble.misses = 0
        self._open.remove(record)
        # What has no result at all was not asked.
        for name in record.ids:
            if name in self._held and self._known.get(name, record) is record and name not in self._fresh:
                outcome = self._settle(record, BatchResult(f"{record.marker}-{name}", 0))
                if outcome is not None:
                    yield outcome
        for name in record.ids:
            self._known.pop(name, None)

    def _settle(self, record: BatchRecord, result: BatchResult) -> Outcome | None:
        """The outcome of a result; `None` where the question is asked again, or is none of ours."""
        marker, _, name = result.id.partition("-")
        held = self._held.get(name)
        if held is None or marker != record.marker or name in self._fresh:
            return None
        read = self._reader.read(held, result)
        if read.outcome is not None and not (record.adopted and read.failed):
            return self._close(name, read.outcome)
        # The failure of an earlier command may be fixed by now: that is why the command was given again.
        if read.stop is not None and not record.adopted:
            self._trouble.stop(stop_of(read.stop, self._parts.name, self._parts.options))
            return None
        record.delivered.add(name)
        self._fresh[name] = None
        return None

    def _close(self, name: str, outcome: Outcome) -> Outcome:
        """Count an outcome, and hold its request no longer."""
        del self._held[name]
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
