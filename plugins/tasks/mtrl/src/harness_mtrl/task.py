"""What the tasks share: items of a split, the request of an item, and golds that are numbers cut in two."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.api import Choice, Context, DataError, Item, Message, Protocol, Request, VerdictFormat, joined
from harness.api.data import Cell, Row
from harness_mtrl import __version__
from harness_mtrl.options import MEDIAN, Binary, Common
from harness_mtrl.sources import Source
from harness_mtrl.splits import SPLITS

YES_NO = Choice(("yes", "no"))
"""The answers of every task but UnsafeBench and the opinion scores; yes is the positive class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words around what is judged."""

    opening: str
    """Before the question: the role."""
    closing: str
    """After it and before the instruction of the format: what is asked, and what to look at."""


class PointwiseTask(ABC):
    """One image, and perhaps a text, as a `Task`."""

    format = "harness/tagged"
    """Reasoning first, then the answer. The paper's own tags are not known."""

    def __init__(
        self, options: Common, context: Context, *, protocol: Protocol, words: Words, sources: Mapping[str, Source]
    ) -> None:
        """Keep what was found; nothing is read yet."""
        self.protocol, self.media = protocol, options.media
        self._name, self._fingerprinted = context.name, options.model_dump_json()
        self._words, self._sources = words, sources

    @abstractmethod
    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of a split, in the order of the files.

        Raises:
            UserError: The split is closed or there is none.
            DataError: The data cannot be read.
        """

    @abstractmethod
    def item(self, row: Row, split: str) -> Item | None:
        """The item of a row, or `None` where it is left out.

        Raises:
            DataError: A column is missing or does not fit.
        """

    def items(self, split: str) -> Iterator[Item]:
        """Stream the items of a split. Of the rows before, only the ids are kept.

        Raises:
            UserError: The split is closed or there is none.
            DataError: A row cannot be used, an id is there twice, or there is no row at all.
        """
        if split not in SPLITS:
            raise DataError(f"task {self._name}: there is no split {split!r}; it has {', '.join(SPLITS)}")
        seen: set[str] = set()
        for row in self.rows(split):
            item = self.item(row, split)
            if item is None:
                continue
            if item.id in seen:
                raise DataError(f"{row.place}: the id {item.id!r} is there twice; ids must be unique, remove one row")
            seen.add(item.id)
            yield item
        if not seen:
            tables = ", ".join(str(source) for source in self._sources.values())
            raise DataError(
                f"task {self._name}: no row of {tables} is in the split {split!r}; use more data, a larger share or a "
                "narrower drop_middle"
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """Opening, question, what to look at, instruction."""
        parts = [self._words.opening, *item.question, self._words.closing, format.instruction(item.space)]
        messages = (Message("user", joined(parts)),)
        return Request(task=self._name, item=item.id, messages=messages, space=item.space, format=format, order=order)

    def provenance(self) -> str:
        """The files that were read, or the hub dataset with its commit."""
        return "; ".join(source.provenance() for source in self._sources.values())

    def fingerprint(self) -> str:
        """Hash of the data files, the options and the version of this plugin.

        Files of more than 256 MB enter by size and time of change; a hub dataset by its name and commit; pictures
        beside the rows are part of each request's key instead.

        Raises:
            DataError: A file cannot be read.
        """
        sha = hashlib.sha256(f"{type(self).__name__}:{__version__}:{self._fingerprinted}".encode())
        for split, source in sorted(self._sources.items()):
            sha.update(f":{split}:{source.digest()}".encode())
        return sha.hexdigest()


class ThresholdTask(PointwiseTask):
    """A task whose gold is a number of people's, cut in two: yes from the threshold on."""

    def __init__(
        self, options: Binary, context: Context, *, protocol: Protocol, words: Words, sources: Mapping[str, Source]
    ) -> None:
        """Keep what was found; nothing is read yet."""
        super().__init__(options, context, protocol=protocol, words=words, sources=sources)
        self._threshold, self._middle = options.threshold, options.drop_middle

    @abstractmethod
    def value(self, row: Row) -> float:
        """The number of a row.

        Raises:
            DataError: The column is missing or does not fit.
        """

    @cached_property
    def threshold(self) -> float:
        """The gold is yes from here on. The median is that of all rows of train, those of the middle included.

        Raises:
            DataError: There are no rows to take the median of.
        """
        if self._threshold != MEDIAN:
            return float(self._threshold)
        values = array("d", (self.value(row) for row in self.rows("train")))
        if not values:
            raise DataError(
                f"task {self._name}: train has no rows to take the median of; write a number as `threshold`"
            )
        return float(np.median(values))

    def gold(self, row: Row) -> str | None:
        """`yes`, `no`, or `None` where the row is in the middle that is left out.

        Raises:
            DataError: The column is missing or does not fit.
        """
        value = self.value(row)
        if self._middle is not None and self._middle[0] <= value <= self._middle[1]:
            return None
        return "yes" if value >= self.threshold else "no"


def bounded(cell: Cell, *, low: float, high: float, fix: str) -> float:
    """A number from `low` to `high`.

    Raises:
        DataError: No number, or outside.
    """
    value = cell.number()
    if not low <= value <= high:
        raise cell.wrong(f"a number from {low:g} to {high:g}", fix)
    return value
