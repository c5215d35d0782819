"""A plugin for the tests of drift: questions with two answers, and a judge whose mood a file decides. Not a test."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel

from harness.api import (
    Choice,
    Item,
    JudgeCard,
    Judgement,
    Message,
    Protocol,
    Request,
    Status,
    TaskCard,
    VerdictFormat,
    hookimpl,
)

SPACE = Choice(("yes", "no"))


class Asked(BaseModel):
    items: int = 60
    words: str = "Is it so?"
    corrected: int = 0
    """So many golds are turned round."""


class Items:
    format = "harness/label"
    protocol = Protocol(metrics=("accuracy",))

    def __init__(self, options: Asked) -> None:
        self.options = options

    def items(self, split: str) -> Iterator[Item]:
        for number in range(self.options.items):
            gold = SPACE.labels[(number % 3 == 0) != (number < self.options.corrected)]
            yield Item(id=f"i{number}", group=f"i{number}", space=SPACE, gold=gold, question=(f"item {number}",))

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        text = f"{self.options.words} {item.question[0]} {format.instruction(SPACE)}"
        message = Message("user", (text,))
        return Request(task="", item=item.id, messages=(message,), space=SPACE, format=format, order=order)

    def fingerprint(self) -> str:
        return self.options.model_dump_json()


class Moods(BaseModel):
    file: str
    seed: int = 0


class Moody:
    """Answers yes, but for the shares that the file names: `other` always, `noisy` in turns; `down` fail."""

    answers_by_item = True

    def __init__(self, options: Moods) -> None:
        self.path, self.seed = Path(options.file), options.seed

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        mood = {
            "other": 0.0,
            "noisy": 0.0,
            "fails": 0,
            "down": 0.0,
            "model": "served-1",
            "turn": 0,
            **json.loads(self.path.read_text()),
        }
        for request in requests:
            die = int.from_bytes(hashlib.sha256(request.item.encode()).digest()[:4]) / 2**32
            turn = hashlib.sha256(f"{request.item} {mood['turn']}".encode()).digest()[0] % 2
            other = die < mood["other"] or (die > 1 - mood["noisy"] and turn)
            facts = {"model": mood["model"], "latency_s": 0.5, "cost_usd": 0.001}
            if die < mood["down"] or (mood["fails"] and request.item == "i1"):
                yield request, Judgement.failure(Status.ERROR, "no line")
            elif mood["fails"] and request.item == "i2":
                yield request, Judgement.failure(Status.UNPARSED, "no verdict", raw="well", **facts)
            else:
                yield request, Judgement.of("no" if other else "yes", **facts)
        self.path.write_text(json.dumps({**mood, "turn": mood["turn"] + 1}))

    def fingerprint(self) -> str:
        return str(self.seed)


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [TaskCard(name="items", summary="Items.", factory=lambda options, context: Items(options), options=Asked)]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [JudgeCard(name="moody", summary="Moods.", factory=lambda options, context: Moody(options), options=Moods)]
