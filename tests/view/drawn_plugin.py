"""A plugin for the tests of pages: drawn pictures, judges with reasons, and text that would do harm where it could."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import PIL.Image
from pydantic import BaseModel

from harness.api import (
    Image,
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

HARM = (
    "<script>window.harm='script'</script>",
    "</script><script>window.harm='end'</script>",
    "<img src=x onerror=\"window.harm='image'\">",
    "<svg onload=\"window.harm='svg'\"><a href=\"javascript:window.harm='link'\">x</a></svg>",
    '" onmouseover="window.harm=\'attribute\'" x="',
    "</template></textarea></title><iframe srcdoc=\"<script>parent.harm='frame'</script>\"></iframe>",
    "]]><!--<script>window.harm='comment'</script>--><style>*{display:none}</style>",
    "{{ 7*7 }}{% raw %}${7*7}<%= 7*7 %>",
    "right \u202e\u2066 to left \u202c\u0000\u001b[31m",
    "javascript:window.harm='url'",
    "https://elsewhere.example/x.png",
    "../../../../etc/passwd",
    "w" * 30_000,
)
"""Texts for every place where a run has text."""


class Sizes(BaseModel):
    """How many items, and whether their text does harm."""

    count: int = 24
    harm: bool = False


class Says(BaseModel):
    """How a judge answers: it errs at every so many items, and has no verdict at every so many."""

    errs: int = 5
    silent: int = 0
    sure: bool = False
    harm: bool = False


class Drawn:
    """Pairs of pictures, of which the greener one is right."""

    protocol = Protocol(order="both")
    format = "harness/tagged"

    def __init__(self, options: Sizes) -> None:
        self.options = options

    def items(self, split: str) -> Iterator[Item]:
        for number in range(self.options.count):
            gold = number * 7 % 3 % 2
            told = HARM[number % len(HARM)] if self.options.harm else ""
            yield Item(
                # Ids have to differ, and a long one is a long one however it begins.
                id=f"{told}{number:03}" if told else f"item {number:03}/x?y#z",
                group=f"group {number // 2}{told}",
                space=SPACE,
                gold=gold,
                question=(f"Which is greener? {told}",),
                candidates=((_draw(number, gold == 0),), (_draw(number, gold == 1),)),
                category=f"odd{told}" if number % 2 else "even",
                tags={"number": str(number), f"tag{told}": told},
                annotations={f"ann{told}": gold, "bob": number % 2},
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        pictures = [part for place in order for part in item.candidates[place]]
        message = Message("user", (*item.question, *pictures, format.instruction(SPACE)))
        return Request(task="drawn", item=item.id, messages=(message,), space=SPACE, format=format, order=order)

    def fingerprint(self) -> str:
        return str(self.options)


class Teller:
    """Answers by the item's number, with a reason."""

    def __init__(self, options: Says) -> None:
        self.options = options

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            yield request, self._answer(request)

    def _answer(self, request: Request) -> Judgement:
        number = int(request.item[-3:] if self.options.harm else request.item[5:8])
        gold = number * 7 % 3 % 2
        told = HARM[number % len(HARM)] if self.options.harm else ""
        if self.options.silent and number % self.options.silent == 0:
            return Judgement.failure(Status.UNPARSED, f"no verdict: {told}", raw=f"I cannot say. {told}")
        right = not (self.options.errs and number % self.options.errs == request.order[0])
        shown = request.order.index(gold if right else 1 - gold)
        raw = f"<think>Picture {'AB'[shown]} has more green in it. {told}</think><answer>{'AB'[shown]}</answer>"
        chance = 0.95 - number % 4 / 10 if right else 0.6
        return Judgement.of(
            shown,
            raw=raw,
            rationale=f"Picture {'AB'[shown]} has more green in it. {told}",
            probabilities={"AB"[shown]: chance, "AB"[1 - shown]: 1 - chance} if self.options.sure else None,
            prompt_tokens=40 + number,
            completion_tokens=12,
            latency_s=0.1 + number / 100,
            model=f"teller{told[:200]}",
        )

    def fingerprint(self) -> str:
        return str(self.options)


def _draw(number: int, green: bool) -> Image:
    def draw() -> PIL.Image.Image:
        return PIL.Image.new("RGB", (320, 200), (number * 9 % 256, 200 if green else 40, 90))

    return Image.from_drawing(draw, name=f"{number}-{green}")


def make_drawn(options: Sizes, context: Any) -> Drawn:
    return Drawn(options)


def make_teller(options: Says, context: Any) -> Teller:
    return Teller(options)


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [
        TaskCard(
            name="drawn",
            summary="Pairs of pictures.",
            factory=make_drawn,
            options=Sizes,
            api_version=1,
            suite="drawn",
        )
    ]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [
        JudgeCard(
            name="teller",
            summary="Answers by number.",
            factory=make_teller,
            options=Says,
            api_version=1,
        )
    ]


@hookimpl
def harness_report_sections(leaderboard: Mapping[str, Any], folder: Path) -> list[tuple[str, str]]:
    text = f"A *section* with a [link](https://example.org) and a [bad one](javascript:alert(1)).\n\n{HARM[0]}\n\n"
    return [("Of a plugin", text + "![picture](https://elsewhere.example/y.png)\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n")]
