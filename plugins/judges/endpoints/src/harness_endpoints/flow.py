"""Between threads: requests from a blocking iterator into an event loop, and answers out of it as they come.

    feeder thread: pulls requests, makes their bodies  ->  loop thread: sends and retries  ->  judge's thread: reads

A feeder that waits for the next request keeps no answer back. Hand-overs are in batches, because each one wakes a
thread, which is the main cost at thousands of requests a second.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol

from harness.api import DataError, Request
from harness_endpoints.asking import Asker, Outcome, Slots, StoppedError, sleep_or_stop
from harness_endpoints.budget import Budget
from harness_endpoints.concurrency import ConcurrencyLimit
from harness_endpoints.lessons import Lessons
from harness_endpoints.payload import Payloads
from harness_endpoints.reply import Spent
from harness_endpoints.wire import Wire

_SHUTDOWN_TIMEOUT_S = 5.0  # a loop that does not end by then is left to its daemon thread

_Batch = list[Outcome]
_Prepared = tuple[Request, str | None]
"""A request, and its messages as JSON where these hold no images."""


class Parts(Protocol):
    """The parts of a flow."""

    @property
    def payloads(self) -> Payloads:
        """Makes bodies. Called from several threads."""

    @property
    def budget(self) -> Budget:
        """Counts tokens and money."""

    @property
    def lessons(self) -> Lessons:
        """Facts learnt about the server."""

    @property
    def most(self) -> int:
        """Most requests in flight."""

    def wire(self) -> Wire:
        """A new client, for the loop that calls."""

    def asker(self, wire: Wire, slots: Slots) -> Asker:
        """Asks over that client."""


class Flow:
    """One stream of requests through an event loop of its own."""

    def __init__(self, requests: Iterable[Request], parts: Parts) -> None:
        self._parts = parts
        # A few requests ahead keep the loop busy; more would only hold images in memory.
        self._feed = _Feed(requests, parts.payloads, most=max(8, min(128, parts.most)))
        self._out: SimpleQueue[_Batch | None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._engine: _Engine | None = None
        self._ready = threading.Event()
        # Daemon: a server that hangs must not keep the process from exiting.
        self._thread = threading.Thread(target=self._run, name="endpoint-loop", daemon=True)

    def answers(self) -> Generator[Outcome, None, None]:
        """The outcome of each request, as soon as it is known. Closing the generator cancels what is in flight.

        Raises:
            JudgeStoppedError: The judge cannot go on. What was answered has been yielded.
        """
        self._thread.start()
        try:
            while (batch := self._out.get()) is not None:
                yield from batch
        finally:
            self._close()
        # After the loop: answers that were paid for are yielded before the failure is raised.
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()
            self._out.put(None)

    async def _main(self) -> None:
        wire = self._parts.wire()
        engine = self._engine = _Engine(self._parts, self._feed, self._out)
        engine.asker = self._parts.asker(wire, engine)
        self._ready.set()
        try:
            self._feed.start(engine.wake)
            await engine.run()
        finally:
            await engine.end()
            await wire.close()

    def _close(self) -> None:
        self._ready.wait()
        self._feed.close()
        if self._engine is not None and self._thread.is_alive():
            self._engine.cancel()
        self._thread.join(_SHUTDOWN_TIMEOUT_S)


class _Feed:
    """Pulls requests in a thread of its own, a few ahead."""

    def __init__(self, requests: Iterable[Request], payloads: Payloads, *, most: int) -> None:
        self._requests = requests
        self._payloads = payloads
        self._most = most
        self._room = threading.Condition()
        self._closed = False
        self._is_full = False
        self.waiting: deque[_Prepared] = deque()
        self.needs_wakeup = True
        self.ended = False
        self.failure: BaseException | None = None

    def start(self, wake: _Wake) -> None:
        threading.Thread(target=self._pull, args=(wake,), name="endpoint-feed", daemon=True).start()

    def close(self) -> None:
        """Pull no more. A request that is being waited for is dropped when it comes."""
        with self._room:
            self._closed = True
            self._room.notify()

    def resume_pulling(self) -> None:
        """Go on pulling once there is room for a batch."""
        # Half empty, not one free place: else each request would wake the thread.
        if self._is_full and len(self.waiting) <= self._most // 2:
            with self._room:
                self._is_full = False  # one wake-up is enough, and the thread may take a while to run
                self._room.notify()

    def _pull(self, wake: _Wake) -> None:
        try:
            for request in self._requests:
                if self._closed:
                    return
                # Bodies with images are made later, in `_handle`: a queue of them would fill the memory.
                self.waiting.append((request, None if request.images else self._payloads.messages(request)))
                # One wake-up for a burst: call_soon_threadsafe writes to a socket each time.
                if self.needs_wakeup:
                    self.needs_wakeup = False
                    wake()
                if len(self.waiting) >= self._most:
                    self._wait()
                    if self._closed:
                        return
        except BaseException as error:  # the stream's failure is raised by the judge, once nothing is in flight
            self.failure = error
        finally:
            self._requests = ()
            self.ended = True
            wake()

    def _wait(self) -> None:
        with self._room:
            self._is_full = True
            self._room.wait_for(lambda: self._closed or len(self.waiting) <= self._most // 2)
            self._is_full = False


class _Wake(Protocol):
    def __call__(self) -> None: ...


class _Engine:
    """Runs in the loop: starts requests as the concurrency limit and the budget allow. Implements `Slots`."""

    def __init__(self, parts: Parts, feed: _Feed, out: SimpleQueue[_Batch | None]) -> None:
        self.asker: Asker | None = None
        self._loop = asyncio.get_running_loop()
        self._payloads = parts.payloads
        self._budget = parts.budget
        self._lessons = parts.lessons
        self._most_tasks = 2 * parts.most  # those that wait for a retry hold no slot
        self._concurrency = ConcurrencyLimit(parts.most)
        self._feed = feed
        self._out = out
        self._batch: _Batch = []
        self._active = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self._finished = asyncio.Event()
        self._pool: ThreadPoolExecutor | None = None

    async def run(self) -> None:
        """Until everything is answered, or something ends it."""
        await self._finished.wait()
        if self._failure is not None:
            raise self._failure

    async def end(self) -> None:
        """Cancel what is in flight and hand over what is answered."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._flush()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        """Look at the feed. From any thread."""
        with suppress(RuntimeError):  # the loop is closed: there is nothing to wake
            self._loop.call_soon_threadsafe(self._start_requests)

    def cancel(self) -> None:
        """Stop at once. From any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._finished.set)

    # -- Slots ---------------------------------------------------------------------------------------------------

    async def acquire(self) -> None:
        """Wait for a slot."""
        if self._active < self._concurrency.limit:
            self._active += 1
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # The slot was granted in the same moment: hand it on, or it is lost.
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back. Requests that wait for a retry come first."""
        self._active -= 1
        while self._queue and self._active < self._concurrency.limit:
            turn = self._queue.popleft()
            if not turn.done():
                self._active += 1
                turn.set_result(None)

    def success(self) -> None:
        """The server kept up."""
        self._concurrency.success()

    def overload(self, sent: float) -> None:
        """The server did not keep up."""
        self._concurrency.overload(sent)

    async def pause(self, seconds: float) -> None:
        """Wait without a slot, then for a slot."""
        self.release()
        self._start_requests()
        try:
            await sleep_or_stop(self._stopping, seconds)
            await self.acquire()
        except BaseException:
            self._active += 1  # `_finish_task` releases a slot in any case, and this task holds none
            raise
        if self._stopping.is_set():
            raise StoppedError

    # -- requests ------------------------------------------------------------------------------------------------

    def _start_requests(self) -> None:
        feed = self._feed
        while self._active < self._concurrency.limit and len(self._tasks) < self._most_tasks:
            ready = self._next(len(self._tasks))
            if ready is None:
                break
            self._active += 1
            task = self._loop.create_task(self._work(*ready))
            self._tasks.add(task)
            task.add_done_callback(self._finish_task)
        if not self._tasks and (self._stopping.is_set() or (feed.ended and not feed.waiting)):
            self._failure = self._failure or feed.failure
            self._finished.set()

    def _next(self, in_flight: int) -> _Prepared | None:
        """The next request, where there is one and the budget allows it."""
        feed = self._feed
        if self._stopping.is_set():
            return None
        if not feed.waiting:
            feed.needs_wakeup = True
            if not feed.waiting:  # else one came before the flag was set, and no wake-up is on its way
                return None
            feed.needs_wakeup = False
        if not self._budget.allows_one_more(in_flight):
            if not self._budget.has_remaining:
                self._stop(self._budget.budget_error())
            return None
        ready = feed.waiting.popleft()
        feed.resume_pulling()
        return ready

    async def _work(self, request: Request, messages: str | None) -> None:
        """One request after another, for as long as no other waits for the slot: tasks cost time to make."""
        ready: _Prepared | None = (request, messages)
        while ready is not None:
            await self._handle(*ready)
            if self._active < self._concurrency.limit:  # it has grown
                self._start_requests()
            keeps = not self._queue and self._active <= self._concurrency.limit
            ready = self._next(len(self._tasks) - 1) if keeps else None

    async def _handle(self, request: Request, messages: str | None) -> None:
        assert self.asker is not None
        try:
            if messages is None:
                messages = await self._loop.run_in_executor(self._workers(), self._payloads.messages, request)
            outcome = await self.asker.ask(request, messages)
        except DataError as error:
            outcome = Outcome(request=request, error=str(error), spent=Spent())
        self._budget.add(outcome.spent)
        self._batch.append(outcome)
        # Flush at the end of this turn of the loop: answers that arrive together share one hand-over.
        if len(self._batch) == 1:
            self._loop.call_soon(self._flush)
        if outcome.kind:
            self._lessons.record_failure(outcome.kind, outcome.error)
        elif outcome.completions:
            self._budget.check_known(outcome.spent)

    def _finish_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.release()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StoppedError):
            self._stop(error)
        self._start_requests()

    def _stop(self, why: BaseException) -> None:
        """Send nothing more. What is being answered may finish."""
        if self._failure is None:
            self._failure = why
        self._stopping.set()

    def _flush(self) -> None:
        if self._batch:
            self._out.put(self._batch)
            self._batch = []

    def _workers(self) -> ThreadPoolExecutor:
        """For decoding and encoding images, which would hold up the loop."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="endpoint-images")
        return self._pool
