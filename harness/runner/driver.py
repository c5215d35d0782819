"""Driving one judge: streams requests to it in a thread of its own and survives anything that it does.

The main thread stays free to write the journal, draw progress and handle Ctrl-C. A judge may raise, hang, end early or
yield nonsense. The requests that it had in flight are then asked again one by one, and the one that fails alone becomes
an `error` judgement. Other requests are unaffected. Not for retries of a flaky network: those are the judge's own.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain

from harness.api import DataError, Image, Judge, Judgement, Request, Status, UserError

TICK_S = 0.05
"""How often the main thread looks up when nothing happens."""

MOST_WAITING = 2048
"""Requests handed to a judge or answered, and not yet in the journal. More would let memory grow."""

GRACE_S = 10.0
"""How long an interrupted judge may take to finish what it has in flight."""

AnsweredRequest = tuple[Request, Judgement]


class _Source:
    """The requests still to ask, shared by one attempt after another. Pulled by worker threads under a lock."""

    def __init__(self, requests: Iterator[Request]) -> None:
        self._requests = requests
        self._lock = threading.Lock()
        self.exhausted = False
        self.error: BaseException | None = None

    def pull(self) -> Request | None:
        with self._lock:
            if self.exhausted:
                return None
            try:
                return next(self._requests)
            except StopIteration:
                self.exhausted = True
            except BaseException as error:
                # Raised in the judge's thread, it would be blamed on the judge. `batches` raises it in the main one.
                self.exhausted, self.error = True, error
            return None


class _Pixels:
    """The pixels of requests in flight, let go once no request needs them.

    Both orders of an item show the same pictures, and come one after the other. So those of the request that was
    answered last stay until the next one is handed out. That is one request's pictures more than are in flight.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a judge may take requests in one thread and answer in another
        self._needed: Counter[int] = Counter()
        self._last: tuple[Image, ...] = ()

    def hold(self, request: Request) -> None:
        """A request is handed out."""
        with self._lock:
            self._needed.update(id(image) for image in request.images)
            self._replace_last(())

    def let_go(self, request: Request) -> None:
        """A request that was handed out is answered."""
        with self._lock:
            for image in request.images:
                self._needed[id(image)] -= 1
                if self._needed[id(image)] <= 0:
                    del self._needed[id(image)]
            self._replace_last(request.images)

    def clear(self) -> None:
        """Nothing more is handed out."""
        with self._lock:
            self._replace_last(())

    def _replace_last(self, images: tuple[Image, ...]) -> None:
        kept = {id(image) for image in images}
        for image in self._last:
            if id(image) not in self._needed and id(image) not in kept:
                image.forget()
        self._last = images


class _Attempt:
    """One call of `Judge.judge`, in a thread. Abandoned when it hangs. What it does afterwards is ignored."""

    def __init__(
        self, judge: Judge, pull: Callable[[], Request | None], *, stopping: threading.Event, timeout: float
    ) -> None:
        self._judge = judge
        held: tuple[int, float] | None = getattr(judge, "holds", None)
        self._most, self.timeout = held or (MOST_WAITING, timeout)
        # What a judge waits for at a provider goes on there: nothing is lost by leaving it at once.
        self.grace = GRACE_S if held is None else 0.0
        self._pull = pull
        self._stopping = stopping
        self._room = threading.Condition()
        self.wake = threading.Event()
        self._pixels = _Pixels()
        self.answers: deque[AnsweredRequest] = deque()
        self.in_flight: dict[str, Request] = {}
        self.failure: BaseException | None = None
        self.done = False
        self.abandoned = False
        self.pulling = False
        self.pulled = 0
        self.taken = 0
        self.unmatched_answers = 0
        self.last_activity = time.monotonic()
        threading.Thread(target=self._work, name="judge", daemon=True).start()

    def _work(self) -> None:
        try:
            requests = self._hand_out()
            # Where nothing is left to ask, a judge need not open its model.
            if (first := next(requests, None)) is None:
                return
            for answer in self._judge.judge(chain([first], requests)):
                if self.abandoned:
                    return
                self._accept(answer)
        except BaseException as error:  # all that a judge raises, SystemExit included, is its own failure
            self.failure = error
        finally:
            self._pixels.clear()
            self.done = True
            self.wake.set()

    def _hand_out(self) -> Iterator[Request]:
        while True:
            if not self._has_room():
                with self._room:
                    self._room.wait_for(self._may_go_on)
            if self.abandoned or self._stopping.is_set():
                return
            self.pulling = True
            request = self._pull()
            self.last_activity, self.pulling = time.monotonic(), False
            if request is None or self.abandoned:
                self._pixels.clear()
                return
            self.pulled += 1
            self.in_flight[request.key] = request
            self._pixels.hold(request)
            yield request

    def _may_go_on(self) -> bool:
        return self._has_room() or self.abandoned or self._stopping.is_set()

    def _has_room(self) -> bool:
        # One thread counts up each of the two, so that no count is ever lost.
        return self.pulled - self.taken < self._most

    def _accept(self, answer: object) -> None:
        self.last_activity = time.monotonic()
        request, judgement = answer if isinstance(answer, tuple) and len(answer) == 2 else (None, answer)
        mine = self.in_flight.get(request.key) if isinstance(request, Request) else None
        if mine is None:
            self.unmatched_answers += 1  # an answer to nothing that was asked, or a second one
            return
        if not isinstance(judgement, Judgement):
            judgement = Judgement.failure(Status.ERROR, f"the judge yielded {judgement!r:.200}, which is no Judgement")
        # Thousands of answers may wait to be written down, and the pixels of their pictures are not needed any more.
        self._pixels.let_go(mine)
        self.answers.append((mine, judgement.check(mine.space)))
        del self.in_flight[mine.key]
        # A fast judge would fill the queue within a tick. A slow one is written down once a tick, in one batch.
        if len(self.answers) >= MOST_WAITING // 4:
            self.wake.set()

    def take(self) -> list[AnsweredRequest]:
        """All answers that have come in."""
        taken = [self.answers.popleft() for _ in range(len(self.answers))]
        if taken:
            with self._room:
                self.taken += len(taken)
                self._room.notify()
        return taken

    def idle_seconds(self) -> float:
        """Seconds since the judge last took a request or gave an answer.

        It is 0 while the judge waits for the task to render a request: a slow task is no silence of the judge.
        """
        return 0.0 if self.pulling else time.monotonic() - self.last_activity

    def abandon(self) -> None:
        self.abandoned = True
        with self._room:
            self._room.notify()


