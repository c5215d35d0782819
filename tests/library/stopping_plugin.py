"""A judge for the tests of the library: it presses Ctrl-C once, at its tenth request, where a file says so."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.api import JudgeCard, Judgement, Request, hookimpl

ORDER = Path("press-ctrl-c")


class Presser:
    """Says yes."""

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for number, request in enumerate(requests):
            if number == 10 and ORDER.exists():
                ORDER.unlink()
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.2)  # the main thread hears it
            yield request, request.read("<answer>yes</answer>")

    def fingerprint(self) -> str:
        return "presser"


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [JudgeCard(name="presser", summary="Says yes.", factory=lambda *_: Presser(), api_version=1)]
