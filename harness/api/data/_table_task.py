"""The task over rows: an author says what a row is and which words are around it, and the rest is here.

Not for where the rows are: see `_sources` and `_subsets`.
"""

from __future__ import annotations

import hashlib
import string
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

from pydantic import BaseModel

from harness.api._contracts import Context
from harness.api._errors import DataError
from harness.api._parts import join_parts
from harness.api._protocol import Protocol
from harness.api._records import Item, Part
from harness.api._requests import Message, Request, VerdictFormat
from harness.api.data._cells import Row, suggest_names
from harness.api.data._sources import Source, Split, TableOptions, find_splits
from harness.api.data._tables import Media


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFrame:
    """The words around a question and its candidates. `{letter}` becomes A, B, ... in the order shown."""

    system: str = ""
    """System message, if any."""
    opening: str = ""
    """Before the question: the role."""
    heading: str = ""
    """Before each candidate, such as `Image {letter}:`."""
    ending: str = ""
    """After each candidate."""
    closing: str = ""
    """After the candidates and before the instruction of the verdict format: what is asked, and what to look at."""


class TableTask(ABC):
    """A `Task` over rows of files or of the hub. Say in a subclass what sets your benchmark apart.

    A subclass has `version` and `items_of`, and most have `protocol`, `frame` and `files` as well. Where its options
    are made from `TableOptions`, or it has none, the class itself is the `factory` of its card. Otherwise its own
    `__init__` finds the rows and gives them as `sources`.

    Attributes:
        protocol: The official protocol.
        format: Id of the verdict format that the benchmark asks for.
        frame: The words around the question of an item and its candidates.
        files: Where the published release has each split, as in the option `splits`; by default all data are test.
        media: Whether the pictures are there, as the options say.
        name: Name of the entry, for messages.
        options: What the manifest says.
        sources: The rows of each split.
        id_column: Column that the ids are in, where all are; messages then name it.
        ids_are_row_numbers: Whether no id can be there twice; then none is kept in memory.
    """

    protocol: Protocol = Protocol()
    format: str = "harness/tagged"
    frame: PromptFrame = PromptFrame()
    files: ClassVar[Mapping[Split, str] | None] = None
    id_column: str | None = None
    ids_are_row_numbers: bool = False

    def __init__(
        self, options: BaseModel | None, context: Context, *, sources: Mapping[str, Source] | None = None
    ) -> None:
        """Find the rows; nothing is read yet.

        Args:
            options: The options of the card.
            context: The entry's, for its data and name.
            sources: The rows of each split, where the options do not say where they are.

        Raises:
            DataError: There are no data where the manifest says.
            TypeError: There are no sources, and the options are not made from `TableOptions`.
        """
        if options is None:
            options = TableOptions()
        if sources is None:
            if not isinstance(options, TableOptions):
                raise TypeError(f"options of {type(self).__name__} must be made from TableOptions, or give `sources`")
            sources = find_splits(context, options, files=self.files)
        self.name, self.options, self.sources = context.name, options, sources
        self.media = cast(Media, getattr(options, "media", None))  # not every task has pictures

    @property
    @abstractmethod
    def version(self) -> str:
        """Version of the subclass's code: `version = "1"`. Change it when items or their words change."""

    @abstractmethod
    def items_of(self, row: Row, split: str) -> Iterable[Item]:
        """The items of a row: usually one; none where a row is left out by the official rules.

        Raises:
            DataError: A column is missing or does not fit.
        """

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits that can be asked for."""
        return tuple(self.sources)

    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of a split, in the order of the files.

        Raises:
            UserError: The split is closed.
            DataError: The data cannot be read.
        """
        return self.sources[split].rows()

    def items(self, split: str) -> Iterator[Item]:
        """Stream the items of a split, in the order of the rows. Of the items before, only the ids are kept.

        Raises:
            UserError: The split is closed.
            DataError: There is no such split, a row cannot be used, an id is there twice, or there is no item at all.
        """
        if split not in self.splits:
            raise DataError(f"task {self.name}: {self._unknown(split)}")
        seen: set[str] = set()
        rows = items = 0
        for row in self.rows(split):
            rows += 1
            for item in self.items_of(row, split):
                if item.id in seen:
                    raise self._repeated(row, item)
                if not self.ids_are_row_numbers:
                    seen.add(item.id)
                items += 1
                yield item
        if not items:
            raise DataError(f"task {self.name}: {self.describe_empty(split, rows=rows)}")

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """Opening, question, candidates in the order shown, what to look at, instruction."""
        frame = self.frame
        parts: list[Part] = [*_said(frame.opening), *item.question]
        for place, candidate in enumerate(order):
            letter = string.ascii_uppercase[place]
            parts += [*_said(frame.heading, letter), *item.candidates[candidate], *_said(frame.ending, letter)]
        parts += [*_said(frame.closing), format.instruction(item.space)]
        system = (Message("system", (frame.system,)),) if frame.system else ()
        return Request(
            task=self.name,
            item=item.id,
            messages=(*system, Message("user", join_parts(parts))),
            space=item.space,
            format=format,
            order=order,
        )

    def provenance(self) -> str:
        """The files that were read, or the hub dataset with its commit.

        Raises:
            DataError: The hub cannot be asked.
        """
        return "; ".join(source.provenance() for source in self.sources.values())

    def facts(self) -> str:
        """What the fingerprint covers besides the data: the class, the version of its code, and the options."""
        return f"{type(self).__name__}:{self.version}:{self.options.model_dump_json()}"

    def fingerprint(self) -> str:
        """Hash of `facts` and of the data files.

        Files of more than 256 MB enter by size and time of change, images in labelled folders likewise; a hub dataset
        by its name and commit; pictures beside the rows are part of each request's key instead.

        Raises:
            DataError: A file cannot be read.
        """
        sha = hashlib.sha256(self.facts().encode())
        for split, source in sorted(self.sources.items()):
            sha.update(f":{split}:{source.digest()}".encode())
        return sha.hexdigest()

    def describe_empty(self, split: str, *, rows: int) -> str:
        """What to say of a split that gave no item.

        Args:
            split: The split.
            rows: How many rows it had, all of which were left out.
        """
        where = self.sources[split] if split in self.sources else ", ".join(map(str, self.sources.values()))
        return f"{where} holds no rows that can be judged" if rows else f"{where} holds no rows; expected at least one"

    def _unknown(self, split: str) -> str:
        if not isinstance(self.options, TableOptions):
            return f"there is no split {split!r}; it has {', '.join(self.splits)}"
        return (
            f"there is no split {split!r} in this entry.{suggest_names(split, self.splits)} Name its file with: "
            f"{{splits: {{{split}: FILE}}}}" + ("; or write validation: null in the recipe" * (split == "validation"))
        )

    def _repeated(self, row: Row, item: Item) -> DataError:
        if self.id_column is None:
            return DataError(f"{row.place}: the id {item.id!r} is there twice; ids must be unique, remove one row")
        return DataError(
            f"{row.place}, column {self.id_column!r}: expected an id that is there once, found {item.id!r} again; fix "
            "or remove one row"
        )


def group_of(*texts: str) -> str:
    """Name of the cluster of all items that share these texts: 16 hex digits of their SHA-256."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _said(words: str, letter: str = "") -> tuple[str, ...]:
    """Words of a frame, with the letter of a candidate in its place; nothing where there are none."""
    return (words.replace("{letter}", letter) if letter else words,) if words else ()
