from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError
from harness_generic.sources import Source, Split, find

Write = Callable[[str, list[dict[str, Any]]], Path]
ROWS = [{"a": 1}, {"a": 2}]


def found(data: object, splits: Mapping[Split, str] | None = None, config: str | None = None) -> Mapping[str, Source]:
    return find(None if data is None else str(data), splits=splits, config=config, task="mine")


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


def test_sub_folders_are_labels_in_the_order_of_names(tmp_path: Path) -> None:
    touch(tmp_path, "dog/2.PNG", "dog/1.jpg", "cat/10.png", "cat/.hidden", ".git/x")
    source = found(tmp_path)["test"]
    assert [dict(row.values) for row in source.rows()] == [
        {"file_name": "cat/10.png", "label": "cat"},
        {"file_name": "dog/1.jpg", "label": "dog"},
        {"file_name": "dog/2.PNG", "label": "dog"},
    ]
    assert source.is_folder
    assert next(row.place for row in source.rows()) == str(tmp_path / "cat/10.png")


def test_each_split_may_be_a_folder_of_images(tmp_path: Path, write: Write) -> None:
    touch(tmp_path, "train/dog/1.jpg")
    write("test/metadata.jsonl", [{"file_name": "1.png"}])
    both = found(tmp_path, {"train": "train", "test": "test"})
    assert all(source.is_folder for source in both.values())
    assert [row.values["file_name"] for source in both.values() for row in source.rows()] == ["dog/1.jpg", "1.png"]


def test_what_is_no_image_in_a_labelled_folder_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "dog/notes.txt")
    with pytest.raises(DataError, match=r"dog/notes\.txt: expected an image"):
        list(found(tmp_path)["test"].rows())
    (tmp_path / "dog/notes.txt").unlink()
    touch(tmp_path, "dog/deep.png/1.png")
    with pytest.raises(DataError, match=r"dog/deep\.png: expected an image"):
        list(found(tmp_path)["test"].rows())


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


def test_the_digest_of_a_labelled_folder_follows_its_images(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png")
    seen = [found(tmp_path)["test"].digest()]
    os.utime(tmp_path / "cat/1.png", ns=(1, 1))
    seen.append(found(tmp_path)["test"].digest())
    (tmp_path / "cat/1.png").rename(tmp_path / "cat/2.png")
    seen.append(found(tmp_path)["test"].digest())
    (tmp_path / "cat").rename(tmp_path / "dog")
    seen.append(found(tmp_path)["test"].digest())
    assert len(set(seen)) == 4


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
