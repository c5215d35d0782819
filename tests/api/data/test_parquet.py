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
    "times in a list, which are longer as text": lambda: _list(pa.array([0] * 5_000_000, pa.timestamp("us"))),
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


TIMES: dict[str, tuple[pa.DataType, int, str]] = {
    "a time": (pa.timestamp("us"), 1, "1970-01-01 00:00:00.000001"),
    "a far year": (pa.timestamp("us"), 2**60, f"<value out of range: {2**60}>"),
    "nanoseconds": (pa.timestamp("ns"), 1, "1970-01-01 00:00:00.000000001"),
    "a known zone": (pa.timestamp("us", tz="Europe/Berlin"), 1, "1970-01-01 00:00:00.000001"),
    "an unknown zone": (pa.timestamp("us", tz="Mars/Olympus"), 1, "1970-01-01 00:00:00.000001"),
    "a duration": (pa.duration("ns"), 1, "1"),
    "a long duration": (pa.duration("s"), 2**62, str(2**62)),
    "a day": (pa.date32(), 1, "1970-01-02"),
    "a far day": (pa.date32(), 2**30, f"<value out of range: {2**30}>"),
    "a time of day": (pa.time64("ns"), 1, "00:00:00.000000001"),
}
WITHIN: dict[str, Callable[[pa.DataType, object], tuple[pa.DataType, object]]] = {
    "column": lambda kind, value: (kind, value),
    "list": lambda kind, value: (pa.list_(kind), [value, None]),
    "large list": lambda kind, value: (pa.large_list(kind), [value]),
    "list of one length": lambda kind, value: (pa.list_(kind, 2), [None, value]),
    "object": lambda kind, value: (pa.struct({"a": kind, "b": pa.string()}), {"a": value, "b": "x"}),
    "map": lambda kind, value: (pa.map_(pa.string(), kind), [("k", value)]),
    "list of objects": lambda kind, value: (
        pa.list_(pa.struct({"a": kind, "b": pa.binary()})),
        [{"a": value, "b": b""}],
    ),
}


@pytest.mark.parametrize("within", WITHIN)
@pytest.mark.parametrize("time", TIMES)
def test_times_are_text_so_that_none_that_python_lacks_costs_the_file(tmp_path: Path, time: str, within: str) -> None:
    file = tmp_path / "x.parquet"
    kind, number, text = TIMES[time]
    stored, values = WITHIN[within](kind, number)
    _, expected = WITHIN[within](kind, text)
    pq.write_table(pa.table({"q": ["x", "y"], "ex": pa.array([values, None], stored)}), file)
    assert [row for row, _ in read_table(file)] == [{"q": "x", "ex": expected}, {"q": "y", "ex": None}]


def test_a_column_that_python_cannot_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    no_text = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    pq.write_table(pa.table({"q": ["x"], "ex": no_text}), file)
    with pytest.raises(
        DataError, match=r"x\.parquet, column 'ex': not readable \('utf-8' codec .*\); fix the column or"
    ):
        list(read_table(file))
