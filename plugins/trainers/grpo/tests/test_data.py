from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.api import Example, UserError
from harness_grpo.data import check_orders, units_of

from .conftest import accuracy, fixed, pair, pairs, point, points, rewarded, training


def test_a_unit_is_an_item_in_all_its_orders() -> None:
    units = units_of(pairs("pair", 3), "train")
    assert [[one.request.order for one in unit.examples] for unit in units] == [[(0, 1), (1, 0)]] * 3
    assert [{one.item.id for one in unit.examples} for unit in units] == [{"0"}, {"1"}, {"2"}]
    assert {unit.task for unit in units} == {"pair"}


def test_items_without_candidates_are_units_of_one() -> None:
    assert [len(unit.examples) for unit in units_of(points("red", 3), "train")] == [1, 1, 1]


def test_a_limit_counts_items_and_not_orders() -> None:
    units = units_of(pairs("pair", 5), "train", limit=2)
    assert [unit.examples[0].item.id for unit in units] == ["0", "1"]
    assert [len(unit.examples) for unit in units] == [2, 2]


def test_a_split_is_streamed_no_further_than_its_limit() -> None:
    def streamed(which: str) -> Iterator[Example]:
        for number in range(4):  # one more tells that an item is complete
            yield point("red", number)
        pytest.fail("read on behind the limit")

    task = replace(points("red", 0), examples=streamed)
    assert len(units_of(task, "train", limit=3)) == 3


def test_an_empty_split_is_an_error_that_names_it() -> None:
    with pytest.raises(UserError, match="task red: split validation has no item"):
        units_of(fixed("red", [point("red", 0)], []), "validation")


@pytest.mark.parametrize("tasks", [None, frozenset({"red"})], ids=["of all tasks", "of one task"])
def test_a_reward_that_compares_orders_needs_some(tmp_path: Path, tasks: frozenset[str] | None) -> None:
    task = points("red", 2)
    rewards = rewarded(accuracy, tasks=tasks, capabilities=frozenset({"orders"}))
    whole = training(tmp_path, None, tasks=[task], rewards=rewards)
    with pytest.raises(UserError, match=r"reward accuracy: compares the two orders .* protocol: \{order: both\}"):
        check_orders(whole, [units_of(task, "train")])


def test_the_orders_of_another_task_are_none_of_a_reward_s() -> None:
    red, pair_ = points("red", 2), pairs("pair", 2)
    units = [units_of(red, "train"), units_of(pair_, "train")]
    for_red = rewarded(accuracy, tasks=frozenset({"red"}), capabilities=frozenset({"orders"}))
    with pytest.raises(UserError, match="no task of the recipe that it is for shows both"):
        check_orders(training(Path(), None, tasks=[red, pair_], rewards=for_red), units)
    check_orders(training(Path(), None, tasks=[red, pair_], rewards=rewarded(accuracy)), units[:1])
    for_all = rewarded(accuracy, capabilities=frozenset({"orders"}))
    check_orders(training(Path(), None, tasks=[red, pair_], rewards=for_all), units)


def test_one_order_of_each_pair_is_not_enough() -> None:
    task = fixed("pair", [next(pair("pair", number)) for number in range(2)])
    rewards = rewarded(accuracy, capabilities=frozenset({"orders"}))
    with pytest.raises(UserError, match="compares the two orders"):
        check_orders(training(Path(), None, tasks=[task], rewards=rewards), [units_of(task, "train")])
