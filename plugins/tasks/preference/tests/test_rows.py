from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import DataError
from harness_preference import rows
from harness_preference.rows import Row, read_rows

Writer = Callable[[Path, list[dict[str, Any]]], Path]


def everything(file: Path) -> list[dict[str, object]]:
    return [dict(row.values) for row in read_rows([file], root=file.parent)]


def cell(value: object, root: Path | None = None) -> Row:
    return Row({"x": value}, "f.jsonl, line 3", 2, root)


def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, write_rows: Writer, write_parquet: Writer) -> None:
    want: list[dict[str, Any]] = [{"a": "one, two", "b": "1"}, {"a": 'quote " and\nline é', "b": "2"}]
    files = [write_rows(tmp_path / "r.jsonl", want), write_rows(tmp_path / "r.jsonl.gz", want)]
    files.append(write_parquet(tmp_path / "r.parquet", want))
    table = 'a,b\r\n"one, two",1\r\n"quote "" and\nline é",2\r\n'
    (tmp_path / "r.csv").write_bytes(table.encode("utf-8-sig"))
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(table.encode()))
    for file in [*files, tmp_path / "r.csv", tmp_path / "r.csv.gz"]:
        assert everything(file) == want, file


def test_rows_are_numbered_over_all_files_and_know_their_place(tmp_path: Path, write_rows: Writer) -> None:
    files = [write_rows(tmp_path / f"{k}.jsonl", [{"k": 2 * k}, {"k": 2 * k + 1}]) for k in range(2)]
    found = list(read_rows(files, root=tmp_path))
    assert [row.number for row in found] == [0, 1, 2, 3]
    assert found[3].place == f"{files[1]}, line 2"


