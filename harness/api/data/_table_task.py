"""The task over rows. An author says which item a row is and which words stand around it. The rest is here.

Not for the place of the rows: see `_sources` and `_subsets`.
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
from harness.api._protocol import Protocol
from harness.api._records import Item, Part, join_parts
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
    """Text before the question: the role."""
    heading: str = ""
    """Text before each candidate, such as `Image {letter}:`."""
    ending: str = ""
    """Text after each candidate."""
    closing: str = ""
    """Text after the candidates and before the instruction of the format: the task and its criteria."""


class TableTask(ABC):
    """A `Task` over rows of files or of the hub. A subclass adds the parts of one benchmark.

    A subclass has `version` and `items_of`. Most have `protocol`, `frame` and `files` as well. If its options derive
    from `TableOptions`, or it has none, the class itself is the `factory` of its card. Otherwise its own `__init__`
    finds the rows and passes them as `sources`.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from harness.api import Choice
    >>> from harness.api.data import write_table
    >>> from harness.formats.tagged import TaggedFormat
    >>> from harness.testing import FakeContext
    >>> class Sharpness(TableTask):
    ...     version = "1"
    ...     frame = PromptFrame(closing="Is the caption true?")
    ...     def items_of(self, row, split):
    ...         labels = Choice(("yes", "no"))
    ...         text = row["caption"].text()
    ...         gold = row["label"].label({"1": "yes", "0": "no"})
    ...         yield Item(id=row["id"].name(), group=text, space=labels, gold=gold, question=(text,))
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = write_table(folder / "test.csv", [{"id": "a", "caption": "A red cup.", "label": "1"}])
    >>> task = Sharpness(None, FakeContext(data=str(folder / "test.csv"), workspace=folder))
    >>> [item] = task.items("test")
    >>> item.id, item.gold
    ('a', 'yes')
    >>> task.render(item, order=(), format=TaggedFormat()).text.splitlines()[:3]
    ['A red cup.', '', 'Is the caption true?']

    Attributes:
        protocol: The official protocol.
        format: Id of the verdict format that the benchmark asks for.
        frame: The words around the question of an item and its candidates.
        files: The files of each split in the published release, as in the option `splits`. By default all data are
            test.
        media: Whether the pictures are there, as the options say.
        name: Name of the entry, for messages.
        options: The options of the manifest.
        sources: The rows of each split.
        id_column: The column of the ids, if there is one. Messages then name it.
        ids_are_row_numbers: Whether ids cannot repeat. Then none is kept in memory.
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
        """Find the rows. Nothing is read yet.

        Args:
            options: The options of the card.
            context: The entry's context, for its data and name.
            sources: The rows of each split, if the options do not name their place.

        Raises:
            DataError: There are no data in the place that the manifest names.
            TypeError: There are no sources, and the options do not derive from `TableOptions`.
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
        """The items of a row. Usually there is one, and none if the official rules leave the row out.

        Raises:
            DataError: A column is missing or does not fit.
        """

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits that there are."""
        return tuple(self.sources)

    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of a split, in the order of the files.

        Raises:
            UserError: The split is closed.
            DataError: The data cannot be read.
        """
        return self.sources[split].rows()

    def items(self, split: str) -> Iterator[Item]:
        """Stream the items of a split, in the order of the rows. Only the ids of earlier items are kept in memory.

        Raises:
            UserError: The split is closed.
            DataError: There is no such split, a row cannot be used, an id is there twice, or there is no item at all.
        """
        if split not in self.splits:
            raise DataError(f"task {self.name}: {self._describe_unknown(split)}")
        seen: set[str] = set()
        rows = items = 0  # a split whose rows are all left out needs another message than an empty file
        for row in self.rows(split):
            rows += 1
            for item in self.items_of(row, split):
                if item.id in seen:
                    raise self._repeat_error(row, item)
                if not self.ids_are_row_numbers:
                    seen.add(item.id)
                items += 1
                yield item
        if not items:
            raise DataError(f"task {self.name}: {self.describe_empty(split, rows=rows)}")

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """The request: opening, question, candidates in the order shown, closing words, instruction."""
        frame = self.frame
        parts: list[Part] = [*_fill(frame.opening), *item.question]
        for place, candidate in enumerate(order):
            letter = string.ascii_uppercase[place]
            parts += [*_fill(frame.heading, letter), *item.candidates[candidate], *_fill(frame.ending, letter)]
        parts += [*_fill(frame.closing), format.instruction(item.space)]
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
        """The parts of the fingerprint besides the data: the class, the version of its code, and the options."""
        return f"{type(self).__name__}:{self.version}:{self.options.model_dump_json()}"

    def fingerprint(self) -> str:
        """Hash of `facts` and of the data files.

        Files of more than 256 MB and images in labelled folders enter by size and time of change. A hub dataset enters
        by its name and commit. Pictures beside the rows are part of each request's key instead.

        Raises:
            DataError: A file cannot be read.
        """
        sha = hashlib.sha256(self.facts().encode())
        # Sorted: the order in which a manifest names splits changes nothing.
        for split, source in sorted(self.sources.items()):
            sha.update(f":{split}:{source.digest()}".encode())
        return sha.hexdigest()

    def describe_empty(self, split: str, *, rows: int) -> str:
        """The message about a split without items.

        Args:
            split: The split.
            rows: Number of its rows, which were all left out.
        """
        where = self.sources[split] if split in self.sources else ", ".join(map(str, self.sources.values()))
        return f"{where} holds no rows that can be judged" if rows else f"{where} holds no rows; expected at least one"

    def _describe_unknown(self, split: str) -> str:
        if not isinstance(self.options, TableOptions):
            return f"there is no split {split!r}; it has {', '.join(self.splits)}"
        return (
            f"there is no split {split!r} in this entry.{suggest_names(split, self.splits)} Name its file with: "
            f"{{splits: {{{split}: FILE}}}}" + ("; or write validation: null in the recipe" * (split == "validation"))
        )

    def _repeat_error(self, row: Row, item: Item) -> DataError:
        if self.id_column is None:
            return DataError(f"{row.place}: the id {item.id!r} is there twice; ids must be unique, remove one row")
        return DataError(
            f"{row.place}, column {self.id_column!r}: expected an id that is there once, found {item.id!r} again; fix "
            "or remove one row"
        )


def group_of(*texts: str) -> str:
    """Name of the cluster of all items that share these texts: 16 hex digits of their SHA-256.

    >>> group_of("A red cup.", "cup.png") == group_of("A red cup.", "cup.png") != group_of("A red cupcup.png")
    True
    """
    # The NUL between texts keeps ("ab", "c") and ("a", "bc") apart.
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _fill(words: str, letter: str = "") -> tuple[str, ...]:
    """The words of a frame with the letter of a candidate put in. Empty where there are no words."""
    # Not `str.format`: words of a benchmark may hold braces, as JSON does.
    return (words.replace("{letter}", letter) if letter else words,) if words else ()
