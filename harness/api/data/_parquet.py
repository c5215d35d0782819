"""Reads parquet, which packs so well that two kilobytes hold gigabytes. What comes out is bounded by what went in."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api._errors import DataError
from harness.api.images._shown import MAX_BYTES
from harness.libraries.files import check_regular

if TYPE_CHECKING:
    import pyarrow

MOST_GROWTH = 1000
"""Most growth of a file: as much as gzip can do."""

MOST_AT_ONCE = 64 * 2**20
"""Bytes of rows that are decoded at once. A file may always grow to as much."""

_BATCH = 512  # most rows decoded at once; fewer where a value may be large
_BUFFER = 2**20  # bytes read at once: without it pyarrow reads a column for a whole row group
_TIME = 48  # bytes that a date or time has as text at most
_ROW = 64  # bytes that a row counts for at least: one without content takes time too


def read_parquet(file: Path) -> Generator[tuple[dict[str, object], str], None, None]:
    """Stream the rows of a file, with their places.

    Dates, times and durations are text, as in a CSV file. Times are in UTC. Durations count the unit of their column.

    Raises:
        DataError: It is no parquet file, or holds far more than its size allows. The message names the column.
    """
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        check_regular(file)
        # Texts in lists stay words of a dictionary until their lengths are known. Others are bounded by their column.
        facts = pyarrow.parquet.read_metadata(file)
        columns = [facts.schema.column(index) for index in range(facts.num_columns)]
        listed = [column.path for column in columns if column.max_repetition_level and "BYTE" in column.physical_type]
        bound = _Bound(file)
        largest = bound.check_columns(facts)
        # No pre-buffering and no threads: pyarrow would hold a whole row group, which may be gigabytes of images.
        with pyarrow.parquet.ParquetFile(
            file, buffer_size=_BUFFER, pre_buffer=False, read_dictionary=listed, metadata=facts
        ) as table:
            if len(set(table.schema_arrow.names)) != len(table.schema_arrow.names):
                raise DataError(f"{file}: two columns have one name; expected different names; rename one")
            # One value may stand in all rows of a batch, however large it is.
            rows = min(_BATCH, max(1, MOST_AT_ONCE // max(largest, 1)))
            # One group at a time: pyarrow cannot join the dictionaries of two.
            for group in range(facts.num_row_groups):
                for batch in table.iter_batches(batch_size=rows, row_groups=[group], use_threads=False):
                    for part in bound.divide(batch, number):
                        for values in _to_rows(part, file):
                            yield values, f"row {number}"
                            number += 1
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(f"{file}, row {number}: not readable as parquet ({error}); write the file again") from error


class _Bound:
    """How much a file may still grow."""

    def __init__(self, file: Path) -> None:
        self._file, self._size = file, file.stat().st_size
        self._most = max(MOST_AT_ONCE, MOST_GROWTH * self._size)
        self._used = 0

    def check_columns(self, facts: Any) -> int:
        """Refuse a column that says itself that it is too large. Returns the bytes of the largest one."""
        largest = 0
        for group in range(facts.num_row_groups):
            for index in range(facts.num_columns):
                chunk = facts.row_group(group).column(index)
                # A value takes an index at least, also where it is nothing.
                if max(chunk.total_uncompressed_size, 4 * chunk.num_values) > self._most:
                    self._refuse(f"column {chunk.path_in_schema!r}")
                largest = max(largest, chunk.total_uncompressed_size)
        return largest

    def divide(self, batch: pyarrow.RecordBatch, number: int) -> list[pyarrow.RecordBatch]:
        """The parts of a batch, with times as text, that are small enough to become Python objects at once."""
        sizes = {name: _measure(batch.column(name)) for name in batch.schema.names}
        heaviest = max(sizes, key=sizes.__getitem__, default="")
        self._used += sum(sizes.values()) + _ROW * batch.num_rows
        if self._used > self._most:
            self._refuse(f"row {number}, column {heaviest!r}")
        if batch.num_rows == 1 and sum(sizes.values()) > MAX_BYTES:
            raise DataError(
                f"{self._file}, row {number}, column {heaviest!r}: the row has more than the {MAX_BYTES:,} bytes "
                "allowed; make it smaller or remove it"
            )
        batch = _write_times(batch)
        if sum(sizes.values()) <= MOST_AT_ONCE or batch.num_rows == 1:
            return [batch]
        return [batch.slice(row, 1) for row in range(batch.num_rows)]

    def _refuse(self, place: str) -> None:
        raise DataError(
            f"{self._file}, {place}: grows to more than {self._most:,} bytes from a file of {self._size:,}, "
            f"which is more than {MOST_GROWTH} times its size; write equal content as JSON lines, or check where the "
            "file is from"
        )


def _to_rows(part: pyarrow.RecordBatch, file: Path) -> list[dict[str, object]]:
    try:
        rows: list[dict[str, object]] = part.to_pylist()
    except ValueError as error:
        for name in part.schema.names:
            try:
                part.column(name).to_pylist()
            except ValueError:
                raise DataError(
                    f"{file}, column {name!r}: not readable ({error}); fix the column or remove it"
                ) from error
        raise
    return rows


def _write_times(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """The same with text in the place of dates, times and durations, also of those within lists and objects."""
    # Python's own types hold no nanoseconds, no far years and no unknown time zones. One value like that would cost the
    # whole file, even where no task uses its column.
    import pyarrow

    columns = []
    for column in batch.columns:
        for change in (_without_zone, _as_text):  # other zones would need a list of them
            kind = _change_times(column.type, change)
            column = column if kind == column.type else column.cast(kind)
        columns.append(column)
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _without_zone(kind: pyarrow.DataType) -> pyarrow.DataType:
    import pyarrow

    return pyarrow.timestamp(kind.unit) if pyarrow.types.is_timestamp(kind) else kind


def _as_text(kind: pyarrow.DataType) -> pyarrow.DataType:
    import pyarrow

    return pyarrow.string()


def _change_times(kind: pyarrow.DataType, change: Callable[[pyarrow.DataType], pyarrow.DataType]) -> pyarrow.DataType:
    """A type in which those of dates, times and durations are changed."""
    import pyarrow

    def change_field(field: pyarrow.Field) -> pyarrow.Field:
        return field.with_type(_change_times(field.type, change))

    types = pyarrow.types
    if types.is_map(kind):
        return pyarrow.map_(change_field(kind.key_field), change_field(kind.item_field), kind.keys_sorted)
    if types.is_struct(kind):
        return pyarrow.struct([change_field(kind.field(place)) for place in range(kind.num_fields)])
    if types.is_list(kind):
        return pyarrow.list_(change_field(kind.value_field))
    if types.is_large_list(kind):
        return pyarrow.large_list(change_field(kind.value_field))
    if types.is_fixed_size_list(kind):
        return pyarrow.list_(change_field(kind.value_field), kind.list_size)
    return change(kind) if _is_time(kind) else kind


def _is_time(kind: pyarrow.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_temporal(kind) and not types.is_interval(kind))


def _measure(array: pyarrow.Array) -> int:
    """Bytes of the values of an array as Python objects would have them: each as often as it stands there."""
    import pyarrow
    import pyarrow.compute as compute

    kind = array.type
    if pyarrow.types.is_dictionary(kind):
        lengths = compute.binary_length(array.dictionary)
        return 8 * len(array) + int(compute.sum(compute.take(lengths, array.indices)).as_py() or 0)
    if pyarrow.types.is_map(kind):
        return _measure(array.keys) + _measure(array.items)
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind):
        return 8 * len(array) + _measure(array.flatten())
    if pyarrow.types.is_struct(kind):
        return sum(_measure(child) for child in array.flatten())
    if _is_time(kind):
        return _TIME * len(array)
    return int(array.nbytes)
