"""Parquet that packs gigabytes into a few kilobytes is refused before it takes them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import DataError
from harness.api.data._files import read_table


def _same(value: str | bytes, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([value]))


def _list(values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)


BOMBS: dict[str, Callable[[], pa.Array]] = {
    "one text in all rows": lambda: _same("x" * 50_000_000, 16),
    "one picture in all rows": lambda: _same(b"x" * 9_000_000, 5000),
    "one text in a list": lambda: _list(_same("x" * 1_000_000, 100_000)),
    "one text in lists of lists": lambda: _list(_list(_same("x" * 1_000_000, 100_000))),
    "texts in objects": lambda: _list(pa.StructArray.from_arrays([_same("x" * 1_000_000, 100_000)], ["u"])),
    "numbers that are nothing": lambda: _list(pa.nulls(20_000_000, pa.int32())),
    "rows that are nothing": lambda: pa.nulls(20_000_000, pa.int32()),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_with_its_column_before_it_takes_time_or_memory(tmp_path: Path, bomb: str) -> None:
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": pa.nulls(len(values := BOMBS[bomb]())), "a": values}), file, compression="zstd")
    began = time.process_time()
    with pytest.raises(
        DataError, match=r"x\.parquet, .*column '(a|id).*grows to more than [\d,]+ bytes from a file of"
    ):
        for _ in read_table(file):
            pass
    assert time.process_time() - began < 5


def test_pages_that_are_text_without_a_dictionary_are_refused_too(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    values = pa.array(["x" * 9_000_000 + str(number) for number in range(9)])
    pq.write_table(pa.table({"a": values}), file, compression="zstd", use_dictionary=False)
    with pytest.raises(DataError, match=r"x\.parquet, column 'a': grows to more than 67,108,864 bytes"):
        next(read_table(file))


def test_what_is_repeated_in_an_honest_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    # Lists of pictures begin with a dictionary and go on without one, in the middle of a row.
    rng = random.Random(0)
    rows = [
        {
            "id": f"i{number}",
            "q": "Which is better? " * 60,
            "l": ["a", None],
            "m": {"k": [{"bytes": rng.randbytes(9000), "path": None} for _ in range(3)]},
        }
        for number in range(400)
    ]
    pq.write_table(pa.Table.from_pylist(rows), file, compression="zstd", row_group_size=150)
    assert [values for values, _ in read_table(file)] == rows
