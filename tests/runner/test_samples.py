"""A sample of a task in place of its first items, and a warning where those have one gold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.api import Item, Protocol
from harness.readiness import find_lacking_golds
from harness.runner.planned import Plan, PlannedTask
from harness.runner.requests import stream_requests

MakePlan = Callable[..., Plan]


@pytest.fixture
def task(make_plan: MakePlan, text_task: Any) -> PlannedTask:
    """40 items, the first 30 of them with the gold yes."""
    (made,) = make_plan(text_task(count=40, change=sort_by_gold)).tasks
    assert isinstance(made, PlannedTask)
    return made


def sort_by_gold(index: int, item: Item) -> Item:
    return replace(item, gold="yes" if index < 30 else "no")


def test_a_sample_has_both_golds_where_the_first_items_have_one(task: PlannedTask) -> None:
    first = [item.gold for _, item in replace(task, limit=8).items()]
    assert first == ["yes"] * 8
    sampled = replace(task, limit=8, sampled=True)
    golds = [item.gold for _, item in sampled.items()]
    assert (golds.count("yes"), golds.count("no")) == (6, 2)
    asked = list(stream_requests(sampled))
    assert [ask.item.id for ask in asked] == [item.id for _, item in sampled.items()]
    assert [ask.item_row.ordinal for ask in asked if ask.item_row] == [place for place, _ in sampled.items()]


def test_the_items_of_a_sample_are_the_same_each_time_and_no_others(task: PlannedTask) -> None:
    one, two = (replace(task, limit=12, sampled=True) for _ in range(2))
    assert list(one.items()) == list(two.items())
    whole = replace(task, limit=100, sampled=True)
    assert len(list(whole.items())) == 40


def test_nothing_is_read_after_the_limit(make_plan: MakePlan, text_task: Any) -> None:
    def stop(index: int, item: Item) -> Item:
        assert index < 3
        return item

    (made,) = make_plan(text_task(count=10, change=stop)).tasks
    assert len(list(replace(made, limit=3).items())) == 3


def test_journals_from_before_there_were_samples_keep_their_cells(task: PlannedTask) -> None:
    limited = replace(task, limit=8)
    assert limited.fingerprint == replace(limited, sampled=False).fingerprint
    assert limited.fingerprint != replace(limited, sampled=True).fingerprint


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({"limit": 8}, True),
        ({"limit": 8, "sampled": True}, False),
        ({"limit": 31}, False),
        ({"limit": 1}, False),
        ({}, False),
        ({"limit": 8, "protocol": Protocol(order="shuffled")}, False),
    ],
)
def test_first_items_that_have_one_gold_are_warned_about(
    make_plan: MakePlan, text_task: Any, changes: dict[str, Any], warned: bool
) -> None:
    plan = make_plan(text_task(count=40, change=sort_by_gold))
    plan.tasks[0] = replace(plan.tasks[0], **changes)
    lines = list(find_lacking_golds(plan))
    assert bool(lines) is warned
    if warned:
        assert "task text: the gold of its first 8 items is always yes" in lines[0]
        assert "Write sample: 8 in place of limit" in lines[0]
