from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError
from harness.api.data import Layout, Table, TableOptions, find_shards, find_splits, find_subsets, find_table, stem_of
from harness.testing import FakeContext

Writer = Callable[[str, list[dict[str, Any]]], Path]
ROWS: list[dict[str, Any]] = [{"a": 1}]
WHOLE = {
    "plain": ["test.parquet"],
    "one": ["test-00000-of-00001.parquet"],
    "numbered": ["test-00000-of-00003.csv", "test-00001-of-00003.csv", "test-00002-of-00003.csv"],
    # As datasets 2.2 to 2.14 named them: each shard has a hash of its own.
    "hashed": ["test-00000-of-00002-69df8b0a51568204.parquet", "test-00001-of-00002-8548ddd0333f4e69.parquet"],
    "from 1": ["test-00001-of-00002.jsonl", "test-00002-of-00002.jsonl"],
}
FAULTS = {
    "gap": (
        ["test-00001-of-00003.parquet"],
        "test-00000-of-00003 and test-00002-of-00003 are missing; download them",
    ),
    "last": (["test-00000-of-00002.csv"], "test-00001-of-00002 is missing; download it"),
    "hashed": (["test-00000-of-00002-69df8b0a51568204.csv"], "test-00001-of-00002 is missing; download it"),
    "many": (["test-00000-of-00900.csv"], "test-00005-of-00900 and 894 more are missing; download them"),
    "two numberings": (
        ["test-00000-of-00001.csv", "test-00000-of-00002.csv", "test-00001-of-00002.csv"],
        "test-00000-of-00001.csv and test-00000-of-00002.csv are both there, and rows would count twice; remove one",
    ),
    "two hashes": (
        ["test-00000-of-00001-69df8b0a51568204.csv", "test-00000-of-00001-8548ddd0333f4e69.csv"],
        "test-00000-of-00001-69df8b0a51568204.csv and test-00000-of-00001-8548ddd0333f4e69.csv are both there",
    ),
    "hashed and not": (
        ["test-00000-of-00002-69df8b0a51568204.csv", "test-00001-of-00002.csv"],
        "test-00000-of-00002-69df8b0a51568204.csv and test-00001-of-00002.csv are both there",
    ),
    "two endings": (
        ["test-00000-of-00002.csv", "test-00001-of-00002.jsonl"],
        "test-00000-of-00002.csv and test-00001-of-00002.jsonl are both there",
    ),
    "plain beside": (["test-00000-of-00001.csv", "test.csv"], "test-00000-of-00001.csv and test.csv are both there"),
    "packed": (["test.json", "test.json.gz"], "test.json and test.json.gz are both there"),
    "beyond": (["test-00000-of-00001.csv", "test-00001-of-00001.csv"], "test-00001-of-00001 is beyond the last shard"),
    "0 and 1": (
        ["test-00000-of-00002.csv", "test-00001-of-00002.csv", "test-00002-of-00002.csv"],
        "test-00002-of-00002 is beyond the last shard; remove it, or correct its name",
    ),
}


def look(folder: Path, *, by: str) -> list[str]:
    """The names of the files of `test`, as one of the three ways finds them."""
    context = FakeContext(data=str(folder), workspace=folder, name="mine")
    if by == "shards":
        return [file.name for file in find_shards(context, stem="test")]
    if by == "subsets":
        (source,) = find_subsets(context, Layout(subsets=("test",), split="test")).values()
    elif by == "split":
        (source,) = find_subsets(context, Layout(subsets=("own",), split="test", hub="all")).values()
    else:
        (source,) = find_splits(context, TableOptions(splits={"test": "test*"})).values()
    assert isinstance(source, Table)
    return [file.name for file in source.files]


@pytest.mark.parametrize("by", ["shards", "subsets", "split", "pattern"])
@pytest.mark.parametrize("files", WHOLE.values(), ids=WHOLE)
def test_a_plain_file_or_all_shards_of_one_numbering_are_a_table(tmp_path: Path, files: list[str], by: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert look(tmp_path, by=by) == files


@pytest.mark.parametrize("by", ["shards", "subsets", "split", "pattern"])
@pytest.mark.parametrize("case", FAULTS)
def test_a_missing_shard_and_a_second_copy_are_errors(tmp_path: Path, case: str, by: str) -> None:
    files, message = FAULTS[case]
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        look(tmp_path, by=by)
    assert str(tmp_path) in str(caught.value)
    assert message in str(caught.value)


def test_tables_that_are_not_read_may_have_gaps(tmp_path: Path) -> None:
    for name in ("test.csv", "train-00004-of-00009.csv", "train.csv", "train.jsonl"):
        (tmp_path / name).touch()
    for by in ("shards", "subsets", "split", "pattern"):
        assert look(tmp_path, by=by) == ["test.csv"]


def test_a_pattern_may_choose_some_shards_and_several_tables(tmp_path: Path) -> None:
    for name in ("a-00000-of-00300.csv", "a-00002-of-00300.csv", "part-0.csv", "part-1.csv", "part-2.jsonl"):
        (tmp_path / name).touch()
    context = FakeContext(data=str(tmp_path), workspace=tmp_path)
    for pattern, count in {"a-0000[02]-of-*": 2, "part-*": 3}.items():
        source = find_splits(context, TableOptions(splits={"test": pattern}))["test"]
        assert isinstance(source, Table)
        assert len(source.files) == count
    with pytest.raises(DataError, match=r"a-00001-of-00300, .* are missing"):
        find_splits(context, TableOptions(splits={"test": "a-0000*"}))


def test_two_folders_may_not_hold_the_same_split(tmp_path: Path, write: Writer) -> None:
    write("test.jsonl", ROWS)
    write("data/test-00000-of-00001.jsonl", ROWS)
    with pytest.raises(DataError, match=r"test\.jsonl and .*data/test-0.*\.jsonl are both there; remove one"):
        look(tmp_path, by="shards")


def test_the_one_table_of_a_release_is_no_shard_of_several(tmp_path: Path) -> None:
    (tmp_path / "own-00001-of-00002.csv").touch()
    with pytest.raises(DataError, match=r"own-00000-of-00002 is missing"):
        find_table(FakeContext(data=str(tmp_path), workspace=tmp_path), names=())


def test_digits_of_other_scripts_and_other_lengths_are_no_shard_numbers() -> None:
    for name in ("test-0-of-2", "test-\N{ARABIC-INDIC DIGIT ONE}0000-of-00002", "test-00000-of-00002-new"):
        assert stem_of(Path(f"{name}.csv")) == name
