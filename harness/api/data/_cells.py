"""Rows and typed access to their cells.

Each cell is checked where it is read. One that does not fit is a `DataError` with file, row, column, what was found and
what was expected. Not for reading files (see `_files`) nor for what a column means (that is each task's own).
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from harness.api._errors import DataError
from harness.api._images import Image

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.ASCII)
_SHOWN = 20  # names listed in a message

ABSENT: Callable[[str], Image] = Image.absent
"""The `pictures` of rows that are used without their pictures: each gets a place of its own, and nothing is opened."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One row, with the place that it came from."""

    values: Mapping[str, object]
    """Cells by column."""
    place: str
    """`"path/pairs.jsonl, line 12"`; lines count from 1, rows and elements from 0 as their libraries do."""
    number: int
    """From 0 within the split, over all of its files."""
    pictures: Callable[[str], Image] | None = None
    """Gives the picture of a name or relative path; `None` where there are no pictures beside the rows (the hub)."""

    def __getitem__(self, column: str) -> Cell:
        """A cell with a value in it; an empty text is one.

        Raises:
            DataError: There is no such column, with near misses, or nothing in it.
        """
        value = self.values.get(column)
        if value is not None or self.pictures is ABSENT:  # a column of pictures may be gone with them
            return Cell(value, self, column)
        if column not in self.values:
            raise DataError(f"{self.place}: there is no column {column!r}.{suggest_names(column, self.values)}")
        raise DataError(f"{self.place}, column {column!r}: expected a value, found nothing; fix or remove the row")

    def has(self, column: str) -> bool:
        """Whether the column is there, and neither null nor an empty text (CSV cannot tell these two apart)."""
        value = self.values.get(column)
        return value is not None and value != ""

    def first(self, *columns: str) -> Cell:
        """The cell of the first of several spellings of a column that this row has; an empty text comes last.

        Raises:
            DataError: All are missing or null.
        """
        for column in sorted(columns, key=self.has, reverse=True):
            value = self.values.get(column)
            if value is not None:
                return Cell(value, self, column)
        if self.pictures is ABSENT:
            return self[columns[0]]
        names = " or ".join(map(repr, columns))
        filled = ", ".join(repr(column) for column in self.values if self.has(column)) or "nothing"
        raise DataError(f"{self.place}: nothing in column {names}; filled are {filled}; fix or remove the row")

    def words(self, *columns: str) -> dict[str, str]:
        """Those of the columns that are there, as words, for tags."""
        return {column: self[column].word() for column in columns if self.has(column)}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value, or one part of a list or object, with the place that it came from."""

    value: object
    row: Row
    column: str
    within: str = ""
    """Which part of the cell: `", element 2"`."""

    @property
    def place(self) -> str:
        """For messages: file, row, column, part."""
        return f"{self.row.place}, column {self.column!r}{self.within}"

    def mismatch(self, expected: str, fix: str = "fix the row") -> DataError:
        """The error for a cell that does not fit, ready to raise."""
        return DataError(f"{self.place}: expected {expected}, found {_shown(self.value)}; {fix}")

    def text(self) -> str:
        """Text as it is. An empty one is data: a model may answer nothing, and a question may have no context.

        Raises:
            DataError: Not text, or not valid Unicode.
        """
        if not isinstance(self.value, str):
            raise self.mismatch("text")
        return self._unicode(self.value)

    def word(self) -> str:
        """Text, or what stands for it: a number is its digits, without a needless `.0`; a truth value true or false.

        Raises:
            DataError: Not finite, of another kind, or not valid Unicode.
        """
        word = _word(self.value)
        if word is None:
            raise self.mismatch("text, or a finite number")
        return self._unicode(word)

    def name(self) -> str:
        """A word with something in it, for ids and groups.

        Raises:
            DataError: As `word`, or nothing but white space.
        """
        word = self.word()
        if not word.strip():
            raise self.mismatch("a name that is not empty")
        return word

    def number(self) -> float:
        """A finite number, also as text from CSV.

        Raises:
            DataError: Not a number, or not finite.
        """
        value = self.value
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value)
        try:
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                return float(value)
        except OverflowError:  # a whole number of more than 308 digits
            pass
        raise self.mismatch("a finite number")

    def count(self) -> int:
        """A whole number from 0, also as digits from CSV.

        Raises:
            DataError: Negative, or of another kind.
        """
        value = self.value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.mismatch("a whole number from 0")
        return value

    def flag(self) -> bool:
        """A truth value; from CSV `true` or `false`, in any case.

        Raises:
            DataError: Of another kind.
        """
        value = self.value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise self.mismatch("true or false")
        return value

    def label(self, meanings: Mapping[str, T]) -> T:
        """What a label means.

        Args:
            meanings: Meaning of each label; a whole number stands under its digits.

        Raises:
            DataError: Unknown, or neither text nor a whole number.
        """
        value = self.value
        word = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
        if word is None or word not in meanings:
            raise self.mismatch("one of " + ", ".join(meanings), "fix or remove the row")
        return meanings[word]

    def elements(self) -> list[Cell]:
        """The elements of a list, or of a JSON list as text from CSV.

        Raises:
            DataError: No list.
        """
        value = self.value
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = self._json("a list, or a JSON list as text")
        if not isinstance(value, list | tuple):
            raise self.mismatch("a list, or a JSON list as text")
        return [Cell(one, self.row, self.column, f"{self.within}, element {k}") for k, one in enumerate(value)]

    def fields(self) -> Row:
        """An object, or a JSON object as text, as a row of its own.

        Raises:
            DataError: No object.
        """
        value = self.value
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = self._json("an object, or a JSON object as text")
        if not isinstance(value, Mapping):
            raise self.mismatch("an object, or a JSON object as text")
        return Row(value, self.place, self.row.number, self.row.pictures)

    def split(self) -> list[Cell]:
        """The elements of a list, or words apart by `>`, `,` or white space, as in `B > A > C`.

        Raises:
            DataError: Neither a list nor text.
        """
        if not isinstance(self.value, str) or self.value.lstrip().startswith("["):
            return self.elements()
        words = re.split(r"\s*[>,]\s*|\s+", self.value.strip())
        return [Cell(word, self.row, self.column, f"{self.within}, word {k}") for k, word in enumerate(words)]

    def images(self) -> list[Image]:
        """One picture, or a list of them.

        Raises:
            DataError: As `image`, or an empty list.
        """
        cells = self.elements() if isinstance(self.value, list | tuple) else [self]
        if not cells:
            raise self.mismatch("at least one picture")
        return [cell.image() for cell in cells]

    def image(self) -> Image:
        """A picture: the name of one beside the rows, encoded bytes, `{"bytes", "path"}`, or a base64 data URL.

        Nothing is opened or decoded but base64.

        Raises:
            DataError: Of another kind, an address, or a path that leads out of the data folder.
        """
        value = self.value
        if isinstance(value, Mapping):
            inner = value.get("bytes")
            value = value.get("path") if inner is None else inner if isinstance(inner, bytes) else None
        if isinstance(value, bytes) and value:
            return Image.from_bytes(value, name=self.place)
        if self.row.pictures is ABSENT and (value is None or isinstance(value, str)):
            return ABSENT(value or f"row {self.row.number}, column {self.column!r}{self.within}")
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise self.mismatch("a picture: the path of a file, encoded bytes, {'bytes', 'path'} or a base64 data URL")
        if value.startswith("data:"):
            return Image.from_bytes(self._decoded(value), name=self.place)
        if "://" in value:
            raise self.mismatch("a picture in the data", "addresses are not fetched; download it beside the data file")
        if self.row.pictures is None:
            raise self.mismatch("a picture in the data, not a path", "download the dataset and give its folder")
        try:
            return self.row.pictures(value)
        except DataError as error:
            raise DataError(f"{self.place}: {error}") from error

    def _decoded(self, url: str) -> bytes:
        head = _DATA_URL.match(url)
        try:
            data = base64.b64decode(url[head.end() :], validate=True) if head else b""
        except (binascii.Error, ValueError) as error:
            raise self.mismatch(f"a base64 data URL ({error})") from error
        if not data:
            raise self.mismatch("a data URL of the form data:image/png;base64,...")
        return data

    def _json(self, expected: str) -> object:
        try:
            return json.loads(str(self.value))
        except (ValueError, RecursionError) as error:
            raise self.mismatch(expected) from error

    def _unicode(self, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise self.mismatch("valid Unicode (there is half a surrogate pair)") from error
        return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Near misses as a sentence, or `""`."""
    close = difflib.get_close_matches(word[:100], [name[:100] for name in known], n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def suggest_names(word: str, known: Iterable[str]) -> str:
    """Near misses as a sentence, else what there is."""
    names = [str(name) for name in known]
    if close := did_you_mean(word, names):
        return close
    listed = ", ".join(repr(name[:100]) for name in names[:_SHOWN]) or "nothing"
    return f" There is {listed}{', ...' if len(names) > _SHOWN else ''}."


def _word(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value) if isinstance(value, int) else None


def _shown(value: object) -> str:
    """A value for an error message: short, and never megabytes of picture."""
    if value is None:
        return "nothing"
    if isinstance(value, bytes | Mapping | list | tuple):
        return f"{type(value).__name__} of {len(value)}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 80 else text[:77] + '...'}"