def test_reading_stops_when_nobody_wants_more(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"a": 1}\nthis is not JSON\n')
    assert next(read_rows([file], root=tmp_path)).values == {"a": 1}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("not json", "not JSON"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "not a JSON number"),
        ("[1, 2]", "expected a JSON object, found list"),
        ("null", "expected a JSON object, found nothing"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_a_bad_json_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text(f'{{"a": 1}}\n{line}\n')
    with pytest.raises(DataError, match=says) as caught:
        everything(file)
    assert f"{file}, line 2" in str(caught.value)


def test_bytes_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(b'{"a": "\xff\xfe"}\n')
    with pytest.raises(DataError, match="line 1: not UTF-8"):
        everything(file)


def test_a_gzip_that_is_cut_off_is_an_error_after_the_rows_that_are_whole(tmp_path: Path) -> None:
    lines = b"".join(
        json.dumps({"k": k, "noise": zlib.crc32(bytes([k % 256])) ** 9}).encode() + b"\n" for k in range(999)
    )
    file = tmp_path / "r.jsonl.gz"
    whole = gzip.compress(lines)
    file.write_bytes(whole[: len(whole) // 2])
    found: list[Row] = []
    with pytest.raises(DataError, match=r"line \d+: the file is damaged or cut off"):
        found.extend(read_rows([file], root=tmp_path))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    file.write_bytes(bytes(flipped))
    with pytest.raises(DataError):
        everything(file)
    file.write_bytes(b"no gzip at all")
    with pytest.raises(DataError, match="line 1: the file is damaged"):
        everything(file)


def test_a_line_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_LINE", 1000)
    for name in ("r.jsonl.gz", "r.csv.gz"):
        file = tmp_path / name
        file.write_bytes(gzip.compress(b'{"a": "' + b"x" * 5000 + b'"}\n'))
        with pytest.raises(DataError, match=r"line 1: longer than the 1,000 bytes"):
            everything(file)


def test_bad_csv_is_named(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    for table, says in (
        ("a,b\n1,2,3\n", "line 2: expected 2 cells as in the header, found 3"),
        ("a,a\n1,2\n", "line 1: expected a header with different column names"),
        ("", "line 1: expected a header"),
        ('a,b\n"1,2\n', "not CSV"),
    ):
        file.write_text(table)
        with pytest.raises(DataError, match=says):
            everything(file)


def test_a_damaged_parquet_file_is_named(tmp_path: Path, write_parquet: Writer) -> None:
    file = write_parquet(tmp_path / "r.parquet", [{"a": "x" * 50, "b": k} for k in range(500)])
    whole = file.read_bytes()
    for broken in (whole[:-40], b"PAR1", b"", whole[:4] + b"\0" * 300 + whole[304:]):
        file.write_bytes(broken)
        with pytest.raises(DataError, match=r"r\.parquet, row 0: not readable as parquet"):
            everything(file)


def test_a_file_that_is_gone_is_a_data_error(tmp_path: Path) -> None:
    for name in ("gone.jsonl", "gone.csv.gz", "gone.parquet"):
        with pytest.raises(DataError, match="gone"):
            everything(tmp_path / name)


def test_a_missing_or_null_column_names_row_and_column(tmp_path: Path) -> None:
    for row in (Row({"y": 1}, "f.jsonl, line 3", 2, None), cell(None)):
        with pytest.raises(DataError, match=r"f\.jsonl, line 3: nothing in column 'x'"):
            row.text("x")


@pytest.mark.parametrize("value", [3, 2.5, True, "", "  \n", ["a"], {"a": 1}, b"bytes", "\ud800"])
def test_text_is_text_with_something_in_it(value: object) -> None:
    with pytest.raises(DataError, match=r"line 3, column 'x': expected"):
        cell(value).text("x")


@pytest.mark.parametrize("value", [-1, True, 1.0, float("nan"), "one", "-1", "٣", "9" * 30])
def test_a_count_is_a_whole_number_from_zero(value: object) -> None:
    with pytest.raises(DataError, match="expected a whole number from 0"):
        cell(value).count("x")
    assert (cell(7).count("x"), cell("7").count("x")) == (7, 7)


@pytest.mark.parametrize("value", [2, True, 0.0, float("nan"), "a>b", [0]])
def test_an_unknown_label_lists_the_known_ones(value: object) -> None:
    with pytest.raises(DataError, match="expected one of 0, 1, A>B, found"):
        cell(value).label("x", {"0": 0, "1": 1, "A>B": 2})
    assert [cell(v).label("x", {"0": 0, "A>B": 2}) for v in (0, "0", "A>B")] == [0, 0, 2]


def test_pictures_come_as_struct_bytes_or_path(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(png(9))
    for value in (png(9), {"bytes": png(9), "path": "elsewhere"}, {"bytes": None, "path": "in/a.png"}, "in/a.png"):
        image = cell(value, tmp_path).image("x")
        assert image.load().getpixel((0, 0)) == 9
        assert image.encoded()[1] == "image/png"


@pytest.mark.parametrize(
    "value",
    [
        "../a.png",
        "/etc/hostname",
        "in/../../a.png",
        "a\0b",
        "",
        b"",
        3,
        {"bytes": None, "path": None},
        "https://x.org/a",
    ],
)
def test_a_picture_outside_the_data_or_no_picture_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(DataError, match=r"line 3"):
        cell(value, tmp_path).image("x")


def test_hub_data_have_no_files_to_open() -> None:
    with pytest.raises(DataError, match="inside the data"):
        cell("a.png", None).image("x")


def test_errors_never_print_a_whole_picture() -> None:
    assert len(str(cell(b"\0" * 10**6).wrong("x", "text"))) < 200
    assert len(str(cell("y" * 10**6).wrong("x", "a label"))) < 300


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for name in ("r.jsonl", "r.jsonl.gz", "r.csv", "r.parquet"):
        (folder / name).write_bytes(data)
        try:
            found = everything(folder / name)
        except DataError as error:
            found = [{"names the file": name in str(error)}]
        assert all(isinstance(values, dict) for values in found)
        assert {"names the file": False} not in found
