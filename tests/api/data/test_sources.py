from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError
from harness.api.data import Source, Split, TableOptions, find_shards, find_splits, find_table, make_picture
from harness.testing import FakeContext

Write = Callable[[str, list[dict[str, Any]]], Path]
ROWS = [{"a": 1}, {"a": 2}]


def found(data: object, splits: Mapping[Split, str] | None = None, config: str | None = None) -> Mapping[str, Source]:
    context = FakeContext(workspace=Path("never-used"), name="mine", data=None if data is None else str(data))
    return find_splits(context, TableOptions(splits=None if splits is None else dict(splits), hub_config=config))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_a_single_file_is_the_split_test(write: Write) -> None:
    sources = found(write("r.jsonl", ROWS))
    assert list(sources) == ["test"]
    assert [dict(row.values) for row in sources["test"].rows()] == ROWS


def test_splits_name_files_in_the_folder_and_several_with_a_star(write: Write, tmp_path: Path) -> None:
    write("more/train-1.jsonl", ROWS)
    write("more/train-0.csv", ROWS)
    write("test.jsonl", ROWS)
    sources = found(tmp_path, {"train": "more/train-*", "test": "test.jsonl"})
    rows = list(sources["train"].rows())
    assert [row.number for row in rows] == [0, 1, 2, 3]
    assert [Path(row.place.split(",")[0]).name for row in rows] == ["train-0.csv"] * 2 + ["train-1.jsonl"] * 2
    assert rows[0].pictures is not None
    assert rows[0].pictures("1.png").name == str(tmp_path / "more" / "1.png")
    assert rows[0].pictures("../1.png").name == str(tmp_path / "more" / ".." / "1.png")


def test_each_split_may_be_a_folder_of_images(tmp_path: Path, write: Write) -> None:
    touch(tmp_path, "train/dog/1.jpg")
    write("test/metadata.jsonl", [{"file_name": "1.png"}])
    both = found(tmp_path, {"train": "train", "test": "test"})
    assert all(source.is_folder for source in both.values())
    assert [row.values["file_name"] for source in both.values() for row in source.rows()] == ["dog/1.jpg", "1.png"]


def test_a_folder_that_is_no_image_folder_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is empty; expected metadata\.csv"):
        found(tmp_path)
    touch(tmp_path, "dog/1.png", "test.jsonl")
    with pytest.raises(DataError, match=r"found 'test\.jsonl'.*name the file of each split"):
        found(tmp_path)
    touch(tmp_path, "metadata.csv", "metadata.jsonl")
    with pytest.raises(DataError, match=r"metadata\.csv and metadata\.jsonl are both there"):
        found(tmp_path)


@pytest.mark.parametrize(
    "name", ["../r.jsonl", "in/../../r.jsonl", "/etc/hostname", "link.jsonl", "up/r.jsonl", "up/*.jsonl", "a\0b"]
)
def test_splits_do_not_lead_out_of_the_data(tmp_path: Path, write: Write, name: str) -> None:
    outside = write("r.jsonl", ROWS)
    root = tmp_path / "data"
    root.mkdir()
    (root / "link.jsonl").symlink_to(outside)
    (root / "up").symlink_to(tmp_path)
    with pytest.raises(DataError, match=r"splits\.test: .*leads out of the data folder"):
        found(root, {"test": name})


def test_metadata_and_labelled_folders_that_are_links_do_not_lead_out_either(tmp_path: Path, write: Write) -> None:
    root = tmp_path / "data"
    root.mkdir()
    touch(tmp_path, "secret/1.png")
    (root / "cat").symlink_to(tmp_path / "secret")
    (row,) = found(root)["test"].rows()
    with pytest.raises(DataError, match="leads out of the data folder"):
        row["file_name"].image()
    (root / "metadata.jsonl").symlink_to(write("r.jsonl", ROWS))
    with pytest.raises(DataError, match="leads out of the data folder"):
        found(root)


def test_what_is_not_there_is_named_with_near_misses(tmp_path: Path, write: Write) -> None:
    write("train.jsonl", ROWS)
    with pytest.raises(DataError, match=r"splits\.train: there is no .*trian\.jsonl\. Did you mean 'train\.jsonl'\?"):
        found(tmp_path, {"train": "trian.jsonl"})
    with pytest.raises(DataError, match=r"no file in .* is called like 'x\*'"):
        found(tmp_path, {"train": "x*"})
    touch(tmp_path, "train.txt")
    with pytest.raises(DataError, match=r"train\.txt is not read; expected files ending in"):
        found(tmp_path, {"train": "train*"})
    with pytest.raises(DataError, match=r"train\.txt: this kind of file is not read"):
        found(tmp_path / "train.txt")
    with pytest.raises(DataError, match="give the folder"):
        found(tmp_path / "train.jsonl", {"train": "train.jsonl"})
    with pytest.raises(DataError, match="write `data:`"):
        found(None)
    with pytest.raises(DataError, match="hub_config is for data of the hub"):
        found(tmp_path / "train.jsonl", config="x")


def test_the_digest_follows_the_content_and_not_the_place(write: Write) -> None:
    one, two = (found(write(f"{name}/r.jsonl", ROWS))["test"].digest() for name in "ab")
    assert one == two
    assert found(write("b/r.jsonl", [{"a": 3}]))["test"].digest() != one


