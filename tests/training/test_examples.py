from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.api import DataError, UserError
from harness.training.examples import Examples, size
from harness.training.plan import PlannedRecipe

Plan = Callable[..., PlannedRecipe]


def recipe(task: str) -> str:
    return f"name: x\ntasks: [{task}]\ntrainer: {{use: counter}}\n"


def test_a_split_is_streamed_once_whatever_the_protocol_samples(plan: Plan) -> None:
    (task,) = plan(recipe("{use: sums, protocol: {samples: 5}}")).training.tasks
    examples = list(task.examples("train"))
    assert [one.item.id for one in examples] == [f"train-{k}" for k in range(12)]
    assert {one.request.sample for one in examples} == {0}
    assert [one.gold for one in examples[:4]] == ["yes", "yes", "yes", "no"]
    assert examples[0].request.task == "sums"
    assert len(list(task.examples("validation"))) == 4
    assert len(list(task.examples("train"))) == 12, "again from the beginning"


def test_both_orders_are_shown_with_the_gold_in_shown_places(plan: Plan) -> None:
    (task,) = plan(recipe("{use: pairs, limit: 2}")).training.tasks
    shown = [(one.item.id, one.request.order, one.gold) for one in task.examples("train")]
    assert shown == [
        (f"train-{place}", order, gold)
        for place in sorted({int(name.rpartition("-")[2]) for name, _, _ in shown})
        for order, gold in (((0, 1), 1), ((1, 0), 0))
    ]
    assert len(shown) == 4


def test_a_whole_split_can_be_kept_without_its_pictures(plan: Plan) -> None:
    (task,) = plan(recipe("{use: miniature/safety, limit: 4}")).training.tasks
    pictures = [picture for one in task.examples("train") for picture in one.request.images]
    assert pictures
    assert all(picture._pixels is None for picture in pictures)


def test_an_override_of_the_order_is_obeyed(plan: Plan) -> None:
    (task,) = plan(recipe("{use: pairs, protocol: {order: fixed}}")).training.tasks
    assert {one.request.order for one in task.examples("train")} == {(0, 1)}


def test_the_limit_is_of_the_split_to_learn_from_alone(plan: Plan) -> None:
    planned = plan(recipe("{use: sums, limit: 3}"))
    (task,) = planned.training.tasks
    assert len(list(task.examples("train"))) == 3
    assert len(list(task.examples("validation"))) == 4
    assert [size(planned.tasks[0], split) for split in ("train", "validation")] == [3, 4]


def test_a_limit_takes_a_sample_with_the_shares_of_the_golds(plan: Plan) -> None:
    (whole,) = plan(recipe("{use: sums}")).training.tasks
    (task,) = plan(recipe("{use: sums, limit: 4}")).training.tasks
    golds = [example.gold for example in whole.examples("train")]
    found = [example.gold for example in task.examples("train")]
    assert abs(found.count("yes") / 4 - golds.count("yes") / 12) <= 1 / 4
    assert set(found) == {"yes", "no"}
    assert task.sample is not None
    some = [example.item.id for example in task.sample("validation", 2)]
    assert len(some) == 2
    assert some == [example.item.id for example in task.sample("validation", 2)]
    assert len(list(task.sample("train", 9))) == 4, "no more than the limit of the split"
    with pytest.raises(UserError, match="not 'test'"):
        task.sample("test", 2)


def test_a_gold_that_never_comes_is_warned_about_once(plan: Plan, said: list[str]) -> None:
    planned = plan(recipe("{use: sums, limit: 1}"))
    (task,) = planned.training.tasks
    for _ in range(2):
        list(task.examples("train"))
    (line,) = said
    assert "warning: task sums, train: the gold of the 1 examples is always" in line
    assert [f"warning: {note}" for note in planned.golds_lacking] == [line]
    (pairs,) = plan(recipe("{use: pairs, protocol: {order: fixed}}")).training.tasks
    list(pairs.examples("train"))
    assert "the gold of the 12 examples is always B; a judge that always says it scores 1" in said[-1]


def test_no_other_split_is_given_away(plan: Plan) -> None:
    (task,) = plan(recipe("{use: sums}")).training.tasks
    with pytest.raises(UserError, match="gives its trainer train and validation, not 'test'"):
        task.examples("test")
    (task,) = plan(recipe("{use: sums, validation: null}")).training.tasks
    assert task.validation is None
    with pytest.raises(UserError, match="gives its trainer train, not 'validation'"):
        task.examples("validation")


def test_items_that_cannot_be_shown_are_left_out_warned_about_and_counted_once(plan: Plan, said: list[str]) -> None:
    planned = plan(recipe("{use: pairs, with: {unreadable: 5}}"))
    (task,) = planned.training.tasks
    for _ in range(2):
        assert len(list(task.examples("train"))) == 14
    assert isinstance(task.examples, Examples)
    assert task.examples.skipped == {"train": {f"train-{k}" for k in range(5)}}
    assert planned.items_not_shown == {"pairs/train": 5}
    assert len(said) == 3
    assert said[0].startswith("warning: task pairs, train: item train-0 is left out: ")


def test_a_split_of_which_nothing_can_be_shown_is_an_error(plan: Plan) -> None:
    (task,) = plan(recipe("{use: sums, with: {unreadable: 12}}")).training.tasks
    with pytest.raises(DataError, match="task sums: no item of train can be shown; the last one: "):
        list(task.examples("train"))


def test_the_tasks_own_count_is_preferred_to_streaming(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(recipe("{use: sums, limit: 3}")).tasks[0]
    monkeypatch.setattr(planned.task, "count_items", lambda split: 1000, raising=False)
    monkeypatch.setattr(planned.task, "items", lambda split: 1 / 0)
    assert [size(planned, split) for split in ("train", "validation")] == [3, 1000]
