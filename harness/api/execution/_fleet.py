"""A fleet of workers that stands in for one judge: work is dealt out, and what a dead worker had is asked again.

Not for how a worker is reached: that is a `Crew`'s. Nothing here is written to any disk.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.api._errors import DataError, HarnessError, JudgeStoppedError
from harness.api._records import Judgement, Status
from harness.api._requests import Request
from harness.api.execution._executor import Parcel, Placement, Reply
from harness.api.execution._parcels import pack_requests, unpack_answers

TRIES = 3
"""Deaths of its worker after which a request is given up. From the second on it is asked by itself."""

MOST_LOSSES = 10
"""Workers that may die one after another without a single answer. Then something is wrong with all of them."""

TICK_S = 0.1
"""How often the fleet looks up when nothing happens."""

QUIET_S = 0.5
"""A source that gives nothing for so long is slow. Workers then answer what they hold, and wait for no full batch."""

GRACE_S = 10.0
"""How long the other workers may take to answer what they hold, once the judge cannot go on."""

REPLY_S = 60.0
"""How much longer than the judge may be silent a worker may be. A worker that is well replies in a second."""

LEAST_READ = 8
"""Requests read ahead from the source at least. What is read is asked, also when a run is interrupted: so not many."""


class LostWorkerError(HarnessError):
    """A worker is gone, with all that it had in flight. The message says why, as far as is known."""


class Crew(Protocol):
    """How the workers of one judge are started, reached and ended. Its methods return at once but for `wait`."""

    def start(self) -> tuple[Any, Any]:
        """Start a worker. It makes the judge by `Placement.open`, and the first call is done when it has.

        Returns:
            The worker, and its first call. Both are the crew's own objects.
        """

    def call(self, worker: Any, parcel: Parcel, *, flush: bool, more: bool) -> Any:
        """Call `JudgeWorker.exchange` of a worker. A worker has one call at a time."""

    def wait(self, calls: Sequence[Any], seconds: float) -> Sequence[Any]:
        """Those of the calls that are done, or lost; wait a while for the first of them."""

    def result(self, call: Any) -> Reply:
        """What a call came to. The reply to a first call has no answers, or the problem why there is no judge.

        Raises:
            LostWorkerError: The worker is gone.
        """

    def name(self, worker: Any) -> str:
        """Where a worker is, for messages: a machine, a process."""

    def end(self, worker: Any) -> None:
        """End a worker at once, and all that it does. It may be gone already."""


@dataclass(eq=False)
class _Seat:
    """One worker and what it has in flight."""

    worker: Any
    call: Any
    since: float
    is_open: bool = False
    wanted: int = 0
    alone: bool = False
    unanswered: dict[str, Request] = field(default_factory=dict)


class _Feed:
    """Reads requests ahead in a thread of its own, since a task may be slow to make them."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self._changed = threading.Condition()
        self._read: deque[Request] = deque()
        self._ended = False
        self._at = time.monotonic()
        self._limit = LEAST_READ
        self.done = False
        threading.Thread(target=self._pull, args=(iter(requests),), name="feed", daemon=True).start()

    def _pull(self, requests: Iterator[Request]) -> None:
        for request in requests:
            with self._changed:
                self._read.append(request)
                self._at = time.monotonic()
                self._changed.wait_for(lambda: len(self._read) < self._limit or self._ended)
            if self._ended:
                return
        self.done = True

    def take(self, most: int) -> list[Request]:
        """The next requests, as far as they are there. Who takes many finds more the next time."""
        with self._changed:
            self._limit = max(LEAST_READ, 2 * most)
            taken = [self._read.popleft() for _ in range(min(most, len(self._read)))]
            self._changed.notify()
        return taken

    def __len__(self) -> int:
        return len(self._read)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing more comes, or has come for a while."""
        return not self._read and (self.done or time.monotonic() - self._at > QUIET_S)

    def end(self) -> None:
        """Read no more."""
        with self._changed:
            self._ended = True
            self._changed.notify()


class Fleet:
    """Stands in for one judge, and asks it on several workers. Implements `harness.api.Judge`.

    Workers are started with the first request and kept from task to task. One that dies is replaced. Its requests are
    asked again, and so each may be put to the judge several times. The first answer that comes home counts.

    Args:
        crew: Reaches the workers.
        placement: The judge.
        size: How many workers.
        say: Takes lines for people.
    """

    def __init__(self, crew: Crew, placement: Placement, *, size: int, say: Callable[[str], None]) -> None:
        self._crew = crew
        self._placement = placement
        self._size = size
        self._say = say
        self._seats: list[_Seat] = []
        self._again: deque[Request] = deque()
        self._suspects: deque[Request] = deque()
        self._settled: list[tuple[Request, Judgement]] = []
        self._deaths = Counter[str]()
        self._losses = 0
        self._problem = ""
        self._problem_at = 0.0
        self._closings = 0

    def fingerprint(self) -> str:
        """The key of the judge that it stands in for."""
        return self._placement.key

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer requests, in any order.

        Raises:
            JudgeStoppedError: The judge cannot go on, or its workers die without an answer.
        """
        self._forget()
        feed, closings = _Feed(requests), self._closings
        try:
            while closings == self._closings:
                self._deal(feed)
                yield from self._collect()
                busy = any(seat.unanswered for seat in self._seats)
                if self._problem and (not busy or time.monotonic() - self._problem_at > GRACE_S):
                    raise JudgeStoppedError(f"judge {self._placement.name}: {self._problem}")
                if feed.done and not (len(feed) or busy or self._again or self._suspects or self._settled):
                    return
        finally:
            feed.end()

    def close(self) -> None:
        """End all workers. A later call of `judge` starts others, as a jury may ask a judge again."""
        self._closings += 1  # a call that goes on in another thread, after an interrupt, must start no others
        seats, self._seats = self._seats, []
        # Those that still wait for room come first: they would be given the room of the others, and start.
        for seat in sorted(seats, key=lambda seat: seat.is_open):
            self._crew.end(seat.worker)

    def _forget(self) -> None:
        """Drop what an earlier call left, should it have been cut short."""
        self._again.clear()
        self._suspects.clear()
        self._settled.clear()
        for seat in self._seats:
            seat.unanswered.clear()
            seat.alone = False

    def _deal(self, feed: _Feed) -> None:
        """Give every worker without a call what it wants."""
        if self._problem:
            feed.end()
        waiting = bool(len(feed) or self._again or self._suspects)
        while waiting and not self._problem and len(self._seats) < self._size:
            self._start()
        for seat in self._seats:
            if seat.call is not None or not seat.is_open:
                continue
            requests = [] if self._problem else self._choose(seat, feed)
            parcel = self._pack(seat, requests)
            if not seat.unanswered:
                continue  # it has nothing to do, so there is nothing to hear from it
            flush = seat.alone or bool(self._problem) or (feed.is_quiet and not self._again)
            seat.call = self._crew.call(seat.worker, parcel, flush=flush, more=bool(len(feed) or self._again))
            seat.since = time.monotonic()

    def _choose(self, seat: _Seat, feed: _Feed) -> list[Request]:
        if seat.alone and seat.unanswered:
            return []
        seat.alone = bool(self._suspects) and not seat.unanswered
        if seat.alone:
            return [self._suspects.popleft()]
        # Workers that go on to get other work would never be free for a suspect.
        if self._suspects:
            return []
        again = [self._again.popleft() for _ in range(min(seat.wanted, len(self._again)))]
        return again + feed.take(seat.wanted - len(again))

    def _pack(self, seat: _Seat, requests: list[Request]) -> Parcel:
        try:
            parcel, count = pack_requests(requests)
        except DataError:
            # Its picture was there when its key was made, and is not now. The others are sent.
            requests, parcel, count = self._sort_out(requests)
        self._again.extendleft(reversed(requests[count:]))
        seat.unanswered |= {request.key: request for request in requests[:count]}
        return parcel

    def _sort_out(self, requests: list[Request]) -> tuple[list[Request], Parcel, int]:
        readable = []
        for request in requests:
            try:
                pack_requests([request])
                readable.append(request)
            except DataError as error:
                self._settled.append((request, Judgement.failure(Status.ERROR, str(error))))
        return readable, *pack_requests(readable)

    def _collect(self) -> Iterator[tuple[Request, Judgement]]:
        """What has come home since the last time."""
        calls = {id(seat.call): seat for seat in self._seats if seat.call is not None}
        if calls:
            done = self._crew.wait([seat.call for seat in calls.values()], TICK_S)
        else:
            time.sleep(TICK_S / 10)
            done = []
        for call in done:
            yield from self._take(calls[id(call)])
        for seat in list(self._seats):
            if seat.is_open and seat.call is not None and time.monotonic() - seat.since > self._most_silence:
                self._lose(seat, f"it did not reply within {self._most_silence:g} s")
        settled, self._settled = self._settled, []
        yield from settled

    @property
    def _most_silence(self) -> float:
        return self._placement.timeout + REPLY_S

    def _take(self, seat: _Seat) -> Iterator[tuple[Request, Judgement]]:
        try:
            reply = self._crew.result(seat.call)
        except LostWorkerError as error:
            self._lose(seat, str(error))
            return
        seat.call, seat.is_open, seat.wanted = None, True, reply.wanted
        for key, judgement in unpack_answers(reply.answers) if reply.answers else ():
            request = seat.unanswered.pop(key, None)
            if request is not None:  # an answer to a call that was cut short belongs to no one
                self._losses = 0
                yield request, judgement
        if reply.problem:
            self._stop(f"{reply.problem} (worker on {self._crew.name(seat.worker)})")
            seat.unanswered.clear()  # it answers nothing more

    def _start(self) -> None:
        worker, call = self._crew.start()
        self._seats.append(_Seat(worker=worker, call=call, since=time.monotonic()))

    def _lose(self, seat: _Seat, why: str) -> None:
        """Take back what a dead worker had. Which of its requests killed it, if any, is not known."""
        self._seats.remove(seat)
        self._crew.end(seat.worker)  # also where it is gone: the crew may hold something for it
        self._losses += 1
        for key, request in seat.unanswered.items():
            self._deaths[key] += 1
            if self._deaths[key] >= TRIES:
                problem = f"its worker died {TRIES} times, at last with this request alone: {why}"
                self._settled.append((request, Judgement.failure(Status.ERROR, problem)))
            else:
                (self._again if self._deaths[key] == 1 else self._suspects).append(request)
        where, count = self._crew.name(seat.worker), len(seat.unanswered)
        asked = f"; {count} requests that it had are asked again" if count else ""
        self._say(f"judge {self._placement.name}: lost a worker on {where} ({why}){asked}")
        if self._losses >= MOST_LOSSES:
            self._stop(f"{self._losses} workers died one after another without an answer; the last one: {why}")

    def _stop(self, problem: str) -> None:
        if not self._problem:
            self._problem, self._problem_at = problem, time.monotonic()
