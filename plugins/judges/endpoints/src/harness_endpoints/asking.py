"""One request from the first attempt to the last: retries, refused fields, samples. Knows nothing of threads."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from harness.api import JudgeStoppedError, Request
from harness_endpoints.complaint import read_complaint
from harness_endpoints.faults import Fault, Reason, SentRequest, read_fault
from harness_endpoints.lessons import Lessons, without
from harness_endpoints.options import EndpointOptions
from harness_endpoints.payload import LIMITS, Field, Payloads
from harness_endpoints.reply import Completion, ParsedReply, ReadReply, ServerSaysError, Spent, UnusableReplyError
from harness_endpoints.retry import Backoff, retry_after
from harness_endpoints.wire import Response, Wire, WireError


class Outcome(NamedTuple):
    """The outcome of one request."""

    request: Request
    """What was asked."""
    spent: Spent
    """Tokens and money, failed attempts included."""
    completions: tuple[Completion, ...] = ()
    """What was answered. None where it failed."""
    error: str = ""
    """Why it failed."""
    kind: str = ""
    """In which way it failed."""
    refused: str = ""
    """In whose words it was stopped, where a provider's filter let no model see it."""
    latency: float | None = None
    """Seconds that the attempts took that were answered."""
    model: str = ""
    """The snapshot that answered."""


class StoppedError(Exception):
    """Nothing more is to be sent."""


class Slots(Protocol):
    """The concurrency limit as one request sees it: the request holds a slot already."""

    def success(self) -> None:
        """The server kept up."""

    def overload(self, sent: float) -> None:
        """The server did not keep up with what was sent then."""

    async def pause(self, seconds: float) -> None:
        """Give the slot back, wait, and take a slot again.

        Raises:
            StoppedError: Nothing more is to be sent.
        """


@dataclass(slots=True)
class _Tally:
    """Tokens, seconds and model of one request so far."""

    spent: Spent
    latency: float = 0.0
    model: str = ""


@dataclass(slots=True)
class _Tries:
    """The attempts at one answer."""

    made: int = 0
    unusable: int = 0
    """Responses among them that could not be read."""
    refused: frozenset[Field] = frozenset()
    """Fields that the server refused meanwhile."""
    refusal: str = ""
    """Why."""


class Asker:
    """Asks one endpoint."""

    def __init__(
        self,
        options: EndpointOptions,
        *,
        name: str,
        scrub: Callable[[str], str],
        wire: Wire,
        payloads: Payloads,
        read: ReadReply,
        lessons: Lessons,
        slots: Slots,
    ) -> None:
        self._options = options
        self._name = name
        self._scrub = scrub
        self._wire = wire
        self._payloads = payloads
        self._read = read
        self._lessons = lessons
        self._slots = slots
        self._backoff = Backoff(first=options.backoff_s, most=options.max_backoff_s)
        self._dice = random.Random()  # unseeded: jitter must differ between processes, and no answer depends on it

    async def ask(self, request: Request, messages: str) -> Outcome:
        """Ask until there is an answer, or no hope of one.

        Args:
            request: What to ask. Holds a slot already.
            messages: From `Payloads.messages`.

        Raises:
            JudgeStoppedError: Every further request would fail alike: the key, the model's name, the credit, ...
            StoppedError: Nothing more is to be sent.
        """
        tally = _Tally(Spent())
        try:
            completions = await self._samples(request, messages, tally)
        except _FailedError as failed:
            return Outcome(request=request, error=str(failed), kind=failed.kind, spent=tally.spent)
        except _RefusedError as refused:
            # The provider answered, so it keeps up; but its filter says nothing about images.
            self._slots.success()
            self._lessons.record_success(images=False)
            return Outcome(request=request, refused=str(refused), spent=tally.spent)
        except _CutError:
            # The model wrote up to the limit. The server keeps it to itself, and the same comes at each attempt.
            self._slots.success()
            return Outcome(request=request, completions=(Completion(None, "length"),), spent=tally.spent)
        return Outcome(
            request=request, completions=completions, spent=tally.spent, latency=tally.latency, model=tally.model
        )

    async def _samples(self, request: Request, messages: str, tally: _Tally) -> tuple[Completion, ...]:
        """All samples: at once where the server can do that, else one after another, each with a seed of its own."""
        count = self._options.samples
        wanted = self._payloads.fields(request)
        answer = await self._complete(request, messages, wanted, sample=0, tally=tally)
        found = list(answer.completions)
        if len(found) < count and "n" in self._lessons.still_sent(wanted):
            self._lessons.turn_off(("n",), "the server gives one answer at a time")
        # Servers that take `n` and ignore it give one answer: the rest is asked one by one.
        while len(found) < count:
            answer = await self._complete(request, messages, wanted - {"n"}, sample=len(found), tally=tally)
            found += answer.completions
        return tuple(found)

    async def _complete(
        self, request: Request, messages: str, wanted: frozenset[Field], *, sample: int, tally: _Tally
    ) -> ParsedReply:
        """One answer, after as many attempts as it takes."""
        tries = _Tries()
        while True:
            # Read again for each attempt: another request may have learnt meanwhile that a field is refused.
            fields = self._lessons.still_sent(wanted)
            if tries.refused:
                fields = without(fields, tries.refused)
            count = self._options.samples if "n" in fields else 1
            body = self._payloads.body(messages, request, fields=fields, sample=sample, count=count)
            began = time.monotonic()
            try:
                response = await self._wire.post(body)
                if 200 <= response.status < 300:
                    answer = self._read(response.content_type, response.body, most=count, scrub=self._scrub)
                    self._record_success(answer, request, tries, tally, seconds=time.monotonic() - began)
                    return answer
                fault = self._read_fault(response, request, fields)
            except WireError as error:
                fault = _fault_of_wire(error)
            except UnusableReplyError as error:
                tally.spent = tally.spent.plus(error.spent)
                kind = f"no answer: {str(error).partition(':')[0]}"
                fault = Fault("again" if error.died else "once", f"no answer: {error}", kind)
            except ServerSaysError as error:
                tally.spent = tally.spent.plus(error.spent)
                status = error.complaint.status or (502 if error.plain else 200)
                sent = self._describe_request(request, fields)
                fault = read_fault(status, error.complaint, sent, within="an error with status 200")
            wait = self._wait_before_retry(fault, tries)
            # Before the wait, so that the lower limit holds for all who start meanwhile.
            if fault.congested:
                self._slots.overload(began)
            if wait is not None:
                await self._slots.pause(wait)

    def _record_success(
        self, answer: ParsedReply, request: Request, tries: _Tries, tally: _Tally, *, seconds: float
    ) -> None:
        tally.spent = tally.spent.plus(answer.spent)
        tally.latency += seconds
        tally.model = answer.model
        self._slots.success()
        lessons = self._lessons
        lessons.record_success(images=not lessons.seen and bool(request.images))
        lessons.check_name(answer.name)
        # Only an answer without the field proves that the field was the fault.
        if tries.refused:
            lessons.turn_off(tries.refused, tries.refusal)
        first = answer.completions[0]
        if not first.content and first.reasoning and first.finish == "stop":
            lessons.check_empty()

    def _read_fault(self, response: Response, request: Request, fields: frozenset[Field]) -> Fault:
        complaint = read_complaint(response.body, self._scrub)
        wait = retry_after(response.retry_after, milliseconds=response.retry_after_ms)
        return read_fault(response.status, complaint, self._describe_request(request, fields), asked_to_wait=wait)

    def _describe_request(self, request: Request, fields: frozenset[Field]) -> SentRequest:
        lessons = self._lessons
        return SentRequest(
            fields=fields,
            user_fields=self._options.user_fields,
            images=bool(request.images),
            answered=lessons.answered,
            seen=lessons.seen,
        )

    def _wait_before_retry(self, fault: Fault, tries: _Tries) -> float | None:
        """Seconds to wait for the next attempt; `None` to make it at once.

        Raises:
            _RefusedError: A filter stopped the question.
            _CutError: The answer ran to its limit, and is not shown.
            _FailedError: There is no hope of an answer.
            JudgeStoppedError: There is no hope of any other either.
        """
        if fault.then == "refused":
            raise _RefusedError(fault.why)
        if fault.then == "cut":
            raise _CutError(fault.why)
        if fault.then == "learn":
            tries.refused |= {fault.field}
            tries.refusal = fault.why
            if not tries.refused >= LIMITS:
                return None
        if fault.then in ("learn", "stop"):
            raise stop_of(fault, self._name, self._options)
        # Attempts that teach which field is refused are not counted: each happens once for a field.
        tries.made += 1
        tries.unusable += fault.then == "once"
        if fault.then == "fail" or tries.made > self._options.retries or tries.unusable > 1:
            why = f"{fault.why} ({tries.made} attempts)" if tries.made > 1 else fault.why
            raise _FailedError(why, fault.kind)
        if fault.then == "once":  # waiting would only let others begin and be paid for
            return None
        return self._backoff.delay(tries.made - 1, retry_after=fault.wait, dice=self._dice)


