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
from harness_endpoints.asking import Outcome
from harness_endpoints.batch.api import BatchApi, BatchState
from harness_endpoints.batch.ledger import Ledger
from harness_endpoints.batch.parts import BatchParts, Held
from harness_endpoints.batch.store import BatchRecord, BatchStore
from harness_endpoints.batch.taker import Taker
from harness_endpoints.batch.trouble import Trouble
from harness_endpoints.complaint import read_complaint
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
        self._ledger = Ledger(store)
        self._trouble = Trouble(parts)
        self._taker = Taker(parts, api, self._ledger, store, self._trouble)
        self._ended = False
        self._began = time.time()
        self._settled_at: dict[str, float] = {}
        self._doubts: dict[str, str] = {}
        self._told = False

    def answers(self) -> Generator[Outcome, None, None]:
        """The outcome of each request. Closing the generator cancels nothing: the batches go on at the provider.

        Raises:
            JudgeStoppedError: The judge cannot go on. What was answered has been yielded.
        """
        self._ledger.load()
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
        ledger, trouble = self._ledger, self._trouble
        wait = self._batching.poll_s / _FIRST_WAIT
        while True:
            submitted = -1
            while submitted < len(ledger.open):  # as many batches as there may be, before any is waited for
                submitted = len(ledger.open)
                self._pull()
                yield from self._submit(runner, wire)
            if not ledger.open:
                # Without an open batch nothing more can come: all is answered, or nothing may be submitted.
                if ledger.fresh and not self._parts.budget.has_remaining:
                    trouble.stop(self._parts.budget.budget_error())
                if trouble.failure is not None or (self._ended and not ledger.held):
                    return
                continue
            progress = False
            for record in list(ledger.open):
                if trouble.failure is not None:
                    return  # other batches go on at the provider, and the next command finds them
                state = self._look(runner, wire, record)
                if state is not None and state.ended:
                    yield from self._taker.take(runner, wire, record, state)
                    progress = progress or record not in ledger.open
            if trouble.failure is not None:
                return
            if progress:
                wait = self._batching.poll_s / _FIRST_WAIT
            elif ledger.open:
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
                len(self._ledger.held) - len(self._ledger.fresh),
                len(self._ledger.open),
            )

    # -- requests ------------------------------------------------------------------------------------------------

    @property
    def _most_held(self) -> int:
        return self._batching.max_requests * self._batching.most_open

    def _pull(self) -> None:
        """Read the stream as far as there is room."""
        ledger = self._ledger
        while not self._ended and self._trouble.failure is None and len(ledger.held) < self._most_held:
            if len(ledger.fresh) >= self._batching.max_requests:
                return
            request = next(self._requests, None)
            if request is None:
                self._ended = True
                return
            name = hashlib.sha256(f"{self._parts.identity} {request.key}".encode()).hexdigest()[:40]
            ledger.hold(name, request)

    def _submit(self, runner: asyncio.Runner, wire: BatchWire) -> Iterator[Outcome]:
        """Submit what is in no batch yet, as far as the limits, the provider's queue and the budget allow."""
        ledger, most_open = self._ledger, self._batching.most_open
        while ledger.fresh and self._trouble.failure is None and len(ledger.open) < most_open:
            held, fresh = len(ledger.held), len(ledger.fresh)
            if fresh < self._batching.max_requests and not self._ended and held < self._most_held:
                return
            if self._trouble.is_full and ledger.open:
                return
            room = self._parts.budget.room(held - fresh)
            if room is not None and room <= 0:
                return
            marker = secrets.token_hex(8)
            lines: dict[str, bytes] = {}
            yield from self._gather(marker, lines, self._batching.max_requests if room is None else room)
            if lines:
                self._send(runner, wire, BatchRecord(marker, time.time(), list(lines)), list(lines.values()))

    def _gather(self, marker: str, lines: dict[str, bytes], room: int) -> Iterator[Outcome]:
        """Take questions for one batch into `lines`. The outcomes are those of questions that cannot be asked."""
        ledger, size = self._ledger, 0
        most = min(room, self._batching.max_requests)
        while ledger.fresh and len(lines) < most and size < self._batching.max_bytes:
            name = next(iter(ledger.fresh))
            held = ledger.held[name]
            try:
                line = self._api.line(f"{marker}-{name}", self._body(held))
            except DataError as error:
                yield self._taker.close(name, Outcome(held.request, Spent(), error=str(error)))
                continue
            if lines and size + len(line) > self._batching.max_bytes:
                break
            lines[name] = line
            size += len(line)
            del ledger.fresh[name]

    def _body(self, held: Held) -> bytes:
        payloads = self._parts.payloads
        held.fields = self._parts.lessons.still_sent(payloads.fields(held.request))
        return payloads.body(payloads.messages(held.request), held.request, fields=held.fields, sample=0, count=1)

    def _send(self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord, lines: list[bytes]) -> None:
        self._ledger.submit(record)
        try:
            record.batch = runner.run(self._api.submit(wire, lines, record.marker))
        except StatusError as error:
            status = error.response.status
            if status in (408, 409) or status >= 500 or status < 300:  # it may have been submitted all the same
                excerpt = read_complaint(error.response.body, self._parts.scrub).excerpt
                self._doubt(record, f"status {status}: {excerpt}")
            else:
                self._ledger.forget(record)
                self._trouble.explain_submission(error, others=bool(self._ledger.open))
            return
        except WireError as error:
            self._doubt(record, str(error))
            return
        self._store.save(record)
        self._trouble.record_submission()
        _log.info("judge %s: batch %s of %d questions is submitted", self._parts.name, record.batch, len(lines))

    def _doubt(self, record: BatchRecord, why: str) -> None:
        """It is not known whether a batch was submitted. The provider is asked before it is submitted again."""
        _log.warning("judge %s: a batch: %s; looking whether it was submitted", self._parts.name, why)
        self._doubts[record.marker] = why
        self._settled_at[record.marker] = time.monotonic() + self._batching.settle_s

    # -- batches -------------------------------------------------------------------------------------------------

    def _look(self, runner: asyncio.Runner, wire: BatchWire, record: BatchRecord) -> BatchState | None:
        """How far a batch is; `None` where that is not known now."""
        try:
            if not record.batch and not self._find(runner, wire, record):
                return None
            state = runner.run(self._api.look(wire, record.batch))
        except StatusError as error:
            if error.response.status == 404 and record.adopted:
                self._ledger.forget(record)  # gone at the provider: too old, or of another account
                return None
            self._trouble.explain(error)
            return None
        except WireError as error:
            self._trouble.miss(str(error))
            return None
        self._trouble.record_contact()
        # A batch of an earlier command is given the whole time again: that is why the command was given again.
        since = max(record.created, self._began)
        if not state.ended and time.time() > since + self._batching.deadline_s:
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
        self._trouble.record_contact()
        if search.batch:
            record.batch = search.batch
            self._store.save(record)
            self._trouble.record_submission()
            return True
        if settled and not search.undecided:
            self._ledger.forget(record)
            if not record.adopted:
                self._trouble.lose(self._doubts[record.marker])
        return False
