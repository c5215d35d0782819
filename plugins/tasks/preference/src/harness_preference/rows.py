"""Rows of hostile data files, one at a time: JSON lines, CSV and parquet, with typed access to their columns.

Each cell is checked where it is read, and a cell that does not fit is a `DataError` with file, row, column and what
was expected. Not for finding the files (see `sources`), nor for what the columns mean (each benchmark's own module).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from harness.api import DataError, Image

SUFFIXES = (".jsonl.gz", ".jsonl", ".csv.gz", ".csv", ".parquet")
"""Endings of the files that can be read."""

MAX_LINE = 32 * 2**20
"""Bytes in one line. A few kilobytes of gzip can hide a line of many gigabytes."""

_BATCH = 16  # parquet rows decoded at once: rows with images are large

T = TypeVar("T")

_Cells: TypeAlias = Generator[tuple[dict[str, object], str], None, None]


@dataclass(frozen=True, slots=True)
class Row:
    """One row, with the place that it came from."""

    values: Mapping[str, object]
    """Cells by column."""
    place: str
    """`"path/items.jsonl.gz, line 12"`; lines count from 1, parquet and hub rows from 0 as their libraries do."""
    number: int
    """From 0 within the subset, over all of its files."""
    root: Path | None
    """Folder that image paths are relative to and may not leave; `None` for hub data."""

    def has(self, column: str) -> bool:
        """Whether the column is there and not null."""
        return self.values.get(column) is not None

    def first(self, *columns: str) -> str:
        """The first of several spellings of a column that this row has.

        Raises:
            DataError: All are missing or null.
        """
        found = next((column for column in columns if self.has(column)), None)
        if found is None:
            names = " or ".join(repr(column) for column in columns)
            filled = ", ".join(repr(column) for column in self.values if self.has(column)) or "nothing"
            raise DataError(f"{self.place}: nothing in column {names}; filled are {filled}; mend or remove the row")
        return found

    def text(self, column: str) -> str:
        """A cell that is text with something in it.

        Raises:
            DataError: Missing, empty, not text, or not valid Unicode.
        """
        value = self.values[self.first(column)]
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(column, "text that is not empty")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self.wrong(column, "valid Unicode (there is half a surrogate pair)") from error
        return value

    def texts(self, *columns: str) -> dict[str, str]:
        """Those of the columns that are there, as text, for tags."""
        return {column: self.text(column) for column in columns if self.has(column)}

    def count(self, column: str) -> int:
        """A cell that is a whole number from 0; from CSV, its digits.

        Raises:
            DataError: Missing, negative, or of another kind.
        """
        value = self.values[self.first(column)]
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.wrong(column, "a whole number from 0")
        return value

    def label(self, column: str, meanings: Mapping[str, T]) -> T:
        """What a label means.

        Args:
            column: The column.
            meanings: Meaning of each label; a whole number stands under its digits.

        Raises:
            DataError: Missing or unknown.
        """
        value = self.values[self.first(column)]
        word = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
        if word is None or word not in meanings:
            raise self.wrong(column, "one of " + ", ".join(meanings))
        return meanings[word]

    def image(self, column: str) -> Image:
        """A picture, however the file holds it: `{"bytes", "path"}` as on the hub, raw bytes, or a path.

        Nothing is decoded or opened here.

        Raises:
            DataError: Missing, of another kind, or a path that leads out of the data folder.
        """
        value = self.values[self.first(column)]
        if isinstance(value, Mapping):
            inner = value.get("bytes")
            value = value.get("path") if inner is None else inner
        if isinstance(value, bytes) and value:
            return Image.from_bytes(value, name=f"{self.place}, column {column!r}")
        if not isinstance(value, str) or not value or "\0" in value:
            raise self.wrong(column, "a picture: encoded bytes, {'bytes', 'path'}, or the path of a file")
        if self.root is None or "://" in value:
            raise self.wrong(column, "a picture inside the data, not an address; download it beside the data file")
        try:
            return Image.from_file(value, root=self.root)
        except DataError as error:
            raise DataError(f"{self.place}, column {column!r}: {error}") from error

    def wrong(self, column: str, expected: str) -> DataError:
        """The error for a cell that does not fit, ready to raise."""
        found = _shown(self.values.get(column))
        return DataError(f"{self.place}, column {column!r}: expected {expected}, found {found}; mend or remove the row")


def read_rows(files: Iterable[Path], *, root: Path) -> Iterator[Row]:
    """Stream the rows of one subset; memory does not grow with their number.

    Args:
        files: Its files, in order.
        root: The data folder.

    Raises:
        DataError: A file cannot be read to its end; names it and the row.
    """
    number = 0
    for file in files:
        with closing(_READERS[suffix_of(file)](file)) as cells:
            for values, place in cells:
                yield Row(values, f"{file}, {place}", number, root)
                number += 1


def suffix_of(path: Path) -> str:
    """The ending that says how to read a file, or `""` for another kind of file."""
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")


def _json_lines(file: Path) -> _Cells:
    with _opened(file) as stream:
        for number, line in _lines(stream, file):
            if not line.strip():
                continue
            try:
                values = json.loads(line, parse_constant=_refuse)
            except RecursionError:
                raise DataError(f"{file}, line {number}: JSON nested too deeply; mend or remove the line") from None
            except ValueError as error:
                raise DataError(f"{file}, line {number}: not JSON ({error}); mend or remove the line") from error
            if not isinstance(values, dict):
                raise DataError(f"{file}, line {number}: expected a JSON object, found {_shown(values)}; mend the line")
            yield values, f"line {number}"


def _csv(file: Path) -> _Cells:
    with _opened(file) as stream:
        reader = csv.reader((line for _, line in _lines(stream, file)), strict=True)
        try:
            header = next(reader, None)
            if not header or len(set(header)) != len(header):
                raise DataError(f"{file}, line 1: expected a header with different column names, found {header!r}")
            for cells in reader:
                if len(cells) != len(header):
                    raise DataError(
                        f"{file}, line {reader.line_num}: expected {len(header)} cells as in the header, found "
                        f"{len(cells)}; mend the line"
                    )
                # CSV cannot tell an empty cell from none.
                filled: dict[str, object] = {k: v for k, v in zip(header, cells, strict=True) if v}
                yield filled, f"line {reader.line_num}"
        except csv.Error as error:
            raise DataError(f"{file}, line {reader.line_num}: not CSV ({error}); mend the line") from error


def _parquet(file: Path) -> _Cells:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=_BATCH, use_threads=False):
                for values in batch.to_pylist():
                    yield values, f"row {number}"
                    number += 1
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(f"{file}, row {number}: not readable as parquet ({error}); download the file again") from error


_READERS = {
    ".jsonl": _json_lines,
    ".jsonl.gz": _json_lines,
    ".csv": _csv,
    ".csv.gz": _csv,
    ".parquet": _parquet,
}


def _opened(file: Path) -> gzip.GzipFile | io.BufferedReader:
    try:
        return gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb")
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error}); mend the file") from error


def _lines(stream: gzip.GzipFile | io.BufferedReader, file: Path) -> Iterator[tuple[int, str]]:
    """Lines of UTF-8 text, none longer than `MAX_LINE`, numbered from 1."""
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(MAX_LINE + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{file}, line {number}: the file is damaged or cut off here ({error}); download it again"
            ) from error
        if not line:
            return
        if len(line) > MAX_LINE:
            raise DataError(f"{file}, line {number}: longer than the {MAX_LINE:,} bytes allowed; split or remove it")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{file}, line {number}: not UTF-8 text ({error}); convert the file to UTF-8") from error
        yield number, text


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _shown(value: object) -> str:
    """A value for an error message: short, and never megabytes of picture."""
    if value is None:
        return "nothing"
    if isinstance(value, bytes | Mapping | list | tuple):
        return f"{type(value).__name__} of {len(value)}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 80 else text[:77] + '...'}"
