from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import DataError
from harness.api.data import Row
from harness.api.data import _files as files

Write = Callable[[str, list[dict[str, Any]]], Path]


def rows(file: Path) -> list[dict[str, object]]:
    return [values for values, _ in files.read_table(file)]


@pytest.mark.parametrize("suffix", files.SUFFIXES)
def test_every_kind_of_file_gives_the_same_rows(write: Write, suffix: str) -> None:
    want = [{"a": "one, two", "b": "1"}, {"a": 'quote " and\nline\té', "b": "2"}]
    file = write(f"r{suffix}", want)
    assert rows(file) == want
    first = next(place for _, place in files.read_table(file))
    assert first == {".jsonl": "line 1", ".json": "element 0", ".parquet": "row 0"}.get(
        suffix.removesuffix(".gz"), "line 2"
    )


def test_an_empty_csv_cell_is_an_empty_text_and_a_blank_line_no_row(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes("a,b\r\n1,\r\n\r\n".encode("utf-8-sig"))
    (tmp_path / "r.jsonl").write_text('\n{"a": "1", "b": ""}\n \n')
    assert rows(tmp_path / "r.csv") == rows(tmp_path / "r.jsonl") == [{"a": "1", "b": ""}]


@pytest.mark.parametrize("name", ["r.jsonl", "r.json"])
def test_nan_is_a_cell_that_only_its_reader_refuses(tmp_path: Path, name: str) -> None:
    text = '{"a": "x", "b": NaN, "c": -Infinity}'
    (tmp_path / name).write_text(text if name == "r.jsonl" else f"[{text}]")
    [(values, place)] = files.read_table(tmp_path / name)
    row = Row(values, place, 0)
    assert row["a"].text() == "x"
    for column in ("b", "c"):
        cell = row[column]
        for read in (cell.text, cell.word, cell.name, cell.number, cell.count, cell.flag, cell.image, cell.elements):
            with pytest.raises(DataError, match=f"column '{column}': expected .* found float (nan|-inf)"):
                read()


def test_reading_stops_when_nobody_wants_more(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"a": 1}\nthis is not JSON\n')
    assert next(files.read_table(tmp_path / "r.jsonl"))[0] == {"a": 1}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("not json", "not JSON"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("[1, 2]", "expected a JSON object, found list"),
        ("null", "expected a JSON object, found NoneType"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_a_bad_json_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text(f'{{"a": 1}}\n{line}\n')
    with pytest.raises(DataError, match=says) as caught:
        rows(file)
    assert f"{file}, line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a JSON list of objects, found ''"),
        ('{"a": 1}', "expected a JSON list of objects, found"),
        ('[{"a": 1}', "after element 0: expected ',' or ']', found ''"),
        ('[{"a": 1} {"a": 2}]', "after element 0: expected ',' or ']', found '{"),
        ('[{"a": 1}, ]', "element 1: not JSON"),
        ('[, {"a": 1}]', "element 0: not JSON"),
        ('[{"a": 1}, {"b": 1, "b": 2}]', "element 1: not JSON .the key 'b' is there twice"),
        ('[{"a": 1}, 7]', "element 1: expected a JSON object, found int"),
        ('[{"a": 1}, ' + "[" * 200_000, "element 1: JSON nested too deeply"),
        ('[{"a": 1}] x', "after element 0: expected the end, found 'x'"),
        ('[{"a": 1}, {"a": "cut o', "element 1: not JSON"),
    ],
)
def test_a_bad_json_list_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        rows(tmp_path / "r.json")
    assert str(tmp_path / "r.json") in str(caught.value)


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text() | st.lists(st.booleans()))))
def test_a_json_list_is_read_whole_whatever_the_window(
    tmp_path_factory: pytest.TempPathFactory, want: list[dict[str, object]]
) -> None:
    file = tmp_path_factory.mktemp("list") / "r.json"
    file.write_text("\ufeff" + json.dumps(want, ensure_ascii=False, indent=1), encoding="utf-8", errors="replace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BUFFER", 3)
        assert rows(file) == json.loads(file.read_text(encoding="utf-8-sig"))


def test_a_json_list_costs_what_json_lines_cost(tmp_path: Path) -> None:
    """A window that was copied for every element made it 29 times as much; the bound is generous to a busy machine."""
    row = json.dumps({"id": 1, "text": "word " * 8})
    (tmp_path / "r.jsonl").write_text(f"{row}\n" * 30_000)
    (tmp_path / "r.json").write_text("[" + ",\n".join([row] * 30_000) + "]")
    spent = {}
    for name in ("r.jsonl", "r.json"):
        began = time.process_time()
        assert sum(1 for _ in files.read_table(tmp_path / name)) == 30_000
        spent[name] = time.process_time() - began
    assert spent["r.json"] < 5 * spent["r.jsonl"]


