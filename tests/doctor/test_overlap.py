"""What splits share: against plain sets, on the miniature suite, and on folders of pictures."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import DataError
from harness.doctor.overlap import EXAMPLES, Overlap, Shared

Find = Callable[..., Overlap]
JUDGES = "judges: [{use: baselines/random}]\n"


def shades(**options: Any) -> str:
    """An entry of `tasks:`."""
    return json.dumps({"use": "shades", "with": options})


def manifest(*entries: str) -> str:
    return f"name: m\ntasks: [{', '.join(entries)}]\n{JUDGES}"


def sides(pair: Shared) -> tuple[bool, str, str, int]:
    return (pair.leak, pair.a[0].name, pair.b[0].name, pair.images)


def test_a_picture_of_train_in_test_is_a_leak_and_comes_before_what_is_none(find: Find) -> None:
    found = find(main=manifest(shades(train=[[1], [2], [3], [4]], validation=[[5], [2], [3]], test=[[6], [4]])))
    assert [sides(pair) for pair in found.pairs] == [
        (True, "shades train", "shades test", 1),
        (False, "shades train", "shades validation", 2),
    ]
    assert found.pairs[0].shares == (1 / 4, 1 / 2)
    assert found.pairs[0].examples == (("train-3", "test-1"),)
    assert found.leaks == 1


def test_two_test_splits_that_share_pictures_are_shown_and_no_leak(find: Find) -> None:
    found = find(main=manifest(shades(test=[[1], [2]]), shades(test=[[2], [3]])))
    assert [sides(pair) for pair in found.pairs] == [(False, "shades test", "shades-2 test", 1)]
    assert found.leaks == 0


def test_of_a_leak_the_side_that_is_learnt_from_stands_first(find: Find) -> None:
    found = find(main=manifest(shades(test=[[1], [2], [3]]), shades(train=[[9], [3]], test=[[8]])))
    assert [sides(pair) for pair in found.pairs] == [(True, "shades-2 train", "shades test", 1)]
    assert found.pairs[0].examples == (("train-1", "test-2"),)


def test_a_recipe_that_trains_on_what_is_asked_is_a_leak_of_a_split_with_itself(find: Find) -> None:
    found = find(
        main="name: m\ntasks: [{use: shades, with: {test: [[1], [2]]}}]\n"
        "judges: [{use: toy_plugin/learnt, train: r.yaml}]\n",
        r="name: r\ntasks: [{use: shades, train: test, validation: null, with: {test: [[1], [2]]}}]\n"
        "trainer: {use: counter}\n",
    )
    assert [sides(pair) for pair in found.pairs] == [(True, "shades test", "shades test", 2)]


def test_a_recipe_that_learns_from_another_task_with_the_same_pictures_leaks(find: Find) -> None:
    found = find(
        main="name: m\ntasks: [{use: shades, with: {test: [[1], [2]]}}]\n"
        "judges: [{use: toy_plugin/learnt, train: r.yaml}]\n",
        r="name: r\ntasks: [{use: shades, validation: null, with: {train: [[2], [7]]}}]\ntrainer: {use: counter}\n",
    )
    assert [sides(pair) for pair in found.pairs] == [(True, "shades (r) train", "shades test", 1)]


def test_examples_are_the_first_items_of_both_sides_and_no_more_than_three(find: Find) -> None:
    train, test = [[k] for k in (9, 1, 2, 1, 3, 4, 5)], [[k] for k in (5, 4, 3, 3, 2, 1)]
    [pair] = find(main=manifest(shades(train=train, test=test))).pairs
    assert pair.images == 5
    assert pair.examples == (("train-1", "test-5"), ("train-2", "test-4"), ("train-4", "test-2"))
    assert len(pair.examples) == EXAMPLES


def test_only_the_first_items_are_compared_with_a_limit(find: Find) -> None:
    text = manifest(shades(train=[[1], [2]], test=[[3], [1]]))
    assert len(find(main=text).pairs) == 1
    assert len(find(main=text, limit=1).pairs) == 0
    assert find(main=text, limit=1).limit == 1


def test_a_split_without_data_is_listed_with_the_reason(find: Find) -> None:
    found = find(main=manifest(shades(train=[[1]], test=[[2]])))
    assert [(split.split, read.skipped) for split, read in found.splits] == [
        ("train", ""),
        ("validation", "there is no file of validation"),
        ("test", ""),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([-1], "task shades, split train, item 'train-1': image none.png: not a readable image"),
        ([-2], r"task shades, split train, after item 'train-0': train\.csv, line 1: fix it"),
    ],
)
def test_what_cannot_be_read_ends_it_with_task_split_and_item(find: Find, row: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        find(main=manifest(shades(train=[[1], row], test=[[2]])), pixels=True)


ROWS = st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=6)


@given(tasks=st.lists(st.fixed_dictionaries({"train": ROWS, "test": ROWS}), min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_counts_and_examples_are_those_of_plain_sets(find: Find, tasks: list[dict[str, list[list[int]]]]) -> None:
    numbered = [{**task, "validation": [[100 + k]]} for k, task in enumerate(tasks)]  # so that no two are the same
    found = find(main=manifest(*(shades(**task) for task in numbered)))
    rows = {f"shades{'' if k == 0 else f'-{k + 1}'} {s}": t[s] for k, t in enumerate(numbered) for s in t}
    for split, read in found.splits:
        mine = rows[split.name]
        assert (read.items, read.images) == (len(mine), sum(len(set(row)) for row in mine))
        assert read.distinct == len(set(itertools.chain(*mine)))
    expected = {}
    for a, b in itertools.combinations(rows, 2):
        if shared := set(itertools.chain(*rows[a])) & set(itertools.chain(*rows[b])):
            expected[frozenset((a, b))] = (len(shared), {a.split()[1], b.split()[1]} == {"train", "test"})
    assert {frozenset((p.a[0].name, p.b[0].name)): (p.images, p.leak) for p in found.pairs} == expected
    assert len(found.pairs) == len(expected)
    for pair in found.pairs:
        assert len(pair.examples) == min(EXAMPLES, pair.images)
        for item_a, other in pair.examples:
            left, right = (
                rows[side[0].name][int(item.split("-")[1])] for side, item in ((pair.a, item_a), (pair.b, other))
            )
            assert set(left) & set(right)


def test_the_splits_of_the_miniature_suite_share_no_picture_even_between_tasks(find: Find) -> None:
    trained = ("alignment-digit", "alignment-relation", "safety", "technical", "naturalness", "rationality")
    unseen = ("pairwise-alignment", "pairwise-safety", "quality-score", "quality-ranking", "technical-unseen")
    tasks = [{"use": f"miniature/{name}", "with": {"items": 20, "train_items": 40}} for name in trained]
    tasks += [{"use": f"miniature/{name}", "with": {"items": 20}} for name in (*unseen, "alignment-unseen")]
    found = find(main=manifest(*map(json.dumps, tasks)))
    assert [sides(pair) for pair in found.pairs] == []
    read = {split.name: read for split, read in found.splits}
    assert len(read) == 6 * 3 + 6
    assert (read["technical train"].images, read["technical train"].distinct) == (40, 40)
    # The same picture occurs with a caption that fits and with one that does not.
    assert (read["alignment-digit train"].images, read["alignment-digit train"].distinct) == (40, 20)


@pytest.fixture
def pets(tmp_path: Path) -> str:
    """A folder with train and test: test has a file of train, one of its own twice, and one of train stored again.

    Returns:
        A manifest that asks it.
    """
    rows: dict[str, list[str]] = {"train": [], "test": []}
    for split, numbers in (("train", range(5)), ("test", range(5, 8))):
        (tmp_path / "pets" / split).mkdir(parents=True)
        for number in numbers:
            PIL.Image.effect_noise((16, 16), 60).save(tmp_path / "pets" / split / f"{number}.png", compress_level=9)
            rows[split].append(f"{number}.png")
    train, test = tmp_path / "pets" / "train", tmp_path / "pets" / "test"
    shutil.copy(train / "2.png", test / "leak.png")
    shutil.copy(test / "5.png", test / "twice.png")
    with PIL.Image.open(train / "4.png") as picture:
        picture.save(test / "again.png", compress_level=1)
    rows["test"] += ["leak.png", "twice.png", "again.png"]
    for split, files in rows.items():
        lines = [json.dumps({"file_name": file, "label": "yes"}) + "\n" for file in files]
        (tmp_path / "pets" / split / "metadata.jsonl").write_text("".join(lines))
    entry = {
        "use": "generic/pointwise",
        "name": "pets",
        "data": "pets",
        "with": {
            "splits": {"train": "train", "test": "test"},
            "question": "?",
            "answers": ["yes", "no"],
            "id": "file_name",
        },
    }
    return manifest(json.dumps(entry))


def test_a_file_that_was_copied_from_train_into_test_is_found_and_what_is_there_twice_is_counted(
    find: Find, pets: str
) -> None:
    found = find(main=pets)
    assert [(sides(pair), pair.examples) for pair in found.pairs] == [
        ((True, "pets train", "pets test", 1), (("2.png", "leak.png"),))
    ]
    read = {split.split: read for split, read in found.splits}
    assert (read["test"].items, read["test"].images, read["test"].distinct) == (6, 6, 5)
    assert "there is no split 'validation'" in read["validation"].skipped


def test_a_file_that_was_stored_again_is_found_by_its_pixels(find: Find, pets: str) -> None:
    found = find(main=pets, pixels=True)
    assert [(sides(pair), pair.examples) for pair in found.pairs] == [
        ((True, "pets train", "pets test", 2), (("2.png", "leak.png"), ("4.png", "again.png")))
    ]


def test_folders_whose_tables_are_equal_and_whose_pictures_are_not_are_two_tasks(find: Find, tmp_path: Path) -> None:
    for folder, level in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        PIL.Image.new("L", (4, 4), level).save(tmp_path / folder / "0.png")
        (tmp_path / folder / "metadata.csv").write_text("file_name,label\n0.png,yes\n")
    entry = "{use: generic/pointwise, data: %s, with: {question: '?', answers: ['yes', 'no']}}"
    found = find(main=manifest(entry % "a", entry % "b"))
    assert [split.name for split, read in found.splits if read.items] == ["pointwise test", "pointwise-2 test"]
    assert found.pairs == ()


def test_the_plain_data_say_all_that_was_found(find: Find) -> None:
    plain = find(main=manifest(shades(train=[[1], [2]], test=[[2], [2], [3]])), limit=3).to_json()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["schema"], plain["compared"], plain["limit"]) == ("judge-harness/overlap/1", "content", 3)
    assert [row["split"] for row in plain["splits"]] == ["train", "validation", "test"]
    assert plain["splits"][1]["skipped"] == "there is no file of validation"
    assert plain["splits"][2] == {
        "task": "shades",
        "split": "test",
        "id": "shades_plugin/shades",
        "asked_by": ["m"],
        "trains": [],
        "selects": [],
        "items": 3,
        "images": 3,
        "distinct": 2,
        "skipped": None,
    }
    assert plain["pairs"] == [
        {
            "leak": True,
            "a": {"task": "shades", "split": "train", "share": 0.5},
            "b": {"task": "shades", "split": "test", "share": 0.5},
            "images": 1,
            "examples": [["train-1", "test-0"]],
        }
    ]
