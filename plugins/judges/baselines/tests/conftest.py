"""Small but real parts for the tests: a format, a task of drawn pictures, and the context that a plan would give."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from harness.api import (
    AnswerSpace,
    Choice,
    Example,
    Image,
    Item,
    Judge,
    Judgement,
    Message,
    Protocol,
    Reading,
    Request,
    UserError,
    Verdict,
    VerdictFormat,
)


class Brackets:
    """A verdict in double brackets; `[[A>B]]` as well."""

    name = "test/brackets"

    def instruction(self, space: AnswerSpace) -> str:
        return "Answer in double brackets."

    def parse(self, text: str, request: Request) -> Reading:
        space = request.space
        words = {"A>B": "A", "B>A": "B", "A=B=Good": "bothgood", "A=B=Bad": "bothbad"}
        found = {space.read(words.get(word, word)) for word in re.findall(r"\[\[([^\[\]]+)\]\]", text)}
        if len(found) != 1 or None in found:
            return Reading(problem="no one verdict")
        return Reading(verdict=found.pop(), rationale=text.partition("[[")[0].strip())

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        return f"{rationale} [[{space.name(verdict)}]]"


def paint(seed: int, dark: bool) -> Pillow.Image:
    """Noise, dark or bright."""
    low, high = (0, 140) if dark else (110, 255)
    tones = bytes(low + value * (high - low) // 255 for value in range(256))
    return Pillow.frombytes("RGB", (32, 32), random.Random(seed).randbytes(32 * 32 * 3).translate(tones))


@dataclass(kw_only=True)
class Shades:
    """Is the picture dark? Implements `harness.api.Task`; `splits` says how many items each split has."""

    name: str = "shades"
    splits: dict[str, int] = field(default_factory=lambda: {"train": 60, "test": 40})
    protocol: Protocol = field(default_factory=Protocol)
    format: str = "test/brackets"
    captions: bool = False
    """Ask with a caption ("dark" or "bright") whether it fits: picture and words are needed together."""

    def items(self, split: str) -> Iterator[Item]:
        for index in range(self.splits[split]):
            dice = random.Random(f"{self.name}:{split}:{index}")
            dark, says_dark = dice.random() < 0.5, dice.random() < 0.5
            yes = dark == says_dark if self.captions else dark
            question = f"Is it {'dark' if says_dark else 'bright'}?" if self.captions else "Is it dark?"
            yield Item(
                id=f"{split}-{index}",
                group=str(index),
                space=Choice(("yes", "no")),
                gold="yes" if yes else "no",
                question=(Image.from_drawing(partial(paint, dice.randrange(2**30), dark), name="noise"), question),
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        parts = (*item.question, format.instruction(item.space))
        return Request(
            task=self.name,
            item=item.id,
            messages=(Message("user", parts),),
            space=item.space,
            format=format,
            order=order,
        )

    def fingerprint(self) -> str:
        return f"{self.name}{self.splits}{self.captions}"


@dataclass(kw_only=True)
class Plan:
    """A `harness.api.Context` over a few tasks and judges. Counts what it is asked for."""

    name: str = "me"
    seed: int = 0
    data: str | None = None
    workspace: Path = Path()
    tasks: dict[str, Shades] = field(default_factory=dict)
    judges: dict[str, Judge] = field(default_factory=dict)
    lessons: list[str] = field(default_factory=list)
    broken: Exception | None = None

    def examples(self, task: str, split: str) -> Iterator[Example]:
        self.lessons.append(task)
        if self.broken is not None:
            raise self.broken
        if task not in self.tasks or split not in self.tasks[task].splits:
            raise UserError(f"task {task} has no split {split!r}")
        for item in self.tasks[task].items(split):
            request = self.tasks[task].render(item, order=(), format=Brackets())
            yield Example(request=request, gold=item.gold, item=item)

    def fingerprint(self, name: str) -> str:
        if name in self.judges:
            return self.judges[name].fingerprint()
        if name not in self.tasks:
            raise UserError(f"there is no task or judge {name!r}")
        return self.tasks[name].fingerprint()

    def ask(self, judge: str, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        if judge not in self.judges:
            raise UserError(f"there is no judge {judge!r}")
        return self.judges[judge].judge(requests)


def question(space: AnswerSpace, **fields: Any) -> Request:
    """A request in words only."""
    text = f"Question {fields.pop('number', 0)}"
    known: dict[str, Any] = {"task": "words", "item": "1", "format": Brackets(), **fields}
    return Request(messages=(Message("user", (text,)),), space=space, **known)


def ask(judge: Judge, request: Request) -> Judgement:
    """The one answer, checked as the engine checks it."""
    answers = list(judge.judge([request]))
    assert len(answers) == 1
    assert answers[0][0] is request
    judgement = answers[0][1]
    assert judgement.check(request.space) is judgement
    return judgement


@pytest.fixture
def one() -> Callable[[Judge, Request], Judgement]:
    return ask


@pytest.fixture
def put() -> Callable[..., Request]:
    return question


@pytest.fixture
def plan() -> type[Plan]:
    return Plan


@pytest.fixture
def shades() -> type[Shades]:
    return Shades


@pytest.fixture
def brackets() -> Brackets:
    return Brackets()