def test_a_list_that_ends_within_a_character_is_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(b'[{"a": 1}]' + "€".encode()[:2])
    with pytest.raises(DataError, match=r"r\.json: not UTF-8 text"):
        rows(tmp_path / "r.json")


def test_an_element_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE", 1000)
    monkeypatch.setattr(files, "_BUFFER", 100)
    (tmp_path / "r.json.gz").write_bytes(gzip.compress(b'[{"a": "' + b"x" * 50_000 + b'"}]'))
    with pytest.raises(DataError, match="element 0: longer than allowed"):
        rows(tmp_path / "r.json.gz")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("a,b\n1,2,3\n", "line 2: expected 2 cells as in the header, found 3"),
        ("a,a\n1,2\n", "line 1: expected a header with different column names, found"),
        ("", "line 1: expected a header with different column names, found nothing"),
        ("a;b\n1;2,5\n", "line 1: the header is one cell with ';' in it; separate cells with ','"),
        ("a\tb\n1\t2\n", r"line 1: the header is one cell with '\\t' in it; separate cells with ','"),
        ('a,b\n"1,2\n', "not readable as CSV"),
        (f"a\n{'x' * 200_000}\n", "keep long cells in JSON lines or parquet"),
    ],
)
def test_bad_csv_is_named(tmp_path: Path, table: str, says: str) -> None:
    (tmp_path / "r.csv").write_text(table)
    with pytest.raises(DataError, match=says):
        rows(tmp_path / "r.csv")


def test_bytes_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_bytes(b'{"a": "\xff\xfe"}\n')
    with pytest.raises(DataError, match="line 1: not UTF-8"):
        rows(tmp_path / "r.jsonl")


def test_a_gzip_that_is_cut_off_is_an_error_after_the_rows_that_are_whole(tmp_path: Path) -> None:
    lines = b"".join(json.dumps({"noise": zlib.crc32(bytes([k % 256])) ** 9}).encode() + b"\n" for k in range(999))
    whole = gzip.compress(lines)
    (tmp_path / "r.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    found: list[tuple[dict[str, object], str]] = []
    with pytest.raises(DataError, match=r"line \d+: the file is damaged or cut off"):
        found.extend(files.read_table(tmp_path / "r.jsonl.gz"))


def test_a_line_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE", 1000)
    for name in ("r.jsonl.gz", "r.csv.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b'{"a": "' + b"x" * 5000 + b'"}\n'))
        with pytest.raises(DataError, match="line 1: longer than the 1,000 bytes"):
            rows(tmp_path / name)


def test_a_damaged_parquet_file_is_named(write: Write) -> None:
    file = write("r.parquet", [{"a": "x" * 50, "b": k} for k in range(500)])
    whole = file.read_bytes()
    for broken in (whole[:-40], b"PAR1", b"", whole[:4] + b"\0" * 300 + whole[304:]):
        file.write_bytes(broken)
        with pytest.raises(DataError, match=r"r\.parquet, row 0: not readable as parquet"):
            rows(file)


def test_two_parquet_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table([[1], [2]], names=["a", "a"])
    pyarrow.parquet.write_table(table, tmp_path / "r.parquet")
    with pytest.raises(DataError, match="two columns have one name"):
        rows(tmp_path / "r.parquet")


def test_other_files_and_files_that_are_gone_are_data_errors(tmp_path: Path) -> None:
    for name in ("gone.jsonl", "gone.csv.gz", "gone.parquet"):
        with pytest.raises(DataError, match="gone"):
            rows(tmp_path / name)
    with pytest.raises(DataError, match=r"this kind of file is not read; expected \.jsonl"):
        files.read_table(tmp_path / "r.xlsx")


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_data_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for suffix in files.SUFFIXES:
        file = folder / f"r{suffix}"
        file.write_bytes(data)
        said = str(file)
        try:
            assert all(isinstance(values, dict) for values in rows(file))
        except DataError as error:
            said = str(error)
        assert str(file) in said


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\n{"a": 2}\n',
        '\n{"a": 1}\r\n\r\n  {"a": 2',
        '{"a": [1, 2]}\n{"a": [3]}',
        '{"a": [{"b": 1}], "c": 2}\n{"a": [], "c": 3}',
        '{"a": [], "b": []}\n{"a": [], "b": []}',
    ],
)
@pytest.mark.parametrize("name", ["r.json", "R.JSON", "r.json.gz"])
def test_json_lines_by_another_name_are_told_their_name(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    wanted = {"r.json": r"r\.jsonl", "R.JSON": r"R\.jsonl", "r.json.gz": r"r\.jsonl\.gz"}[name]
    with pytest.raises(DataError, match=f"found JSON lines; rename it to {wanted}$"):
        rows(file)


def test_one_object_may_be_a_row_of_json_lines(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"a": 1}\n')
    with pytest.raises(DataError, match=r"write a list of rows, or JSON lines in a file that ends in \.jsonl"):
        rows(tmp_path / "r.json")
