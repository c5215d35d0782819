from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError
from harness.api.data import HubSplit, Layout, Source, Table, find_subsets, make_picture
from harness.testing import FakeContext

Writer = Callable[[str, list[dict[str, Any]]], Path]
CLOSED = Layout(subsets=("two", "one"), split="test_v1")
OPEN = Layout(subsets=(), split="train", hub="files", unfolded_only_by_name=frozenset({"odd"}))
ROWS: list[dict[str, Any]] = [{"a": 1}]


def found(data: object, layout: Layout = CLOSED, subset: str | None = None) -> dict[str, Source]:
    context = FakeContext(workspace=Path("never-used"), name="mine", data=None if data is None else str(data))
    return find_subsets(context, layout, subset=subset)


def names(source: Source) -> list[str]:
    assert isinstance(source, Table)
    return [file.name for file in source.files]


def test_subsets_are_found_in_every_published_layout(tmp_path: Path, write: Writer) -> None:
    layouts = {
        "recorded": ("one/items.jsonl.gz", "two/items.jsonl.gz"),
        "hub": ("one/test_v1-00000-of-00002.jsonl", "one/test_v1-00001-of-00002.jsonl", "two/test_v1.jsonl"),
        "data": ("data/one-00000-of-00001.jsonl", "data/two.csv"),
        "flat": ("one.jsonl", "two.jsonl"),
    }
    for name, files in layouts.items():
        for file in files:
            write(str(tmp_path / name / file), ROWS)
        assert list(found(tmp_path / name)) == ["two", "one"], name
    shards = names(found(tmp_path / "hub", subset="one")["one"])
    assert shards == ["test_v1-00000-of-00002.jsonl", "test_v1-00001-of-00002.jsonl"]


def test_what_is_not_a_subset_is_left_alone(tmp_path: Path, write: Writer) -> None:
    write(str(tmp_path / "one/items.jsonl"), ROWS)
    for other in ("one/outputs/judge.jsonl.gz", "three/items.jsonl", "expected.json", "one/test-00000-of-00001.jsonl"):
        write(str(tmp_path / other), ROWS)
    ((name, only),) = found(tmp_path).items()
    assert (name, names(only)) == ("one", ["items.jsonl"])


def test_a_subset_folder_and_a_single_file_can_be_given(tmp_path: Path, write: Writer) -> None:
    file = write(str(tmp_path / "one/items.jsonl.gz"), ROWS)
    assert list(found(file.parent)) == ["one"]
    assert list(found(file)) == ["one"]
    other = write(str(tmp_path / "votes.jsonl"), ROWS)
    assert list(found(other, subset="two")) == ["two"]
    with pytest.raises(DataError, match=r"votes.jsonl: which subset is it"):
        found(other)


def test_an_open_layout_takes_the_names_of_its_files(tmp_path: Path, write: Writer) -> None:
    for name in ("data/quality.jsonl", "data/safety-00000-of-00001.jsonl", "data/odd.jsonl"):
        write(str(tmp_path / name), ROWS)
    assert list(found(tmp_path, OPEN)) == ["quality", "safety"]
    assert list(found(tmp_path, OPEN, subset="odd")) == ["odd"]


def test_two_copies_of_a_subset_are_an_error_that_names_both(tmp_path: Path, write: Writer) -> None:
    write(str(tmp_path / "one/items.jsonl"), ROWS)
    write(str(tmp_path / "data/one.jsonl"), ROWS)
    with pytest.raises(DataError, match=r"one is there twice: .*one/items.jsonl and .*data/one.jsonl"):
        found(tmp_path)
    (tmp_path / "data/one.jsonl").unlink()
    write(str(tmp_path / "one/items.jsonl.gz"), ROWS)
    with pytest.raises(DataError, match=r"items.jsonl and items.jsonl.gz are both there"):
        found(tmp_path)


def test_data_of_another_layout_are_an_error_that_says_what_was_expected(tmp_path: Path, write: Writer) -> None:
    with pytest.raises(DataError, match=r"does not hold its data; expected SUBSET/items, SUBSET/test_v1-"):
        found(tmp_path)
    write(str(tmp_path / "one.jsonl"), ROWS)
    with pytest.raises(DataError, match=r"does not hold the subset 'two'.*found only one"):
        found(tmp_path, subset="two")
    with pytest.raises(DataError, match=r"there is no subset 'three'; it has two, one"):
        found(tmp_path, subset="three")
    with pytest.raises(DataError, match=r"there is no subset 'onee'; .* Did you mean 'one'\?"):
        found(tmp_path, subset="onee")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(DataError, match="this kind of file is not read"):
        found(tmp_path / "x.txt")
    with pytest.raises(DataError, match="write `data:`"):
        found(None)


