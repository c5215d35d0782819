"""A plugin for the tests of prices: questions of many lengths, and a judge that says what it takes. Not a test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import BaseModel

from harness.api import (
    Choice,
    Item,
    JudgeCard,
    Judgement,
    Message,
    Operational,
    Pricing,
    Protocol,
    Request,
    TaskCard,
    TokenEstimate,
    VerdictFormat,
    hookimpl,
)

SPACE = Choice(("yes", "no"))


class Items:
    format = "harness/label"
    protocol = Protocol(metrics=("accuracy",))

    def items(self, split: str) -> Iterator[Item]:
        for number in range(300):
            length = 50 + hashlib.sha256(str(number).encode()).digest()[0]
            yield Item(id=f"i{number}", group=f"i{number}", space=SPACE, gold="yes", question=(f"{number} " * length,))

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        message = Message("user", (*item.question, format.instruction(SPACE)))
        return Request(task="", item=item.id, messages=(message,), space=SPACE, format=format, order=order)

    def fingerprint(self) -> str:
        return "1"


class Options(BaseModel):
    priced: bool = True
    budget_usd: Annotated[float | None, Operational()] = None
    silent: bool = False
    """Say nothing before or after an answer."""


class Priced:
    def __init__(self, options: Options) -> None:
        self.options = options

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            noise = hashlib.sha256(request.item.encode()).digest()[1] % 9
            read, written = 20 + len(request.text) // 3 + noise, 40 + noise
            usd = (2 * read + 8 * written) / 1e6
            took = {} if self.options.silent else {"prompt_tokens": read, "completion_tokens": written, "cost_usd": usd}
            yield request, Judgement.of("yes", **took)

    def fingerprint(self) -> str:
        return "1"


class Saying(Priced):
    def estimate_tokens(self, request: Request) -> TokenEstimate:
        return TokenEstimate(image_tokens=0, completion_most=100)

    @property
    def pricing(self) -> Pricing:
        budget = self.options.budget_usd
        if not self.options.priced:
            return Pricing(budget_usd=budget)
        return Pricing(prompt_usd=2.0, completion_usd=8.0, budget_usd=budget)


def make(options: Options, context: object) -> Priced:
    return Priced(options) if options.silent else Saying(options)


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [TaskCard(name="items", summary="Items.", factory=lambda options, context: Items())]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [JudgeCard(name="priced", summary="Says what it takes.", factory=make, options=Options)]
