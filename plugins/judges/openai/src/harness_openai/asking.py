"""One request from the first attempt to the last: retries, refused extras, samples. Knows nothing of threads."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from harness.api import Request, UserError
from harness_openai.options import EndpointOptions
from harness_openai.payload import Extra, Payloads
from harness_openai.reply import Answer, Completion, Spent, UnusableReplyError, excerpt, read_reply
from harness_openai.retry import AGAIN, CONGESTED, Backoff, retry_after
from harness_openai.wire import Response, Wire, WireError

_log = logging.getLogger("harness_openai")

_NAMES: dict[Extra, re.Pattern[str]] = {
    "response_format": re.compile(r"response_?format|json_?schema|structured|guided|grammar", re.IGNORECASE),
    "logprobs": re.compile(r"log_?prob", re.IGNORECASE),
    "n": re.compile(r"\bn\b|multiple (?:choices|completions)", re.IGNORECASE),
}


class Asked(NamedTuple):
    """What became of one request."""

    request: Request
    """What was asked."""
    spent: Spent
    """Tokens and money, failed attempts included."""
    completions: tuple[Completion, ...] = ()
    """What was answered; none where it failed."""
    error: str = ""
    """Why it failed."""
    latency: float | None = None
    """Seconds that the attempts took that were answered."""
    model: str = ""
    """The snapshot that answered."""


class StoppedError(Exception):
    """Nothing more is to be sent."""


class Slots(Protocol):
    """Leave to send, which whoever asks holds already."""

    def success(self) -> None:
        """The server kept up."""

    def overload(self, sent: float) -> None:
        """The server did not keep up with what was sent then."""

    async def pause(self, seconds: float) -> None:
        """Wait without leave.

        Raises:
            StoppedError: Nothing more is to be sent.
        """


class Extras:
    """Which parts of a request the server takes; learnt once, for the rest of the run."""

    def __init__(self, options: EndpointOptions, name: str) -> None:
        self._name = name
        self._optional: set[Extra] = {"n"}
        if options.structured == "auto":
            self._optional.add("response_format")
        if options.logprobs == "auto":
            self._optional.add("logprobs")
        self._off: set[Extra] = set()
        self._proven: set[Extra] = set()

    def left(self, wanted: frozenset[Extra]) -> frozenset[Extra]:
        """Those that were not turned off."""
        return wanted - self._off if self._off else wanted

    def worked(self, sent: frozenset[Extra]) -> None:
        """An answer came to a request with these."""
        self._proven |= sent

    def suspects(self, sent: frozenset[Extra], message: str) -> frozenset[Extra]:
        """Those that a refusal may be about: the ones that it names, else those that never worked."""
        optional = sent & self._optional
        named = frozenset(extra for extra in optional if _NAMES[extra].search(message))
        return named or optional - self._proven

    def turn_off(self, refused: frozenset[Extra], why: str) -> None:
        """Leave these out from now on, and say so once."""
        news = refused - self._off
        if news:
            self._off |= news
            _log.warning("judge %s: goes on without %s: %s", self._name, " and ".join(sorted(news)), why)


@dataclass(slots=True)
class _Tally:
    """What one request has come to so far."""

    spent: Spent
    latency: float = 0.0
    model: str = ""


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
        extras: Extras,
        slots: Slots,
    ) -> None:
        self._options = options
        self._name = name
        self._scrub = scrub
        self._wire = wire
        self._payloads = payloads
        self._extras = extras
        self._slots = slots
        self._backoff = Backoff(first=options.backoff_s, most=options.max_backoff_s)
        self._dice = random.Random()

    async def ask(self, request: Request, messages: str) -> Asked:
        """Ask until there is an answer, or no hope of one.

        Args:
            request: What to ask; holds a slot already.
            messages: From `Payloads.messages`.

        Raises:
            UserError: The user must mend something: the key, the model's name, ...
            StoppedError: Nothing more is to be sent.
        """
        tally = _Tally(Spent())
        try:
            completions = await self._samples(request, messages, tally)
        except _FailedError as failed:
            return Asked(request=request, error=str(failed), spent=tally.spent)
        return Asked(
            request=request, completions=completions, spent=tally.spent, latency=tally.latency, model=tally.model
        )

    async def _samples(self, request: Request, messages: str, tally: _Tally) -> tuple[Completion, ...]:
        """All samples: at once where the server can do that, else one after another, each with a seed of its own."""
        count = self._options.samples
        wanted = self._payloads.extras(request)
        answer = await self._completed(request, messages, wanted, sample=0, tally=tally)
        found = list(answer.completions)
        if len(found) < count and "n" in self._extras.left(wanted):
            self._extras.turn_off(frozenset({"n"}), "the server gives one answer at a time")
        while len(found) < count:
            answer = await self._completed(request, messages, wanted - {"n"}, sample=len(found), tally=tally)
            found += answer.completions
        return tuple(found)

    async def _completed(
        self, request: Request, messages: str, wanted: frozenset[Extra], *, sample: int, tally: _Tally
    ) -> Answer:
        """One answer, after as many attempts as it takes."""
        refused: frozenset[Extra] = frozenset()
        refusal = ""
        attempt = 0
        while True:
            sent = self._extras.left(wanted) - refused
            count = self._options.samples if "n" in sent else 1
            body = self._payloads.body(messages, request, extras=sent, sample=sample, count=count)
            began = time.monotonic()
            wait: float | None = None
            try:
                response = await self._wire.post(body)
                if response.status == 200:
                    answer = self._read(response, count, tally)
                    tally.latency += time.monotonic() - began
                    tally.model = answer.model
                    self._slots.success()
                    self._extras.worked(sent)
                    self._extras.turn_off(refused, refusal)
                    return answer
                cause = f"status {response.status}: {excerpt(response.body, self._scrub)}"
                self._refuse_hopeless(response.status, cause)
                suspects = self._extras.suspects(sent, cause) if response.status in (400, 422) else frozenset()
                if suspects:
                    refused, refusal = refused | suspects, cause
                    continue
                if response.status not in AGAIN:
                    raise _FailedError(cause)
                if response.status in CONGESTED:
                    self._slots.overload(began)
                wait = retry_after(response.retry_after)
            except WireError as error:
                cause = str(error)
                if error.timeout:
                    self._slots.overload(began)
            except UnusableReplyError as error:
                cause = f"no answer: {error}"
                tally.spent = tally.spent.plus(error.spent)
            attempt += 1
            if attempt > self._options.retries:
                raise _FailedError(f"{cause} ({attempt} attempts)" if attempt > 1 else cause)
            await self._slots.pause(self._backoff.delay(attempt - 1, retry_after=wait, dice=self._dice))

    def _read(self, response: Response, count: int, tally: _Tally) -> Answer:
        answer = read_reply(response.status, response.content_type, response.body, most=count, scrub=self._scrub)
        tally.spent = tally.spent.plus(answer.spent)
        return answer

    def _refuse_hopeless(self, status: int, cause: str) -> None:
        """Stop the run where every further request would fail alike."""
        fix = {
            401: f"check the key in the environment variable {self._options.api_key_env}",
            402: "add credit to the account",
            403: f"check what the key in the environment variable {self._options.api_key_env} may do",
            404: f"check `model: {self._options.model}` and `base_url` (most end with /v1)",
        }.get(status)
        if fix is not None:
            url = f"{self._options.base_url}/chat/completions"
            raise UserError(f"judge {self._name}: {url} answers {cause}; {fix}, then give the same command again")


class _FailedError(Exception):
    """A request that has no answer and will have none."""


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
