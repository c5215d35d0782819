"""The hub is a real server on a socket of this machine that serves a folder; the refusal offline is real as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError
from harness.api.data import HubSplit, Row, make_picture, write_table
from harness.api.data._hub import keep_encoded

READ = """
import json, sys
from harness.api import DataError
from harness.api.data import HubSplit
split = HubSplit.parse(**json.loads(sys.argv[1]))
try:
    rows = [[row.place, row["caption"].text(), len(row["image"].image().encode()[0])] for row in split.rows()]
    print(json.dumps({"rows": rows, "provenance": split.provenance(), "digest": split.digest()}))
except DataError as error:
    print(json.dumps({"error": str(error)}))
"""


def read(env: dict[str, str], **split: Any) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(split)],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def rows(*captions: str) -> list[dict[str, Any]]:
    return [{"caption": name, "image": {"bytes": make_picture(k), "path": None}} for k, name in enumerate(captions)]


def test_rows_are_streamed_from_the_commit_that_is_recorded(tmp_path: Path, served: dict[str, str]) -> None:
    write_table(tmp_path / "hub/data/test-00000-of-00001.parquet", rows("a cat", "a dog"))
    write_table(tmp_path / "hub/data/extra.parquet", rows("a cow"))
    found = read(served, data="hub:org/name@main", split="test", data_files="data/test*.parquet")
    place = "hub:org/name@main, data/test*.parquet, test"
    assert found["error"].startswith(f"{place}: cannot be read at row 0"), "files by pattern are the split train"
    found = read(served, data="hub:org/name", split="train", data_files="data/test*.parquet")
    place = "hub:org/name, data/test*.parquet, train"
    assert found["rows"] == [
        [f"{place}, row 0", "a cat", len(make_picture(0))],
        [f"{place}, row 1", "a dog", len(make_picture(1))],
    ]
    assert found["provenance"] == f"hub:org/name@{'a' * 40}, data/test*.parquet, train"
    pinned = HubSplit.parse(f"hub:org/name@{'a' * 40}", split="train", data_files="data/test*.parquet")
    assert found["digest"] == pinned.digest(), "a branch is recorded as the commit that it was"
    requests = (tmp_path / "log").read_text()
    assert f"/resolve/{'a' * 40}/data/test-00000-of-00001.parquet" in requests
    assert "extra.parquet" not in requests.replace("siblings", "")


def test_configurations_and_splits_are_those_of_the_readme(tmp_path: Path, served: dict[str, str]) -> None:
    (tmp_path / "hub/README.md").write_text(
        "---\nconfigs:\n- config_name: one\n  data_files: [{split: test, path: one/test-*}]\n"
        "- config_name: two\n  data_files: [{split: test, path: two/test-*}]\n---\n"
    )
    write_table(tmp_path / "hub/one/test-00000-of-00001.parquet", rows("a cat"))
    write_table(tmp_path / "hub/two/test-00000-of-00001.parquet", rows("a dog", "a cow"))
    found = read(served, data="hub:org/name", split="test", config="two")
    assert [caption for _, caption, _ in found["rows"]] == ["a dog", "a cow"]
    wrong = read(served, data="hub:org/name", split="test", config="three")
    assert (
        "hub:org/name, three, test: cannot be read at row 0 (ValueError: BuilderConfig 'three' not found"
        in wrong["error"]
    )


def test_a_dataset_that_is_not_there_is_a_data_error_with_a_fix(tmp_path: Path, served: dict[str, str]) -> None:
    found = read(served, data="hub:org/other", split="test")
    assert found["error"].startswith("hub:org/other, default, test: its commit cannot be asked for (RepositoryNotFound")
    assert "accepted its terms and logged in; or download it and give its folder" in found["error"]


def test_a_commit_needs_nobody_to_be_asked() -> None:
    one, two = (HubSplit.parse(f"hub:a/b@{letter * 40}", split="test") for letter in "ab")
    assert one.digest() != two.digest()
    assert one.provenance() == f"hub:a/b@{'a' * 40}, default, test"
    with pytest.raises(DataError, match="is not a hub dataset"):
        HubSplit.parse("hub:a/b@r v", split="test")


def test_a_hub_that_cannot_be_reached_is_a_data_error_with_a_fix(tmp_path: Path) -> None:
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    for revision, says in (("main", "its commit cannot be asked for"), ("a" * 40, "cannot be read at row 0")):
        found = read(env, data=f"hub:nobody/nothing@{revision}", split="test")
        assert f"hub:nobody/nothing@{revision}, default, test: {says}" in found["error"]
        assert "check the name, your network" in found["error"]


def test_images_stay_encoded_in_lists_as_well(png: Callable[[int], bytes]) -> None:
    import datasets

    one = {"bytes": png(7), "path": None}
    features = datasets.Features(
        {"caption": datasets.Value("string"), "image": datasets.Image(), "all": datasets.Sequence(datasets.Image())}
    )
    columns = {"caption": ["a", "b"], "image": [one] * 2, "all": [[one, one]] * 2}
    found = list(keep_encoded(datasets.Dataset.from_dict(columns, features=features).to_iterable_dataset()))
    assert [row["caption"] for row in found] == ["a", "b"]
    for column, count in (("image", 1), ("all", 2)):
        images = Row(found[1], "here, row 1", 1)[column].images()
        assert [image.encode() for image in images] == [(png(7), "image/png")] * count


def test_rows_without_known_features_are_taken_as_they_are() -> None:
    import datasets

    def some() -> object:
        yield {"a": 1}

    assert list(keep_encoded(datasets.IterableDataset.from_generator(some))) == [{"a": 1}]


def test_the_working_directory_is_not_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org/name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"a folder org/name in the working directory.* write data: \./org/name"):
        next(HubSplit.parse(f"hub:org/name@{'a' * 40}", split="test").rows())
