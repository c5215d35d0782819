from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.api import DataError, Example, UserError
from harness_baselines.learning import Lessons, NoTrainSplit


def size(examples: Iterator[Example]) -> int:
    return sum(1 for _ in examples)


def test_each_task_is_learned_once_from_its_own_train_split(plan: Any, shades: Any) -> None:
    context = plan(tasks={"a": shades(name="a"), "b": shades(name="b", splits={"train": 5})})
    lessons = Lessons(context, train=None, limit=20, fit=size)
    assert [lessons.model("a"), lessons.model("b"), lessons.model("a")] == [20, 5, 20]
    assert context.lessons == ["a", "b"]


def test_named_tasks_are_pooled_and_serve_all(plan: Any, shades: Any) -> None:
    context = plan(tasks={"a": shades(name="a"), "b": shades(name="b")})
    lessons = Lessons(context, train=["a", "b"], limit=7, fit=size)
    assert lessons.model("c") == lessons.model("a") == 14
    assert context.lessons == ["a", "b"]


def test_a_task_without_a_train_split_is_no_failure(plan: Any, shades: Any) -> None:
    context = plan(tasks={"a": shades(splits={"test": 3})})
    lessons = Lessons(context, train=None, limit=None, fit=size)
    model = lessons.model("a")
    assert isinstance(model, NoTrainSplit)
    assert "no train split" in model.reason
    assert lessons.model("a") is model
    assert context.lessons == ["a"]


def test_a_named_task_without_a_train_split_is_the_users_mistake(plan: Any) -> None:
    lessons = Lessons(plan(), train=["nowhere"], limit=None, fit=size)
    with pytest.raises(UserError, match="nowhere"):
        lessons.model("a")


def test_broken_training_data_is_told_every_time_but_read_once(plan: Any) -> None:
    context = plan(broken=DataError("rows.csv, line 3: no gold"))
    lessons = Lessons(context, train=None, limit=None, fit=size)
    for _ in range(3):
        with pytest.raises(DataError, match="line 3"):
            lessons.model("a")
    assert context.lessons == ["a"]
