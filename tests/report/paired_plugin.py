"""A plugin for the tests of the commands: a task of text pairs, and judges that say what they are told to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from harness.api import (
    Item,
    JudgeCard,
    Judgement,
    Message,
    Preference,
    Protocol,
    Request,
    Status,
    TaskCard,
    VerdictFormat,
    hookimpl,
)

SPACE = Preference(2)


class Words(BaseModel):
    """One letter an item."""

    words: str
    scene: int = 1
    """Items of one cluster."""


class Pairs:
    """As many items as there are words; each word is the gold."""

    protocol = Protocol()
    format = "harness/label"

    def __init__(self, words: str, scene: int = 1) -> None:
        self.words = words
        self.scene = scene

    def items(self, split: str) -> Iterator[Item]:
        for number, word in enumerate(self.words):
            yield Item(
                id=f"item-{number:02}",
                group=f"group-{number // self.scene:02}",
                space=SPACE,
                gold="AB".index(word),
                question=(str(number),),
                candidates=(("first",), ("second",)),
                category="odd" if number % 2 else "even",
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        message = Message("user", item.question)
        return Request(task="pairs", item=item.id, messages=(message,), space=SPACE, format=format, order=order)

    def fingerprint(self) -> str:
        return f"{self.words} by {self.scene}" if self.scene > 1 else self.words


class Told:
    """Says the word of the item's number."""

    def __init__(self, words: str) -> None:
        self.words = words

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            word = self.words[int(request.text)]
            told = (
                Judgement.of("AB".index(word)) if word in "AB" else Judgement.failure(Status.UNPARSED, "said nothing")
            )
            yield request, told

    def fingerprint(self) -> str:
        return self.words


def make_pairs(options: Words, context: Any) -> Pairs:
    return Pairs(options.words, options.scene)


def make_told(options: Words, context: Any) -> Told:
    return Told(options.words)


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [TaskCard(name="pairs", summary="Pairs of words", factory=make_pairs, options=Words, suite="s")]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [JudgeCard(name="told", summary="Says what it is told", factory=make_told, options=Words)]