def test_files_that_vanish_are_data_errors(tmp_path: Path, write: Write) -> None:
    table = found(write("r.jsonl", ROWS))["test"]
    (tmp_path / "r.jsonl").unlink()
    with pytest.raises(DataError, match=r"r\.jsonl: cannot be read"):
        table.digest()


def test_hub_splits_are_found_without_a_network() -> None:
    assert list(found("hub:A/B@abc")) == ["test"]
    two = found("hub:A/B", {"train": "train", "test": "validation"}, config="c")
    assert str(two["test"]) == "hub:A/B, c, validation"
    assert found(f"hub:A/B@{'a' * 40}")["test"].digest() != found(f"hub:A/B@{'b' * 40}")["test"].digest()
    for bad in ("hub:A", "hub:A/B/C", "hub:../x@", "hub:A/B@r v"):
        with pytest.raises(DataError, match="is not a hub dataset"):
            found(bad)


def context(data: object, workspace: Path) -> FakeContext:
    return FakeContext(workspace=workspace, name="mine", data=str(data))


def test_the_files_of_a_release_are_its_splits_unless_the_manifest_names_others(tmp_path: Path, write: Write) -> None:
    for name in ("train-0.jsonl", "train-1.jsonl", "test.jsonl", "other.jsonl"):
        write(name, [{"from": name}])
    release: dict[Split, str] = {"train": "train-*.jsonl", "test": "test.jsonl"}

    def read(data: object, options: TableOptions) -> dict[str, list[object]]:
        sources = find_splits(context(data, tmp_path), options, files=release)
        return {split: [row.values["from"] for row in source.rows()] for split, source in sources.items()}

    assert read(tmp_path, TableOptions()) == {"train": ["train-0.jsonl", "train-1.jsonl"], "test": ["test.jsonl"]}
    assert read(tmp_path, TableOptions(splits={"test": "other.jsonl"})) == {"test": ["other.jsonl"]}
    assert read(tmp_path / "other.jsonl", TableOptions()) == {"test": ["other.jsonl"]}
    hub = find_splits(context("hub:A/B", tmp_path), TableOptions(), files=release)
    assert {split: str(source) for split, source in hub.items()} == {
        "train": "hub:A/B, default, train",
        "test": "hub:A/B, default, test",
    }
    (tmp_path / "test.jsonl").unlink()
    with pytest.raises(DataError, match=r"task mine, splits\.test: there is no .*test\.jsonl\."):
        read(tmp_path, TableOptions())


def test_pictures_are_read_from_archives_and_under_prefixes(tmp_path: Path, write: Write) -> None:
    write("rows.jsonl", [{"image": "1.png"}])
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("in/1.png", make_picture(1))
    found = find_splits(
        context(tmp_path / "rows.jsonl", tmp_path), TableOptions(), archives=("*.zip",), prefixes=("", "in/")
    )
    (row,) = found["test"].rows()
    assert row["image"].image().encode()[0] == make_picture(1)


def test_without_media_no_picture_is_looked_for(tmp_path: Path, write: Write) -> None:
    file = write("rows.jsonl", [{"image": "gone.png"}])
    (row,) = find_splits(context(file, tmp_path), TableOptions(media="absent"))["test"].rows()
    with pytest.raises(DataError, match="media: absent"):
        row["image"].image().load()


@pytest.mark.parametrize("folder", [".", "data"])
def test_the_shards_of_a_split_are_found_in_order(tmp_path: Path, write: Write, folder: str) -> None:
    hashed = "-e852c19ead276a89"
    for name in (f"test-00001-of-00002{hashed}.jsonl", f"test-00000-of-00002{hashed}.jsonl", "tests.jsonl"):
        write(f"{folder}/{name}", ROWS)
    files = find_shards(context(tmp_path, tmp_path), stem="test")
    assert [file.name for file in files] == [f"test-0000{k}-of-00002{hashed}.jsonl" for k in (0, 1)]


def test_shards_that_are_not_there_are_an_error(tmp_path: Path, write: Write) -> None:
    with pytest.raises(DataError, match=r"task mine: .*expected test\.parquet or its shards test-\*\.parquet"):
        find_shards(context(tmp_path, tmp_path), stem="test")
    with pytest.raises(DataError, match=r"expected a folder, found a file; give the one that test\.parquet is in"):
        find_shards(context(write("test.jsonl", ROWS), tmp_path), stem="test")


def test_the_one_table_of_a_release_is_found_by_its_name_or_as_the_only_one(tmp_path: Path, write: Write) -> None:
    write("Own.csv", ROWS)
    touch(tmp_path, "._Own.csv")  # as macOS leaves beside a file
    assert find_table(context(tmp_path, tmp_path), names=("Known",)).name == "Own.csv"
    write("Known.tsv", ROWS)
    assert find_table(context(tmp_path, tmp_path), names=("Known",)).name == "Known.tsv"
    with pytest.raises(DataError, match=r"expected one table .* found Known\.tsv, Own\.csv; give the file itself"):
        find_table(context(tmp_path, tmp_path), names=("Other",))
    assert find_table(context(tmp_path / "Own.csv", tmp_path), names=("Known",)).name == "Own.csv"
    touch(tmp_path, "x.txt")
    with pytest.raises(DataError, match="this kind of file is not read"):
        find_table(context(tmp_path / "x.txt", tmp_path), names=())