class _Taker:
    """Takes one request and answers nothing: the request is then in flight. For a judge that does not come so far."""

    def judge(self, requests: Iterable[Request]) -> Iterator[AnsweredRequest]:
        next(iter(requests), None)
        yield from ()

    def fingerprint(self) -> str:
        return ""


class Driver:
    """Asks one judge all requests of a stream, each exactly once.

    Args:
        make_judge: Makes the judge; called again when one hangs.
        requests: The stream; pulled from worker threads, never by two at once.
        timeout: Seconds that the judge may stay silent while it has requests in flight.
        find_stall: Asked while the judge waits for a request: what is wrong where there will be none.

    Attributes:
        unmatched_answers: Answers that belonged to no open request and were dropped.
    """

    def __init__(
        self,
        *,
        make_judge: Callable[[], Judge],
        requests: Iterator[Request],
        timeout: float,
        find_stall: Callable[[], DataError | None] = lambda: None,
    ) -> None:
        self._make_judge = make_judge
        self._judge = make_judge()
        self._source = _Source(requests)
        self._timeout = timeout
        self._find_stall = find_stall
        self._stopping = threading.Event()
        self._stopped_at = 0.0
        self.unmatched_answers = 0

    def stop(self) -> None:
        """Hand out no more requests. What is in flight may finish within `GRACE_S` seconds of the first call."""
        if not self._stopping.is_set():
            self._stopped_at = time.monotonic()
            self._stopping.set()

    def batches(self) -> Iterator[list[AnsweredRequest]]:
        """Answers as they come, in batches; an empty one at least every `TICK_S` seconds.

        Raises:
            UserError: The task's data cannot be used, or the judge says that the user must fix something.
        """
        while not self._source.exhausted and not self._stopping.is_set():
            attempt = _Attempt(self._judge, self._source.pull, stopping=self._stopping, timeout=self._timeout)
            reason = yield from self._watch(attempt)
            # Which of the requests in flight broke the judge cannot be known from outside. A single one is the culprit.
            suspects = list(attempt.in_flight.values())
            if len(suspects) == 1 and not self._stopping.is_set():
                yield [(suspects[0], Judgement.failure(Status.ERROR, reason))]
                continue
            # A judge that fails before it takes anything would fail for ever. One request by itself, which becomes an
            # error, makes the stream shorter each time.
            if attempt.pulled == 0 and not self._stopping.is_set():
                # In a thread, like every read of data: one that stalls must not keep this thread from stopping.
                attempt = _Attempt(_Taker(), self._source.pull, stopping=self._stopping, timeout=self._timeout)
                yield from self._watch(attempt)
                suspects = list(attempt.in_flight.values())
            for suspect in suspects:
                yield from self._ask_alone(suspect)
        if self._source.error is not None:
            raise self._source.error

    def _ask_alone(self, request: Request) -> Iterator[list[AnsweredRequest]]:
        """Ask one request by itself, so that only the culprit is blamed."""
        if self._stopping.is_set():
            return
        single = iter([request])
        attempt = _Attempt(self._judge, lambda: next(single, None), stopping=self._stopping, timeout=self._timeout)
        reason = yield from self._watch(attempt)
        answered = attempt.pulled and not attempt.in_flight
        if not answered and not self._stopping.is_set():
            yield [(request, Judgement.failure(Status.ERROR, reason))]

    def _watch(self, attempt: _Attempt) -> Generator[list[AnsweredRequest], None, str]:
        """Yield an attempt's answers until it ends; return why what is left in flight has no answer."""
        try:
            while True:
                attempt.wake.wait(TICK_S)
                attempt.wake.clear()
                done = attempt.done  # read before the answers are taken, so that none is left
                yield attempt.take()
                if done:
                    break
                if attempt.idle_seconds() > attempt.timeout:
                    # A thread cannot be ended from outside, and the judge in it may hold a lock. So both are given up.
                    attempt.abandon()
                    self._judge = self._make_judge()
                    yield attempt.take()
                    return f"the judge did not answer within {attempt.timeout:g} s"
                if attempt.pulling and not self._stopping.is_set() and (problem := self._find_stall()) is not None:
                    # What is in flight is paid for, so it may finish as after an interruption.
                    self._source.error = problem
                    self.stop()
                if self._stopping.is_set() and time.monotonic() - self._stopped_at > attempt.grace:
                    attempt.abandon()
                    return "interrupted"
        finally:
            attempt.abandon()
            self.unmatched_answers += attempt.unmatched_answers
        # A missing key or a spent budget is the user's to fix and ends the run; data that one request cannot use does
        # not, and becomes an error of that request.
        if isinstance(attempt.failure, UserError) and not isinstance(attempt.failure, DataError):
            raise attempt.failure
        if attempt.failure is not None:
            return f"the judge raised {type(attempt.failure).__name__}: {attempt.failure}"
        stray = "; it yielded what is no pair of an open request and its judgement" if attempt.unmatched_answers else ""
        return f"the judge ended without an answer to this request{stray}"
