"""A plugin for the tests of pages: what is compared stands in the question, which has no candidates. Not a test."""

from __future__ import annotations

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


class Whole:
    format = "harness/label"
    protocol = Protocol(metrics=("accuracy",))

    def items(self, split: str) -> Iterator[Item]:
        for number in range(20):
            text = f"Which is larger, {number} or {9 * number % 20}?"
            yield Item(id=str(number), group=str(number), space=Preference(2), gold=number % 2, question=(text,))

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        message = Message("user", item.question)
        return Request(task="", item=item.id, messages=(message,), space=item.space, format=format, order=order)

    def fingerprint(self) -> str:
        return "1"


class Second:
    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            yield request, Judgement.of(1, probabilities={"A": 0.25, "B": 0.75})

    def fingerprint(self) -> str:
        return "1"


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [TaskCard(name="whole", api_version=1, summary="Pairs.", factory=lambda options, context: Whole())]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [JudgeCard(name="second", api_version=1, summary="Second.", factory=lambda options, context: Second())]
