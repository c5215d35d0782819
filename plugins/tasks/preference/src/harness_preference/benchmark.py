"""What all benchmarks share: from rows to items, from one folder to its subsets.

A benchmark is a `Benchmark` record in a module of its own: its official protocol, what its columns mean, and the words
around the candidates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from harness.api import Context, DataError, Item, Protocol, Request, UnfoldedEntry, VerdictFormat
from harness.api.data import Layout, PromptFrame, Row, Source, Table, TableTask, find_subsets
from harness_preference import __version__
from harness_preference.options import Options

Items: TypeAlias = Callable[[Row, str, Options], Iterable[Item]]
"""Gives the items of a row of a subset: usually one; none where a row is left out by the official rules.

Raises:
    DataError: A column is missing or does not fit.
"""


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
    frame: Callable[[str], PromptFrame]
    """The words of a subset."""
    published: Callable[[Path], Mapping[str, Table]] | None = None
    """Finds the rows of each subset in a copy of the authors' repository. Empty in any other folder."""
    find: Callable[[Options, Context], Mapping[str, Source]] | None = None
    """Finds the rows of each subset, where a subset is not a table of its own. By default `layout` says where."""
    overall: str = ""
    """Name of the subset that stands for all of them in one task, where authors score them so. None by default."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Subsets of the authors that are not here, each with the reason."""

    def task(self, options: Options | None, context: Context) -> BenchmarkTask | OverallTask:
        """The factory of the card."""
        if options is not None and self.overall and options.subset == self.overall:
            return OverallTask(self, options, context)
        return BenchmarkTask(self, options, context)

    def unfold(self, options: Options | None, context: Context) -> list[UnfoldedEntry]:
        """One entry for each subset that the data hold, or for the one that the options name.

        Raises:
            DataError: The data are not of the benchmark's layout.
        """
        options = options or Options()
        if self.overall and options.subset == self.overall:
            chosen = options.model_dump(exclude_none=True)
            return [UnfoldedEntry(name=self.entry.format(subset=self.overall), options=chosen)]
        return [
            UnfoldedEntry(
                name=self.entry.format(subset=subset),
                # Options that are not set stay out of the entry, so that their defaults may change with the plugin.
                options={**options.model_dump(exclude_none=True), "subset": subset},
            )
            for subset in self.sources(options, context)
        ]

    def say_left_out(self) -> list[str]:
        """A sentence on each subset of the authors that is not here."""
        return [f"{name} is left out: {why}" for name, why in self.left_out.items()]

    def sources(self, options: Options, context: Context) -> dict[str, Source]:
        """The subsets that are meant, each with its rows.

        Raises:
            DataError: The data are not of the benchmark's layout.
        """
        if options.subset is not None and options.subset in self.left_out:
            raise DataError(
                f"task {context.name}: subset {options.subset!r} of {self.name} is left out: "
                f"{self.left_out[options.subset]}; it has {', '.join(self.layout.subsets)}"
            )
        path = Path(context.data or "")
        found: Mapping[str, Source] = {}
        if self.published is not None and context.data and path.is_dir():
            found = self.published(path)
        elif self.find is not None:
            found = self.find(options, context)
        if not found:
            try:
                return find_subsets(
                    context, self.layout, subset=options.subset, split=options.hub_split, media=options.media
                )
            except DataError as error:
                # The folder may hold these alone.
                raise DataError("; ".join([str(error), *self.say_left_out()])) from error
        if options.subset is not None and options.subset not in found:
            raise DataError(
                f"task {context.name}: {context.data} does not hold the subset {options.subset!r}; found "
                f"{', '.join(found)}"
            )
        wanted = [options.subset] if options.subset else [*found]
        return {name: found[name].with_media(options.media) for name in wanted}


class BenchmarkTask(TableTask):
    """One subset of a benchmark as a `Task`."""

    options: Options
    version = __version__

    def __init__(self, benchmark: Benchmark, options: Options | None, context: Context) -> None:
        """Find the subset; nothing is read yet.

        Raises:
            DataError: The data hold no such subset, or several and none is named.
        """
        options = options or Options()
        sources = benchmark.sources(options, context)
        # `unfold` makes one entry for each subset. A task made by hand must name one, or its scores would mix subsets.
        if len(sources) != 1:
            raise DataError(
                f"task {context.name}: the data hold {', '.join(sources)}; name one with `with: {{subset: ...}}`"
            )
        ((self._subset, source),) = sources.items()
        super().__init__(options, context, sources={"test": source})
        self._benchmark, self.frame = benchmark, benchmark.frame(self._subset)
        self.protocol, self.format = benchmark.protocol, benchmark.format

    def items_of(self, row: Row, split: str) -> Iterable[Item]:
        """The items of a row, as the benchmark says.

        Raises:
            DataError: A column is missing or does not fit.
        """
        return self._benchmark.items(row, self._subset, self.options)

    def provenance(self) -> str:
        """The files that were read, and which subsets of the authors are never read, with the reason.

        Raises:
            DataError: The hub cannot be asked.
        """
        return "; ".join([super().provenance(), *self._benchmark.say_left_out()])

    def fingerprint(self) -> str:
        """Hash of the data files, the options and the version of this plugin, as it was before there was `TableTask`.

        Raises:
            DataError: A file cannot be read.
        """
        # Kept as it was before tasks shared `TableTask`: runs recorded with older versions keep their fingerprint.
        digest = hashlib.sha256(f"{self._subset}:{self.sources['test'].digest()}".encode()).hexdigest()
        facts = f"{self._benchmark.name}:{self.version}:{self.options.model_dump_json()}:{digest}"
        return hashlib.sha256(facts.encode()).hexdigest()


class OverallTask:
    """All subsets of a benchmark as one `Task`, for a score over all of their units. It has all of their items."""

    def __init__(self, benchmark: Benchmark, options: Options, context: Context) -> None:
        """Find the subsets; nothing is read yet.

        Raises:
            DataError: The data hold no subset.
        """
        found = benchmark.sources(options.model_copy(update={"subset": None}), context)
        self._tasks = {
            subset: BenchmarkTask(benchmark, options.model_copy(update={"subset": subset}), context) for subset in found
        }
        self.protocol, self.format, self.media = benchmark.protocol, benchmark.format, options.media

    def items(self, split: str) -> Iterator[Item]:
        """Stream the items of each subset in turn.

        Raises:
            DataError: As `BenchmarkTask.items`.
        """
        for task in self._tasks.values():
            yield from task.items(split)

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """The request of the subset, by which the id of an item begins."""
        return self._tasks[item.id.partition("/")[0]].render(item, order=order, format=format)

    def fingerprint(self) -> str:
        """Hash of those of the subsets.

        Raises:
            DataError: A file cannot be read.
        """
        return hashlib.sha256(":".join(task.fingerprint() for task in self._tasks.values()).encode()).hexdigest()

    def provenance(self) -> str:
        """The files that were read."""
        return "; ".join(task.provenance() for task in self._tasks.values())
