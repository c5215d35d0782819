"""What all benchmarks share: from rows to checked items, from items to requests, from one folder to its subsets.

A benchmark is a `Benchmark` record in a module of its own: its official protocol, what its columns mean, and the words
around the candidates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from harness.api import (
    Context,
    DataError,
    Item,
    Message,
    Part,
    Protocol,
    Request,
    Unfolded,
    VerdictFormat,
    joined,
)
from harness.api.data import Media, Row
from harness_preference import __version__
from harness_preference.options import Options
from harness_preference.sources import Layout, Source, find

Items: TypeAlias = Callable[[Row, str, Options], Iterable[Item]]
"""Gives the items of a row of a subset: usually one; none where a row is left out by the official rules.

Raises:
    DataError: A column is missing or does not fit.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The words around a question and its candidates. `{letter}` becomes A, B, ... in the order shown."""

    system: str = ""
    """System message, if any."""
    opening: str
    """Before the question."""
    heading: str = ""
    """Before each candidate."""
    ending: str = ""
    """After each candidate."""
    closing: str
    """After the candidates and before the instruction of the format: what to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """What sets one benchmark apart."""

    name: str
    """Name of its card."""
    entry: str
    """Name in the plan of one subset; `{subset}` stands for it."""
    protocol: Protocol
    """The official one."""
    format: str
    """Id of the verdict format."""
    layout: Layout
    """Where its rows are."""
    items: Items
    """The items of a row of a subset."""
    frame: Callable[[str], Frame]
    """The words of a subset."""

    def task(self, options: Options | None, context: Context) -> BenchmarkTask:
        """The factory of the card."""
        return BenchmarkTask(self, options, context)

    def unfold(self, options: Options | None, context: Context) -> list[Unfolded]:
        """One entry for each subset that the data hold, or for the one that the options name.

        Raises:
            DataError: The data are not of the benchmark's layout.
        """
        options = options or Options()
        return [
            Unfolded(
                name=self.entry.format(subset=source.subset),
                options={**options.model_dump(exclude_none=True), "subset": source.subset},
            )
            for source in _sources(self, options, context)
        ]


class BenchmarkTask:
    """One subset of a benchmark as a `Task`."""

    def __init__(self, benchmark: Benchmark, options: Options | None, context: Context) -> None:
        """Find the subset; nothing is read yet.

        Raises:
            DataError: The data hold no such subset, or several and none is named.
        """
        self._benchmark = benchmark
        self._name = context.name
        self._options = options or Options()
        sources = _sources(benchmark, self._options, context)
        if len(sources) != 1:
            raise DataError(
                f"task {self._name}: the data hold {', '.join(source.subset for source in sources)}; "
                "name one with `with: {subset: ...}`"
            )
        self._source = sources[0]
        self._frame = benchmark.frame(self._source.subset)

    @property
    def protocol(self) -> Protocol:
        """The official protocol."""
        return self._benchmark.protocol

    @property
    def media(self) -> Media:
        """Whether the pictures are there."""
        return self._options.media

    @property
    def format(self) -> str:
        """Id of the verdict format that the benchmark asks for."""
        return self._benchmark.format

    def items(self, split: str) -> Iterator[Item]:
        """Stream the items in the order of the files.

        Raises:
            DataError: There is no such split, a row cannot be used, an id is there twice, or there is no row at all.
        """
        if split != "test":
            raise DataError(f"task {self._name}: there is no split {split!r}; it has test")
        seen: set[str] = set()
        for row in self._source.rows():
            for item in self._benchmark.items(row, self._source.subset, self._options):
                if item.id in seen:
                    raise DataError(
                        f"{row.place}: the id {item.id!r} is there twice; ids must be unique, remove one row"
                    )
                seen.add(item.id)
                yield item
        if not seen:
            raise DataError(f"task {self._name}: {self._source.table} holds no rows that can be judged")

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """Opening, question, candidates in the order shown, what to look at, instruction."""
        frame = self._frame
        parts: list[Part] = [frame.opening, *item.question]
        for place, candidate in enumerate(order):
            letter = chr(ord("A") + place)
            parts += [frame.heading.format(letter=letter)] if frame.heading else []
            parts += item.candidates[candidate]
            parts += [frame.ending.format(letter=letter)] if frame.ending else []
        parts += [frame.closing, format.instruction(item.space)]
        system = (Message("system", (frame.system,)),) if frame.system else ()
        return Request(
            task=self._name,
            item=item.id,
            messages=(*system, Message("user", joined(parts))),
            space=item.space,
            format=format,
            order=order,
        )

    def provenance(self) -> str:
        """The files that were read, or the hub dataset with its commit."""
        return self._source.table.provenance()

    def fingerprint(self) -> str:
        """Hash of the data files, the options and the version of this plugin.

        Files of more than 256 MB enter by size and time of change; a hub dataset by its name and commit; pictures
        beside the rows are part of each request's key instead.

        Raises:
            DataError: A file cannot be read.
        """
        facts = f"{self._benchmark.name}:{__version__}:{self._options.model_dump_json()}:{self._source.digest()}"
        return hashlib.sha256(facts.encode()).hexdigest()


def group_of(*texts: str) -> str:
    """Name of the cluster of all items that share these texts: 16 hex digits of their SHA-256."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _sources(benchmark: Benchmark, options: Options, context: Context) -> list[Source]:
    return find(
        context.data,
        layout=benchmark.layout,
        subset=options.subset,
        split=options.hub_split,
        context=context,
        media=options.media,
    )
