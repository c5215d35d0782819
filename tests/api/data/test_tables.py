from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError, Image
from harness.api.data import Table, _tables, files_digest

Write = Callable[[str, list[dict[str, Any]]], Path]


def test_rows_are_numbered_over_all_files_and_know_their_place(tmp_path: Path, write: Write) -> None:
    files = tuple(write(f"{k}.jsonl", [{"k": 2 * k}, {"k": 2 * k + 1}]) for k in range(2))
    found = list(Table(files=files, root=tmp_path).rows())
    assert [row.number for row in found] == [0, 1, 2, 3]
    assert found[3].place == f"{files[1]}, line 2"


def test_pictures_lie_beside_the_file_of_their_row_and_within_the_root(
    tmp_path: Path, write: Write, png: Callable[[int], bytes]
) -> None:
    file = write("tables/r.jsonl", [{"x": "a.png"}, {"x": "../b.png"}, {"x": "../../c.png"}])
    (tmp_path / "tables" / "a.png").write_bytes(png(1))
    (tmp_path / "b.png").write_bytes(png(2))
    rows = list(Table(files=(file,), root=tmp_path).rows())
    assert [row["x"].image().encode()[0] for row in rows[:2]] == [png(1), png(2)]
    with pytest.raises(DataError, match=r"line 3, column 'x': .*leads out of the data folder"):
        rows[2]["x"].image()


def test_pictures_may_come_from_elsewhere(tmp_path: Path, write: Write, png: Callable[[int], bytes]) -> None:
    table = Table(
        files=(write("r.jsonl", [{"x": "a"}]),),
        root=tmp_path,
        pictures=lambda name: Image.from_bytes(png(5), name=name),
    )
    assert next(table.rows())["x"].image().load().convert("L").getpixel((0, 0)) == 5


def test_a_digest_is_of_content_and_order(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = write("1.jsonl", [{"a": 1}]), write("2.jsonl", [{"a": 2}])
    same = write("3.jsonl", [{"a": 1}])
    assert files_digest([one]) == files_digest([same]) != files_digest([two])
    assert files_digest([one, two]) != files_digest([two, one])
    monkeypatch.setattr(_tables, "HASHED_WHOLE", 3)
    before = files_digest([one])
    os.utime(one, ns=(5, 5))
    assert files_digest([one]) != before
    with pytest.raises(DataError, match=r"gone\.jsonl: cannot be read"):
        files_digest([tmp_path / "gone.jsonl"])
