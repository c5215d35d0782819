"""Rows and typed access to their cells.

Each cell is checked where it is read. A cell that does not fit is a `DataError` with file, row and column, the value
that was found and the one that was expected. Not for reading files (see `_files`), and not for the meaning of a column
(that is each task's own).
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
from pathlib import Path
from typing import TypeVar

from harness.api._errors import DataError
from harness.api.images._image import Image
from harness.api.images._video import Video
from harness.libraries.secrets import find_key

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s_-]{40,}={0,2}\s*", re.ASCII)
_PICTURES_IN_BASE64 = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "Qk0", "SUkq", "TU0AK", "AAAAHGZ0eX", "AAAAIGZ0eX")
_LONGEST_FILE_NAME = 255
_MOST_LISTED = 20  # names listed in a message
_LONGEST_NAME, _MOST_SIGNS = 80, 2

ABSENT: Callable[[str], Image] = Image.absent
"""The `pictures` of rows that are used without their pictures. Each gets a placeholder, and no file is opened."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One row, with its place in the data for messages.

    >>> row = Row({"score": "4", "label": "A>B"}, "pairs.csv, line 2", number=0)
    >>> row["score"].number(), row["label"].label({"A>B": 0, "B>A": 1})
    (4.0, 0)
    >>> row["scor"]
    Traceback (most recent call last):
    harness.api._errors.DataError: pairs.csv, line 2: there is no column 'scor'. Did you mean 'score'?
    """

    values: Mapping[str, object]
    """Cells by column."""
    place: str
    """`"path/pairs.jsonl, line 12"`. Lines count from 1. Rows and elements count from 0, as in their libraries."""
    number: int
    """From 0 within the split, over all of its files."""
    pictures: Callable[[str], Image] | None = None
    """Gives the picture of a name or relative path. `None` where there are no pictures beside the rows (the hub)."""
    file: Path | None = None
    """The file that it is from, where it is from one."""

    def __getitem__(self, column: str) -> Cell:
        """A cell with a value. An empty text is a value.

        Raises:
            DataError: There is no such column, or its cell is null. The message lists similar names.
        """
        value = self.values.get(column)
        if value is not None or self.pictures is ABSENT:  # a column of pictures may be gone with them
            return Cell(value, self, column)
        if column not in self.values:
            raise DataError(f"{self.place}: there is no column {column!r}.{suggest_names(column, self.values)}")
        raise DataError(f"{self.place}, column {column!r}: expected a value, found nothing; fix or remove the row")

    def has(self, column: str) -> bool:
        """Whether the row has a value in this column. An empty text counts as none, as in CSV."""
        value = self.values.get(column)
        return value is not None and value != ""

    def first(self, *columns: str) -> Cell:
        """The first cell with a value among several spellings of a column. An empty text comes last.

        Raises:
            DataError: All are missing or null.
        """
        # Sorting keeps the given order among columns with a value, and among those without one.
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
        """The words of those columns that have a value, for tags."""
        return {column: self[column].word() for column in columns if self.has(column)}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value, or one part of a list or object, with its place in the data for messages.

    >>> row = Row({"ranking": "B > A > C", "year": 2024.0, "seen": "yes"}, "p.csv, line 2", number=0)
    >>> [cell.word() for cell in row["ranking"].split()], row["year"].word()
    (['B', 'A', 'C'], '2024')
    >>> row["seen"].flag()
    Traceback (most recent call last):
    harness.api._errors.DataError: p.csv, line 2, column 'seen': expected true or false, found str 'yes'; fix the row
    """

    value: object  # data files are hostile: nothing is known of it before a method has checked it
    row: Row
    column: str
    within: str = ""
    """The part of the cell: `", element 2"`."""

    @property
    def place(self) -> str:
        """For messages: file, row, column, part."""
        return f"{self.row.place}, column {self.column!r}{self.within}"

    def mismatch(self, expected: str, fix: str = "fix the row") -> DataError:
        """The error for a cell that does not fit, ready to raise."""
        return DataError(f"{self.place}: expected {expected}, found {_describe(self.value)}; {fix}")

    def text(self) -> str:
        """The text. It may be empty: a model may answer with nothing, and a question may have no context.

        Raises:
            DataError: Not text, or not valid Unicode.
        """
        if not isinstance(self.value, str):
            raise self.mismatch("text")
        return self._unicode(self.value)

    def word(self) -> str:
        """The value as text. A number is its digits, without a needless `.0`. A truth value is `true` or `false`.

        Raises:
            DataError: Not finite, of another kind, or not valid Unicode.
        """
        word = _word(self.value)
        if word is None:
            raise self.mismatch("text, or a finite number")
        return self._unicode(word)

    def name(self) -> str:
        """A word that is not empty, for ids and groups.

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
        # Fewer than 19 digits fit in 64 bits, and Python refuses to read numbers of more than 4,300 digits anyway.
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.mismatch("a whole number from 0")
        return value

    def flag(self) -> bool:
        """A truth value, or from CSV `true` or `false` in any case.

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
        """The meaning of a label.

        Args:
            meanings: Meaning of each label. The key of a whole number is its digits.

        Raises:
            DataError: Unknown, or of another kind than text or a whole number.
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
        return [Cell(part, self.row, self.column, f"{self.within}, element {k}") for k, part in enumerate(value)]

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
        """The elements of a list, or the words between `>`, `,` or white space, as in `B > A > C`.

        Raises:
            DataError: No list, and no text.
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
        """A picture: the name of a file beside the rows, encoded bytes, `{"bytes", "path"}`, or a base64 data URL.

        Base64 is decoded here. Everything else is lazy.

        Raises:
            DataError: Of another kind, an address, or a path that leads out of the data folder.
        """
        value = self.value
        if isinstance(value, Mapping):  # as `datasets` and parquet files of the hub hold pictures
            inner = value.get("bytes")
            value = (
                value.get("path") if inner is None else inner if isinstance(inner, bytes) or _is_base64(inner) else None
            )
        if isinstance(value, bytes) and value:
            return Image.from_bytes(value, name=self.place)
        if self.row.pictures is ABSENT and (value is None or isinstance(value, str)):
            return ABSENT(value or f"row {self.row.number}, column {self.column!r}{self.within}")
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise self.mismatch("a picture: the path of a file, encoded bytes, {'bytes', 'path'} or a base64 data URL")
        if value.startswith("data:"):
            return Image.from_bytes(self._decode_url(value), name=self.place)
        if _is_base64(value):  # as a path it would be called a missing file, or one outside of the data
            raise self.mismatch(
                "a picture: the path of a file or a data URL",
                "it looks like base64, and needs data:image/png;base64, in front of it, or jpeg or webp",
            )
        # A row must not make the harness send requests: the address may be one of the user's own network.
        if "://" in value:
            raise self.mismatch("a picture in the data", "addresses are not fetched; download it beside the data file")
        if self.row.pictures is None:
            raise self.mismatch("a picture in the data, not a path", "download the dataset and give its folder")
        try:
            return self.row.pictures(value)
        except DataError as error:
            raise DataError(f"{self.place}: {error}") from error

    def video(self) -> Video:
        """A video: the name of a file or of a folder of frames beside the rows, encoded bytes, or a list of frames.

        Raises:
            DataError: Of another kind, an address, a path that leads out of the data folder, or no frames.
        """
        if isinstance(self.value, list | tuple):
            return Video.from_frames(self.images(), name=self.place)
        if isinstance(self.value, str) and "://" in self.value and self.row.pictures is not ABSENT:
            raise self.mismatch("a video in the data", "addresses are not fetched; download it beside the data file")
        return Video.from_stored(self.image())

    def _decode_url(self, url: str) -> bytes:
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
    """Similar names as a sentence, or `""`.

    >>> did_you_mean("lable", ["label", "image"])
    " Did you mean 'label'?"
    """
    # Names are cut: comparing takes time in the square of their length, and a name may be a whole cell by mistake.
    close = difflib.get_close_matches(word[:100], [name[:100] for name in known], n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def suggest_names(word: str, known: Iterable[str]) -> str:
    """Similar names as a sentence, else the names that there are.

    >>> suggest_names("lable", ["label", "image"]), suggest_names("q", ["label", "image"])
    (" Did you mean 'label'?", " There is 'label', 'image'.")
    """
    names = [str(name) for name in known]
    if close := did_you_mean(word, names):
        return close
    # The first line of any file passes for a table's names: what does not look like a name is not shown.
    shown = [name for name in names if _looks_like_name(name)]
    listed = ", ".join(map(repr, shown[:_MOST_LISTED])) or ("nothing that looks like a name" if names else "nothing")
    return f" There is {listed}{', ...' if len(names) > min(len(shown), _MOST_LISTED) and shown else ''}."


def _looks_like_name(text: str) -> bool:
    signs = sum(not (letter.isalnum() or letter in " _-.") for letter in text)
    return len(text) <= _LONGEST_NAME and signs <= _MOST_SIGNS and not find_key(text)


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


def _describe(value: object) -> str:
    """A value for an error message: short, and never megabytes of picture."""
    if value is None:
        return "nothing"
    if isinstance(value, bytes | Mapping | list | tuple):
        return f"{type(value).__name__} of {len(value)}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 80 else text[:77] + '...'}"


def _is_base64(value: object) -> bool:
    """Whether a text begins like a picture in base64, or is all base64 and too long for the name of a file."""
    if not isinstance(value, str) or not _BASE64.fullmatch(value):
        return False
    return value.startswith(_PICTURES_IN_BASE64) or max(map(len, value.split("/"))) > _LONGEST_FILE_NAME
