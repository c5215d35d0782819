"""Maps that `harness explain` has drawn over pictures, small enough for a page.

The run folder may be a stranger's. A drawing is taken from its own folder and under a name such as `harness explain`
gives, and it is decoded as any picture is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from harness.api import DataError, Image
from harness.explain.drawing import FOLDER
from harness.explain.records import Finding, FindingExample, read_explanations
from harness.view.pictures import Thumbnail, shrink

if TYPE_CHECKING:
    from harness.recorded.load import RecordedRun
    from harness.view.book import Book

MOST_BYTES = 2 * 2**20
"""Bytes of all drawings of one file, or of one page of a server. They are a part of the budget of pictures."""

_NAME = re.compile(rf"{FOLDER}/[0-9a-f]{{20}}\.png")

Cases = Sequence[tuple[Finding, FindingExample]]
"""Examples, each with the finding that counts it."""

Drawn = tuple[str, str]
"""The run folder and the name of a drawing in it."""


def find_run(book: Book, judge: str) -> RecordedRun | None:
    """The run of a judge; `None` where its cells are of several."""
    names = {cell.cell.run for cell in book.of_judge(judge)}
    if len(names) != 1:
        return None
    return next((run for run in book.runs if any(cell.run in names for cell in run.cells)), None)


def list_examples(book: Book, judge: str) -> Cases:
    """The cases that `harness explain` has kept of a judge."""
    run = find_run(book, judge)
    found = None if run is None else read_explanations(run.folder)
    if found is None:
        return []
    name = book.of_judge(judge)[0].cell.judge
    return [(finding, example) for finding in found.findings if finding.judge == name for example in finding.examples]


def list_drawn(cases: Cases) -> list[str]:
    """Names of their drawings."""
    return list(dict.fromkeys(example.picture for _, example in cases if _NAME.fullmatch(example.picture)))


def make_drawings(wanted: Iterable[tuple[RecordedRun, str]], most_bytes: int) -> dict[Drawn, Thumbnail]:
    """Small pictures of drawings, until the budget is spent. What cannot be read is left out.

    Args:
        wanted: Runs, and names of drawings in their folders.
        most_bytes: Bytes of all of them.
    """
    made: dict[Drawn, Thumbnail] = {}
    for run, name in wanted:
        try:
            thumbnail, _ = shrink(Image.from_file(name, root=run.folder))
        except DataError:
            continue
        if len(thumbnail.source) <= most_bytes:
            most_bytes -= len(thumbnail.source)
            made[str(run.folder), name] = thumbnail
    return made


def draw_book(book: Book, most_bytes: int) -> dict[Drawn, Thumbnail]:
    """The drawings of all judges of a book: the first of each judge before the second of any."""
    own = []
    for judge in book.judges:
        run = find_run(book, judge)
        names = [] if run is None else list_drawn(list_examples(book, judge))
        own += [(place, run, name) for place, name in enumerate(names) if run is not None]
    turns = sorted(own, key=lambda entry: entry[0])
    return make_drawings([(run, name) for _, run, name in turns], min(most_bytes, MOST_BYTES))
