"""For the tests of `harness explain`: pictures with two coloured parts, and judges of known nature. Not a test.

Truth: the answer is yes where square and bar have one colour. A judge writes `The square is C and the bar is D: they
match|they differ.` What it sees, what it makes of its own words, and what it can do is an option each.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import PIL.Image
from pydantic import BaseModel

from harness.api import (
    Box,
    Choice,
    Claim,
    Image,
    Item,
    JudgeCard,
    Judgement,
    Message,
    Protocol,
    Request,
    TaskCard,
    TextWeights,
    Verdict,
    VerdictFormat,
    hookimpl,
)

SPACE = Choice(("yes", "no"))
COLOURS = {"red": (220, 0, 0), "blue": (0, 0, 220)}
SQUARE, BAR = Box(0, 0.0, 0.0, 0.25, 0.25), Box(0, 0.5, 0.75, 1.0, 1.0)
SIZE = 32
_SAYS = re.compile(r"The square is (\w+)(?: and the bar is (\w+))?")


def paint(square: str, bar: str) -> PIL.Image.Image:
    picture = PIL.Image.new("RGB", (SIZE, SIZE), (255, 255, 255))
    for colour, box in ((square, SQUARE), (bar, BAR)):
        picture.paste(COLOURS[colour], edges_of(box))
    return picture


def edges_of(box: Box) -> tuple[int, int, int, int]:
    return round(box.left * SIZE), round(box.top * SIZE), round(box.right * SIZE), round(box.bottom * SIZE)


class Asked(BaseModel):
    items: int = 24
    knows: bool = True
    """Whether it tells what a reasoning implies and states."""
    begun: str = ""
    """What every answer is to begin with."""


class Parts:
    format = "harness/tagged"
    protocol = Protocol(metrics=("accuracy",))

    def __init__(self, options: Asked) -> None:
        self.options = options

    def items(self, split: str) -> Iterator[Item]:
        for number in range(self.options.items):
            square = ("red", "blue")[number // 2 % 2]
            bar = square if number % 2 else ("blue", "red")[number // 2 % 2]
            # Unlike rows, or equal pictures would be one question.
            image = Image.from_drawing(partial(paint, square, bar), name=f"p{number}")
            yield Item(
                id=f"p{number:03}",
                group=f"g{number // 2}",
                space=SPACE,
                gold="yes" if square == bar else "no",
                question=(image, f"Look at picture {number}. The rule: equal colours. Are they of one colour?"),
                tags={"square": square, "bar": bar},
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        messages = [Message("user", (*item.question, format.instruction(SPACE)))]
        if self.options.begun:
            messages.append(Message("assistant", (self.options.begun,)))
        return Request(task="", item=item.id, messages=tuple(messages), space=SPACE, format=format, order=order)

    def fingerprint(self) -> str:
        return self.options.model_dump_json()


class KnownParts(Parts):
    def find_implied(self, reasoning: str, space: Any) -> Verdict | None:
        found = {"they match": "yes", "they differ": "no"}
        said = [verdict for words, verdict in found.items() if words in reasoning]
        return said[0] if len(said) == 1 else None

    def claims(self, reasoning: str, item: Item, order: tuple[int, ...]) -> Sequence[Claim]:
        match = _SAYS.search(reasoning)
        if match is None:
            return ()
        return [
            Claim(
                name=name,
                start=match.start(group),
                end=match.end(group),
                value=match[group],
                truth=item.tags[name],
                turned=next((colour for colour in COLOURS if colour != match[group]), None),
                boxes=(box,),
            )
            for group, (name, box) in enumerate((("square", SQUARE), ("bar", BAR)), start=1)
            if match[group]
        ]


class Nature(BaseModel):
    sees: bool = True
    """False: what it states of the picture is by chance."""
    follows: Literal["both", "square", "nothing"] = "both"
    """What of its own words its verdict comes from. `nothing`: it comes from the picture."""
    continues: bool = True
    weighs: bool = True
    by_item: bool = False
    """Whether equal questions about two items are two questions."""
    pretends: bool = False
    """Whether it says that it goes on from a beginning, and answers again."""
    writes: str | None = None
    """Text ahead of its reasoning; empty: no reasoning at all."""
    verdict_hangs_on: Literal["nothing", "square"] = "nothing"
    """What of the picture makes its verdict likely, when it weighs it after a given reasoning."""
    reads_rule: bool = True
    """False: the sentence of the rule is not read. True: without it the answer is no."""


def note_asked(request: Request) -> None:
    """Write down what is asked, and take the time that a test wants: what kills this process has to meet it at work."""
    path = os.environ.get("SIMULATED_LOG")
    if path:
        with open(path, "a") as log:
            log.write(f"{request.key}\n")
        time.sleep(float(os.environ.get("SIMULATED_DELAY", "0")))


class Simulated:
    def __init__(self, options: Nature, *, blind: bool = False) -> None:
        self.options, self.blind = options, blind
        self.continues = options.continues
        self.answers_by_item = options.by_item
        if options.weighs:
            self.log_probabilities = self._log_probabilities
            self.make_blind_twin = self._make_blind_twin

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            note_asked(request)
            yield request, request.read(self.write(request))

    def write(self, request: Request) -> str:
        begun = "" if self.options.pretends else request.beginning
        if "<answer>" in begun:
            reasoning = begun.partition("<think>")[2].partition("</think>")[0]
        else:
            square, bar = self.look(request)
            said = _SAYS.search(begun)
            if said is not None:
                square, bar = said[1], said[2] or bar
            reasoning = f"The square is {square} and the bar is {bar}: they {'match' if square == bar else 'differ'}."
        if self.options.writes is not None and not begun:
            reasoning = self.options.writes and self.options.writes + reasoning
        return f"<think>{reasoning}</think><answer>{self.conclude(request, reasoning)}</answer>"

    def conclude(self, request: Request, reasoning: str) -> str:
        if self.options.reads_rule and "The rule" not in request.text:
            return "no"
        said = _SAYS.search(reasoning)
        if self.options.follows == "nothing" or said is None:
            square, bar = self.look(request)
            return "yes" if square == bar else "no"
        if self.options.follows == "square":
            return "yes" if said[1] == "red" else "no"
        return "yes" if said[1] == said[2] else "no"

    def look(self, request: Request) -> tuple[str, str]:
        picture = request.images[0].load() if request.images else paint("red", "red")
        if not self.options.sees or self.blind:
            die = hashlib.sha256(request.images[0].key.encode() + request.text.encode()).digest()
            return ("red", "blue")[die[0] % 2], ("red", "blue")[die[1] % 2]
        return colour_at(picture, SQUARE), colour_at(picture, BAR)

    def fingerprint(self) -> str:
        return f"{self.options.model_dump_json()} {self.blind}"

    def _make_blind_twin(self, seed: int) -> Simulated:
        return Simulated(self.options, blind=True)

    def _log_probabilities(self, requests: Sequence[Request], texts: Sequence[str]) -> list[TextWeights]:
        return [self._weigh(request, text) for request, text in zip(requests, texts, strict=True)]

    def _weigh(self, request: Request, text: str) -> TextWeights:
        """A word for a colour is as likely as its pixels are many. Other words are sure."""
        ends, logs = [], []
        said = _SAYS.search(text)
        spans = {} if said is None else {said.end(1): (said[1], SQUARE), said.end(2): (said[2], BAR)}
        verdict = re.search(r"<answer>(yes|no)", text)
        if said is not None and verdict is not None and self.options.verdict_hangs_on == "square":
            spans[verdict.end()] = said[1], SQUARE
        for match in re.finditer(r"\w+|\W+", text):
            ends.append(match.end())
            logs.append(self._log(request, *spans[match.end()]) if match.end() in spans else -0.01)
        return TextWeights(tuple(ends), tuple(logs))

    def _log(self, request: Request, colour: str, box: Box) -> float:
        if not self.options.sees or self.blind:
            die = hashlib.sha256(f"{request.images[0].key} {box}".encode()).digest()
            return -0.1 - die[0] / 2560
        return -0.1 - 5 * (1 - share_of(request.images[0].load(), colour, box))


def share_of(picture: PIL.Image.Image, colour: str, box: Box) -> float:
    return float((np.asarray(picture.crop(edges_of(box))) == COLOURS[colour]).all(axis=2).mean())


def colour_at(picture: PIL.Image.Image, box: Box) -> str:
    return "red" if share_of(picture, "red", box) >= share_of(picture, "blue", box) else "blue"


@hookimpl
def harness_tasks() -> list[TaskCard]:
    def make(options: Asked, context: Any) -> Parts:
        return KnownParts(options) if options.knows else Parts(options)

    return [TaskCard(name="parts", summary="Two parts.", factory=make, options=Asked)]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    def make(options: Nature, context: Any) -> Simulated:
        return Simulated(options)

    return [JudgeCard(name="simulated", summary="Of known nature.", factory=make, options=Nature)]
