"""A plugin file for the crash tests: a small task, and a judge that is slow enough to be killed in the middle.

Not a test itself. `KILL_LOG` names a file in which the judge notes every question it is asked. `KILL_COUNT` is the
number of items. `KILL_STALL=N:FIFO` has the task wait for a pipe without a writer, after N items. `KILL_GRACE` are
the seconds that what is in flight may take after a signal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

from harness.api import (
    Item,
    JudgeCard,
    Judgement,
    Message,
    Preference,
    Protocol,
    Request,
    TaskCard,
    VerdictFormat,
    hookimpl,
)

SPACE = Preference(2)
COUNT = int(os.environ.get("KILL_COUNT", "150"))
STALL_AFTER, _, STALL = os.environ.get("KILL_STALL", "-1:").partition(":")

if "KILL_GRACE" in os.environ:
    import harness.runner.driver

    harness.runner.driver.GRACE_S = float(os.environ["KILL_GRACE"])


class Pairs:
    protocol = Protocol(order="both", metrics=("accuracy", "macro_f1"))
    format = "harness/brackets"

    def items(self, split: str) -> Iterator[Item]:
        for index in range(COUNT):
            if index == int(STALL_AFTER):
                open(f"{STALL}.reached", "w").close()
                open(STALL, "rb").close()
            yield Item(
                id=f"pair-{index}",
                group=f"g{index // 3}",
                space=SPACE,
                gold=index * 7 % 5 % 2,
                candidates=((f"left {index}",), (f"right {index}",)),
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        parts = [part for place in order for part in item.candidates[place]]
        message = Message("user", (*parts, format.instruction(SPACE)))
        return Request(task="", item=item.id, messages=(message,), space=SPACE, format=format, order=order)

    def fingerprint(self) -> str:
        return "1"


class Slow:
    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            with open(os.environ["KILL_LOG"], "a", encoding="utf-8") as log:
                log.write(request.key + "\n")
            time.sleep(0.004)
            name = "A" if request.seed % 3 else "B"
            yield request, request.read("I cannot tell." if request.seed % 11 == 0 else f"Because.\n\n[[{name}]]")

    def fingerprint(self) -> str:
        return "slow-1"


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [TaskCard(name="pairs", summary="Pairs.", factory=lambda options, context: Pairs(), suite="kill")]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [JudgeCard(name="slow", summary="Slow.", factory=lambda options, context: Slow())]
