"""Reads JSON lines, JSON lists, CSV, TSV and parquet, one row at a time.

Files may be damaged or hostile. Each fault has a message with its place. Not for the content of cells: see `_cells`.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Generator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from harness.api._errors import DataError
from harness.api.data._parquet import read_parquet
from harness.libraries.files import check_regular

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".jsonl.gz", ".json.gz", ".csv.gz", ".tsv.gz", ".parquet")
"""Endings of the files that are read."""

MAX_LINE = 32 * 2**20
"""Most bytes of one line. A few kilobytes of gzip can hide a line of many gigabytes."""

_BUFFER = 2**20  # bytes read at once
_FIX = "write a list of rows, or JSON lines in a file that ends in .jsonl"

Cells: TypeAlias = Generator[tuple[dict[str, object], str], None, None]
"""Values by column, and the place in the file: `"line 12"`."""


def suffix_of(path: Path) -> str:
    """The ending that names the format of a file, or `""` for another kind of file.

    >>> suffix_of(Path("test.JSONL.gz")), suffix_of(Path("readme.md"))
    ('.jsonl.gz', '')
    """
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")


def read_table(file: Path) -> Cells:
    r"""Stream the rows of a file. Blank lines are skipped.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "test.jsonl"
    >>> _ = file.write_text('{"id": 1}\n\n{"id": 2}\n')
    >>> list(read_table(file))
    [({'id': 1}, 'line 1'), ({'id': 2}, 'line 3')]

    Raises:
        DataError: It is of another kind or cannot be read to its end. The message names the file and the row.
    """
    suffix = suffix_of(file)
    if not suffix:
        raise DataError(f"{file}: this kind of file is not read; expected {', '.join(SUFFIXES)}")
    return _READERS[suffix.removesuffix(".gz")](file)


def _json_lines(file: Path) -> Cells:
    with _open(file) as stream:
        for number, line in _lines(stream, file):
            if not line.strip():
                continue
            try:
                values = _JSON.decode(line)
            except RecursionError:
                raise DataError(f"{file}, line {number}: JSON nested too deeply; fix or remove the line") from None
            except ValueError as error:
                raise DataError(f"{file}, line {number}: not JSON ({error}); fix or remove the line") from error
            if not isinstance(values, dict):
                raise DataError(
                    f"{file}, line {number}: expected a JSON object, found {type(values).__name__}; fix the line"
                )
            yield values, f"line {number}"


def _json_list(file: Path) -> Cells:
    """The rows of a JSON list. A file of JSON lines is told apart once it cannot be read as one."""
    try:
        yield from _list_rows(file)
    except DataError as error:
        if not _holds_lines(file):
            raise
        ending = suffix_of(file)
        name = f"{file.name[: -len(ending)]}{ending.replace('.json', '.jsonl')}"
        raise DataError(f"{file}: expected a JSON list of objects, found JSON lines; rename it to {name}") from error


def _holds_lines(file: Path) -> bool:
    """Whether the first line is a whole object, and another one begins after it."""
    with _open(file) as stream:
        try:
            texts = list(islice((line for _, line in _lines(stream, file) if line.strip()), 2))
            return len(texts) == 2 and isinstance(_JSON.decode(texts[0]), dict) and texts[1].lstrip().startswith("{")
        except (DataError, ValueError, RecursionError):
            return False


def _list_rows(file: Path) -> Cells:
    """The objects of a JSON list, or of the one list in a JSON object, decoded one at a time while the file is read."""
    with _open(file) as stream:
        text = _Text(stream, file)
        if text.next() == "[":
            yield from _elements(text, file, to_the_end=True)
        elif text.next() == "{":
            lists = 0
            for _ in _keys(text, file):
                if text.next() != "[":
                    text.value(str(file))
                    continue
                lists += 1
                if lists > 1:
                    raise DataError(f"{file}: holds several lists, and the rows are in one; {_FIX}")
                yield from _elements(text, file)
            if not lists:
                raise DataError(f"{file}: expected a JSON list of objects, found an object without one; {_FIX}")
            _check_end(text, f"{file}, after the object")
        else:
            raise DataError(f"{file}: expected a JSON list of objects, found {text.ahead[:1]!r}; {_FIX}")


def read_object(file: Path) -> Generator[tuple[str, object], None, None]:
    """Stream the entries of a file that is one JSON object, plain or gzipped.

    Raises:
        DataError: It is none, a key is there twice, or it cannot be read to its end.
    """
    with _open(file) as stream:
        text = _Text(stream, file)
        if text.next() != "{":
            raise DataError(f"{file}: expected a JSON object, found {text.ahead[:1]!r}; fix the file")
        for key in _keys(text, file):
            yield key, text.value(f"{file}, key {key[:100]!r}")
        _check_end(text, f"{file}, after the object")


def _keys(text: _Text, file: Path) -> Generator[str, None, None]:
    """The keys of an object. Before the next one is asked for, the caller takes the value."""
    text.skip()
    seen: set[str] = set()
    while (sign := text.next()) != "}":
        if seen and sign == ",":
            text.skip()
        elif seen or not sign:
            raise _cut_off(f"{file}, after {len(seen)} keys", "',' or '}'", text)
        key = text.value(f"{file}, key {len(seen)}")
        if not isinstance(key, str) or key in seen:
            raise DataError(f"{file}: the key {str(key)[:100]!r} is there twice or is no text; fix the file")
        seen.add(key)
        if text.next() != ":":
            raise _cut_off(f"{file}, key {key[:100]!r}", "':'", text)
        text.skip()
        yield key
    text.skip()


def _elements(text: _Text, file: Path, *, to_the_end: bool = False) -> Cells:
    """The objects of a list, after which the file ends or goes on."""
    text.skip()
    number = 0
    while (sign := text.next()) != "]":
        if number and sign == ",":
            text.skip()
        elif number or not sign:
            raise _cut_off(f"{file}, after element {number - 1}", "',' or ']'", text)
        values = text.value(f"{file}, element {number}")
        if not isinstance(values, dict):
            raise DataError(
                f"{file}, element {number}: expected a JSON object, found {type(values).__name__}; fix the file"
            )
        yield values, f"element {number}"
        number += 1
    text.skip()
    if to_the_end:
        _check_end(text, f"{file}, after element {number - 1}")


def _check_end(text: _Text, place: str) -> None:
    if text.next():
        raise DataError(f"{place}: expected the end, found {text.ahead[:1]!r}; fix it")


def _cut_off(place: str, expected: str, text: _Text) -> DataError:
    return DataError(f"{place}: expected {expected}, found {text.ahead[:1]!r}; the file is damaged or cut off here")


class _Text:
    """A window over the UTF-8 text of a stream, with a place that only moves forward.

    The window is copied when more of the stream is read, and not for every element, so the time is linear.
    """

    def __init__(self, stream: gzip.GzipFile | io.BufferedReader, file: Path) -> None:
        self._stream, self._file = stream, file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._window, self._place, self._at_end = "", 0, False

    @property
    def ahead(self) -> str:
        """The next few characters, for messages."""
        return self._window[self._place : self._place + 20]

    def next(self) -> str:
        """The next character that is no white space, without taking it. `""` at the end."""
        while True:
            blank = _BLANK.match(self._window, self._place)
            self._place = blank.end() if blank is not None else self._place
            if self._place < len(self._window) or not self._more():
                return self._window[self._place : self._place + 1]

    def skip(self) -> None:
        """Take one character."""
        self._place += 1

    def value(self, place: str) -> object:
        """Take one JSON value. More of the stream is read until it is whole."""
        self.next()
        while True:
            try:
                value, self._place = _JSON.raw_decode(self._window, self._place)
            except RecursionError:
                raise DataError(f"{place}: JSON nested too deeply; fix or remove it") from None
            except ValueError as error:
                # The value may only be cut off at the end of the window: read on and try again, up to a limit.
                left = len(self._window) - self._place
                if left <= MAX_LINE and self._more():
                    continue
                where = "longer than allowed" if left > MAX_LINE else "not JSON"
                raise DataError(f"{place}: {where} ({error}); fix or remove it") from error
            return value

    def _more(self) -> bool:
        """Read on. Twice the rest of the window, so that a long value is only decoded a few times."""
        if self._at_end:
            return False
        left = self._window[self._place :]
        try:
            data = self._stream.read(max(_BUFFER, 2 * len(left)))
            self._window, self._place = left + self._decoder.decode(data, final=not data), 0
        except UnicodeDecodeError as error:
            raise DataError(f"{self._file}: not UTF-8 text ({error}); convert the file to UTF-8") from error
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{self._file}: the file is damaged or cut off ({error}); write it again") from error
        self._at_end = not data
        return bool(data)


def _csv(file: Path, delimiter: str) -> Cells:
    with _open(file) as stream:
        # Strict: without it, a quote that is never closed swallows the rest of the file as one cell.
        reader = csv.reader((line for _, line in _lines(stream, file)), delimiter=delimiter, strict=True)
        try:
            header = next(reader, None)
            if not header or len(set(header)) != len(header):
                raise DataError(
                    f"{file}, line 1: expected a header with different column names, found "
                    f"{'nothing' if header is None else repr(header)[:200]}; fix the file"
                )
            # Spreadsheets of many countries write semicolons. A table of one column that is called so is none.
            if len(header) == 1 and (other := next((sign for sign in ";\t," if sign in header[0]), None)):
                raise DataError(
                    f"{file}, line 1: the header is one cell with {other!r} in it; separate cells with {delimiter!r}"
                )
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise DataError(
                        f"{file}, line {reader.line_num}: expected {len(header)} cells as in the header, found "
                        f"{len(cells)}; fix the line"
                    )
                filled: dict[str, object] = dict(zip(header, cells, strict=True))
                yield filled, f"line {reader.line_num}"
        except csv.Error as error:
            hint = "keep long cells in JSON lines or parquet" if "field limit" in str(error) else "fix the line"
            raise DataError(f"{file}, line {reader.line_num}: not readable as CSV ({error}); {hint}") from error


_READERS: dict[str, Callable[[Path], Cells]] = {
    ".jsonl": _json_lines,
    ".json": _json_list,
    ".csv": partial(_csv, delimiter=","),
    ".tsv": partial(_csv, delimiter="\t"),
    ".parquet": read_parquet,
}


def _open(file: Path) -> gzip.GzipFile | io.BufferedReader:
    try:
        check_regular(file)
        return gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb")
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error}); fix the file") from error


def _lines(stream: gzip.GzipFile | io.BufferedReader, file: Path) -> Generator[tuple[int, str], None, None]:
    """Lines of UTF-8 text, none longer than `MAX_LINE`, numbered from 1."""
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(MAX_LINE + 1)  # one byte more, to see that it is too long
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{file}, line {number}: the file is damaged or cut off here ({error}); write it again"
            ) from error
        if not line:
            return
        if len(line) > MAX_LINE:
            raise DataError(f"{file}, line {number}: longer than the {MAX_LINE:,} bytes allowed; split or remove it")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")  # Excel writes a mark before the first line
        except UnicodeDecodeError as error:
            raise DataError(f"{file}, line {number}: not UTF-8 text ({error}); convert the file to UTF-8") from error
        yield number, text


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Python would keep the last of two equal keys in silence: a label could be another one than a reader sees first.
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in values if names.count(name) > 1)
        raise ValueError(f"the key {twice[:100]!r} is there twice")
    return values


_JSON = json.JSONDecoder(object_pairs_hook=_unique)
"""Accepts NaN, which Python and pandas write for missing values. A cell refuses it where it is read."""

_BLANK = re.compile(r"[ \t\r\n]*")
