"""Records as a table: to walk over, and as pandas or Arrow. Rows are read when they are wanted, and not kept.

Not for how a row looks in a notebook, which is `harness.library.html`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.api import UserError
from harness.libraries.text import clean
from harness.library.html import as_page, html_table

if TYPE_CHECKING:
    import pandas
    import pyarrow

T = TypeVar("T")

_KINDS = {
    "str": "text",
    "Unit": "text",
    "tuple[str, ...]": "text",
    "int": "integer",
    "float": "number",
    "bool": "flag",
}
"""Kind of a column by the type of its field. Fields of other types are in the records, and in no column."""

_DTYPES = {"integer": "Int64", "number": "float64", "flag": "boolean"}
"""Types of pandas that may have gaps. Text stays what pandas makes of it."""

_AT_ONCE = 4096  # rows of an Arrow batch
_SHOWN = 10
_WIDEST, _WIDEST_CELL = 40, 70  # letters of a text in a terminal, and in a notebook


def find_columns(record: type) -> dict[str, str]:
    """Names of the columns of a record's type, each with its kind: `text`, `integer`, `number` or `flag`.

    Args:
        record: A dataclass, whose fields are the columns, or a class, whose properties are.
    """
    if dataclasses.is_dataclass(record):
        types = {spec.name: str(spec.type) for spec in dataclasses.fields(record)}
    else:
        types = {
            name: str(own.fget.__annotations__.get("return", ""))
            for name, own in vars(record).items()
            if isinstance(own, property) and own.fget is not None
        }
    plain = {name: kind.removesuffix(" | None") for name, kind in types.items()}
    return {name: _KINDS[kind] for name, kind in plain.items() if kind in _KINDS}


class RecordTable(Generic[T]):
    """Records, read each time that they are walked over.

    Args:
        read: Begins to read them.
        columns: Name of each column, with its kind.
        title: What the records are.
        get: Gives the value of a record in a column.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[T]],
        columns: Mapping[str, str],
        *,
        title: str,
        get: Callable[[T, str], Any] = getattr,
    ) -> None:
        self._read, self._get = read, get
        self.columns = dict(columns)
        """Name of each column, with its kind: `text`, `integer`, `number` or `flag`."""
        self.title = title
        """What the records are."""

    def __iter__(self) -> Iterator[T]:
        return iter(self._read())

    def count(self) -> int:
        """The number of records. All of them are read for it, and none is kept."""
        return sum(1 for _ in self)

    def head(self, most: int = 5) -> list[T]:
        """The first records."""
        return list(islice(self, most))

    def to_dicts(self) -> Iterator[dict[str, Any]]:
        """Stream the rows as plain mappings."""
        return (self._row(record) for record in self)

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a data frame.

        Raises:
            UserError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise UserError("this needs pandas: pip install pandas") from error
        frame = pandas.DataFrame.from_records(list(self.to_dicts()), columns=list(self.columns))
        # Columns with gaps would else be of objects, and of another type where there is no gap.
        return frame.astype({name: _DTYPES[kind] for name, kind in self.columns.items() if kind in _DTYPES})

    def to_arrow(self) -> pyarrow.Table:
        """All rows as an Arrow table.

        Raises:
            UserError: pyarrow is not installed.
        """
        return self.to_batches().read_all()

    def to_batches(self) -> pyarrow.RecordBatchReader:
        """Stream the rows as Arrow batches, such as for a Parquet file of a run that does not fit into memory.

        Raises:
            UserError: pyarrow is not installed.
        """
        try:
            import pyarrow
        except ImportError as error:
            raise UserError("this needs pyarrow: pip install pyarrow") from error
        types = {
            "text": pyarrow.string(),
            "integer": pyarrow.int64(),
            "number": pyarrow.float64(),
            "flag": pyarrow.bool_(),
        }
        schema = pyarrow.schema([(name, types[kind]) for name, kind in self.columns.items()])

        def read_batches() -> Iterator[pyarrow.RecordBatch]:
            rows = self.to_dicts()
            while chunk := list(islice(rows, _AT_ONCE)):
                yield pyarrow.RecordBatch.from_pylist([_fit(row) for row in chunk], schema=schema)

        return pyarrow.RecordBatchReader.from_batches(schema, read_batches())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """For libraries that read Arrow from any object, such as polars and DuckDB."""
        return self.to_batches().__arrow_c_stream__(requested_schema)

    def _row(self, record: T) -> dict[str, Any]:
        row = {}
        for name in self.columns:
            value = self._get(record, name)
            row[name] = ", ".join(value) if isinstance(value, tuple) else value
        return row

    @cached_property
    def _first(self) -> list[dict[str, Any]]:
        """What is shown of it, and one row more, which says that there are others."""
        return list(islice(self.to_dicts(), _SHOWN + 1))

    def _cells(self, most: int) -> tuple[list[str], list[list[str]]]:
        """Names and texts of the columns that have a value in what is shown. Others take room and say nothing."""
        rows = [[_write(value, most) for value in row.values()] for row in self._first[:_SHOWN]]
        kept = [place for place, _ in enumerate(self.columns) if any(row[place] for row in rows)]
        names = list(self.columns)
        return [names[place] for place in kept], [[row[place] for place in kept] for row in rows]

    def __repr__(self) -> str:
        header, rows = self._cells(_WIDEST)
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (header, *rows)]
        return "\n".join([clean(self.title), *filter(None, lines), self._describe_rest()])

    def _repr_html_(self) -> str:
        header, rows = self._cells(_WIDEST_CELL)
        right = [place for place, name in enumerate(header) if self.columns[name] in ("integer", "number")]
        return as_page(self.title, html_table(header, rows, right=right), notes=[self._describe_rest()])

    def _describe_rest(self) -> str:
        count = len(self._first)
        if count > _SHOWN:
            return f"the first {_SHOWN} rows; .to_pandas() and .to_arrow() have all, and a loop streams them"
        return f"{count} row{'' if count == 1 else 's'}"


def _fit(row: dict[str, Any]) -> dict[str, Any]:
    """A row for Arrow, whose text is UTF-8: lone surrogates, as a model may write them, are none."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value
        for name, value in row.items()
    }


def _write(value: object, most: int) -> str:
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else clean(str(value))
    return text if len(text) <= most else text[: most - 1] + "…"