class _FailedError(Exception):
    """A request that has no answer and will have none."""

    def __init__(self, why: str, kind: str) -> None:
        super().__init__(why)
        self.kind = kind


class _RefusedError(Exception):
    """A request that a provider's filter stopped."""


class _CutError(Exception):
    """A request whose answer ran to its limit, and is not shown."""


def _fault_of_wire(error: WireError) -> Fault:
    if error.distrusted:
        return Fault("stop", f"with a certificate that is not trusted: {error}", "certificate", "tls")
    kind = "timeout" if error.timeout else str(error).partition(":")[0]
    return Fault("once" if error.broken else "again", str(error), kind, congested=error.timeout)


def stop_of(fault: Fault, name: str, options: EndpointOptions) -> JudgeStoppedError:
    """The error that ends a judge, with the fix."""
    return JudgeStoppedError(
        f"judge {name}: {options.address} answers {fault.why}; {fix_of(fault.reason, fault.field, options)}, then give "
        "the same command again"
    )


def fix_of(reason: Reason | None, field: str, options: EndpointOptions) -> str:
    """Advice for the user of a judge that stops."""
    names = [options.api_key_env] if options.api_key_env else list(options.headers_env.values())
    key = f"the key in the environment variable {' or '.join(names)}" if names else "`api_key_env`: no key was sent"
    fixes: dict[Reason | None, str] = {
        "credit": "add credit to the account or raise its limit",
        "day": "wait until its quota is renewed, or raise it",
        "key": f"check {key}",
        "access": f"check what {key} may do" if names else f"check {key}",
        "model": f"check `model: {options.model}`",
        "address": f"check `model: {options.model}` and `base_url` (most end with /v1; Azure's wants `extra_query: "
        "{api-version: ...}`)",
        "images": "ask a model that sees images (llama.cpp: with --mmproj), or leave the tasks with images out",
        "system": "set `system: prepend`",
        "limit": "set `max_tokens` to what the server takes",
        "tls": "give the certificate of its authority as `ca_file`",
        "field": f"take {field} out of the judge's options",
    }
    if field == "response_format":
        return "set `structured: auto`"
    if field in ("logprobs", "top_logprobs"):
        return "set `logprobs: auto`"
    return fixes[reason]


async def sleep_or_stop(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep, unless everything stops first.

    Raises:
        StoppedError: It stopped.
    """
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
    raise StoppedError
