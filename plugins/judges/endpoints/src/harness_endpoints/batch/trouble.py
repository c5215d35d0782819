"""What goes wrong with batches as such: the provider out of reach, a submission refused. Decides wait or stop."""

from __future__ import annotations

import logging
import time
from collections import Counter
from pathlib import Path

from harness.api import JudgeStoppedError
from harness_endpoints.asking import stop_of
from harness_endpoints.batch.parts import BatchParts
from harness_endpoints.batch.store import BatchRecord
from harness_endpoints.complaint import read_complaint
from harness_endpoints.faults import SentRequest, read_fault
from harness_endpoints.wire import StatusError

_log = logging.getLogger("harness_endpoints")


class Trouble:
    """One for each flow.

    Args:
        parts: The judge's.

    Attributes:
        failure: Why the judge stops; the first cause stays.
        is_full: Whether the provider took a batch and had no room for it. No other is submitted until one has ended.
    """

    def __init__(self, parts: BatchParts) -> None:
        self._parts = parts
        self.failure: JudgeStoppedError | None = None
        self.is_full = False
        # In a row. Results that cannot be had are counted for their batch: the state of it can be had all the while.
        self._misses: Counter[str] = Counter()
        self._lost = 0
        self._told = False

    def stop(self, why: JudgeStoppedError) -> None:
        """The judge cannot go on."""
        self.failure = self.failure or why

    def record_contact(self) -> None:
        """The provider answered."""
        self._misses.pop("", None)

    def record_submission(self) -> None:
        """A batch was submitted for sure."""
        self._lost = 0

    def record_end(self, marker: str) -> None:
        """A batch has ended, and its results were read. That makes room."""
        self._misses.pop("", None)
        self._misses.pop(marker, None)
        self.is_full = False

    def miss(self, why: str, *, about: str = "") -> None:
        """The provider could not be reached, or would not answer now. Waits, or stops after too many times.

        Args:
            why: In words.
            about: Marker of the batch, where its results were asked for.
        """
        self._wait(
            about,
            f"no word about the batches: {why} ({self._misses[about] + 1} attempts); they go on at the provider, so "
            "give the same command again",
        )

    def lack(self, record: BatchRecord, path: Path) -> None:
        """The provider has more results than it gives. They are paid for, so nothing is asked again.

        Args:
            record: The batch.
            path: Its record on disk.
        """
        self._wait(
            record.marker,
            f"batch {record.batch}: the provider gives fewer results than it counts, or some that cannot be read "
            f"({self._misses[record.marker] + 1} attempts); nothing was asked again; give the same command later, or, "
            f"to ask and pay for the rest again, remove {path}",
        )

    def _wait(self, about: str, why: str) -> None:
        options = self._parts.options
        self._misses[about] += 1
        if self._misses[about] > options.retries:
            self.stop(JudgeStoppedError(f"judge {self._parts.name}: {why}"))
        else:
            time.sleep(min(options.max_backoff_s, options.backoff_s * 2 ** self._misses[about]))

    def lose(self, why: str) -> None:
        """A batch that was submitted does not exist at the provider. Stops after too many times in a row.

        Args:
            why: What came of the submission.
        """
        self._lost += 1
        if self._lost > self._parts.options.retries:
            self.stop(
                JudgeStoppedError(
                    f"judge {self._parts.name}: no batch can be submitted: {why} ({self._lost} attempts, and the "
                    "provider has none of these batches); give the same command again"
                )
            )

    def explain(self, error: StatusError, *, about: str = "") -> None:
        """A look at a batch is no success: wait where that may help, else stop.

        Args:
            error: The response.
            about: Marker of the batch, where its results were asked for.
        """
        self._explain(error, about, "the batches go on there, so fix that and give the same command again")

    def explain_submission(self, error: StatusError, *, others: bool) -> None:
        """A submission is refused: wait where that may help, else stop.

        Args:
            error: The response.
            others: Whether other batches are open.
        """
        self._explain(error, "", _ways_on(others=others))

    def _explain(self, error: StatusError, about: str, ways_on: str) -> None:
        status = error.response.status
        complaint = read_complaint(error.response.body, self._parts.scrub)
        fault = read_fault(status, complaint, SentRequest(frozenset()))
        if fault.then == "stop":
            self.stop(stop_of(fault, self._parts.name, self._parts.options))
        elif status in (408, 409, 429) or status >= 500 or status < 300:
            self.miss(f"status {status}: {complaint.excerpt}", about=about)
        else:
            self.stop(
                JudgeStoppedError(f"judge {self._parts.name}: the provider's batches answer {fault.why}; {ways_on}")
            )

    def refuse(self, problem: bytes, *, others: bool) -> None:
        """The provider refuses a batch as a whole, after it took it.

        Args:
            problem: JSON of its error.
            others: Whether other batches are open, which may make room.
        """
        complaint = read_complaint(problem, self._parts.scrub)
        if "tokenlimitexceeded" in complaint.codes and others:
            self._wait_for_room(complaint.excerpt)
            return
        fault = read_fault(400, complaint, SentRequest(frozenset()), within="a refused batch")
        if fault.then == "stop":
            self.stop(stop_of(fault, self._parts.name, self._parts.options))
            return
        why = f"the provider refuses the batch: {complaint.excerpt}; {_ways_on(others=others)}"
        self.stop(JudgeStoppedError(f"judge {self._parts.name}: {why}"))

    def _wait_for_room(self, why: str) -> None:
        """Submit nothing until another batch has ended: it would be refused at once, again and again."""
        self.is_full = True
        if not self._told:
            self._told = True
            _log.warning(
                "judge %s: the provider's queue is full, so the next batch waits for the end of another: %s",
                self._parts.name,
                why,
            )


def _ways_on(*, others: bool) -> str:
    """Advice where a batch is refused. Its record is gone, so only other open batches keep one from asking without."""
    if others:
        return (
            "ask with a smaller `batch: {max_requests: ...}` by the same command, which takes the answers of the open "
            "batches too"
        )
    return "ask without `batch`, or with a smaller `batch: {max_requests: ...}`, by the same command"
