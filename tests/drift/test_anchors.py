from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.api import AnswerSpace, Choice, Item, Protocol, Ranking, Score, Verdict
from harness.drift.anchors import choose_items
from harness.runner.planned import PlannedTask

YES_NO = Choice(("yes", "no"))


def task_of(golds: Sequence[Verdict], space: AnswerSpace = YES_NO, limit: int | None = None) -> Any:
    def items(split: str) -> Iterator[Item]:
        for number, gold in enumerate(golds):
            yield Item(id=f"i{number}", group="g", space=space, gold=gold)

    task = SimpleNamespace(items=items, protocol=Protocol(), format=None)
    shown = {"name": "t", "id": "t/t", "suite": "", "protocol": task.protocol, "format": cast(Any, None)}
    return PlannedTask(**shown, split="test", limit=limit, task=cast(Any, task))


def golds_of(chosen: list[str], golds: list[Verdict]) -> Counter[Verdict]:
    return Counter(golds[int(item[1:])] for item in chosen)


def test_each_class_has_its_share_and_a_rare_one_is_there() -> None:
    golds: list[Verdict] = [*["yes"] * 990, *["no"] * 10]
    chosen = choose_items(task_of(golds), count=50, seed=0)
    assert len(set(chosen)) == 50
    assert golds_of(chosen, golds) == {"yes": 49, "no": 1}
    even: list[Verdict] = ["yes", "no"] * 100
    assert golds_of(choose_items(task_of(even), count=51, seed=0), even).most_common() == [("no", 26), ("yes", 25)]


def test_the_choice_depends_on_the_seed_and_not_on_the_order_of_other_items() -> None:
    golds: list[Verdict] = ["yes", "no"] * 100
    first = choose_items(task_of(golds), count=20, seed=0)
    assert choose_items(task_of(golds), count=20, seed=0) == first
    assert choose_items(task_of(golds), count=20, seed=1) != first


def test_fewer_items_than_anchors_are_all_chosen_and_a_limit_holds() -> None:
    golds: list[Verdict] = ["yes", "yes", "no"]
    assert sorted(choose_items(task_of(golds), count=10, seed=0)) == ["i0", "i1", "i2"]
    assert sorted(choose_items(task_of(golds, limit=2), count=10, seed=0)) == ["i0", "i1"]
    assert choose_items(task_of([]), count=10, seed=0) == []


@pytest.mark.parametrize("count", [4, 7, 50])
def test_scores_are_spread_over_the_scale_and_many_classes_are_one(count: int) -> None:
    scores: list[Verdict] = [1 + 4 * k / 999 for k in range(1000)]
    chosen = choose_items(task_of(scores, Score(1, 5, 0)), count=count, seed=3)
    fifths = Counter(min(4, int(5 * (float(cast(float, scores[int(item[1:])])) - 1) / 4)) for item in chosen)
    assert len(chosen) == count
    if count >= 5:
        assert len(fifths) == 5
        assert max(fifths.values()) - min(fifths.values()) <= 1
    rankings: list[Verdict] = [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1)] * 20
    assert len(choose_items(task_of(rankings, Ranking(3)), count=count, seed=0)) == count
