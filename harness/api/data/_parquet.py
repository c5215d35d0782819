"""Reads parquet, which packs so well that two kilobytes hold gigabytes. What comes out is bounded by what went in."""

from __future__ import annotations

from collections.abc import Generator
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
_ROW = 64  # bytes that a row counts for at least: one without content takes time too


def read_parquet(file: Path) -> Generator[tuple[dict[str, object], str], None, None]:
    """Stream the rows of a file, with their places.

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
                        for values in part.to_pylist():
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
        """The parts of a batch that are small enough to become Python objects at once."""
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
        if sum(sizes.values()) <= MOST_AT_ONCE or batch.num_rows == 1:
            return [batch]
        return [batch.slice(row, 1) for row in range(batch.num_rows)]

    def _refuse(self, place: str) -> None:
        raise DataError(
            f"{self._file}, {place}: grows to more than {self._most:,} bytes from a file of {self._size:,}, "
            f"which is more than {MOST_GROWTH} times its size; write equal content as JSON lines, or check where the "
            "file is from"
        )


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
    return int(array.nbytes)
