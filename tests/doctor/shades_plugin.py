"""A plugin file for the tests of `harness doctor`: a task whose options say which grey picture each item shows.

Not a test itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import PIL.Image
from pydantic import BaseModel, ConfigDict

from harness.api import (
    Choice,
    Context,
    DataError,
    Image,
    Item,
    Message,
    Protocol,
    Request,
    TaskCard,
    UnfoldedEntry,
    VerdictFormat,
    hookimpl,
)


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    train: list[list[int]] | None = None
    """Grey levels of the pictures of each item; -1 is a picture that cannot be read, -2 a row that cannot."""
    validation: list[list[int]] | None = None
    test: list[list[int]] | None = None
    seeded: bool = False


def grey(level: int) -> Image:
    if level < 0:
        return Image.from_bytes(b"no picture", name="none.png")
    buffer = io.BytesIO()
    PIL.Image.new("L", (4, 4), level).save(buffer, format="PNG")
    return Image.from_bytes(buffer.getvalue(), name=f"{level}.png")


class Shades:
    protocol = Protocol()
    format = "harness/tagged"

    def __init__(self, options: Options, seed: int) -> None:
        self.options, self.seed = options, seed

    def items(self, split: str) -> Iterator[Item]:
        rows = getattr(self.options, split)
        if rows is None:
            raise DataError(f"there is no file of {split}")
        for number, levels in enumerate(rows):
            if -2 in levels:
                raise DataError(f"{split}.csv, line {number}: fix it")
            yield Item(
                id=f"{split}-{number}",
                group="one",
                space=Choice(("yes", "no")),
                gold="yes",
                question=("Dark?", *map(grey, levels[:1])),
                candidates=tuple((grey(level),) for level in levels[1:]),
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        messages = (Message("user", item.question),)
        return Request(task="", item=item.id, messages=messages, space=item.space, format=format, order=order)

    def fingerprint(self) -> str:
        return f"shades {self.seed if self.options.seeded else ''}"


def make(options: Options, context: Context) -> Shades:
    return Shades(options, context.seed)


def both(options: Options, context: Context) -> list[UnfoldedEntry]:
    return [
        UnfoldedEntry(name="as-given", options=options.model_dump()),
        UnfoldedEntry(name="only-test", options={"test": options.test}),
    ]


@hookimpl
def harness_tasks() -> list[TaskCard]:
    every = ("train", "validation", "test")
    return [
        TaskCard(name="shades", summary="Greys.", factory=make, options=Options, splits=every),
        TaskCard(name="both", summary="Two of them.", factory=make, options=Options, splits=every, unfold=both),
    ]
