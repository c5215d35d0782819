"""Between threads: requests from a blocking iterator into an event loop, and answers out of it as they come.

    feeder thread: pulls requests, makes their bodies  ->  loop thread: sends and retries  ->  judge's thread: reads

A feeder that waits for the next request keeps no answer back. Hand-overs are in batches: each one wakes a thread, and
at thousands of requests a second that is what costs.
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
from harness_openai.asking import Asked, Asker, Slots, StoppedError, sleep_or_stop
from harness_openai.budget import Budget
from harness_openai.gate import Gate
from harness_openai.lessons import Lessons
from harness_openai.payload import Payloads
from harness_openai.reply import Spent
from harness_openai.wire import Wire

_PATIENCE_S = 5.0  # with a loop that is told to end

_Batch = list[Asked]
_Fed = tuple[Request, str | None]
"""A request, and its messages as JSON where these hold no images."""


class Parts(Protocol):
    """What a flow is made of."""

    @property
    def payloads(self) -> Payloads:
        """Makes bodies; called from several threads."""

    @property
    def budget(self) -> Budget:
        """What may be spent."""

    @property
    def lessons(self) -> Lessons:
        """What was learnt about the server."""

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
        self._feed = _Feed(requests, parts.payloads, most=max(8, min(128, parts.most)))
        self._out: SimpleQueue[_Batch | None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._engine: _Engine | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="openai-loop", daemon=True)

    def answers(self) -> Generator[Asked, None, None]:
        """What became of each request, as soon as it is known; closing it cancels what is in flight.

        Raises:
            JudgeStoppedError: The judge cannot go on. What was answered has been yielded.
        """
        self._thread.start()
        try:
            while (batch := self._out.get()) is not None:
                yield from batch
        finally:
            self._close()
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
        self._thread.join(_PATIENCE_S)


class _Feed:
    """Pulls requests in a thread of its own, a few ahead."""

    def __init__(self, requests: Iterable[Request], payloads: Payloads, *, most: int) -> None:
        self._requests = requests
        self._payloads = payloads
        self._most = most
        self._room = threading.Condition()
        self._closed = False
        self._waits = False
        self.waiting: deque[_Fed] = deque()
        self.hungry = True
        self.ended = False
        self.failure: BaseException | None = None

    def start(self, wake: _Wake) -> None:
        threading.Thread(target=self._pull, args=(wake,), name="openai-feed", daemon=True).start()

    def close(self) -> None:
        """Pull no more; a request that is being waited for is dropped when it comes."""
        with self._room:
            self._closed = True
            self._room.notify()

    def taken(self) -> None:
        """Some were taken: go on once there is room for a batch."""
        if self._waits and len(self.waiting) <= self._most // 2:
            with self._room:
                self._room.notify()

    def _pull(self, wake: _Wake) -> None:
        try:
            for request in self._requests:
                if self._closed:
                    return
                self.waiting.append((request, None if request.images else self._payloads.messages(request)))
                if self.hungry:
                    self.hungry = False
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
            self._waits = True
            self._room.wait_for(lambda: self._closed or len(self.waiting) <= self._most // 2)
            self._waits = False


class _Wake(Protocol):
    def __call__(self) -> None: ...


class _Engine:
    """Runs in the loop: starts requests as the gate and the budget allow. Implements `Slots`."""

    def __init__(self, parts: Parts, feed: _Feed, out: SimpleQueue[_Batch | None]) -> None:
        self.asker: Asker | None = None
        self._loop = asyncio.get_running_loop()
        self._payloads = parts.payloads
        self._budget = parts.budget
        self._lessons = parts.lessons
        self._most_tasks = 2 * parts.most  # those that wait for another attempt hold no slot
        self._gate = Gate(parts.most)
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
        with suppress(RuntimeError):  # the loop is closed: nobody needs waking
            self._loop.call_soon_threadsafe(self._start_some)

    def cancel(self) -> None:
        """Stop at once. From any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._finished.set)

    # -- Slots ---------------------------------------------------------------------------------------------------

    async def acquire(self) -> None:
        """Wait for leave to send."""
        if self._active < self._gate.limit:
            self._active += 1
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give leave back; those that waited for another attempt come first."""
        self._active -= 1
        while self._queue and self._active < self._gate.limit:
            turn = self._queue.popleft()
            if not turn.done():
                self._active += 1
                turn.set_result(None)

    def success(self) -> None:
        """The server kept up."""
        self._gate.success()

    def overload(self, sent: float) -> None:
        """The server did not keep up."""
        self._gate.overload(sent)

    async def pause(self, seconds: float) -> None:
        """Wait without leave to send, then for leave."""
        self.release()
        self._start_some()
        try:
            await sleep_or_stop(self._stopping, seconds)
            await self.acquire()
        except BaseException:
            self._active += 1  # whoever ends gives one back
            raise
        if self._stopping.is_set():
            raise StoppedError

    # -- requests ------------------------------------------------------------------------------------------------

    def _start_some(self) -> None:
        feed = self._feed
        while self._active < self._gate.limit and len(self._tasks) < self._most_tasks:
            ready = self._next(len(self._tasks))
            if ready is None:
                break
            self._active += 1
            task = self._loop.create_task(self._work(*ready))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        if not self._tasks and (self._stopping.is_set() or (feed.ended and not feed.waiting)):
            self._failure = self._failure or feed.failure
            self._finished.set()

    def _next(self, in_flight: int) -> _Fed | None:
        """The next request, where there is one and the budget allows it."""
        feed = self._feed
        if self._stopping.is_set():
            return None
        if not feed.waiting:
            feed.hungry = True
            if not feed.waiting:  # else it came in between, and nobody would say so
                return None
            feed.hungry = False
        if not self._budget.allows_one_more(in_flight):
            if not self._budget.left:
                self._stop(self._budget.exhausted())
            return None
        ready = feed.waiting.popleft()
        feed.taken()
        return ready

    async def _work(self, request: Request, messages: str | None) -> None:
        """One request after another, for as long as nobody else waits for the slot: tasks cost time to make."""
        ready: _Fed | None = (request, messages)
        while ready is not None:
            await self._one(*ready)
            if self._active < self._gate.limit:  # it has grown
                self._start_some()
            keeps = not self._queue and self._active <= self._gate.limit
            ready = self._next(len(self._tasks) - 1) if keeps else None

    async def _one(self, request: Request, messages: str | None) -> None:
        assert self.asker is not None
        try:
            if messages is None:
                messages = await self._loop.run_in_executor(self._workers(), self._payloads.messages, request)
            asked = await self.asker.ask(request, messages)
        except DataError as error:
            asked = Asked(request=request, error=str(error), spent=Spent())
        self._budget.add(asked.spent)
        self._batch.append(asked)
        if len(self._batch) == 1:
            self._loop.call_soon(self._flush)
        if asked.kind:
            self._lessons.failed(asked.kind, asked.error)
        elif asked.completions:
            self._budget.check_known(asked.spent)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.release()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StoppedError):
            self._stop(error)
        self._start_some()

    def _stop(self, why: BaseException) -> None:
        """Send nothing more; what is being answered may finish."""
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
            self._pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="openai-images")
        return self._pool