def test_what_was_expected_of_a_benchmark_without_parts_is_spelt_out(tmp_path: Path) -> None:
    layout = Layout(subsets=("batch",), split="test", files=("Benchmark/{subset}",))
    with pytest.raises(
        DataError, match=r"expected Benchmark/batch, batch/items, batch/test-\* or \[data/\]batch, with an"
    ):
        found(tmp_path, layout)


def test_the_digest_follows_the_content_and_not_the_place(tmp_path: Path, write: Writer) -> None:
    def digest(folder: str) -> str:
        return found(tmp_path / folder)["one"].digest()

    write(str(tmp_path / "a/one.jsonl"), ROWS)
    write(str(tmp_path / "b/one.jsonl"), ROWS)
    assert digest("a") == digest("b")
    write(str(tmp_path / "b/one.jsonl"), [{"a": 2}])
    assert digest("a") != digest("b")


def test_the_places_of_a_release_and_its_archives_are_searched(tmp_path: Path, write: Writer) -> None:
    layout = Layout(
        subsets=("pair", "score"),
        split="test",
        files=("Benchmark/{subset}",),
        archives=("*.zip",),
        prefixes=("", "in/"),
    )
    write(str(tmp_path / "Benchmark/pair.jsonl"), [{"image": "1.png"}])
    write(str(tmp_path / "score.jsonl"), [{"image": "gone.png"}])
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("in/1.png", make_picture(1))
    pair, score = found(tmp_path, layout).values()
    assert next(pair.rows())["image"].image().encode()[0] == make_picture(1)
    gone = next(score.rows())["image"].image()
    with pytest.raises(DataError, match=r"image 'gone\.png': not in .* or in .*images\.zip"):
        gone.load()
    write(str(tmp_path / "pair.csv"), ROWS)
    with pytest.raises(DataError, match=r"pair is there twice: .*Benchmark/pair\.jsonl and .*pair\.csv"):
        found(tmp_path, layout)


def test_a_file_of_the_only_subset_may_have_any_name(tmp_path: Path, write: Writer) -> None:
    file = write(str(tmp_path / "any.jsonl"), ROWS)
    assert names(found(file, Layout(subsets=("all",), split="test", hub="all"))["all"]) == ["any.jsonl"]
    (hub,) = found("hub:A/B", Layout(subsets=("all",), split="test", hub="all")).values()
    assert hub == HubSplit(repository="A/B", split="test")


def test_hub_data_unfold_without_a_network(tmp_path: Path) -> None:
    assert list(found("hub:A/B@abc123")) == ["two", "one"]
    assert list(found("hub:A/B", subset="one")) == ["one"]
    assert found(f"hub:A/B@{'a' * 40}")["one"].digest() != found(f"hub:A/B@{'b' * 40}")["one"].digest()
    with pytest.raises(DataError, match=r"needs `with: \{subset"):
        found("hub:A/B", OPEN)
    for bad in ("hub:A", "hub:A/B/C", "hub:../x@", "hub:A/B@r v"):
        with pytest.raises(DataError, match="is not a hub dataset"):
            found(bad)


def test_files_of_a_set_without_parts_are_named_by_their_split(tmp_path: Path, write: Writer) -> None:
    layout = Layout(subsets=("test_unique",), split="test_unique", hub="all")
    write("data/test_unique-00000-of-00001.csv", [{"id": "1"}])
    write("data/validation_unique-00000-of-00001.csv", [{"id": "2"}])
    context = FakeContext(data=str(tmp_path), workspace=tmp_path)
    for split, name in ((None, "1"), ("test_unique", "1"), ("validation_unique", "2")):
        ((subset, source),) = find_subsets(context, layout, split=split).items()
        assert (subset, [row["id"].text() for row in source.rows()]) == ("test_unique", [name])
    with pytest.raises(DataError, match=r"test_unique/train-\* or \[data/\]train, with"):
        find_subsets(context, layout, split="train", subset="test_unique")


def test_the_official_split_of_the_hub_may_name_the_file_of_the_only_subset(tmp_path: Path, write: Writer) -> None:
    layout = Layout(subsets=("test",), split="train", hub="all")
    write("data/train-00000-of-00001.csv", [{"id": "1"}])
    context = FakeContext(data=str(tmp_path), workspace=tmp_path)
    assert list(find_subsets(context, layout)) == ["test"]
    # A file by the name of the subset comes first.
    write("data/test.csv", [{"id": "2"}])
    assert [row["id"].text() for row in find_subsets(context, layout)["test"].rows()] == ["2"]
