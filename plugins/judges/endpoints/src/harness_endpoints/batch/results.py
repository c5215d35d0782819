"""One result of a batch to an outcome, by the rules of requests that go by themselves. Sends nothing."""

from __future__ import annotations

from typing import NamedTuple

from harness_endpoints.asking import Outcome
from harness_endpoints.batch.api import BatchResult
from harness_endpoints.batch.parts import BatchParts, Held
from harness_endpoints.complaint import read_complaint
from harness_endpoints.faults import Fault, SentRequest, read_fault
from harness_endpoints.reply import Completion, ServerSaysError, Spent, UnusableReplyError

_EXPIRED = Fault("again", "the batch ended before this question was asked", "expired")


class ReadResult(NamedTuple):
    """What to do with a result: an outcome, a reason to stop, or neither, and then it is asked again."""

    outcome: Outcome | None = None
    """The outcome."""
    stop: Fault | None = None
    """Why every further request would fail alike."""
    failed: bool = False
    """Whether the outcome is a failure."""


class ResultReader:
    """Reads the results for one judge.

    Args:
        parts: The judge's.
    """

    def __init__(self, parts: BatchParts) -> None:
        self._parts = parts

    def read(self, held: Held, result: BatchResult) -> ReadResult:
        """What a result means for its request. Counts the attempt in `held`."""
        parts, request = self._parts, held.request
        sent = SentRequest(
            fields=held.fields or parts.payloads.fields(request),
            user_fields=parts.options.user_fields,
            images=bool(request.images),
            answered=parts.lessons.answered,
            seen=parts.lessons.seen,
        )
        spent = Spent()
        try:
            if 200 <= result.status < 300:
                answer = parts.read("application/json", result.body, most=1, scrub=parts.scrub)
                parts.lessons.record_success(images=bool(request.images))
                parts.lessons.check_name(answer.name)
                whole = held.spent.plus(answer.spent)
                return ReadResult(Outcome(request, whole, completions=answer.completions, model=answer.model))
            if result.status == 0:
                fault = _EXPIRED
            else:
                fault = read_fault(result.status, read_complaint(result.body, parts.scrub), sent)
        except UnusableReplyError as error:
            spent, kind = error.spent, f"no answer: {str(error).partition(':')[0]}"
            fault = Fault("again" if error.died else "once", f"no answer: {error}", kind)
        except ServerSaysError as error:
            spent = error.spent
            status = error.complaint.status or (502 if error.plain else 200)
            fault = read_fault(status, error.complaint, sent, within="an error with status 200")
        held.spent = held.spent.plus(spent)
        return self._decide(held, fault)

    def _decide(self, held: Held, fault: Fault) -> ReadResult:
        if fault.then == "refused":
            self._parts.lessons.record_success(images=False)
            return ReadResult(Outcome(held.request, held.spent, refused=fault.why))
        if fault.then == "cut":
            return ReadResult(Outcome(held.request, held.spent, completions=(Completion(None, "length"),)))
        if fault.then == "learn" and not self._parts.lessons.leave_no_limit(fault.field):
            self._parts.lessons.turn_off([fault.field], fault.why)
            return ReadResult()
        if fault.then in ("learn", "stop"):
            return ReadResult(stop=fault)
        held.tries += 1
        most = 1 if fault.then == "once" else self._parts.options.retries
        if fault.then == "fail" or held.tries > most:
            why = f"{fault.why} ({held.tries} attempts)" if held.tries > 1 else fault.why
            return ReadResult(Outcome(held.request, held.spent, error=why, kind=fault.kind), failed=True)
        return ReadResult()
