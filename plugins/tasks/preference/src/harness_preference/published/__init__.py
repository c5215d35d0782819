"""The files of the authors of each benchmark as they publish them: the items, and the answers of judges.

A module for each benchmark. Its `RECORDINGS` says where recorded answers are and what they mean. Its `find_items`
finds the rows of each subset in a copy of the authors' repository. Not for the meaning of the columns of the items:
that is in `harness_preference.benchmarks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from harness.api.data import SUFFIXES, Row, Table, read_table, suffix_of

Answers: TypeAlias = Callable[[Row, str], Iterator[Mapping[str, Any]]]
"""Gives the answers of a judge in a row of a file, as rows of the schema of `baselines/replay`.

Raises:
    DataError: A column is missing or does not fit.
"""

Convert: TypeAlias = Callable[[Iterator[Row]], Iterator[Row]]
"""Gives the rows of a file the columns that the benchmark reads.

Raises:
    DataError: A column is missing or does not fit.
"""

DATA, SWAPPED = [0, 1], [1, 0]
"""The orders in which two candidates are shown: that of the data and its reverse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable(Table):
    """Rows of the authors' files, with the columns that the benchmark reads."""

    convert: Convert

    def rows(self) -> Iterator[Row]:
        """Stream the rows.

        Raises:
            DataError: A file cannot be read to its end, or is of another layout.
        """
        return self.convert(Table.rows(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """Recorded answers in rows of files. Implements `harness.api.RecordingLayout`."""

    patterns: tuple[str, ...]
    """The files within the folder, without their ending: `results/*/*/pairwise`."""
    judges: Callable[[Path], tuple[str, ...]]
    """The names of the judges in a file. None for a file without answers."""
    answers: Answers
    """The answers in a row."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The files of each judge by its name."""
        found: dict[str, tuple[Path, ...]] = {}
        for file in find_tables(folder, *self.patterns):
            for judge in self.judges(file):
                found[judge] = (*found.get(judge, ()), file)
        return found

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """A judge's answers in a file, each with its place in it.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
        for number, (values, place) in enumerate(read_table(file)):
            for answer in self.answers(Row(values, f"{file}, {place}", number, file=file), judge):
                yield answer, place


def find_tables(folder: Path, *patterns: str) -> tuple[Path, ...]:
    """The tables in a folder whose path without its ending fits a pattern, sorted.

    Of two with one name, such as `pairwise.json` beside `pairwise.jsonl`, the first ending of `SUFFIXES` counts: some
    authors publish the same rows in both.
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        for suffix in SUFFIXES:
            for file in folder.glob(pattern + suffix):
                if file.is_file() and not file.name.startswith("."):
                    found.setdefault(str(file).removesuffix(suffix), file)
    return tuple(found[name] for name in sorted(found))


def stem(file: Path) -> str:
    """The name of a table without its ending."""
    return file.name[: len(file.name) - len(suffix_of(file))]
