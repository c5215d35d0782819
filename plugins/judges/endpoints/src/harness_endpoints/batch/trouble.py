"""What goes wrong with batches as such: the provider out of reach, a submission refused. Decides wait or stop."""

from __future__ import annotations

import time

from harness.api import JudgeStoppedError
from harness_endpoints.asking import stop_of
from harness_endpoints.batch.parts import BatchParts
from harness_endpoints.complaint import read_complaint
from harness_endpoints.faults import SentRequest, read_fault
from harness_endpoints.wire import StatusError


class Trouble:
    """One for each flow.

    Args:
        parts: The judge's.

    Attributes:
        failure: Why the judge stops; the first cause stays.
        misses: Times in a row that the provider could not be reached.
    """

    def __init__(self, parts: BatchParts) -> None:
        self._parts = parts
        self.failure: JudgeStoppedError | None = None
        self.misses = 0

    def stop(self, why: JudgeStoppedError) -> None:
        """The judge cannot go on."""
        self.failure = self.failure or why

    def miss(self, why: str) -> None:
        """The provider could not be reached, or would not answer now. Waits, or stops after too many times."""
        options = self._parts.options
        self.misses += 1
        if self.misses > options.retries:
            self.stop(
                JudgeStoppedError(
                    f"judge {self._parts.name}: no word about the batches: {why} ({self.misses} attempts); they go on "
                    "at the provider, so give the same command again"
                )
            )
        else:
            time.sleep(min(options.max_backoff_s, options.backoff_s * 2**self.misses))

    def explain(self, error: StatusError) -> None:
        """A status that is no success: wait where that may help, else stop."""
        status = error.response.status
        complaint = read_complaint(error.response.body, self._parts.scrub)
        fault = read_fault(status, complaint, SentRequest(frozenset()))
        if fault.then == "stop":
            self.stop(stop_of(fault, self._parts.name, self._parts.options))
        elif status in (408, 409, 429) or status >= 500 or status < 300:
            self.miss(f"status {status}: {complaint.excerpt}")
        else:
            self.stop(
                JudgeStoppedError(
                    f"judge {self._parts.name}: the provider's batches answer {fault.why}; ask without `batch`, or "
                    "with a smaller one, by the same command"
                )
            )

    def refuse(self, problem: bytes, *, others: bool) -> None:
        """The provider refuses a batch as a whole, after it took it.

        Args:
            problem: JSON of its error.
            others: Whether other batches are open, which may make room.
        """
        complaint = read_complaint(problem, self._parts.scrub)
        if "tokenlimitexceeded" in complaint.codes and others:
            return
        fault = read_fault(400, complaint, SentRequest(frozenset()), within="a refused batch")
        if fault.then == "stop":
            self.stop(stop_of(fault, self._parts.name, self._parts.options))
            return
        self.stop(
            JudgeStoppedError(
                f"judge {self._parts.name}: the provider refuses the batch: {complaint.excerpt}; ask without `batch`, "
                "or with a smaller `batch: {max_requests: ...}`, by the same command"
            )
        )
