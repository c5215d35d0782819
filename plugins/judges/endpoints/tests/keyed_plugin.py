"""A plugin file for whole runs: a task for the fault server, and logging at its most verbose. Not a test itself."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

from harness.api import Choice, Item, Message, Protocol, Request, TaskCard, VerdictFormat, hookimpl

SPACE = Choice(("yes", "no"))

if os.environ.get("VERBOSE"):
    logging.basicConfig(level=logging.DEBUG)


class Items:
    protocol = Protocol(metrics=("accuracy", "macro_f1"))
    format = "harness/tagged"

    def items(self, split: str) -> Iterator[Item]:
        plans = os.environ.get("PLANS", "").split()
        for index in range(int(os.environ.get("ITEMS", "40"))):
            plan = f" plan={plans[index % len(plans)]}" if plans else ""
            yield Item(
                id=f"item-{index}",
                group=f"g{index // 2}",
                space=SPACE,
                gold=SPACE.labels[index % 3 % 2],
                question=(f"item={index}{plan} ?",),
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        message = Message("user", (*item.question, format.instruction(SPACE)))
        return Request(task="", item=item.id, messages=(message,), space=SPACE, format=format, order=order)

    def fingerprint(self) -> str:
        return "1"


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [TaskCard(name="items", summary="Items.", factory=lambda options, context: Items(), suite="keyed")]
