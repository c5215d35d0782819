"""Which splits are reached, what they are called, and what they are used for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.api import UserError
from harness.doctor.splits import TaskSplit

Reach = Callable[..., list[TaskSplit]]

JUDGES = "judges: [{use: baselines/random}]\n"


def names(splits: list[TaskSplit]) -> list[str]:
    return [split.name for split in splits]


def uses_by_name(splits: list[TaskSplit]) -> dict[str, tuple[list[str], list[str], list[str]]]:
    return {split.name: (split.asked, split.trains, split.selects) for split in splits if split.is_used}


def test_every_split_that_a_card_names_is_reached_and_not_only_the_one_that_is_asked(reach: Reach) -> None:
    splits = reach(main="name: m\ntasks: [{use: shades, split: validation}]\n" + JUDGES)
    assert names(splits) == ["shades train", "shades validation", "shades test"]
    assert uses_by_name(splits) == {"shades validation": (["m"], [], [])}
    assert splits[0].id == "shades_plugin/shades"


def test_entries_that_stand_for_several_tasks_are_unfolded(reach: Reach) -> None:
    splits = reach(main="name: m\ntasks: [{use: both, with: {train: [[1]], test: [[2]]}}]\n" + JUDGES)
    assert names(splits) == [f"{task} {split}" for task in ("as-given", "only-test") for split in SPLITS]


def test_recipes_of_judges_and_those_that_they_start_from_are_reached_and_nothing_but_tasks_is_made(
    reach: Reach,
) -> None:
    # The trainer `half` breaks its contract and the judge `learnt` finds no model: making either is an error.
    splits = reach(
        main="name: m\ntasks: [{use: shades}]\njudges: [{use: toy_plugin/learnt, train: tuned.yaml}]\n",
        tuned="name: tuned\ntrain: base.yaml\ntasks: [{use: shades}]\ntrainer: {use: half}\n",
        base="name: base\ntasks: [{use: sums}, {use: pairs, train: test}]\ntrainer: {use: half}\n",
    )
    assert uses_by_name(splits) == {
        "shades train": ([], ["tuned"], []),
        "shades validation": ([], [], ["tuned"]),
        "shades test": (["m"], [], []),
        "sums train": ([], ["base"], []),
        "sums validation": ([], [], ["base"]),
        "pairs test": ([], ["base"], []),
    }


def test_several_files_are_taken_together_and_a_recipe_is_told_from_a_manifest(reach: Reach) -> None:
    splits = reach(
        main_a="name: a\ntasks: [{use: shades}]\n" + JUDGES,
        main_b="name: b\ntasks: [{use: shades}]\ntrainer: {use: counter}\n",
        main_c="name: c\ntasks: [{use: shades}]\n" + JUDGES,
    )
    assert uses_by_name(splits) == {
        "shades train": ([], ["b"], []),
        "shades validation": ([], [], ["b"]),
        "shades test": (["a", "c"], [], []),
    }


def test_a_recipe_that_two_judges_name_is_noted_once(reach: Reach) -> None:
    judge = "{use: toy_plugin/learnt, name: %s, train: r.yaml}"
    splits = reach(
        main=f"name: m\ntasks: [{{use: shades}}]\njudges: [{judge % 'one'}, {judge % 'two'}]\n",
        r="name: r\ntasks: [{use: shades}]\ntrainer: {use: counter}\n",
    )
    assert uses_by_name(splits)["shades train"] == ([], ["r"], [])


def test_the_same_task_twice_is_one_with_both_names(reach: Reach) -> None:
    splits = reach(main="name: m\ntasks: [{use: shades}, {use: shades, name: again, limit: 3}]\n" + JUDGES)
    assert names(splits) == [f"shades / again {split}" for split in SPLITS]


def test_two_tasks_with_one_name_are_told_apart_by_their_file(reach: Reach) -> None:
    task = "{use: shades, with: {test: [[%d]]}}"
    splits = reach(
        main_a=f"name: a\ntasks: [{task % 1}]\n" + JUDGES,
        main_b=f"name: b\ntasks: [{task % 2}]\n" + JUDGES,
        main_c=f"name: b\ntasks: [{task % 3}]\n" + JUDGES,
        main_d=f"name: d\ntasks: [{task % 3}]\n" + JUDGES,
    )
    assert names(splits)[::3] == ["shades train", "shades (b) train", "shades (b, 2) train"]


@pytest.mark.parametrize(("seeded", "count"), [("true", 6), ("false", 3)])
def test_a_task_that_depends_on_the_seed_is_another_one_under_another_seed(
    reach: Reach, seeded: str, count: int
) -> None:
    task = f"tasks: [{{use: shades, with: {{seeded: {seeded}}}}}]\n"
    splits = reach(
        main_a=f"name: a\nrun: {{seed: 1}}\n{task}" + JUDGES,
        main_b=f"name: b\nseed: 2\n{task}trainer: {{use: counter}}\n",
    )
    assert len(splits) == count


def test_a_task_that_cannot_be_made_is_an_error_that_says_where_it_stands(reach: Reach) -> None:
    with pytest.raises(UserError, match=r"main\.yaml:3:11: tasks\[0\]: task pointwise: needs data"):
        reach(
            main="name: m\ntasks:\n  - {use: generic/pointwise, with: {question: q, answers: [a, b], gold: g}}\n"
            + JUDGES
        )


@pytest.mark.parametrize(
    ("split", "use", "learnt", "tested"),
    [
        ("train", "", True, False),
        ("validation", "", True, False),
        ("test", "", False, True),
        ("dev", "", False, False),
        ("dev", "asked", False, True),
        ("dev", "trains", True, False),
        ("dev", "selects", True, False),
        ("train", "asked", False, True),
        ("validation", "asked selects", True, True),
        ("test", "trains", True, True),
    ],
)
def test_what_files_say_counts_before_what_a_split_is_called(split: str, use: str, learnt: bool, tested: bool) -> None:
    fields = {name: ["somebody"] for name in use.split()}
    found = TaskSplit(names={"t": "t"}, id="p/t", split=split, made=None, **fields)  # type: ignore[arg-type]
    assert (found.is_learnt, found.is_tested) == (learnt, tested)


SPLITS = ("train", "validation", "test")
