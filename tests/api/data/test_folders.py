from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.api import DataError
from harness.api.data import LabelledFolder


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_sub_folders_are_labels_in_the_order_of_names(tmp_path: Path) -> None:
    touch(tmp_path, "dog/2.PNG", "dog/1.jpg", "cat/10.png", "cat/.hidden", ".git/x")
    source = LabelledFolder(folder=tmp_path, root=tmp_path)
    assert [dict(row.values) for row in source.rows()] == [
        {"file_name": "cat/10.png", "label": "cat"},
        {"file_name": "dog/1.jpg", "label": "dog"},
        {"file_name": "dog/2.PNG", "label": "dog"},
    ]
    assert source.is_folder
    assert next(row.place for row in source.rows()) == str(tmp_path / "cat/10.png")


@pytest.mark.parametrize("ending", [".avif", ".HEIC", ".heif"])
def test_pictures_of_phones_and_of_the_web_are_images_too(ending: str, tmp_path: Path) -> None:
    touch(tmp_path, f"dog/1{ending}")
    source = LabelledFolder(folder=tmp_path, root=tmp_path)
    assert [row.values["file_name"] for row in source.rows()] == [f"dog/1{ending}"]


def test_what_is_no_image_in_a_labelled_folder_is_named(tmp_path: Path) -> None:
    source = LabelledFolder(folder=tmp_path, root=tmp_path)
    touch(tmp_path, "dog/notes.txt")
    with pytest.raises(DataError, match=r"dog/notes\.txt: expected an image"):
        list(source.rows())
    (tmp_path / "dog/notes.txt").unlink()
    touch(tmp_path, "dog/deep.png/1.png")
    with pytest.raises(DataError, match=r"dog/deep\.png: expected an image"):
        list(source.rows())


def test_the_digest_of_a_labelled_folder_follows_its_images(tmp_path: Path) -> None:
    source = LabelledFolder(folder=tmp_path, root=tmp_path)
    touch(tmp_path, "cat/1.png")
    seen = [source.digest()]
    os.utime(tmp_path / "cat/1.png", ns=(1, 1))
    seen.append(source.digest())
    (tmp_path / "cat/1.png").rename(tmp_path / "cat/2.png")
    seen.append(source.digest())
    (tmp_path / "cat").rename(tmp_path / "dog")
    seen.append(source.digest())
    assert len(set(seen)) == 4
