"""A plugin for the tests of cards: four candidates each, and a judge that likes one of them. Not a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel

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


class Fours:
    format = "harness/label"
    protocol = Protocol(metrics=("accuracy",))

    def items(self, split: str) -> Iterator[Item]:
        for number in range(80):
            candidates = tuple((f"{letter}{number}",) for letter in "abcd")
            yield Item(
                id=f"i{number}",
                group=f"i{number}",
                space=Preference(4),
                gold=number % 4,
                question=("Which is best?",),
                candidates=candidates,
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        shown = [item.candidates[place][0] for place in order or range(4)]
        message = Message("user", ("\n".join(map(str, shown)),))
        return Request(task="", item=item.id, messages=(message,), space=item.space, format=format, order=order)

    def fingerprint(self) -> str:
        return "1"


class Liked(BaseModel):
    like: str = "b"
    """First letter of the candidate that it names, wherever it stands; `first`: the first one shown."""


class Liker:
    def __init__(self, options: Liked) -> None:
        self.like = options.like

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            shown = str(request.messages[0].parts[0]).splitlines()
            yield request, Judgement.of(next((p for p, text in enumerate(shown) if text.startswith(self.like)), 0))

    def fingerprint(self) -> str:
        return self.like


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [TaskCard(name="fours", summary="Fours.", factory=lambda options, context: Fours())]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [JudgeCard(name="liker", summary="Likes.", factory=lambda options, context: Liker(options), options=Liked)]
