"""The contact sheet: a few items of any task on one PNG, so that a person sees what a judge is asked.

Not for results: it shows the gold and no judge's answer.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from harness.api import Image, Item, Part, Request, Verdict

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

# Fits on common screens, and on a page.
_WIDTH = 1080
_MARGIN = 16
_PICTURE = 224  # the side that a picture is brought to, in pixels
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_LINES = 14  # of one text; longer ones end in an ellipsis
_MOST_LETTERS = 4000  # of one text: wrapping a whole book would take minutes

_TEXT_COLOUR = (30, 30, 34)
_FAINT = (110, 110, 118)
_GOLD_COLOUR = (0, 110, 60)
_RULE = (215, 215, 220)


@dataclass(frozen=True, slots=True)
class _Row:
    """One horizontal strip: a line of text, or pictures with their captions."""

    height: int
    text: str = ""
    size: int = 15
    colour: tuple[int, int, int] = _TEXT_COLOUR
    pictures: tuple[tuple[str, PILImage], ...] = ()


def contact_sheet(items: Sequence[Item], requests: Sequence[Request], path: Path) -> None:
    """Draw items one beneath the other: what is asked, the pictures in shown order, then the gold and the category.

    Small pictures are enlarged without smoothing, so that every pixel can be seen. Large ones are reduced.

    Args:
        items: The sample.
        requests: What a judge would be shown, one for each item, in the same order.
        path: The PNG file to write. Its folder is made when missing.

    Raises:
        ValueError: Not as many requests as items.
        DataError: A picture cannot be read.
        OSError: The file cannot be written.
    """
    # Pairs and single pictures fit twice into a row. More of them need the whole width.
    columns = 2 if all(len(request.images) <= 2 for request in requests) else 1
    width = _WIDTH // columns
    # All rows first: their heights say how large the sheet is.
    blocks = [list(_block(item, request, width)) for item, request in zip(items, requests, strict=True)]
    strips = [blocks[start : start + columns] for start in range(0, len(blocks), columns)]
    heights = [max(sum(row.height for row in rows) for rows in strip) + 2 * _MARGIN for strip in strips]
    sheet = PIL.Image.new("RGB", (_WIDTH, sum(heights) + _MARGIN), "white")
    canvas = PIL.ImageDraw.Draw(sheet)
    start = _MARGIN
    for strip, height in zip(strips, heights, strict=True):
        for column, rows in enumerate(strip):
            top = start
            for row in rows:
                _draw(sheet, canvas, row, left=column * width + _MARGIN, top=top)
                top += row.height
        start += height
        canvas.line((0, start - _MARGIN, _WIDTH, start - _MARGIN), fill=_RULE)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, format="PNG")


def _block(item: Item, request: Request, width: int) -> Iterator[_Row]:
    """The rows of one item."""
    yield _Row(24, item.id, 15, _FAINT)
    yield from _passage("", item.question, width)
    # In shown order, since the sheet is what the judge sees.
    order = request.order or tuple(range(len(item.candidates)))
    named = [(_LETTERS[place % 26], item.candidates[candidate]) for place, candidate in enumerate(order)]
    # Candidates with text stand one below the other. Pictures alone stand side by side, as they are compared.
    if any(isinstance(part, str) for _, parts in named for part in parts):
        for letter, parts in named:
            yield from _passage(letter, parts, width)
    else:
        yield from _pictures(
            [(letter, part) for letter, parts in named for part in parts if isinstance(part, Image)], width
        )
    yield from _text(f"gold: {_name_verdict(item, request, item.gold)}", width, size=17, colour=_GOLD_COLOUR)
    if item.annotations:
        said = ", ".join(
            f"{name} {_name_verdict(item, request, verdict)}" for name, verdict in item.annotations.items()
        )
        yield from _text(f"annotators: {said}", width, colour=_GOLD_COLOUR)
    if item.category:
        yield from _text(f"category: {item.category}", width, colour=_FAINT)
    # Why the gold is what it is helps to see whether the item is right.
    if "rationale" in item.tags:
        yield from _text(item.tags["rationale"], width, colour=_FAINT)


def _name_verdict(item: Item, request: Request, verdict: Verdict) -> str:
    """A canonical verdict by the name that a judge would use."""
    return item.space.name(item.space.to_shown(verdict, request.order) if request.order else verdict)


def _passage(letter: str, parts: Sequence[Part], width: int) -> Iterator[_Row]:
    """Text and pictures in reading order. Pictures that follow each other stand side by side."""
    waiting: list[tuple[str, Image]] = []
    for part in parts:
        if isinstance(part, Image):
            waiting.append((letter, part))
            continue
        yield from _pictures(waiting, width)
        waiting = []
        yield from _text(f"{letter}: {part}" if letter else part, width)
    yield from _pictures(waiting, width)


def _pictures(captioned: Sequence[tuple[str, Image]], width: int) -> Iterator[_Row]:
    in_a_row = (width - _MARGIN) // (_PICTURE + _MARGIN)
    for start in range(0, len(captioned), in_a_row):
        pictures = tuple((letter, _fit(image.load())) for letter, image in captioned[start : start + in_a_row])
        caption = 24 if any(letter for letter, _ in pictures) else 0
        yield _Row(max(picture.height for _, picture in pictures) + caption + 10, pictures=pictures)


def _fit(picture: PILImage) -> PILImage:
    """The picture at a readable size: whole-number enlargement, or reduction, with its proportions kept."""
    longest = max(picture.size)
    if longest <= _PICTURE:
        factor = _PICTURE // longest
        return picture.resize((picture.width * factor, picture.height * factor), PIL.Image.Resampling.NEAREST)
    reduced = picture.copy()
    reduced.thumbnail((_PICTURE, _PICTURE))
    return reduced


def _text(text: str, width: int, *, size: int = 15, colour: tuple[int, int, int] = _TEXT_COLOUR) -> Iterator[_Row]:
    lines = list(itertools.islice(_wrap(text[:_MOST_LETTERS], size, width), _MOST_LINES + 1))
    if len(lines) > _MOST_LINES or len(text) > _MOST_LETTERS:
        lines = [*lines[: _MOST_LINES - 1], "..."]
    for line in lines:
        yield _Row(size + 6, line, size, colour)


def _wrap(text: str, size: int, width: int) -> Iterator[str]:
    """Lines no wider than the column. A word that is wider than a line is broken."""
    font = PIL.ImageFont.load_default(size=size)
    room = width - 2 * _MARGIN
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if font.getlength(longer) <= room:
                line = longer
                continue
            if line:
                yield line
            # A word may be a URL or text without spaces. It is broken where the line is full, at one letter at least.
            while font.getlength(word) > room:
                # The width grows with the letters, so halving finds the place in a few steps.
                fits = bisect.bisect_right(range(1, room), room, key=lambda k: math.ceil(font.getlength(word[:k]))) or 1
                yield word[:fits]
                word = word[fits:]
            line = word
        yield line


def _draw(sheet: PILImage, canvas: PIL.ImageDraw.ImageDraw, row: _Row, *, left: int, top: int) -> None:
    if row.text:
        canvas.text((left, top), row.text, fill=row.colour, font=PIL.ImageFont.load_default(size=row.size))
    for letter, picture in row.pictures:
        if letter:
            canvas.text((left, top), letter, fill=_TEXT_COLOUR, font=PIL.ImageFont.load_default(size=17))
        sheet.paste(picture, (left, top + (24 if any(name for name, _ in row.pictures) else 0)))
        left += _PICTURE + _MARGIN
