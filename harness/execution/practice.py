"""A plugin of judges that are made to be asked elsewhere, and to fail there: for the checks of executors.

Not installed by itself: a placement names this module as a plugin. Its judges need no data and no package.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from harness.api import Context, Judge, JudgeCard, Judgement, JudgeStoppedError, Request, RunsCode, hookimpl


class PracticeOptions(BaseModel):
    """What becomes of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = 0.0
    """Seconds of work for each request."""
    dies: str = ""
    """Id of the item that kills the process."""
    once: str = ""
    """A file that is made by the death, after which the item is answered. Empty: it kills every time."""
    log: str = ""
    """A file that gets the number of the process for each answer."""
    stops: str = ""
    """Id of the item at which the judge says that it cannot go on."""
    raises: str = ""
    """Id of the item at which it raises a `ValueError`."""
    model: str = ""
    """What its code is said to come with. Nothing of that name is read."""
    runs_code: Annotated[bool, RunsCode("model")] = False
    """Whether it is one that needs the user's word, as a model with code of its own does."""


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The judge `practice/worker`."""
    return [
        JudgeCard(
            name="worker",
            api_version=1,
            summary="Answers by the key of the request and the pixels of its pictures, or dies.",
            factory="harness.execution.practice:make",
            options="harness.execution.practice:PracticeOptions",
            licence="Apache-2.0",
            source="part of judge-harness; no outside source",
        )
    ]


class PracticeJudge:
    """Yields every answer as soon as it has it."""

    def __init__(self, options: PracticeOptions) -> None:
        self._options = options

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer, stop, or kill the process."""
        for request in requests:
            if self._options.dies and request.item == self._options.dies:
                self._die()
            if self._options.stops and request.item == self._options.stops:
                raise JudgeStoppedError(f"no credit is left at item {request.item}")
            if self._options.raises and request.item == self._options.raises:
                raise ValueError(f"item {request.item} is odd")
            _work(self._options.seconds)
            if self._options.log:
                with open(self._options.log, "a", encoding="utf-8") as stream:
                    stream.write(f"{os.getpid()}\n")
            # From the pixels and not the names: a picture that arrives damaged must give another answer.
            pixels = sum(sum(image.load().tobytes()) for image in request.images)
            verdicts = request.space.verdicts()
            verdict = verdicts[(request.seed + pixels) % len(verdicts)]
            name = request.space.name(verdict)
            yield request, Judgement.of(verdict, raw=f"<answer>{name}</answer>", probabilities={name: 1.0})

    def fingerprint(self) -> str:
        """Of the version of this code alone: the options are part of every key already."""
        return "practice 1"

    def _die(self) -> None:
        if self._options.once:
            if Path(self._options.once).exists():
                return
            Path(self._options.once).touch()
        # As the kernel ends a process that takes too much memory: nothing runs after it.
        os.kill(os.getpid(), signal.SIGKILL)


def _work(seconds: float) -> None:
    """Use the processor for so long, as a model would."""
    until = time.thread_time() + seconds
    while seconds and time.thread_time() < until:
        sum(range(200))


def make(options: PracticeOptions, context: Context) -> Judge:
    """The judge `practice/worker`."""
    return PracticeJudge(options)
